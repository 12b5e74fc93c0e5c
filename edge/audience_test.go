package edge_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/domain"
)

// Who is in so many groups that it takes long to follow them is let in all the same, and hears in each all that has been said since, once and in
// order, once it is followed: also in those that others here hear already, and in one that they join meanwhile.
func TestManyGroupsKeepNobodyOut(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const many, shared = 200, 20 // the last ones, by name, are those that cat is in, too
		w.people("ann", "bob", "cat")
		w.befriend("ann", "bob")
		groups := make([]domain.Topic, many)
		for i := range groups {
			g := domain.GroupID(fmt.Sprintf("g%03d", i))
			if i < many-shared {
				groups[i] = w.group(g, "bob", "ann")
			} else {
				groups[i] = w.group(g, "bob", "ann", "cat")
			}
		}
		late := w.group("late", "bob", "cat")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		c := n.device("cat")
		for _, g := range groups[many-shared:] {
			w.say(g, "bob", "before")
			w.append(g, domain.GroupRoleSet{By: "bob", UID: "cat", Role: domain.RoleAdmin})
		}
		w.say(late, "bob", "before")
		c.until("before")
		eventually(t, "cat hears all of it", func() bool { return len(c.talk()) == shared+1 })

		gate := make(chan struct{})
		release := sync.OnceFunc(func() { close(gate) })
		t.Cleanup(release)
		f.set(func() { f.following = func(domain.GroupID) { <-gate } })
		a := n.device("ann")
		say := func(g domain.Topic, txt string) { w.say(g, "bob", g.Key()+" "+txt) }
		want := map[string][]string{}
		for i, g := range groups {
			say(g, "1")
			w.append(g, domain.GroupDescribed{By: "bob", Name: fmt.Sprint("changed ", i), History: domain.HistoryAll})
			say(g, "2")
			want[g.Key()] = []string{"1", "2", "3"}
		}
		say(late, "1")
		w.append(late, domain.GroupJoined{By: "bob", UID: "ann"})
		say(late, "2")
		want[late.Key()] = []string{"2", "3"}
		eventually(t, "cat hears all of it", func() bool { return len(c.talk()) == shared+1+2*shared+2 })
		if got := a.talk(); len(got) > 1 { // but where she has joined
			t.Errorf("ann heard %v while no group was followed", got)
		}
		w.say(domain.Direct("ann", "bob"), "bob", "hello")
		a.until("hello")
		release()
		eventually(t, "ann hears all of it", func() bool { return len(a.talk()) >= 2*many+1+1 })
		for _, g := range append(slices.Clone(groups), late) {
			say(g, "3")
		}
		eventually(t, "ann hears the rest", func() bool { return len(a.talk()) >= 3*many+2+1 })
		a.ok("send", "bob", "end")
		got := map[string][]string{}
		last := map[string]uint64{}
		for _, s := range a.until("end") {
			var g, txt string
			if _, err := fmt.Sscan(s.Txt, &g, &txt); err != nil {
				continue
			}
			got[g] = append(got[g], txt)
			if s.Seq <= last[g] {
				t.Errorf("%v was heard after %d", s, last[g])
			}
			last[g] = s.Seq
		}
		for g, txts := range want {
			if !slices.Equal(got[g], txts) {
				t.Errorf("ann heard %q in %s, want %q", got[g], g, txts)
			}
		}
		if n := len(a.all("group")); n != many+1 {
			t.Errorf("ann heard of %d changes, want %d", n, many+1)
		}
		if n := len(c.talk()); n != shared+1+3*shared+3 {
			t.Errorf("cat heard %d messages: some twice, or not", n)
		}
		a.leave()
		c.leave()
		eventually(t, "nothing is followed", func() bool { return f.balance() == nil })
		if _, conversations, _ := n.e.Kept(); conversations > 0 {
			t.Errorf("%d conversations are kept for nobody", conversations)
		}
	})
}

// Who goes before all their groups are followed leaves nothing behind, and coming back is as good as new.
func TestGoneBeforeAllIsFollowed(t *testing.T) {
	w := newWorld(t, 3)
	w.people("ann", "bob")
	const many = 40
	groups := make([]domain.Topic, many)
	for i := range groups {
		groups[i] = w.group(domain.GroupID(fmt.Sprintf("g%03d", i)), "bob", "ann")
	}
	f := newFaulty(w)
	n := w.edge(f.into(w))
	gate := make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	f.set(func() { f.following = func(domain.GroupID) { <-gate } })
	a := n.device("ann")
	a.leave()
	eventually(t, "ann is gone", func() bool { return n.e.Devices("ann") == 0 })
	again := n.device("ann")
	for _, g := range groups {
		w.say(g, "bob", g.Key())
	}
	release()
	eventually(t, "ann hears all of it", func() bool { return len(again.talk()) >= many })
	again.ok("groupSend", gid("g000"), "end")
	if got := again.until("end"); len(got) != many+1 {
		t.Errorf("ann heard %d messages, want %d", len(got), many+1)
	}
	again.leave()
	eventually(t, "nothing is followed", func() bool { _, conversations, _ := n.e.Kept(); return f.balance() == nil && conversations == 0 })
}

// Who is removed while they are told what they have missed is told of that, too, and hears nothing after it.
func TestRemovedWhileLate(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		g := w.group("g", "bob", "cat")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		c := n.device("cat")
		w.fold()
		w.rest()
		w.append(g, domain.GroupJoined{By: "bob", UID: "ann"}) // which the read models do not know yet
		eventually(t, "the edge knows of it before ann comes", func() bool { return slices.Contains(states(c), "g joined") })
		a := n.enter("ann")
		w.say(g, "bob", "hello")
		c.until("hello")
		release := f.hold()
		defer release()
		w.project()
		eventually(t, "ann is late", func() bool { return n.e.Late(g) == 1 })
		w.append(g, domain.GroupRemoved{By: "bob", UID: "ann"})
		eventually(t, "cat hears of the removal", func() bool { return slices.Contains(states(c), "g removed") })
		release()
		eventually(t, "ann is told", func() bool { return slices.Equal(states(a), []string{"g removed"}) })
		w.say(g, "bob", "out")
		c.until("out")
		if got := texts(a.talk()); !slices.Equal(got, []string{"hello"}) || len(states(a)) != 1 {
			t.Errorf("ann heard %q, and of %q", got, states(a))
		}
	})
}
