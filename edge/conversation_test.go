package edge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/domain"
	"parley/edge"
)

// texts gives what was said.
func texts(all []said) (txts []string) {
	for _, s := range all {
		txts = append(txts, s.Txt)
	}
	return txts
}

// inOrder complains of talk that is not in the order of the log, or twice there.
func inOrder(t *testing.T, who string, all []said) {
	t.Helper()
	for i := 1; i < len(all); i++ {
		if all[i].Seq <= all[i-1].Seq {
			t.Errorf("%s heard %v after %v", who, all[i], all[i-1])
		}
	}
}

// Both lanes of a conversation are one order: what is said between a removal and a return is heard by nobody, the rest by all.
func TestOrderOverBothLanes(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		g := w.group("g", "ann", "bob", "cat")
		n := w.edge()
		a, c := n.device("ann"), n.device("cat")
		var want []string
		for i := range 50 {
			in, out := fmt.Sprintf("in %d", i), fmt.Sprintf("out %d", i)
			w.say(g, "bob", in)
			w.append(g, domain.GroupRemoved{By: "ann", UID: "bob"})
			w.say(g, "bob", out)
			w.append(g, domain.GroupJoined{By: "ann", UID: "bob"})
			want = append(want, in)
		}
		w.say(g, "bob", "end")
		want = append(want, "end")
		for _, d := range []*device{a, c} {
			got := d.until("end")
			if !slices.Equal(texts(got), want) {
				t.Errorf("%s heard %q", d.me, texts(got))
			}
			inOrder(t, string(d.me), got)
			if n := len(d.all("group")); n != 100 {
				t.Errorf("%s heard of %d changes, want 100", d.me, n)
			}
		}
	})
}

// What comes while the state or a profile is being read waits, and keeps its order.
func TestRecordsWaitInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		a := n.device("ann")
		release := f.hold()
		topic := domain.Direct("ann", "bob")
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprint(i))
			w.say(topic, "bob", want[i])
		}
		w.append(topic, domain.FriendRemoved{By: "ann"})
		w.say(topic, "bob", "too late")
		w.befriend("ann", "bob")
		if got := a.talk(); len(got) != 0 {
			t.Errorf("heard %v before the state was there", got)
		}
		release()
		w.say(topic, "bob", "end")
		got := a.until("end")
		if !slices.Equal(texts(got), append(want, "end")) {
			t.Errorf("heard %q", texts(got))
		}
	})
}

// A log that cannot be read for a while delays, and loses nothing, however much comes meanwhile.
func TestConversationThatCannotLoad(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	f := newFaulty(w)
	quiet := func(o *edge.Options) { o.Settings.Logger = nobody }
	n := w.edge(f.into(w), quiet)
	a := n.device("ann")
	f.set(func() { f.fail = errAway })
	const count = 1500 // more than wait in memory
	for i := range count {
		w.say(domain.Direct("ann", "bob"), "bob", fmt.Sprint(i))
	}
	f.set(func() { f.fail = nil })
	w.say(domain.Direct("ann", "bob"), "bob", "end")
	got := a.until("end")
	inOrder(t, "ann", got)
	if len(got) != count+1 {
		t.Errorf("heard %d messages, want %d", len(got), count+1)
	}
}

// A live copy that comes twice is delivered once; one that does not come is read when the next one tells of it.
func TestLiveCopiesTwiceAndNever(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		g := w.group("g", "ann", "bob")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		a := n.device("ann")
		for _, topic := range []domain.Topic{domain.Direct("ann", "bob"), g} {
			w.say(topic, "bob", topic.Key()+" 0")
			a.until(topic.Key() + " 0")
			f.set(func() { f.drop = func(r domain.Record) bool { f.deliverTwice(r); return true } })
			w.say(topic, "bob", topic.Key()+" 1")
			a.until(topic.Key() + " 1")
			f.set(func() { f.drop = func(domain.Record) bool { return true } })
			w.say(topic, "bob", topic.Key()+" 2")
			w.say(topic, "bob", topic.Key()+" 3")
			f.settle(w, topic)
			f.set(func() { f.drop = nil })
			w.say(topic, "bob", topic.Key()+" 4")
			got := a.until(topic.Key() + " 4")
			inOrder(t, "ann", got[len(got)-5:])
		}
		if got := a.talk(); len(got) != 10 {
			t.Errorf("heard %q, want each once", texts(got))
		}
	})
}

