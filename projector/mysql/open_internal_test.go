package mysql

import (
	"log/slog"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

// Nothing that the server does not answer is waited for without end, and who runs it may say how long.
func TestAnswersAreWaitedForSoLong(t *testing.T) {
	for dsn, want := range map[string]time.Duration{"u@tcp(h:1)/d": stmtTimeout, "u@tcp(h:1)/d?readTimeout=7s": 7 * time.Second} {
		c, err := driver.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if err := configure(c, slog.New(slog.DiscardHandler)); err != nil || c.ReadTimeout != want {
			t.Errorf("%s: %v, %v; want %v", dsn, c.ReadTimeout, err, want)
		}
	}
}
