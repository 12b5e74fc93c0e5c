//go:build unix

package mysqltest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Own is a server that a test has for itself.
type Own struct {
	DSN    string // names an empty database
	Socket string // is where it listens, besides no network
	tb     testing.TB
	server server
}

// Start starts a server for the length of a test. The test is skipped where PARLEY_TEST_DSN names one and none is installed here.
func Start(tb testing.TB) *Own {
	tb.Helper()
	if _, err := find("mariadbd", "mysqld"); err != nil && os.Getenv("PARLEY_TEST_DSN") != "" {
		tb.Skipf("mysqltest: a server of the test's own: %v", err)
	}
	s, err := start("--innodb-flush-log-at-trx-commit=2") // what was committed outlives a kill
	if err != nil {
		tb.Fatalf("mysqltest: %v", err)
	}
	tb.Cleanup(func() {
		s.lifeline.Close()
		s.shell.Wait() // it was killed
	})
	o := &Own{DSN: database(tb, s.dsn), Socket: filepath.Join(s.dir, "socket"), tb: tb, server: s}
	tb.Cleanup(o.Thaw)
	return o
}

// Freeze lets the server stand still: connections to it are made, and nothing answers.
func (o *Own) Freeze() { o.signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (o *Own) Thaw() { o.signal(syscall.SIGCONT) }

// Kill ends the server at once.
func (o *Own) Kill() { o.signal(syscall.SIGKILL) }

// Restart starts it again, with all that it had committed, after it was killed, and waits until it answers.
func (o *Own) Restart() {
	o.tb.Helper()
	if _, err := io.WriteString(o.server.lifeline, "\n"); err != nil {
		o.tb.Fatalf("mysqltest: start the server again: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := answers(ctx, o.server.dsn, filepath.Join(o.server.dir, "log")); err != nil {
		o.tb.Fatalf("mysqltest: %v", err)
	}
}

func (o *Own) signal(s syscall.Signal) {
	o.tb.Helper()
	text, err := os.ReadFile(filepath.Join(o.server.dir, "pid"))
	if err != nil {
		o.tb.Fatalf("mysqltest: the server's process: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		err = syscall.Kill(pid, s)
	}
	if err != nil {
		o.tb.Fatalf("mysqltest: %v to the server: %v", s, err)
	}
}
