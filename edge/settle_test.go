package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"parley/domain"
	"parley/edge"
)

// race is what two edges make of messages that race with a removal, a leaving or a block: for everyone alike.
type race struct {
	*world
	topic   domain.Topic
	sender  *device
	hearers []*device
	send    func(txt string) (event string, args []any)
	end     func(d *device) int // what races with the messages
	ender   *device
	mend    func()
	closing domain.UserID // says the last word
	heard   int           // messages that the hearers have heard before this round
}

// run lets the sender send a burst while it is ended, and compares acks, deliveries and read models.
func (r *race) run(round int) (denied int) {
	const burst = 8
	var acks []int
	cut := rand.IntN(burst)
	var ended int
	for i := range burst {
		if i == cut {
			ended = r.end(r.ender)
		}
		event, args := r.send(fmt.Sprintf("%d.%d", round, i))
		acks = append(acks, r.sender.begin(event, args...))
	}
	r.ender.end(ended)
	var in []said
	for i, n := range acks {
		switch a := r.sender.end(n); a.Code {
		case domain.OK:
			in = append(in, said{a.seq(r), fmt.Sprintf("%d.%d", round, i)})
		case domain.Forbidden:
			denied++
		default:
			r.Fatalf("the answer is %+v", a)
		}
	}
	r.mend()
	end := fmt.Sprintf("%d end", round)
	in = append(in, said{r.say(r.topic, r.closing, end), end})
	for _, d := range r.hearers {
		if got := d.until(end)[r.heard:]; !slices.Equal(got, in) {
			r.Errorf("round %d: acked %v, %s heard %v", round, in, d.me, got)
		}
	}
	r.heard += len(in)
	r.inViews(in)
	return denied
}

// inViews compares with what the projector has made of it.
func (r *race) inViews(in []said) {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ends, err := r.journal.Ends(ctx)
	must(r, err)
	_, err = r.views.Wait(ctx, ends)
	must(r, err)
	found, _, err := r.views.Messages(ctx, r.closing, r.topic, 0, 0, len(in))
	must(r, err)
	var got []said
	for _, m := range found {
		var txt string
		must(r, json.Unmarshal(m.Msg, &txt))
		got = append(got, said{m.Seq, txt})
	}
	if !slices.Equal(got, in) {
		r.Errorf("acked %v, the read model has %v", in, got)
	}
}

const rounds = 40

func TestMessageRacesWithRemoval(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan")
		g := w.group("g", "ann", "bob", "cat", "dan")
		one, two := w.edge(), w.edge()
		r := &race{world: w, topic: g, closing: "dan", ender: one.device("ann"), sender: two.device("bob")}
		r.hearers = []*device{one.device("cat"), two.device("dan"), r.ender}
		r.send = func(txt string) (string, []any) { return "groupSend", []any{gid("g"), txt} }
		r.end = func(d *device) int { return d.begin("removeMember", "g", "bob") }
		r.mend = func() { w.append(g, domain.GroupJoined{By: "ann", UID: "bob"}) }
		denied := 0
		for round := range rounds {
			denied += r.run(round)
		}
		if denied == 0 {
			t.Error("no message came too late: nothing was seen")
		}
	})
}

func TestMessageRacesWithBlock(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		one, two := w.edge(), w.edge()
		r := &race{world: w, topic: domain.Direct("ann", "bob"), closing: "ann", ender: one.device("ann"), sender: two.device("bob")}
		r.hearers = []*device{r.ender, r.sender, one.device("bob"), two.device("ann")}
		r.send = func(txt string) (string, []any) { return "send", []any{"ann", txt} }
		r.end = func(d *device) int { return d.begin("block", "bob") }
		r.mend = func() {
			r.ender.ok("unblock", "bob")
			r.ender.ok("sendApply", "bob")
			r.sender.ok("acceptFriend", "ann")
		}
		denied := 0
		for round := range rounds {
			denied += r.run(round)
		}
		if denied == 0 {
			t.Error("no message came too late: nothing was seen")
		}
	})
}

// An edge that has not heard of a removal yet stores the message; the sender is told what became of it once the copies are there.
func TestVerdictWaitsForTheCopies(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		g := w.group("g", "ann", "bob")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		a, b := n.device("ann"), n.device("bob")
		b.ok("groupSend", gid("g"), "in")
		var kept []domain.Record
		f.set(func() { f.drop = func(r domain.Record) bool { kept = append(kept, r); return true } })
		w.append(g, domain.GroupRemoved{By: "ann", UID: "bob"})
		n1, n2 := b.begin("groupSend", gid("g"), "out"), a.begin("groupSend", gid("g"), "end")
		eventually(t, "all copies are kept back", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(kept) == 3 })
		f.set(func() { f.drop = nil })
		for _, r := range kept {
			n.e.Arrive(r)
		}
		if x, y := b.end(n1), a.end(n2); x.Code != domain.Forbidden || y.Code != domain.OK {
			t.Errorf("answers %+v and %+v, want codes 3 and 0", x, y)
		}
		if got := texts(a.until("end")); !slices.Equal(got, []string{"in", "end"}) {
			t.Errorf("ann heard %q", got)
		}
	})
}

// Where the live copy never comes, the log is asked, and says the same.
func TestVerdictWithoutACopy(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		g := w.group("g", "ann", "bob")
		f := newFaulty(w)
		n := w.edge(f.into(w), func(o *edge.Options) { o.Settings.LiveWait = 20 * time.Millisecond })
		a, b := n.device("ann"), n.device("bob")
		b.ok("groupSend", gid("g"), "in")
		b.ok("send", "ann", "in")
		f.set(func() { f.drop = func(domain.Record) bool { return true } })
		w.append(g, domain.GroupRemoved{By: "ann", UID: "bob"})
		w.append(domain.Direct("ann", "bob"), domain.FriendBlocked{By: "ann"})
		b.no(domain.Forbidden, "groupSend", gid("g"), "out")
		b.no(domain.Forbidden, "send", "ann", "out")
		a.ok("groupSend", gid("g"), "counts")
	})
}

// The same id again is the same message: it is said once, and each answer has the first one's place.
func TestTheSameMessageAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		one, two := w.edge(), w.edge()
		a1, a2, b := one.device("ann"), two.device("ann"), two.device("bob")
		msg := map[string]any{"txt": "once", "id": "m1"}
		var acks [][2]int
		for range 10 {
			acks = append(acks, [2]int{a1.begin("send", "bob", msg), a2.begin("send", "bob", msg)})
		}
		first := a1.end(acks[0][0])
		for _, n := range acks {
			for _, got := range []answer{a1.end(n[0]), a2.end(n[1])} {
				if got.Code != domain.OK || got.seq(t) != first.seq(t) {
					t.Errorf("answered %+v, want seq %d", got, first.seq(t))
				}
			}
		}
		b.ok("send", "ann", "end")
		for _, d := range []*device{a1, a2, b} {
			d.until("end")
			if n := len(d.all("reply")); n != 2 {
				t.Errorf("%s heard %d replies, want 2", d.me, n)
			}
		}
	})
}
