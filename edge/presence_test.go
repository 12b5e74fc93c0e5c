package edge_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"parley/domain"
)

// coming decodes userin and userout.
func coming(tb testing.TB, h heard) (online []domain.UserID, who domain.PersonView) {
	tb.Helper()
	var m map[domain.UserID]string
	h.arg(tb, 0, &m)
	h.arg(tb, 1, &who)
	for u, conn := range m {
		if conn == "" {
			tb.Errorf("%s is online by no connection", u)
		}
	}
	return slices.Sorted(maps.Keys(m)), who
}

// comings gives what a device has heard of people's coming and going, such as "+bob".
func comings(d *device) (all []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.heard {
		sign := map[string]string{"userin": "+", "userout": "-"}[h.Event]
		if sign == "" {
			continue
		}
		_, who := coming(d.tb, h)
		all = append(all, sign+string(who.ID))
	}
	return all
}

// hears waits until a device has heard of these comings and goings, and no others.
func hears(d *device, want ...string) {
	d.tb.Helper()
	d.wait(fmt.Sprint(want), func() bool {
		n := 0
		for _, h := range d.heard {
			if h.Event == "userin" || h.Event == "userout" {
				n++
			}
		}
		return n >= len(want)
	})
	if got := comings(d); !slices.Equal(got, want) {
		d.tb.Errorf("%s heard of %q, want %q", d.me, got, want)
	}
}

// online gives who a device is told is online.
func online(d *device) []domain.UserID {
	d.tb.Helper()
	var m map[domain.UserID]string
	must(d.tb, json.Unmarshal(d.ok("sign", map[string]any{"user": map[string]any{"id": d.me}}).Data, &m))
	d.taken["userin"] = len(d.all("userin"))
	return slices.Sorted(maps.Keys(m))
}

// known waits until all of some edges have heard that somebody is online.
func known(tb testing.TB, u domain.UserID, nodes ...*node) {
	tb.Helper()
	for i, n := range nodes {
		eventually(tb, fmt.Sprintf("edge %d has heard of %s", i, u), func() bool { return n.e.Online(u) })
	}
}

// Friends are told who comes and goes, wherever they are; strangers are not, and nobody hears of a friend's other friends.
func TestPresenceAcrossEdges(t *testing.T) {
	for edges := 1; edges <= 3; edges++ {
		t.Run(fmt.Sprintf("%d edges", edges), func(t *testing.T) {
			w := newWorld(t, 1)
			w.people("ann", "bob", "cat", "eve")
			w.befriend("ann", "bob")
			w.befriend("bob", "cat")
			var nodes []*node
			for range edges {
				nodes = append(nodes, w.edge())
			}
			on := func(i int) *node { return nodes[i%edges] }
			a, e := on(0).device("ann"), on(0).device("eve")
			known(t, "ann", nodes...) // else bob may hear of ann's coming
			b1 := on(1).device("bob")
			got, who := coming(t, a.expect("userin"))
			if !slices.Equal(got, []domain.UserID{"ann", "bob"}) || who.ID != "bob" || who.Name != "Name of bob" || who.Username != "bob" {
				t.Errorf("ann is told of %+v, online are %v", who, got)
			}
			c := on(2).device("cat")
			b1.expect("userin")
			b2 := on(2).device("bob") // a second device changes nothing
			b1.leave()
			c.leave()
			got, who = coming(t, b2.expect("userout"))
			if who.ID != "cat" || who.Name != "Name of cat" || !slices.Equal(got, []domain.UserID{"ann", "bob"}) {
				t.Errorf("bob is told of %+v, online are %v", who, got)
			}
			if got := online(b2); !slices.Equal(got, []domain.UserID{"ann", "bob"}) {
				t.Errorf("online are %v", got)
			}
			b2.leave()
			got, who = coming(t, a.expect("userout"))
			if who.ID != "bob" || !slices.Equal(got, []domain.UserID{"ann"}) {
				t.Errorf("ann is told of %+v, online are %v", who, got)
			}
			b3 := on(0).device("bob")
			hears(a, "+bob", "-bob", "+bob")
			if got := comings(e); len(got) != 0 {
				t.Errorf("eve heard of %v", got)
			}
			b3.leave()
		})
	}
}

// The last of several devices is the one that counts, also where the last two leave at once.
func TestDevicesLeaveAtOnce(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	a := n.device("ann")
	var want []string
	for range 20 {
		b1, b2 := n.device("bob"), n.device("bob")
		var both sync.WaitGroup
		both.Go(b1.leave)
		both.Go(b2.leave)
		both.Wait()
		want = append(want, "+bob", "-bob")
		hears(a, want...)
	}
}

// The connection that stands for somebody in the map is one that exists.
func TestMapNamesALivingConnection(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	one, two := w.edge(), w.edge()
	a, b1 := one.device("ann"), two.device("bob")
	a.expect("userin")
	bobs := func() string {
		var m map[string]string
		must(t, json.Unmarshal(a.ok("sign", map[string]any{"user": map[string]any{"id": "ann"}}).Data, &m))
		return m["bob"]
	}
	first := bobs()
	b2 := two.device("bob")
	if got := bobs(); got != first {
		t.Errorf("bob's connection became %s, the first one %s is there", got, first)
	}
	b1.leave()
	eventually(t, "another connection stands for bob", func() bool { now := bobs(); return now != "" && now != first })
	b2.leave()
	eventually(t, "bob is gone", func() bool { return bobs() == "" })
	var got []string
	for _, c := range comings(a) {
		if c != "+ann" { // the answers to sign
			got = append(got, c)
		}
	}
	if !slices.Equal(got, []string{"+bob", "-bob"}) {
		t.Errorf("ann heard of %q", got)
	}
}

