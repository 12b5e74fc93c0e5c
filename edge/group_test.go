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
