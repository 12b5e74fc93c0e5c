package journal

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
)

// As many as may wait are taken, and one more is refused at once, whatever becomes of those; so it is with their bytes.
func TestPendingHasLimits(t *testing.T) {
	for what, c := range map[string]struct{ size, fit int }{"number": {1, maxPending}, "bytes": {maxPendingBytes / 4, 4}} {
		t.Run(what, func(t *testing.T) {
			a := &appender{lines: []line{newLine(true)}, write: make(chan struct{}, 1), answer: make(chan struct{}, 1)}
			for range c.fit {
				a.enqueue(&pending{size: c.size, msg: nats.NewMsg("x")}, nil)
			}
			if len(a.answered) > 0 {
				t.Fatalf("of %d, one was refused: %v", c.fit, a.answered[0].err)
			}
			a.enqueue(&pending{size: 1, msg: nats.NewMsg("x")}, nil)
			if len(a.answered) != 1 || !errors.Is(a.answered[0].err, errTooMany) {
				t.Errorf("one more: %v", a.answered)
			}
		})
	}
}

// A group holds a thousand events and four megabytes at most, and nothing that is expected of a subject to which it writes.
func TestGroupHasLimits(t *testing.T) {
	draft := func(subject string, size int, expects string) *pending {
		m := nats.NewMsg(subject)
		if expects != "" {
			m.Header.Set("Nats-Expected-Last-Subject-Sequence", expects)
		}
		return &pending{msg: m, size: size}
	}
	many := func(n, size int, more ...*pending) (queue []*pending) {
		for range n {
			queue = append(queue, draft("a", size, ""))
		}
		return append(queue, more...)
	}
	for what, c := range map[string]struct {
		queue []*pending
		want  int
	}{
		"number":       {many(maxGroup+1, 1), maxGroup},
		"bytes":        {many(100, maxGroupBytes/64), 64},
		"too few":      {many(firstWindow-1, 1), 1},
		"enough":       {many(firstWindow, 1), firstWindow},
		"expectation":  {many(firstWindow, 1, draft("a", 1, "1"), draft("a", 1, "")), firstWindow},
		"of elsewhere": {many(firstWindow, 1, draft("b", 1, "1"), draft("a", 1, "")), firstWindow + 2},
	} {
		l := newLine(true)
		l.queue = c.queue
		if got := len(l.take()); got != c.want {
			t.Errorf("%s: %d go together, want %d", what, got, c.want)
		}
	}
}