// An edge that vanishes without a goodbye is believed for a while, then its people are gone.
func TestEdgeVanishes(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	s := &signals{}
	one, two := w.edge(beating), w.edge(beating, s.into(w))
	a := one.device("ann")
	two.device("bob")
	a.expect("userin")
	s.losing(func(string) bool { return true })
	_, who := coming(t, a.expect("userout"))
	if who.ID != "bob" || who.Name != "Name of bob" {
		t.Errorf("gone is %+v", who)
	}
	s.losing(nil) // it was only out of reach
	_, who = coming(t, a.expect("userin"))
	if who.ID != "bob" {
		t.Errorf("back is %+v", who)
	}
}

// When an edge shuts down its people come back elsewhere, and their friends do not see that they were gone; who does not come back is gone a
// little later.
func TestEdgeShutsDown(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	one, two := w.edge(beating), w.edge(beating)
	a := one.device("ann")
	b, c := two.device("bob"), two.device("cat")
	a.expect("userin")
	a.expect("userin")
	known(t, "ann", two)
	must(t, two.e.Shutdown(t.Context()))
	<-b.done
	<-c.done
	b = one.device("bob")
	hears(a, "+bob", "+cat", "-cat")
	must(t, two.e.Shutdown(t.Context()))
	if p, c, watched := two.e.Kept(); p != 0 || c != 0 || watched != 0 {
		t.Errorf("it holds %d people, %d conversations, %d watched", p, c, watched)
	}
	b.leave()
	hears(a, "+bob", "+cat", "-cat", "-bob")
}

// A signal that is lost shows by the next beat's count, and the whole is asked for.
func TestLostSignals(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	s := &signals{}
	one, two := w.edge(), w.edge(beating, s.into(w))
	a := one.device("ann")
	s.losing(func(kind string) bool { return kind == "in" })
	two.device("cat")
	b := two.device("bob")
	a.expect("userin")
	a.expect("userin")
	s.losing(func(kind string) bool { return kind == "out" })
	b.leave()
	a.expect("userout")
	if got := online(a); !slices.Equal(got, []domain.UserID{"ann", "cat"}) {
		t.Errorf("online are %v", got)
	}
}

// Edges that know one another's whole in parts tell nobody of a change where there is none.
func TestWholeInPartsDoesNotFlicker(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	n := w.edge()
	a := n.device("ann")
	tell := func(what string) { must(t, w.journal.Broadcast("presence", []byte(what))) }
	tell(`{"edge":"x","kind":"in","count":1,"uid":"bob","conn":"b1"}`)
	hears(a, "+bob")
	for range 3 {
		tell(`{"edge":"x","kind":"all","count":2,"all":{"u1":"1","u2":"2"},"first":true}`)
		tell(`{"edge":"x","kind":"all","count":2,"all":{"bob":"b1"}}`)
		tell(`{"edge":"x","kind":"all","count":2,"all":{"cat":"c1"},"last":true}`)
	}
	hears(a, "+bob", "+cat")
	tell(`{"edge":"x","kind":"all","count":3,"all":{"u1":"1"}}`) // without its beginning
	tell(`{"edge":"x","kind":"all","count":3,"all":{"u1":"1"},"last":true}`)
	for _, nonsense := range []string{``, `null`, `[]`, `{`, `{"edge":""}`, `{"edge":"x","kind":"new"}`, `{"edge":7}`, `{"edge":"y","kind":"bye"}`, `{"edge":"y","kind":"all","all":{"bob":7}}`} {
		tell(nonsense)
	}
	tell(`{"edge":"x","kind":"all","count":3,"all":{"cat":"c1"},"first":true,"last":true}`)
	hears(a, "+bob", "+cat", "-bob")
	if got := online(a); !slices.Equal(got, []domain.UserID{"ann", "cat"}) {
		t.Errorf("online are %v", got)
	}
}

// Friendship decides who is told, as soon as it begins and ends.
func TestPresenceFollowsFriendship(t *testing.T) {
	w := newWorld(t, 3)
	w.people("ann", "bob")
	one, two := w.edge(), w.edge()
	a, b := one.device("ann"), two.device("bob")
	known(t, "ann", two)
	known(t, "bob", one)
	a.ok("sendApply", "bob")
	b.expect("apply")
	b.ok("acceptFriend", "ann")
	for event, d := range map[string]*device{"refresh": a, "checkStatus": b} {
		var m map[string]string
		d.expect(event).arg(t, 0, &m)
		if len(m) != 2 || m["ann"] == "" || m["bob"] == "" {
			t.Errorf("%s: %v", event, m)
		}
	}
	b.leave()
	a.expect("userout")
	b = two.device("bob")
	a.expect("userin")
	a.ok("removeFriend", "bob")
	b.expect("friend")
	b.leave()
	a.no(domain.Forbidden, "send", "bob", "x")
	b = two.device("bob")
	b.ok("sendApply", "ann")
	a.expect("apply")
	hears(a, "-bob", "+bob")
}
