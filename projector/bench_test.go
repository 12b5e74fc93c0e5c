package projector_test

import (
	"testing"

	"parley/projector/memory"
	"parley/projector/projectortest"
)

func BenchmarkFoldIntoMemory(b *testing.B) {
	projectortest.Benchmark(b, func() projectortest.Store { return memory.New() })
}
