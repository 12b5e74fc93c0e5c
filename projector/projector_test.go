package projector_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/domain"
	"parley/projector"
	"parley/projector/memory"
	"parley/projector/projectortest"
)

var errAway = errors.New("the store is away")

// flaky is a store that fails when told to: before it has done anything, or, where fault says so, after it has done it.
type flaky struct {
	*memory.Store
	fault func(method string) (before, after bool)
}

func (f flaky) call(method string, do func() error) error {
	before, after := f.fault(method)
	if before {
		return fmt.Errorf("%s: %w", method, errAway)
	}
	if err := do(); err != nil || !after {
		return err
	}
	return fmt.Errorf("%s was done: %w", method, errAway)
}

func (f flaky) Prepare(ctx context.Context, replace bool) error {
	return f.call("Prepare", func() error { return f.Store.Prepare(ctx, replace) })
}

func (f flaky) Whole(ctx context.Context) error {
	return f.call("Whole", func() error { return f.Store.Whole(ctx) })
}

func (f flaky) Commit(ctx context.Context, b projector.Batch) error {
	return f.call("Commit", func() error { return f.Store.Commit(ctx, b) })
}

func (f flaky) Checkpoint(ctx context.Context, shard int) (at domain.Position, err error) {
	err = f.call("Checkpoint", func() error { at, err = f.Store.Checkpoint(ctx, shard); return err })
	return at, err
}

func (f flaky) Tails(ctx context.Context, topics []domain.Topic) (tails []projector.TailRow, err error) {
	err = f.call("Tails", func() error { tails, err = f.Store.Tails(ctx, topics); return err })
	return tails, err
}

func (f flaky) Numbers(ctx context.Context, places []projector.Place) (numbers []uint64, err error) {
	err = f.call("Numbers", func() error { numbers, err = f.Store.Numbers(ctx, places); return err })
	return numbers, err
}

func (f flaky) Known(ctx context.Context, keys []projector.MessageKey) (known []projector.MessageKey, err error) {
	err = f.call("Known", func() error { known, err = f.Store.Known(ctx, keys); return err })
	return known, err
}

// flakyLog is a log whose state lanes cannot always be read.
type flakyLog struct {
	*projectortest.Log
	fault func(method string) (before, after bool)
}

func (l flakyLog) State(ctx context.Context, t domain.Topic, before uint64) ([]domain.Record, error) {
	if fail, _ := l.fault("State"); fail {
		return nil, errAway
	}
	return l.Log.State(ctx, t, before)
}

