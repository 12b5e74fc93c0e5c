package edge

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"parley/domain"
	"parley/edge/socketio"
)

// A cursor reads back as it was written; what is no cursor is refused, and nothing makes it panic.
func FuzzCursor(f *testing.F) {
	f.Add("t2zyqp.a", 1)
	f.Add("t2zyqp.a.b!0.9!1.1", 2)
	f.Add("-", 1)
	f.Fuzz(func(t *testing.T, s string, shards int) {
		if shards < 1 || shards > 256 {
			return
		}
		c, err := parseCursor(s, shards)
		if err != nil {
			if domain.Refusal(err).Code != domain.Malformed {
				t.Errorf("%q fails with %v", s, err)
			}
			return
		}
		again, err := parseCursor(c.String(), shards)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%q reads as %+v, is written %q, and reads as %+v, %v", s, c, c.String(), again, err)
		}
		for shard := range shards {
			if begin := c.begin(shard); begin > c.reached.at(shard) {
				t.Errorf("%q begins at %d, behind %d", s, begin, c.reached.at(shard))
			}
		}
	})
}

// A cursor over as many shards as there may be, and with all that may wait, is read.
func TestLongestCursor(t *testing.T) {
	c := cursor{newest: 1 << 49}
	for shard := range 256 {
		c.reached.set(shard, 1<<53)
	}
	for range maxWaiting {
		c.waiting = append(c.waiting, spot{255, 1 << 53})
	}
	if s := c.String(); len(s) > maxCursor {
		t.Errorf("it has %d bytes, and %d are read", len(s), maxCursor)
	}
	if _, err := parseCursor(c.String(), 256); err != nil {
		t.Error(err)
	}
	c.waiting = append(c.waiting, spot{0, 1})
	if _, err := parseCursor(c.String(), 256); err == nil {
		t.Error("one more that waits is taken")
	}
}

// What was taken is remembered as far back as is said, in whatever order it comes.
func TestRecent(t *testing.T) {
	const begin, n = 2 * remembered, 3 * remembered
	r, known := &recent{upTo: begin}, map[uint64]bool{}
	if !r.add(begin+1-remembered) || r.add(begin+1-remembered) {
		t.Error("the oldest place that is remembered is not")
	}
	if r.add(begin - remembered) {
		t.Error("an older one is new")
	}
	r = &recent{upTo: begin}
	for at := uint64(begin + 1); at < begin+n; {
		seq := at
		switch rand.IntN(4) {
		case 0:
			at += uint64(rand.IntN(100))
		case 1:
			at++
		case 2:
			seq = max(begin+1, at-min(at, uint64(rand.IntN(remembered))))
		case 3:
			if rand.IntN(1000) == 0 {
				at += remembered + uint64(rand.IntN(10))
			}
		}
		if old := seq+remembered <= r.upTo; r.add(seq) != (!known[seq] && !old) {
			t.Fatalf("%d, with %d the last: known %v, too old %v", seq, r.upTo, known[seq], old)
		}
		known[seq] = true
	}
}

// Whoever has missed more than a bound begins anew, who has missed as much does not.
func TestResumeIsBounded(t *testing.T) {
	h := crowdless(t)
	back := func(from, to uint64) *returning {
		return &returning{from: cursor{newest: time.Now().Add(time.Hour).UnixMilli(), reached: reached{from}}, entry: &entry{reached: reached{to}}}
	}
	if err := h.resume(t.Context(), "u", back(5, 5+maxSpan)); err != nil {
		t.Errorf("as much as may be: %v", err)
	}
	if err := h.resume(t.Context(), "u", back(4, 5+maxSpan)); !errors.Is(err, errTooOld) {
		t.Errorf("one more: %v", err)
	}
	if err := h.resume(t.Context(), "u", back(6, 5)); !errors.Is(err, errOther) {
		t.Errorf("of a log that is gone: %v", err)
	}
	b := back(0, 1)
	b.send = func(*socketio.Packet) error { return nil }
	for range maxMissed {
		b.tell(anew)
	}
	if b.err != nil {
		t.Errorf("%d events: %v", maxMissed, b.err)
	}
	if b.tell(anew); !errors.Is(b.err, errTooMuch) {
		t.Errorf("one more: %v", b.err)
	}
}

// crowdless is a hub over a log in which nothing is.
func crowdless(t *testing.T) *hub {
	t.Helper()
	e := &Edge{Options: Options{Log: &still{}}, people: newPacer(Settings{}.ofPeople()), logger: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancelCause(context.Background())
	e.ctx = ctx
	t.Cleanup(func() { cancel(nil); e.work.Wait() })
	e.hub = newHub(e)
	return e.hub
}