// A state event whose live copy does not come is read when the next one tells of it, and delivered before that.
func TestStateThatNeverComes(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	g := w.group("g", "ann", "bob", "cat")
	f := newFaulty(w)
	n := w.edge(f.into(w))
	a := n.device("ann")
	w.say(g, "bob", "in")
	a.until("in")
	f.set(func() {
		f.drop = func(r domain.Record) bool { _, removal := r.Event.(domain.GroupRemoved); return removal }
	})
	w.append(g, domain.GroupRemoved{By: "ann", UID: "bob"})
	w.append(g, domain.GroupInvited{By: "ann", UID: "bob"})
	w.say(g, "bob", "out")
	w.say(g, "cat", "end")
	if got := texts(a.until("end")); !slices.Equal(got, []string{"in", "end"}) {
		t.Errorf("heard %q", got)
	}
	if got := changes(a.all("group")); !slices.Equal(got, []string{"removed", "invited"}) {
		t.Errorf("heard of %q", got)
	}
}

// An edge whose live copies lag asks the log before it says no: what one has done through another edge is so.
func TestRefusalsComeFromTheLog(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.group("g", "bob", "ann")
		f := newFaulty(w)
		n := w.edge(f.into(w), func(o *edge.Options) { o.Settings.LiveWait = 10 * time.Millisecond })
		a := n.device("ann")
		b := n.device("bob")
		b.ok("sendApply", "ann")
		b.ok("removeMember", "g", "ann")
		a.no(domain.Forbidden, "send", "bob", "no friend yet")
		f.set(func() { f.drop = func(domain.Record) bool { return true } })
		w.append(domain.Direct("ann", "bob"), domain.FriendAccepted{By: "ann"})
		w.append(domain.InGroup("g"), domain.GroupJoined{By: "bob", UID: "ann"})
		a.ok("send", "bob", "friends")
		seq := a.ok("groupSend", gid("g"), "member").seq(t)
		a.ok("read", "g:g", seq)
		a.ok("removeFriend", "bob")
	})
}

// Who joins a group while people talk in it hears everything from the joining on, and nothing from before.
func TestJoiningWhilePeopleTalk(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		g := w.group("g", "ann", "bob")
		f := newFaulty(w)
		here, there := w.edge(f.into(w)), w.edge()
		b := there.device("bob")
		for round := range 10 {
			c := here.device("cat")
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						w.say(g, "ann", fmt.Sprintf("%d.%d", round, i))
					}
				}
			}()
			joined := w.append(g, domain.GroupJoined{By: "ann", UID: "cat"})
			c.expect("group")
			close(stop)
			<-stopped
			end := fmt.Sprintf("%d end", round)
			w.say(g, "ann", end)
			var want []said
			for _, s := range b.until(end) {
				if s.Seq > joined {
					want = append(want, s)
				}
			}
			if got := c.until(end); !slices.Equal(got, want) {
				t.Fatalf("cat joined at %d and heard %v, bob %v", joined, got, want)
			}
			w.append(g, domain.GroupLeft{UID: "cat"})
			c.expect("group")
			after := w.say(g, "ann", end+" after")
			b.until(end + " after")
			eventually(t, "the group is not followed", func() bool { return !here.e.Keeps(g) })
			if got := c.talk(); got[len(got)-1].Seq >= after {
				t.Errorf("cat has left and heard %v", got[len(got)-1])
			}
			c.leave()
			eventually(t, "cat is gone", func() bool { people, _, _ := here.e.Kept(); return people == 0 })
		}
		gone(t, here, f)
	})
}

