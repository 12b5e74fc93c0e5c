//go:build unix

package main

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"parley/domain/journal/journaltest"
)

// TestLaptopSleeps stops the process of two people's clients, one of each library, as a laptop does that is closed. Their friend hears that they go
// and, when it is open again, that they come: each once. They come back by themselves, and get what they missed. Of who has two tabs, it is the
// last one that counts.
func TestLaptopSleeps(t *testing.T) {
	t.Parallel()
	// The heartbeats are those of the laptop's edge only: nobody else is cut off while the machine is busy.
	urls := twoEdges(t, journaltest.Start(t, 1).URL(), "--socket.ping", "500ms", "--socket.pong", "3s")
	desk, laptop := startDriver(t), startDriver(t)
	ann, bob, cat := register(t, urls[1], "ann"), register(t, urls[0], "bob"), register(t, urls[0], "cat")
	a := ann.deviceAt(desk, today, "ann", ann.url, nil)
	asleep := []*user{bob, cat}
	device := map[*user]*client{
		bob: bob.deviceAt(laptop, today, "bob", bob.url, nil),
		cat: cat.deviceAt(laptop, old, "cat", cat.url, nil),
	}
	for _, u := range asleep {
		befriend(t, a, device[u], ann, u)
	}
	w := watch(a, ann, bob, cat)
	heardLast := map[*user]uint64{}
	for _, u := range asleep {
		a.ok("send", u.ID, "good night")
		var last reply
		device[u].expect("reply", nil, &last)
		heardLast[u] = last.Seq
	}

	must(t, laptop.node.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { laptop.node.Signal(syscall.SIGCONT) }) // before the driver's, which waits for it
	gone := w.hears(2)
	if slices.Sort(gone); !slices.Equal(gone, []string{"-bob", "-cat"}) {
		t.Errorf("ann hears %q when the laptop sleeps", gone)
	}
	for _, u := range asleep {
		for i := range 3 {
			a.ok("send", u.ID, fmt.Sprint("while you sleep ", i))
		}
	}
	must(t, laptop.node.Signal(syscall.SIGCONT))
	for _, u := range asleep {
		device[u].expect("disconnect")
		device[u].expect("connect")
		device[u].expect("open")
	}
	back := w.hears(2)
	if slices.Sort(back); !slices.Equal(back, []string{"+bob", "+cat"}) {
		t.Errorf("ann hears %q when the laptop wakes", back)
	}
	for _, u := range asleep {
		var missed struct{ Messages []message }
		u.get(t, fmt.Sprintf("/api/conversations/u:%s/messages?after=%d", ann.ID, heardLast[u]), &missed)
		if len(missed.Messages) != 3 {
			t.Errorf("%s missed %d messages, want 3", u.Username, len(missed.Messages))
		}
		for i, m := range missed.Messages {
			if want := fmt.Sprintf(`"while you sleep %d"`, i); string(m.Msg) != want || m.From != ann.ID {
				t.Errorf("%s missed %s, want %s", u.Username, m.Msg, want)
			}
		}
		heard := 3
		if u == bob { // his library knows recovery
			for i := range 3 {
				var again reply
				if device[u].expect("reply", nil, &again); string(again.Msg) != fmt.Sprintf(`"while you sleep %d"`, i) {
					t.Errorf("%s is told %s on waking, want the message %d that was missed", u.Username, again.Msg, i)
				}
			}
			heard += 3
		}
		a.ok("send", u.ID, "good morning")
		var live reply
		if device[u].expect("reply", nil, &live); string(live.Msg) != `"good morning"` {
			t.Errorf("%s hears %s when awake", u.Username, live.Msg)
		}
		device[u].ok("send", ann.ID, "good morning, "+ann.Name)
		device[u].online(u)
		if n := len(device[u].all("reply")); n != heard {
			t.Errorf("%s hears %d messages, want %d", u.Username, n, heard)
		}
	}
	a.online(ann)
	if more := w.news(); len(more) > 0 {
		t.Errorf("ann hears %q, too", more)
	}

	// Bob opens two tabs elsewhere and closes one, which is not heard, and then the other, which is.
	device[bob].close()
	expectComing(t, w, "-bob")
	for where, at := range map[string][2]int{"at one edge": {1, 1}, "at two edges": {1, 0}} {
		first := bob.deviceAt(desk, today, "first tab "+where, urls[at[0]], nil)
		expectComing(t, w, "+bob")
		second := bob.deviceAt(desk, old, "second tab "+where, urls[at[1]], nil)
		if at[1] == 0 { // until that is known at ann's edge: cat's going takes the same road
			device[cat].close()
			expectComing(t, w, "-cat")
		}
		shown := a.online(ann)[bob.ID]
		first.close()
		eventually(t, "another connection is shown", func() bool { return a.online(ann)[bob.ID] != shown })
		if got := w.news(); len(got) > 0 {
			t.Errorf("%s: ann hears %q when one of two tabs is closed", where, got)
		}
		second.close()
		expectComing(t, w, "-bob")
	}
}
