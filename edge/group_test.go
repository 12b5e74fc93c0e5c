package edge_test

import (
	"slices"
	"testing"

	"parley/domain"
)

// Of the members of a group at one edge, one may go without the others missing anything.
func TestOneOfTheMembersHereGoes(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		g := w.group("g", "ann", "bob", "cat")
		n := w.edge()
		a, b := n.device("ann"), n.device("bob")
		w.say(g, "cat", "both")
		a.until("both")
		b.until("both")
		b.leave()
		eventually(t, "bob is gone", func() bool { people, _, _ := n.e.Kept(); return people == 1 })
		w.say(g, "cat", "one")
		if got := a.until("one"); len(got) != 2 {
			t.Errorf("ann heard %v, want both", got)
		}
	})
}

// An id that a person shares with a group is nothing to either.
func TestPersonWithTheIDOfAGroup(t *testing.T) {
	w := newWorld(t, 1)
	w.people("g", "ann", "bob")
	w.befriend("g", "bob")
	topic := w.group("g", "ann")
	n := w.edge()
	twin, a := n.device("g"), n.device("ann")
	w.say(topic, "ann", "hello")
	a.until("hello")
	a.leave()
	eventually(t, "the group is not followed", func() bool { return !n.e.Keeps(topic) })
	w.append(topic, domain.GroupJoined{By: "ann", UID: "g"})
	w.say(topic, "g", "here I am")
	twin.until("here I am")
	w.say(domain.Direct("g", "bob"), "bob", "and here")
	if got := twin.until("and here"); !slices.ContainsFunc(got, func(s said) bool { return s.Txt == "here I am" }) || len(got) != 2 {
		t.Errorf("heard %v", got)
	}
}

// What a group is called already is not put down again, and nobody is told; but what this edge takes to be so may not be so any more.
func TestNothingFollowsFromWhatIsSo(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		g := w.group("g", "ann", "bob")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		a, b := n.device("ann"), n.device("bob")
		a.ok("updateGroup", "g", map[string]any{"name": "crew", "description": "we\r\nare"})
		before, err := w.journal.State(t.Context(), g, 0)
		must(t, err)
		a.ok("updateGroup", "g", map[string]any{"name": "crew"})
		a.ok("updateGroup", "g", map[string]any{"description": "we\nare", "avatar": "", "history": "all"})
		after, err := w.journal.State(t.Context(), g, 0)
		must(t, err)
		if len(before) != len(after) {
			t.Errorf("%d events, then %d", len(before), len(after))
		}
		a.ok("groupSend", gid("g"), "end")
		b.until("end")
		if got := changes(b.all("group")); len(got) != 1 {
			t.Errorf("bob heard of %q", got)
		}
		f.set(func() {
			f.drop = func(r domain.Record) bool { e, _ := r.Event.(domain.GroupDescribed); return e.Name == "other" }
		})
		w.append(g, domain.GroupDescribed{By: "ann", Name: "other", History: domain.HistoryAll})
		a.ok("updateGroup", "g", map[string]any{"name": "crew"})
		after, err = w.journal.State(t.Context(), g, 0)
		must(t, err)
		if e, ok := after[len(after)-1].Event.(domain.GroupDescribed); len(after) != len(before)+2 || !ok || e.Name != "crew" {
			t.Errorf("what has been changed elsewhere was not changed back: %+v", after[len(after)-1])
		}
	})
}

// Somebody whom nobody knows is not found, rather than no member.
func TestNobodyByThatID(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.group("g", "ann")
	a := w.edge().device("ann")
	for _, c := range [][]any{{"removeMember"}, {"acceptGroup"}, {"rejectGroup"}, {"setRole", "admin"}, {"invite"}} {
		command := c[0].(string)
		a.no(domain.NotFound, command, append([]any{"g", "nobody"}, c[1:]...)...)
		if command != "invite" {
			a.no(domain.Conflict, command, append([]any{"g", "bob"}, c[1:]...)...)
		}
	}
}
