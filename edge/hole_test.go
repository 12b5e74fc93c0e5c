package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"parley/domain"
	"parley/edge"
)

// states gives what a device has heard of friendships and groups, sorted: "ann requested", "g invited".
func states(d *device) (all []string) {
	for _, event := range []string{"friend", "group"} {
		for _, h := range d.all(event) {
			var e struct{ UID, GID, State string }
			h.arg(d.tb, 0, &e)
			if event == "group" {
				e.UID = e.GID
			}
			all = append(all, e.UID+" "+e.State)
		}
	}
	slices.Sort(all)
	return all
}

// What happens to somebody's friendships and groups while live copies are missing is told afterwards, once, also where nobody here has kept
// the conversation; what was told before is not told again.
func TestHolesHideNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal")
		w.befriend("bob", "eve")
		w.befriend("bob", "hal")
		w.append(domain.Direct("bob", "cat"), domain.FriendRequested{By: "bob"})
		w.append(domain.Direct("bob", "gus"), domain.FriendRequested{By: "bob"})
		before, hidden, asked := w.group("before", "dan"), w.group("hidden", "dan"), w.group("asked", "dan")
		w.append(asked, domain.GroupApplied{UID: "bob"})
		f := newFaulty(w)
		n, there := w.edge(f.into(w)), w.edge()
		there.device("cat")
		b := n.device("bob")
		known(t, "cat", n)
		w.append(before, domain.GroupInvited{By: "dan", UID: "bob"})
		w.append(domain.Direct("bob", "fay"), domain.FriendRequested{By: "fay"})
		b.expect("apply")
		want := []string{"before invited", "fay requested"}
		eventually(t, "what comes live is told", func() bool { return slices.Equal(states(b), want) })

		for _, x := range []domain.Topic{before, hidden} { // one of each shard, so that it is certain what has come
			w.append(x, domain.GroupDescribed{By: "dan", Name: "x"})
		}
		f.set(func() { f.tells, f.drop = true, func(domain.Record) bool { return true } })
		w.append(domain.Direct("ann", "bob"), domain.FriendRequested{By: "ann", Greeting: json.RawMessage(`{"txt":"hello"}`)})
		w.append(hidden, domain.GroupInvited{By: "dan", UID: "bob"})
		w.append(domain.Direct("bob", "cat"), domain.FriendAccepted{By: "cat"})
		w.append(domain.Direct("bob", "eve"), domain.FriendRemoved{By: "eve"})
		w.append(domain.Direct("bob", "gus"), domain.FriendRejected{By: "gus"})
		w.append(asked, domain.GroupRefused{By: "dan", UID: "bob"})
		w.say(domain.Direct("bob", "hal"), "hal", "first")
		f.settle(w, domain.Direct("ann", "bob"))
		f.set(func() { f.drop = nil })
		for i := range 3 { // also where it is said again
			f.lost()
			w.say(domain.Direct("bob", "hal"), "hal", fmt.Sprint("then ", i))
			want := []string{"ann requested", "asked refused", "before invited", "cat accepted", "eve removed", "fay requested", "gus rejected", "hidden invited"}
			eventually(t, fmt.Sprint("bob is told ", want), func() bool { return len(states(b)) >= len(want) })
			if got := states(b); !slices.Equal(got, want) {
				t.Fatalf("bob was told %q, want %q", got, want)
			}
			b.until(fmt.Sprint("then ", i))
		}
		if got := texts(b.talk()); !slices.Equal(got, []string{"first", "then 0", "then 1", "then 2"}) {
			t.Errorf("bob heard %q", got)
		}
		var apply struct{ From, Txt string }
		if b.expect("apply").arg(t, 0, &apply); apply.From != "ann" || apply.Txt != "hello" || len(b.all("apply")) != 2 {
			t.Errorf("the application is %+v, one of %d", apply, len(b.all("apply")))
		}
		var m map[string]string
		if b.expect("refresh").arg(t, 0, &m); m["cat"] == "" || m["eve"] != "" {
			t.Errorf("online are %v", m)
		}
	})
}

// An invitation is told once to each who got it, also where it comes live after a hole and before the read models know of it, or where a group made in the
// hole has invited several.
func TestInvitationsAroundAHole(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("bob", "cat", "dan", "eve")
		g, h := w.group("g", "dan"), w.group("h", "dan")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		b, c := n.device("bob"), n.device("cat")
		w.fold()
		w.rest()
		f.set(func() { f.tells, f.drop = true, func(domain.Record) bool { return true } })
		w.append(domain.InGroup("new"), domain.GroupCreated{By: "dan", Name: "new", Invited: []domain.UserID{"bob", "cat", "eve"}})
		w.append(h, domain.GroupInvited{By: "dan", UID: "bob"})
		f.settle(w, domain.Direct("bob", "cat"))
		f.set(func() { f.drop = nil })
		e := n.enter("eve")
		f.lost()
		w.append(g, domain.GroupInvited{By: "dan", UID: "bob"})
		w.append(h, domain.GroupInvited{By: "dan", UID: "cat"})
		w.project()
		w.fold()
		f.lost()
		w.append(g, domain.GroupInvited{By: "dan", UID: "cat"})
		for d, want := range map[*device][]string{b: {"g invited", "h invited", "new invited"}, c: {"g invited", "h invited", "new invited"}} {
			eventually(t, fmt.Sprint(d.me, " is told ", want), func() bool { return len(states(d)) >= len(want) })
			if got := states(d); !slices.Equal(got, want) {
				t.Errorf("%s was told %q, want %q", d.me, got, want)
			}
		}
		if got := states(e); len(got) > 1 {
			t.Errorf("eve was told %q", got)
		}
	})
}

