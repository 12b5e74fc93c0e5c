package edge_test

import (
	"slices"
	"testing"

	"parley/domain"
)

// keeping lets no live copies come, and gives those that have not.
func (f *faulty) keeping() (kept func() []domain.Record) {
	var all []domain.Record
	f.set(func() {
		f.drop = func(r domain.Record) bool {
			all = append(all, r)
			return true
		}
	})
	return func() []domain.Record {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Clone(all)
	}
}

// Who turns invisible and visible again is seen, also where the log's copies of that come later than the word of the edge where they are, and
// at an edge that has heard of them with all others.
func TestLateCopyOfInvisible(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	f := newFaulty(w)
	one, two := w.edge(f.into(w)), w.edge()
	a := one.device("ann")
	known(t, "ann", two)
	b := two.device("bob")
	hears(a, "+bob")
	kept := f.keeping()
	b.ok("setStatus", "invisible")
	b.ok("setStatus", "online")
	hears(a, "+bob", "-bob", "+bob")
	eventually(t, "both copies are late", func() bool { return len(kept()) == 2 })
	three := w.edge()
	known(t, "bob", three)
	for _, r := range kept() {
		one.e.Arrive(r)
		three.e.Arrive(r)
	}
	two.device("cat")
	hears(a, "+bob", "-bob", "+bob", "+cat")
	if got := online(a); !slices.Equal(got, []domain.UserID{"ann", "bob", "cat"}) {
		t.Errorf("ann sees %v", got)
	}
	if !three.e.Online("bob") {
		t.Error("an edge that came later does not see bob")
	}
}

// An edge that knows of a later status only, and so has never taken its person away, says so, or others would by the one before.
func TestInvisibleUnheard(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	f, g := newFaulty(w), newFaulty(w)
	one, two := w.edge(f.into(w)), w.edge(g.into(w))
	a := one.device("ann")
	known(t, "ann", two)
	b := two.device("bob")
	hears(a, "+bob")
	kept := f.keeping()
	g.keeping()
	w.append(domain.About("bob"), domain.StatusSet{Status: domain.StatusInvisible})
	w.append(domain.About("bob"), domain.StatusSet{Status: domain.StatusOnline})
	b.ok("setStatus", "online") // as the log says already
	two.device("cat")
	hears(a, "+bob", "+cat")
	eventually(t, "both copies are late", func() bool { return len(kept()) == 2 })
	for _, r := range kept() {
		one.e.Arrive(r)
	}
	if !one.e.Online("bob") {
		t.Error("bob is not seen any more")
	}
	w.append(domain.About("bob"), domain.StatusSet{Status: domain.StatusInvisible})
	eventually(t, "the copy is late", func() bool { return len(kept()) == 3 })
	one.e.Arrive(kept()[2]) // of which two does not know: it may be dying
	hears(a, "+bob", "+cat", "-bob")
}

// Who turns invisible while an edge tells all who are online there, of whom they were one, is not seen when it has.
func TestInvisibleAmidAWhole(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat", "dan")
	for _, u := range []domain.UserID{"bob", "cat", "dan"} {
		w.befriend("ann", u)
	}
	a := w.edge().device("ann")
	x := &another{world: w, name: "x"}
	x.in("bob")
	x.tell("all", map[string]any{"all": map[domain.UserID]string{"bob": "x bob"}, "first": true})
	x.in("cat")
	hears(a, "+bob", "+cat")
	w.append(domain.About("bob"), domain.StatusSet{Status: domain.StatusInvisible})
	hears(a, "+bob", "+cat", "-bob")
	x.tell("all", map[string]any{"all": map[domain.UserID]string{"cat": "x cat"}, "last": true})
	x.in("dan")
	hears(a, "+bob", "+cat", "-bob", "+dan")
}
