package edge_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/domain"
	"parley/domain/journal/journaltest"
	"parley/edge"
)

// statuses gives what a device was told of its person's status.
func statuses(d *device) (all []domain.Status) {
	for _, h := range d.all("status") {
		var s struct{ Status domain.Status }
		h.arg(d.tb, 0, &s)
		all = append(all, s.Status)
	}
	return all
}

// Who is invisible is offline to friends, on whichever edges, and at once; but not to themselves, and not for ever.
func TestInvisible(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		one, two := w.edge(), w.edge()
		a := one.device("ann")
		known(t, "ann", one, two)
		b1, b2 := one.device("bob"), two.device("bob")
		eventually(t, "both edges know of both devices", func() bool { return one.e.Places("bob") == 2 && two.e.Places("bob") == 2 })
		hears(a, "+bob")
		b1.ok("setStatus", "invisible")
		hears(a, "+bob", "-bob")
		b2.expect("status")
		if got := online(a); !slices.Equal(got, []domain.UserID{"ann"}) {
			t.Errorf("ann sees %v online", got)
		}
		if got := online(b1); !slices.Equal(got, []domain.UserID{"ann", "bob"}) {
			t.Errorf("bob sees %v online", got)
		}
		b1.leave()
		b2.leave()
		eventually(t, "bob is gone", func() bool { return one.e.Devices("bob")+two.e.Devices("bob") == 0 })

		b := two.device("bob") // it lasts
		b.ok("sign", map[string]any{"user": map[string]any{"id": "bob"}})
		if got := statuses(b); !slices.Equal(got, []domain.Status{"invisible"}) {
			t.Errorf("bob's new device was told %q", got)
		}
		b.ok("send", "ann", "here I am, unseen")
		a.until("here I am, unseen")
		hears(a, "+bob", "-bob", "+ann") // the latter is the answer to sign
		b.ok("setStatus", "online")
		hears(a, "+bob", "-bob", "+ann", "+bob")
		b.ok("setStatus", "online")
		b.leave()
		hears(a, "+bob", "-bob", "+ann", "+bob", "-bob")
	})
}

// Two devices that say different things at the same moment: the log's last word holds at every edge.
func TestStatusRaced(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	one, two := w.edge(), w.edge()
	a, b1, b2 := one.device("ann"), one.device("bob"), two.device("bob")
	a.expect("userin")
	for range 10 {
		var both sync.WaitGroup
		both.Go(func() { b1.ok("setStatus", "invisible") })
		both.Go(func() { b2.ok("setStatus", "online") })
		both.Wait()
		last, found, err := w.journal.Last(t.Context(), domain.About("bob"), domain.LaneStatus, "")
		must(t, err)
		if !found {
			t.Fatal("the log says nothing")
		}
		want := last.Event.(domain.StatusSet).Status == domain.StatusOnline
		eventually(t, "both edges go by it", func() bool { return one.e.Online("bob") == want && two.e.Online("bob") == want })
	}
}

// seen gives when a friend was last seen, by the API.
func seen(n *node, me, friend domain.UserID) (date string) {
	n.Helper()
	var friends struct{ Friends []domain.FriendView }
	n.get(me, "/api/friends", &friends)
	for _, f := range friends.Friends {
		if f.ID == friend {
			return f.Seen
		}
	}
	n.Fatalf("%s is no friend of %s's", friend, me)
	return ""
}

// Who goes was last seen then. Who is invisible was last seen when that began.
func TestLastSeen(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "eve")
	w.befriend("ann", "bob")
	one, two := w.edge(), w.edge()
	if got := seen(one, "ann", "bob"); got != "" {
		t.Errorf("who never came was seen at %s", got)
	}
	b := two.device("bob")
	before := domain.Date(time.Now())
	b.leave()
	var first string
	eventually(t, "it is put down", func() bool { first = seen(one, "ann", "bob"); return first != "" })
	if after := domain.Date(time.Now()); first < before || first > after {
		t.Errorf("last seen at %s, want between %s and %s", first, before, after)
	}

	b = one.device("bob")
	b.ok("setStatus", "invisible")
	unseen := seen(one, "ann", "bob")
	if unseen <= first {
		t.Errorf("invisible since %s, seen before at %s", unseen, first)
	}
	b.ok("setStatus", "invisible")
	if got := seen(one, "ann", "bob"); got != unseen {
		t.Errorf("who says again to be invisible was last seen at %s, want %s", got, unseen)
	}
	b.leave()
	eventually(t, "bob is gone", func() bool { people, _, _ := one.e.Kept(); return people == 0 })
	must(t, one.e.Shutdown(t.Context())) // puts down what there is to put down
	if got := seen(two, "ann", "bob"); got != unseen {
		t.Errorf("who left unseen was last seen at %s, want %s", got, unseen)
	}
	var whole map[string]any
	two.get("eve", "/api/users/bob", &whole)
	if _, told := whole["seen"]; told {
		t.Errorf("a stranger is told %v", whole)
	}
}