// Who has removed or blocked somebody is not seen by them either while the read models do not know of it.
func TestFormerFriendsWhileReadModelsAreBehind(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan")
		for _, u := range []domain.UserID{"ann", "cat", "dan"} {
			w.befriend("bob", u)
		}
		f := newFaulty(w)
		here, there := w.edge(f.into(w)), w.edge()
		d := here.device("dan") // is here before the read models stand still
		for _, u := range []domain.UserID{"ann", "bob", "cat"} {
			there.device(u)
			known(t, u, here)
		}
		if got := online(d); !slices.Equal(got, []domain.UserID{"bob", "dan"}) {
			t.Fatalf("dan sees %v", got)
		}
		w.fold()
		w.rest()
		w.append(domain.Direct("ann", "bob"), domain.FriendRemoved{By: "ann"})
		f.set(func() { f.tells, f.drop = true, func(domain.Record) bool { return true } })
		w.append(domain.Direct("bob", "dan"), domain.FriendBlocked{By: "bob"})
		f.settle(w, domain.Direct("bob", "dan"))
		f.set(func() { f.drop = nil })
		f.lost()
		eventually(t, "dan does not see bob any more", func() bool { return slices.Equal(online(d), []domain.UserID{"dan"}) })
		b := here.enter("bob")
		if got := online(b); !slices.Equal(got, []domain.UserID{"bob", "cat"}) {
			t.Errorf("bob sees %v, want cat and himself", got)
		}
	})
}

// What somebody has heard elsewhere before they came is not told by a hole's being read.
func TestHolesRepeatNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		others := []domain.UserID{"c1", "c2", "c3", "c4", "c5", "c6"}
		w.people(append(others, "ann", "bob")...)
		f := newFaulty(w)
		n := w.edge(f.into(w))
		n.device("ann")
		there := w.edge()
		old := there.device("bob")
		for _, c := range others {
			w.befriend(c, "bob")
			w.say(domain.Direct(c, "bob"), c, "before "+string(c))
			old.until("before " + string(c))
		}
		b := n.device("bob")
		f.lost()
		w.say(domain.Direct("c1", "bob"), "c1", "end")
		if got := texts(b.until("end")); !slices.Equal(got, []string{"end"}) || len(states(b)) > 0 {
			t.Errorf("bob heard %q, and of %q", got, states(b))
		}
	})
}

// shardAway is a log of which one shard cannot be read the first time.
type shardAway struct {
	*faulty
	shard int
	asked atomic.Bool
}

func (l *shardAway) Read(ctx context.Context, shard int, after domain.Position, fn func([]domain.Record) error) (domain.Position, error) {
	if shard == l.shard && !l.asked.Swap(true) {
		<-ctx.Done()
		return after, ctx.Err()
	}
	return l.faulty.Log.Read(ctx, shard, after, fn)
}

// A shard that cannot be read stops the others for a moment only, and what it hid is told when it is there again.
func TestHoleInAShardThatIsAway(t *testing.T) {
	w := newWorld(t, 3)
	w.people("ann", "bob")
	var groups []domain.Topic
	for i := range 6 {
		groups = append(groups, w.group(domain.GroupID(fmt.Sprint("g", i)), "ann", "bob"))
	}
	f := newFaulty(w)
	n := w.edge(f.into(w), func(o *edge.Options) { o.Log = &shardAway{faulty: f} })
	b := n.device("bob")
	var dropped atomic.Int32
	f.set(func() { f.tells, f.drop = true, func(domain.Record) bool { dropped.Add(1); return true } })
	for _, g := range groups {
		w.say(g, "ann", g.Key()+" 1")
	}
	eventually(t, "no copy came", func() bool { return dropped.Load() == int32(len(groups)) })
	f.set(func() { f.drop = nil })
	f.lost()
	want := map[string][]string{}
	for _, g := range groups {
		w.say(g, "ann", g.Key()+" 2")
		want[g.Key()] = []string{"1", "2"}
	}
	eventually(t, "bob hears all of it", func() bool { return len(b.talk()) >= 2*len(groups) })
	got := map[string][]string{}
	for _, txt := range texts(b.talk()) {
		g, nth, _ := strings.Cut(txt, " ")
		got[g] = append(got[g], nth)
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("bob heard %v, want %v", got, want)
	}
}
