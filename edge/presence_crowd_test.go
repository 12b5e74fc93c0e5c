package edge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/domain"
	"parley/edge"
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

// live says often that it is alive, until the test ends.
func (a *another) live() {
	ended, done := make(chan struct{}), make(chan struct{})
	beats := &another{world: a.world, name: a.name}
	go func() {
		defer close(done)
		for {
			select {
			case <-ended:
				return
			case <-time.After(20 * time.Millisecond):
				beats.tell("beat", nil)
			}
		}
	}()
	a.Cleanup(func() {
		close(ended)
		<-done
	})
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

// crowd is so many devices, each of somebody who has the same friends, who are made known.
func (w *world) crowd(many int, friends []domain.UserID, change ...func(*edge.Options)) (n *node, devices []*device) {
	w.Helper()
	uids := make([]domain.UserID, many)
	for i := range uids {
		uids[i] = domain.UserID(fmt.Sprint("u", i))
	}
	w.people(append(slices.Clone(uids), friends...)...)
	for _, u := range uids {
		for _, f := range friends {
			w.befriend(u, f)
		}
	}
	w.fold()
	n = w.edge(change...)
	devices = make([]*device, many)
	var all sync.WaitGroup
	for i, u := range uids {
		all.Go(func() { devices[i] = n.enter(u) })
	}
	all.Wait()
	return n, devices
}

// alternating says what is wrong with what a device heard of comings and goings, of which each is of somebody who was not, or was, there, and the last
// ones are how things are.
func alternating(d *device, there ...domain.UserID) error {
	online := map[string]bool{}
	got := comings(d)
	for i, c := range got {
		if comes := c[0] == '+'; online[c[1:]] == comes {
			return fmt.Errorf("%s heard %s again: %q", d.me, c, got[:i+1])
		}
		online[c[1:]] = c[0] == '+'
	}
	for u, is := range online {
		if is != slices.Contains(there, domain.UserID(u)) {
			return fmt.Errorf("%s believes that it is %v that %s is online: %q", d.me, is, u, got)
		}
	}
	return nil
}

// Those who come and go quickly, one by one and many at once, come and go in turns for each of many friends, and those see in the end how things are.
func TestManyHearOfQuickChanges(t *testing.T) {
	w := newWorld(t, 1)
	n, devices := w.crowd(150, []domain.UserID{"bob", "cat", "dan", "end", "eos", "fin"}, func(o *edge.Options) { o.Settings.Beat = 300 * time.Millisecond })
	x, y := &another{world: w, name: "x"}, &another{world: w, name: "y"}
	x.in("bob")
	for range 5 { // one by one
		x.out("bob")
		x.in("bob")
	}
	y.whole("cat", "dan")
	known(t, "cat", n)
	x.live()
	eventually(t, "y is lost", func() bool { return !n.e.Online("cat") })
	for range 10 { // while many are told, of y and of x
		y.whole("bob", "cat", "dan")
		y.out("cat")
		x.out("bob")
		y.in("cat")
		x.whole()
		y.whole()
		x.in("bob")
		x.in("cat")
		x.out("cat")
		x.whole("bob", "dan")
	}
	x.out("bob")
	x.whole("dan", "end", "eos") // whom each hears of after all that went before
	last := func(u string) {
		for _, d := range devices {
			d.wait("+"+u, func() bool {
				return slices.ContainsFunc(d.heard, func(h heard) bool {
					return h.Event == "userin" && id(t, h) == u
				})
			})
		}
	}
	last("end")
	x.in("fin")
	last("fin")
	for _, d := range devices {
		if err := alternating(d, "dan", "end", "eos", "fin"); err != nil {
			t.Fatal(err)
		}
	}
}

// id is of whom an event tells.
func id(tb testing.TB, h heard) string {
	_, who := coming(tb, h)
	return string(who.ID)
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