// A removed member is told of it and hears nothing after.
func TestRemovedMemberHearsNothingAfter(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		g := w.group("g", "ann", "bob", "cat")
		n := w.edge()
		a, b, b2 := n.device("ann"), n.device("bob"), n.device("bob")
		w.say(g, "cat", "before")
		w.append(g, domain.GroupRemoved{By: "ann", UID: "bob"})
		w.say(g, "cat", "after")
		w.befriend("ann", "bob")
		a.until("after")
		w.say(domain.Direct("ann", "bob"), "ann", "end")
		for _, d := range []*device{b, b2} {
			if got := texts(d.until("end")); !slices.Equal(got, []string{"before", "end"}) {
				t.Errorf("bob heard %q", got)
			}
			var change struct{ State string }
			d.expect("group").arg(t, 0, &change)
			if change.State != "removed" {
				t.Errorf("bob heard of %+v", change)
			}
		}
		if held := n.e.Held("bob"); held != 1 {
			t.Errorf("%d conversations are bob's, want the one with ann", held)
		}
	})
}

// The state that a command has read from the log may be ahead of the live copies: those are judged by how things stood at their place.
func TestStandingAheadOfTheLiveCopies(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	g := w.group("g", "ann", "bob", "cat")
	f := newFaulty(w)
	n := w.edge(f.into(w))
	a := n.device("ann")
	w.say(g, "bob", "0")
	a.until("0")
	var kept []domain.Record
	f.set(func() { f.drop = func(r domain.Record) bool { kept = append(kept, r); return true } })
	w.say(g, "bob", "1")
	w.append(g, domain.GroupRemoved{By: "ann", UID: "bob"})
	w.say(g, "bob", "2")
	w.append(g, domain.GroupJoined{By: "ann", UID: "bob"})
	w.say(g, "bob", "3")
	w.append(g, domain.GroupLeft{UID: "bob"})
	eventually(t, "all copies are kept back", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(kept) == 6 })
	a.no(domain.Conflict, "removeMember", "g", "bob") // reads the state anew: bob is no member
	f.set(func() { f.drop = nil })
	for _, r := range kept {
		n.e.Arrive(r)
	}
	w.say(g, "cat", "end")
	if got := texts(a.until("end")); !slices.Equal(got, []string{"0", "1", "3", "end"}) {
		t.Errorf("heard %q", got)
	}
	if got := len(a.all("group")); got != 3 {
		t.Errorf("heard of %d changes, want 3", got)
	}
}

// A group is followed while somebody here is in it, whoever comes and goes at the same time.
func TestRetirementRacesWithComing(t *testing.T) {
	w := newWorld(t, 3)
	w.people("ann", "bob", "cat")
	g := w.group("g", "ann", "bob", "cat")
	f := newFaulty(w)
	n := w.edge(f.into(w))
	for round := range 30 {
		b := n.device("bob")
		going := make(chan struct{})
		go func() {
			defer close(going)
			b.leave()
		}()
		a := n.device("ann")
		<-going
		txt := fmt.Sprint(round)
		w.say(g, "cat", txt)
		if got := a.until(txt); len(got) == 0 || got[len(got)-1].Txt != txt {
			t.Fatalf("ann heard %v", got)
		}
		a.leave()
	}
	eventually(t, "nobody is here", func() bool { p, c, _ := n.e.Kept(); return p == 0 && c == 0 })
	eventually(t, "nothing is followed", func() bool { return f.balance() == nil })
}

// settle waits until the edge has been shown the copies of all that is stored of a topic: a mark, which nobody hears of, comes last.
func (f *faulty) settle(w *world, t domain.Topic) {
	w.Helper()
	seen := make(chan struct{})
	f.set(func() {
		drop := f.drop
		f.drop = func(r domain.Record) bool {
			if e, is := r.Event.(domain.ReadMarked); is && e.By == "nobody" {
				close(seen)
			}
			return drop(r)
		}
	})
	w.append(t, domain.ReadMarked{By: "nobody", Seq: 1})
	select {
	case <-seen:
	case <-time.After(limit):
		w.Fatal("the copies do not come")
	}
}

// deliverTwice shows the edge a copy twice. f.mu is held.
func (f *faulty) deliverTwice(r domain.Record) {
	f.deliver(r)
	f.deliver(r)
}
