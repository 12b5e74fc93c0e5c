package edge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/domain"
	"parley/domain/journal/journaltest"
	"parley/edge"
)

// silent says that a device hears no message before the answer to a command of its own.
func (d *device) silent(what string) {
	d.tb.Helper()
	d.ok("sign", map[string]any{"user": map[string]any{"id": d.me}, "rooms": []string{}})
	if all := d.talk(); len(all) > 0 {
		d.tb.Errorf("%s: %s is told %v", what, d.me, all)
	}
}

// What was read from the log, for its copy did not come, is not told again to who comes back.
func TestToldWithoutACopyOnce(t *testing.T) {
	w := newWorld(t, 1)
	w.people("owner", "bob")
	f := newFaulty(w)
	n, other := w.edge(f.into(w)), w.edge()
	b := n.device("bob")
	said := false
	f.set(func() {
		f.following = func(domain.GroupID) { // before any copies of the group's messages come here
			if !said {
				said = true
				w.say(domain.InGroup("g"), "owner", "early")
			}
		}
	})
	w.group("g", "owner", "bob")
	b.until("early")
	again, recovered := b.back(other)
	if !recovered {
		t.Error("not recovered")
	}
	again.silent("come back")
}

// unreadable is a log whose histories cannot be read for a while.
type unreadable struct{ *faulty }

func (u *unreadable) Read(ctx context.Context, shard int, after domain.Position, fn func([]domain.Record) error) (domain.Position, error) {
	if err := u.pass(ctx); err != nil {
		return after, err
	}
	return u.Log.Read(ctx, shard, after, fn)
}

// A hole that could not be read in time is neither forgotten nor passed when somebody else comes in.
func TestOpenHoleIsNotPassed(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	f := newFaulty(w)
	n := w.edge(f.into(w), func(o *edge.Options) { o.Log = &unreadable{f}; o.Settings.Logger = nobody })
	b := n.device("bob")
	direct := domain.Direct("ann", "bob")
	w.say(direct, "ann", "before")
	b.until("before")
	f.set(func() { f.tells, f.drop = true, func(domain.Record) bool { return true } })
	w.say(direct, "ann", "lost")
	f.settle(w, domain.Direct("bob", "cat"))
	release := f.hold()
	f.set(func() { f.drop = nil })
	f.lost() // in vain
	release()
	n.device("cat")
	w.befriend("bob", "cat") // the next copies, by which it is tried again
	w.say(domain.Direct("bob", "cat"), "cat", "after")
	b.until("after")
	if got := fmt.Sprint(b.talk()); len(b.talk()) != 3 {
		t.Errorf("bob was told %s", got)
	}
}

// Who comes back while the read models are behind, to an edge where they were not, is told what they missed.
func TestResumeWhileReadModelsAreBehind(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		g := w.group("g", "ann", "bob")
		n, other := w.edge(), w.edge()
		b := n.device("bob")
		w.say(g, "ann", "heard")
		b.until("heard")
		w.fold()
		w.rest()
		b.close()
		w.say(domain.Direct("ann", "bob"), "ann", "missed")
		late := w.group("late", "ann", "bob")
		w.say(late, "ann", "missed, too")
		again, recovered := b.back(other)
		if !recovered {
			t.Error("not recovered")
		}
		again.until("missed")
		again.until("missed, too")
		w.say(late, "ann", "new")
		w.project()
		again.until("new")
		if got := again.talk(); len(got) != 3 {
			t.Errorf("bob is told %v", got)
		}
	})
}

// That others' conversations wait for something keeps nobody from coming back.
func TestResumeWhileOthersWait(t *testing.T) {
	const many = 20 // more than a cursor has room for
	w := newWorld(t, 1)
	w.people("ann", "bob", "eve")
	w.befriend("ann", "eve")
	f := newFaulty(w)
	n, other := w.edge(f.into(w)), w.edge()
	friend := func(i int) domain.UserID { return domain.UserID(fmt.Sprint("x", i)) }
	for i := range many {
		w.people(friend(i))
		w.befriend("bob", friend(i))
	}
	bob := n.device("bob")
	ann := other.device("ann")
	w.say(domain.Direct("ann", "eve"), "eve", "heard")
	ann.until("heard")
	release := f.hold()
	for i := range many {
		w.say(domain.Direct("bob", friend(i)), "bob", fmt.Sprint(i))
	}
	again, recovered := ann.back(n)
	if !recovered {
		t.Error("not recovered")
	}
	release()
	bob.until(fmt.Sprint(many - 1))
	eventually(t, "ann has an offset again", func() bool {
		again.mu.Lock()
		defer again.mu.Unlock()
		return again.offset != "-"
	})
}

// An event of a kind that only newer versions know concerns nobody here.
func TestEventsOfNewerVersions(t *testing.T) {
	servers := journaltest.Start(t, 1)
	w := newLog(t, servers.Open(t, quiet))
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	g := w.group("g", "ann", "bob")
	w.project()
	n := w.edge()
	b := n.device("bob")
	w.rest() // it stops at such events, by design
	nc, err := nats.Connect(servers.URL())
	must(t, err)
	t.Cleanup(nc.Close)
	for _, subject := range []string{"chat.0.group.other.state", "chat.0.group.g.talk", "chat.0.user.ann.bob.talk"} {
		if _, err := nc.Request(subject, []byte(`{"event":"group.pinned","by":"ann"}`), limit); err != nil {
			t.Fatal(err)
		}
	}
	w.say(g, "ann", "one")
	w.say(domain.Direct("ann", "bob"), "ann", "two")
	b.until("one")
	b.until("two")
	again, recovered := b.back(n)
	if !recovered || len(b.all("reset")) > 0 {
		t.Errorf("recovered: %v; told to begin anew %d times", recovered, len(b.all("reset")))
	}
	again.silent("come back")
}

// Of several readers' marks one that was lost without a word is told, though another's has come since.
func TestLostMarkIsTold(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	direct := domain.Direct("ann", "bob")
	f := newFaulty(w)
	n := w.edge(f.into(w), func(o *edge.Options) { o.Settings.Sweep = 20 * time.Millisecond })
	a := n.device("ann")
	seq := w.say(direct, "ann", "hi")
	a.until("hi")
	f.set(func() {
		f.drop = func(r domain.Record) bool {
			m, ok := r.Event.(domain.ReadMarked)
			return ok && m.By == "bob"
		}
	})
	w.append(direct, domain.ReadMarked{By: "bob", Seq: seq})
	w.append(direct, domain.ReadMarked{By: "ann", Seq: seq})
	for range 2 {
		a.expect("read")
	}
}

// A device that hears nothing gets a new offset before its own is too old.
func TestIdleDevicesGetOffsets(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("bob", "cat")
	n := w.edge(func(o *edge.Options) { o.Settings.Sweep = 10 * time.Millisecond })
	n.e.Stale(5)
	a := n.device("ann")
	first := func() string {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.offset
	}
	was := first()
	for i := range 10 {
		w.say(domain.Direct("bob", "cat"), "cat", fmt.Sprint(i))
	}
	eventually(t, "ann has another offset", func() bool { return first() != was })
	if heard := names(a.heard); len(a.all("reset")) > 0 {
		t.Errorf("ann heard %s", heard)
	}
}
