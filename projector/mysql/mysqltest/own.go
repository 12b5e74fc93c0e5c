//go:build unix

package mysqltest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Own is a server that a test has for itself.
type Own struct {
	DSN string // names an empty database
	tb  testing.TB
	pid int
}

// Start starts a server for the length of a test. The test is skipped where PARLEY_TEST_DSN names one and none is installed here.
func Start(tb testing.TB) *Own {
	tb.Helper()
	if _, err := find("mariadbd", "mysqld"); err != nil && os.Getenv("PARLEY_TEST_DSN") != "" {
		tb.Skipf("mysqltest: a server of the test's own: %v", err)
	}
	s, err := start()
	if err != nil {
		tb.Fatalf("mysqltest: %v", err)
	}
	tb.Cleanup(func() {
		s.lifeline.Close()
		s.shell.Wait() // it was killed
	})
	o := &Own{DSN: database(tb, s.dsn), tb: tb}
	pid, err := os.ReadFile(filepath.Join(s.dir, "pid"))
	if err == nil {
		o.pid, err = strconv.Atoi(strings.TrimSpace(string(pid)))
	}
	if err != nil {
		tb.Fatalf("mysqltest: the server's process: %v", err)
	}
	tb.Cleanup(o.Thaw)
	return o
}

// Freeze lets the server stand still: connections to it are made, and nothing answers.
func (o *Own) Freeze() { o.signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (o *Own) Thaw() { o.signal(syscall.SIGCONT) }

func (o *Own) signal(s syscall.Signal) {
	o.tb.Helper()
	if err := syscall.Kill(o.pid, s); err != nil {
		o.tb.Fatalf("mysqltest: %v to the server: %v", s, err)
	}
}
