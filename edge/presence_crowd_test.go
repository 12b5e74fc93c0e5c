package edge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/domain"
)

// another is an edge that is made of nothing but its signals.
type another struct {
	*world
	name  string
	count int
}

func (a *another) tell(kind string, more map[string]any) {
	a.Helper()
	s := map[string]any{"edge": a.name, "kind": kind, "count": a.count}
	for k, v := range more {
		s[k] = v
	}
	b, err := json.Marshal(s)
	must(a, err)
	must(a, a.journal.Broadcast("presence", b))
}

func (a *another) in(u domain.UserID) {
	a.count++
	a.tell("in", map[string]any{"uid": u, "conn": a.name + " " + string(u)})
}

func (a *another) out(u domain.UserID) {
	a.count++
	a.tell("out", map[string]any{"uid": u})
}

// whole tells all who are online there.
func (a *another) whole(people ...domain.UserID) {
	all := map[domain.UserID]string{}
	for _, u := range people {
		all[u] = a.name + " " + string(u)
	}
	a.tell("all", map[string]any{"all": all, "first": true, "last": true})
}

// Each of many hears once of a friend whom all of them have, and of those among many who go at once, as when an edge is lost.
func TestManyComeAndGo(t *testing.T) {
	const many, crowd = 150, 1500
	w := newWorld(t, 1)
	uids := make([]domain.UserID, many)
	for i := range uids {
		uids[i] = domain.UserID(fmt.Sprint("u", i))
	}
	w.people(append(slices.Clone(uids), "bob", "cat")...)
	w.befriend("bob", "cat")
	for i, u := range uids {
		w.befriend(u, "bob")
		w.befriend(u, domain.UserID(fmt.Sprint("far", i)))
	}
	w.fold()
	n := w.edge()
	devices := make([]*device, many)
	var all sync.WaitGroup
	for i, u := range uids {
		all.Go(func() { devices[i] = n.enter(u) })
	}
	all.Wait()
	x := &another{world: w, name: "x"}
	x.in("bob")
	want := []string{"+bob"}
	each := func(more func(i int) string) {
		t.Helper()
		for i, d := range devices {
			hears(d, append(slices.Clone(want), more(i))...)
		}
	}
	for _, d := range devices {
		hears(d, want...)
	}
	x.out("bob")
	each(func(int) string { return "-bob" })
	want = append(want, "-bob")
	far := make([]domain.UserID, crowd)
	for i := range far {
		far[i] = domain.UserID(fmt.Sprint("far", i))
	}
	x.whole(far...)
	each(func(i int) string { return fmt.Sprint("+far", i) })
	x.whole()
	for i, d := range devices {
		hears(d, append(slices.Clone(want), fmt.Sprint("+far", i), fmt.Sprint("-far", i))...)
		if got := online(d); len(got) != 1 {
			t.Errorf("%s sees %v", d.me, got)
		}
	}
}

// Edges that die together are lost together: who was online at both has gone once.
func TestEdgesDieTogether(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	n := w.edge(beating)
	a := n.device("ann")
	x, y := &another{world: w, name: "x"}, &another{world: w, name: "y"}
	x.in("bob")
	y.in("bob")
	y.in("cat")
	a.expect("userin")
	a.expect("userin")
	a.expect("userout")
	a.expect("userout")
	got := comings(a)
	slices.Sort(got)
	if !slices.Equal(got, []string{"+bob", "+cat", "-bob", "-cat"}) {
		t.Errorf("ann heard of %q", got)
	}
}

// Who turns invisible is not seen at an edge that is dying either and can not say so any more.
func TestInvisibleAtADyingEdge(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	n := w.edge() // which loses nobody
	a := n.device("ann")
	x := &another{world: w, name: "x"}
	x.in("bob")
	hears(a, "+bob")
	w.append(domain.About("bob"), domain.StatusSet{Status: domain.StatusInvisible})
	hears(a, "+bob", "-bob")
	c := n.device("cat")
	c.leave()
	hears(a, "+bob", "-bob", "+cat", "-cat")
}
