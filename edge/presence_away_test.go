package edge_test

import (
	"testing"
)

// While an edge does not hear itself either, it is NATS that is away: nobody is taken for gone, and when it is back the others have their time.
func TestNATSIsAway(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	s := &signals{}
	losing := s.into(w)
	one, two := w.edge(beating, losing), w.edge(beating, losing)
	a := one.device("ann")
	known(t, "ann", two)
	b := two.device("bob")
	a.expect("userin")
	lost := 0
	s.losing(func(kind string) bool { lost++; return true })
	eventually(t, "many beats are lost", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return lost > 40
	})
	s.losing(nil)
	c := two.device("bob") // what happens then is told
	b.leave()
	c.leave()
	hears(a, "+bob", "-bob")
}

// Where NATS has stood still and then says all at once what it was told meanwhile, one edge's before another's, that is not time that has gone by.
func TestNATSStandsStill(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	early, late := &signals{}, &signals{}
	one, two := w.edge(beating, early.into(w)), w.edge(beating, late.into(w))
	a := one.device("ann")
	known(t, "ann", two)
	b := two.device("bob")
	a.expect("userin")
	waiting, release := early.hold()
	_, releaseLate := late.hold()
	eventually(t, "many beats wait", func() bool { return waiting() > 20 })
	release()
	releaseLate()
	c := two.device("bob") // what happens then is told
	b.leave()
	c.leave()
	hears(a, "+bob", "-bob")
}

// Who comes and goes after the feed may have missed something still has a name.
func TestNamesAfterAHole(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	f := newFaulty(w)
	one, two := w.edge(f.into(w)), w.edge()
	a := one.device("ann")
	known(t, "ann", two)
	b := two.device("bob")
	a.expect("userin")
	for range 2 {
		f.lost()
	}
	b.leave()
	if _, who := coming(t, a.expect("userout")); who.Name != "Name of bob" || who.Username != "bob" {
		t.Errorf("gone is %+v", who)
	}
}
