package mysql_test

import (
	"io"
	"log/slog"
	"testing"

	"parley/projector/mysql"
	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// open opens a store in a fresh database, or in the one that a DSN names.
func open(tb testing.TB, dsn string) *mysql.Store {
	tb.Helper()
	if dsn == "" {
		dsn = mysqltest.DSN(tb)
	}
	s, err := mysql.Open(tb.Context(), dsn, 8, quiet)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	projectortest.Contract(t, func(tb testing.TB) projectortest.Store { return open(tb, "") })
}
