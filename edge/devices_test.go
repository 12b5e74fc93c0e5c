package edge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/domain"
	"parley/edge"
)

// gone waits until the edge holds nothing for anybody and follows nobody.
func gone(t *testing.T, n *node, f *faulty) {
	t.Helper()
	eventually(t, "nothing is held", func() bool {
		people, conversations, watched := n.e.Kept()
		return people+conversations+watched == 0
	})
	eventually(t, "nothing is followed", func() bool { return f.balance() == nil })
}

// All of a person's devices hear what concerns the person, and when everyone has gone nothing of them is left.
func TestDevicesAndWhatTheyLeave(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		w.befriend("ann", "bob")
		w.befriend("bob", "cat")
		g := w.group("g", "ann", "bob", "cat")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		for round := range 3 {
			var all []*device
			for _, u := range []domain.UserID{"ann", "ann", "bob", "bob", "cat"} {
				all = append(all, n.device(u))
			}
			direct, group := fmt.Sprint("direct ", round), fmt.Sprint("group ", round)
			all[0].ok("send", "bob", direct)
			all[4].ok("groupSend", gid("g"), group)
			for _, d := range all {
				want := []string{direct, group}
				if d.me == "cat" {
					want = want[1:]
				}
				got := texts(d.until(group))
				if d.me != "cat" {
					got = texts(d.until(direct))
				}
				slices.Sort(got) // of two conversations
				if !slices.Equal(got, want) {
					t.Errorf("%s heard %q, want %q", d.me, got, want)
				}
			}
			for _, i := range rand.Perm(len(all)) {
				all[i].leave()
			}
			gone(t, n, f)
			w.say(g, "ann", "to nobody here")
		}
	})
}

// The first device's connection may die while it settles its person in: the second, which waits for that, comes in all the same.
func TestFirstDeviceDiesWhileTheSecondWaits(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	g := w.group("g", "ann", "bob")
	f := newFaulty(w)
	n := w.edge(f.into(w))
	for range 5 {
		release := f.hold()
		reads := f.seen()
		first := n.knock("ann")
		eventually(t, "the first one settles in", func() bool { return f.seen() > reads })
		second := n.knock("ann")
		eventually(t, "the second one waits", func() bool { return n.e.Devices("ann") == 2 })
		first.Close()
		release()
		d, refused := enter(t, second)
		if d == nil {
			t.Fatalf("refused with %+v", refused)
		}
		d.me = "ann"
		w.say(g, "bob", "hello")
		d.until("hello")
		d.leave()
		gone(t, n, f)
	}
}

// Somebody whose groups or feed cannot be had is refused on each device, keeps nothing, is never online, and comes in when they can.
func TestCannotSettleIn(t *testing.T) {
	for name, fault := range map[string]func(*faulty, error){
		"groups": func(f *faulty, err error) { f.fail = err },
		"feed":   func(f *faulty, err error) { f.entering = func(domain.UserID) error { return err } },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.people("ann", "bob")
			w.befriend("ann", "bob")
			w.group("g", "ann")
			f := newFaulty(w)
			n := w.edge(f.into(w))
			b := n.device("bob")
			for range 3 {
				let := make(chan struct{})
				f.set(func() {
					fault(f, errAway)
					with := f.entering
					f.entering = func(u domain.UserID) error {
						if <-let; with != nil {
							return with(u)
						}
						return nil
					}
				})
				one, two := n.knock("ann"), n.knock("ann")
				eventually(t, "both wait", func() bool { return n.e.Devices("ann") == 2 })
				close(let)
				for _, ws := range []*websocket.Conn{one, two} {
					if d, refused := enter(t, ws); d != nil || refused.Code != domain.Unavailable || refused.Message == "" {
						t.Errorf("refused with %+v, want code 8", refused)
					}
				}
				f.set(func() { f.fail, f.entering = nil, nil })
			}
			n.device("ann").leave()
			hears(b, "+ann", "-ann")
			b.leave()
			gone(t, n, f)
		})
	}
}

