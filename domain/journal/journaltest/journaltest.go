// Package journaltest opens a journal for the length of a test, on real servers inside the test's process: an embedded one, or one to
// three that listen on this machine and can be stopped and started.
//
// It simulates nothing. The one thing to know: embedded journals sync to the disk now and then and not before each acknowledgement,
// which is much faster; SyncAlways asks for what production has.
package journaltest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"parley/domain/journal"
)

// limit is how long opening and closing may take.
const limit = 30 * time.Second

// Shards sets how many shards a new log has.
func Shards(n int) func(*journal.Options) { return func(o *journal.Options) { o.Shards = n } }

// SyncAlways makes an embedded server sync to the disk before each acknowledgement.
func SyncAlways(o *journal.Options) { o.Embedded.SyncInterval = 0 }

// Dir sets the folder of an embedded server, to open the same log again.
func Dir(dir string) func(*journal.Options) {
	return func(o *journal.Options) { o.Embedded.Dir = dir }
}

// Open opens a journal on an embedded server in a folder of its own and closes it when the test ends.
func Open(tb testing.TB, options ...func(*journal.Options)) *journal.Journal {
	tb.Helper()
	o := journal.Options{Embedded: &journal.Embedded{Dir: tb.TempDir(), SyncInterval: time.Minute}}
	for _, set := range options {
		set(&o)
	}
	return open(tb, o)
}

func open(tb testing.TB, o journal.Options) *journal.Journal {
	tb.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	j, err := journal.Open(ctx, o)
	if err != nil {
		tb.Fatalf("open a journal: %v", err)
	}
	tb.Cleanup(func() { Close(tb, j) })
	return j
}

// Close closes a journal before its test ends; closing twice does no harm.
func Close(tb testing.TB, j *journal.Journal) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := j.Close(ctx); err != nil {
		tb.Errorf("close a journal: %v", err)
	}
}
