package memory_test

import (
	"testing"

	"parley/projector/memory"
	"parley/projector/projectortest"
)

func TestContract(t *testing.T) {
	projectortest.Contract(t, func(testing.TB) projectortest.Store { return memory.New() })
}
