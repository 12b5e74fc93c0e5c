package mysql_test

import (
	"testing"

	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

func BenchmarkFoldIntoMySQL(b *testing.B) {
	s := open(b, mysqltest.DSN(b))
	projectortest.Benchmark(b, func() projectortest.Store {
		if err := s.Prepare(b.Context(), true); err != nil {
			b.Fatal(err)
		}
		projectortest.Empty(b, s)
		return s
	})
}
