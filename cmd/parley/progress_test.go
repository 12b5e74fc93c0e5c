package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"parley/projector"
)

var (
	half      = projector.Progress{Step: projector.Reading, Events: 500, At: 1000, End: 2000}
	whole     = projector.Progress{Step: projector.Reading, Events: 1000, At: 2000, End: 2000}
	further   = projector.Progress{Step: projector.Reading, Events: 1001, At: 2001, End: 4000}
	comparing = projector.Progress{Step: projector.Comparing, Events: 1001, At: 4000, End: 4000, Table: "messages", Rows: 1}
)

// Where nobody watches, a line now and then says how far it is.
func TestProgressInLines(t *testing.T) {
	var out bytes.Buffer
	progress, done := watchProgress(&out, "rebuild")
	for range 100 {
		progress(half)
	}
	done()
	if said := out.String(); !strings.HasPrefix(said, "parley: rebuild: reading the log, 500 events, ") || !strings.HasSuffix(said, ", 50 %, 0s left\n") || strings.Count(said, "\n") != 1 {
		t.Errorf("it says %q", said)
	}
}

// A bar goes on when it was full: the log has grown meanwhile.
func TestProgressBar(t *testing.T) {
	var out bytes.Buffer
	progress, done := showBar(&out, "verify")
	for _, c := range []struct {
		at   projector.Progress
		says []string
	}{
		{half, []string{"verify: reading the log, 500 events", "50%", "█"}},
		{whole, []string{"1000 events", "99%"}},
		{further, []string{"1001 events", "50%"}},
		{comparing, []string{"verify: comparing messages, 1 row ", "99%"}},
	} {
		out.Reset()
		for end := time.Now().Add(limit); time.Now().Before(end) && !strings.Contains(out.String(), c.says[len(c.says)-1]); time.Sleep(time.Millisecond) {
			progress(c.at) // it is drawn ten times in a second at most
		}
		for _, says := range c.says {
			if !strings.Contains(out.String(), says) {
				t.Errorf("%+v: %q is not said: %q", c.at, says, out.String())
			}
		}
	}
	done()
}

func TestTimeLeft(t *testing.T) {
	now := time.Now()
	p := pace{begun: now.Add(-10 * time.Second)}
	if said := p.line(half, now) + p.left(half, now); said != "reading the log, 500 events, 50 a second, 10s left" {
		t.Errorf("it says %q", said)
	}
	if said := p.left(whole, now) + p.left(comparing, now); said != "" {
		t.Errorf("with nothing left it says %q", said)
	}
}