// The people of an edge that vanishes, or shuts down without another one, were last seen then.
func TestLastSeenOfAnEdgesPeople(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	s := &signals{}
	one, two := w.edge(beating), w.edge(beating, s.into(w))
	a := one.device("ann")
	two.device("bob")
	two.device("cat").ok("setStatus", "invisible")
	unseen := seen(one, "ann", "cat")
	a.expect("userin")
	s.losing(func(string) bool { return true })
	eventually(t, "both are gone", func() bool { return !one.e.Online("bob") && !one.e.Online("cat") })
	eventually(t, "it is put down", func() bool { return seen(one, "ann", "bob") != "" })
	if got := seen(one, "ann", "cat"); got != unseen {
		t.Errorf("who was invisible was last seen at %s, want %s", got, unseen)
	}

	alone := newWorld(t, 1)
	alone.people("ann", "bob")
	alone.befriend("ann", "bob")
	n := alone.edge()
	n.device("bob")
	must(t, n.e.Shutdown(t.Context()))
	if got := seen(alone.edge(), "ann", "bob"); got == "" {
		t.Error("nobody put down when bob was last seen")
	}
}

// A status that cannot be had keeps people out: else who is invisible would be seen.
func TestStatusCannotBeRead(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann")
	away := &noStatus{Log: w.journal}
	n := w.edge(func(o *edge.Options) { o.Log = away })
	w.fold()
	if d, refused := enter(t, n.knock("ann")); d != nil || refused.Code != domain.Unavailable {
		t.Errorf("refused with %+v, want code 8", refused)
	}
}

// noStatus is a log that does not say who is invisible.
type noStatus struct{ edge.Log }

func (l *noStatus) Last(ctx context.Context, t domain.Topic, lane domain.Lane, reader domain.UserID) (domain.Record, bool, error) {
	if lane == domain.LaneStatus {
		return domain.Record{}, false, errAway
	}
	return l.Log.Last(ctx, t, lane, reader)
}

// A status whose copy was lost is read again, also where the read models do not work.
func TestStatusThatWasLost(t *testing.T) {
	w := newLog(t, journaltest.Open(t, quiet))
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	f := newFaulty(w)
	n := w.edge(f.into(w))
	n.device("bob")
	if !n.e.Online("bob") {
		t.Fatal("bob is not online")
	}
	f.set(func() { f.drop = func(domain.Record) bool { return true } })
	w.append(domain.About("bob"), domain.StatusSet{Status: domain.StatusInvisible})
	w.append(domain.About("ann"), domain.StatusSet{Status: domain.StatusInvisible}) // who is not here
	f.settle(w, domain.Direct("ann", "bob"))
	f.set(func() { f.drop = nil })
	f.lost()
	eventually(t, "bob is not seen", func() bool { return !n.e.Online("bob") })
}

// When all edges end at once, and while the log is away, it is put down nevertheless when their people were seen last.
func TestLastSeenIsNotLost(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	f := newFaulty(w)
	one, two := w.edge(), w.edge(f.into(w), func(o *edge.Options) { o.Settings.Logger = nobody })
	one.device("bob")
	c := two.device("cat")
	known(t, "cat", one)
	known(t, "bob", two)
	f.set(func() { f.failAppends = 3 })
	c.leave()
	eventually(t, "it is put down when the log is back", func() bool { return seen(one, "ann", "cat") != "" })
	must(t, one.e.Shutdown(t.Context()))
	must(t, two.e.Shutdown(t.Context()))
	if got := seen(w.edge(), "ann", "bob"); got == "" {
		t.Error("nobody put down when bob was last seen")
	}
}