// However often the store or the log fails, before or after it has done what it was asked, the rows are those of a plain recount.
func TestFaults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var calls atomic.Uint64
		seed := rapid.Uint64().Draw(rt, "seed")
		often := rapid.SampledFrom([]uint64{6, 10, 30}).Draw(rt, "often")
		fault := func(string) (before, after bool) {
			n := mix(calls.Add(1) + seed)
			return n%often == 0, n>>32%often == 0
		}
		log := projectortest.NewLog(rapid.SampledFrom([]int{1, 3}).Draw(rt, "shards"))
		s := flaky{memory.New(), fault}
		o := projectortest.Quick()
		o.Pause, o.Patience = 10*time.Microsecond, 10*time.Microsecond
		o.Cache = rapid.SampledFrom([]int{1, 5, 1000}).Draw(rt, "cache")
		o.Batch = rapid.IntRange(1, 20).Draw(rt, "batch")
		h := projectortest.NewHistory(log)
		_, stop := projectortest.Start(t, flakyLog{log, fault}, s, o)
		for range 2 {
			h.Go(rt, projectortest.Steps(rt, 60))
			projectortest.CatchUp(t, log, s)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		projectortest.Recount(t, log, s)
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// mix makes of n a number that looks like chance. (A plain multiplication would spread the faults too evenly: never many calls in a
// row would go well.)
func mix(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

func TestReadySaysWhatIsTheMatter(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	var whole atomic.Bool
	whole.Store(true)
	s := flaky{memory.New(), func(m string) (bool, bool) { return down.Load() || m == "Whole" && !whole.Load(), false }}
	log := projectortest.NewLog(2)
	p := projector.New(log, s, projectortest.Quick())
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "being made") {
		t.Errorf("before Run: %v", err)
	}
	p, stop := projectortest.Start(t, log, s, projectortest.Quick())
	is := func(what string, want func(error) bool) {
		t.Helper()
		projectortest.Until(t, what, func() bool { return want(p.Ready()) })
	}
	is("no tables", func(err error) bool { return err != nil && strings.Contains(err.Error(), "make the tables: Prepare") })
	down.Store(false)
	is("well", func(err error) bool { return err == nil })
	down.Store(true)
	log.Append(domain.About("ann"), domain.Profiled{Name: "Ann"}, 0)
	is("away", func(err error) bool { return errors.Is(err, errAway) })
	down.Store(false)
	is("well again", func(err error) bool { return err == nil })
	whole.Store(false)
	is("away, with nothing to fold", func(err error) bool { return errors.Is(err, errAway) })
	whole.Store(true)
	is("well once more", func(err error) bool { return err == nil })
	projectortest.Until(t, "the event is folded", func() bool { return p.Folded() == 1 })
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// A fold that began where the log does knows what it has not seen, and reads no state; one that goes on reads each state once.
func TestStatesAreReadWhereTheyMustBe(t *testing.T) {
	log, s := projectortest.NewLog(1), memory.New()
	ab := domain.Direct("ann", "bob")
	log.Append(ab, domain.FriendRequested{By: "ann"}, 0)
	log.Append(ab, domain.FriendAccepted{By: "bob"}, 0)
	say := func(n int) {
		for i := range 30 {
			log.Append(ab, domain.Message{From: "ann", ID: fmt.Sprint(n, "-", i), Msg: json.RawMessage(`"x"`)}, 0)
			log.Append(domain.Direct("ann", domain.UserID(fmt.Sprint("c", i))), domain.ReadMarked{By: "ann", Seq: 1}, 0)
		}
	}
	say(1)
	projectortest.Fold(t, log, s, projectortest.Quick())
	if n := log.States(); n != 0 {
		t.Errorf("%d states read from the beginning on", n)
	}
	say(2)
	projectortest.Fold(t, log, s, projectortest.Quick())
	if n := log.States(); n != 1 {
		t.Errorf("%d states read where one was asked for", n)
	}
	log.Append(ab, domain.Message{From: "ann", ID: "1-0", Msg: json.RawMessage(`"twice"`)}, 0)
	say(3)
	projectortest.Fold(t, log, s, projectortest.Quick())
	if n := log.States(); n > 3 {
		t.Errorf("%d states read, one of them again after a duplicate", n)
	}
	list, _, err := s.Messages(t.Context(), "ann", ab, 0, 0, 500)
	if err != nil || len(list) != 90 {
		t.Errorf("%d messages, %v", len(list), err)
	}
}

// A large group weighs what it holds.
func TestLargeGroupsAreEvicted(t *testing.T) {
	log, s := projectortest.NewLog(1), memory.New()
	g, h := domain.InGroup("g"), domain.InGroup("h")
	o := projectortest.Quick()
	o.Batch, o.Cache = 1, 10
	for _, t := range []domain.Topic{g, h} {
		log.Append(t, domain.GroupCreated{By: "ann", Name: "x", Members: []domain.UserID{"a", "b", "c", "d", "e", "f"}}, 0)
	}
	for i := range 5 {
		log.Append(g, domain.Message{From: "a", ID: fmt.Sprint(i), Msg: json.RawMessage(`"x"`)}, 0)
		log.Append(h, domain.Message{From: "a", ID: fmt.Sprint(i), Msg: json.RawMessage(`"x"`)}, 0)
	}
	projectortest.Fold(t, log, s, o)
	if n := log.States(); n != 10 {
		t.Errorf("%d states read for 10 messages in two groups of which only one has room", n)
	}
}

// reader is a log that cannot read an event, as a journal says it.
type reader struct {
	*projectortest.Log
	cause error
}

func (r reader) Follow(ctx context.Context, shard int, after domain.Position, batch int, fn func([]domain.Record) error) error {
	return fmt.Errorf("chat.0.group.g.talk, sequence 7: %w", r.cause)
}

func TestUnreadableEventInTheLog(t *testing.T) {
	for _, cause := range []error{&domain.UnknownEventError{Event: "poll.opened"}, domain.ErrUnreadable} {
		p := projector.New(reader{projectortest.NewLog(2), cause}, memory.New(), projectortest.Quick())
		if err := p.Run(t.Context()); !errors.Is(err, cause) || !strings.Contains(err.Error(), "sequence 7") {
			t.Errorf("Run: %v", err)
		}
	}
}

// Run ends at once when its context does, whatever it is waiting for.
func TestRunEnds(t *testing.T) {
	for name, fault := range map[string]func(string) (bool, bool){
		"well":            func(string) (bool, bool) { return false, false },
		"no tables":       func(m string) (bool, bool) { return m == "Prepare", false },
		"no checkpoint":   func(m string) (bool, bool) { return m == "Checkpoint", false },
		"nothing commits": func(m string) (bool, bool) { return m == "Commit", false },
	} {
		log := projectortest.NewLog(3)
		log.Append(domain.About("ann"), domain.Profiled{Name: "Ann"}, 0)
		o := projectortest.Quick()
		o.Pause, o.Patience, o.Watch = projectortest.Patience, projectortest.Patience, projectortest.Patience
		p, stop := projectortest.Start(t, log, flaky{memory.New(), fault}, o)
		projectortest.Until(t, name, func() bool { return (p.Ready() == nil) == (name == "well") || p.Folded() > 0 })
		if err := stop(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