// A conversation that only concerns somebody who is still entering is not kept: nothing would tell it of what happens meanwhile.
func TestNothingIsMissedBetweenOneWhoGoesAndOneWhoComes(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		topic := domain.Direct("ann", "bob")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		b := n.device("bob")
		b.ok("send", "ann", "hello")
		entering, let := make(chan struct{}), make(chan struct{})
		f.set(func() {
			f.entering = func(domain.UserID) error {
				close(entering)
				<-let
				return nil
			}
		})
		ws := n.knock("ann")
		<-entering
		b.leave()
		eventually(t, "bob is gone", func() bool { people, _, _ := n.e.Kept(); return people == 1 && !n.e.Keeps(topic) })
		w.append(topic, domain.FriendRemoved{By: "ann"})
		close(let)
		a, refused := enter(t, ws)
		if a == nil {
			t.Fatalf("refused with %+v", refused)
		}
		a.me = "ann"
		w.say(topic, "bob", "no friend's")
		w.befriend("ann", "bob")
		w.say(topic, "bob", "end")
		if got := texts(a.until("end")); !slices.Equal(got, []string{"end"}) {
			t.Errorf("ann heard %q", got)
		}
	})
}

// People come, talk, befriend and go all at once, on two edges: nothing hangs, and nothing is left.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, 3)
	users := []domain.UserID{"ann", "bob", "cat", "dan"}
	w.people(users...)
	w.befriend("ann", "bob")
	w.befriend("cat", "dan")
	w.group("g", "ann", users[1:]...)
	f1, f2 := newFaulty(w), newFaulty(w)
	nodes := []*node{w.edge(f1.into(w)), w.edge(f2.into(w))}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			me := users[i%len(users)]
			for round := range 8 {
				d := nodes[rand.IntN(2)].device(me)
				other := users[(i+1+round%3)%len(users)]
				if other == me {
					other = users[(i+2)%len(users)]
				}
				for _, n := range []int{
					d.begin("sign", map[string]any{"user": map[string]any{"id": me}}),
					d.begin("groupSend", gid("g"), "hello"),
					d.begin("sendApply", other),
					d.begin("acceptFriend", other),
					d.begin("send", other, "hello"),
					d.begin("removeFriend", other),
				} {
					if a := d.end(n); a.Code != domain.OK && a.Code != domain.Forbidden && a.Code != domain.Conflict {
						t.Errorf("answered %+v", a)
					}
				}
				d.leave()
			}
		})
	}
	all.Wait()
	gone(t, nodes[0], f1)
	gone(t, nodes[1], f2)
}

// Shutdown does not wait for what will never come: live copies, or a log that is away.
func TestShutdownWithThingsUnderWay(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	w.group("g", "ann", "bob")
	f := newFaulty(w)
	n := w.edge(f.into(w), func(o *edge.Options) { o.Settings.Logger = nobody })
	a := n.device("ann")
	a.ok("groupSend", gid("g"), "hello")
	f.set(func() { f.drop = func(domain.Record) bool { return true } })
	a.begin("groupSend", gid("g"), "waits for its copy")
	a.begin("block", "bob") // too
	eventually(t, "they are stored", func() bool {
		ends, err := w.journal.Ends(t.Context())
		return err == nil && ends[0].Seq == 8
	})
	f.set(func() { f.drop, f.fail = nil, errAway })
	w.say(domain.Direct("ann", "bob"), "bob", "cannot be judged")
	eventually(t, "it is tried", func() bool { reads := f.seen(); return reads > 3 })
	done := make(chan error, 1)
	go func() { done <- n.e.Shutdown(t.Context()) }()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(limit):
		t.Fatal("it hangs")
	}
}

// seen is how often the log has been read.
func (f *faulty) seen() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}
