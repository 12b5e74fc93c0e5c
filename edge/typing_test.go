package edge_test

import (
	"testing"

	"parley/domain"
)

// typists gives who a device has heard typing where.
func typists(d *device) (all []string) {
	for _, h := range d.all("typing") {
		var k struct{ Conversation, UID string }
		h.arg(d.tb, 0, &k)
		all = append(all, k.UID+" in "+k.Conversation)
	}
	return all
}

// That somebody types is told to the others in the conversation, at whichever edges, and to nobody else; and it is not stored.
func TestTyping(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "eve")
		w.befriend("ann", "bob")
		w.group("g", "ann", "bob", "cat")
		one, two := w.edge(), w.edge()
		a1, a2, b1, b2, c, e := one.device("ann"), two.device("ann"), one.device("bob"), two.device("bob"), two.device("cat"), two.device("eve")
		before, err := w.journal.Ends(t.Context())
		must(t, err)
		a1.ok("typing", "u:bob")
		a1.ok("typing", "g:g")
		for _, d := range []*device{b1, b2, c} {
			d.expect("typing")
		}
		b1.expect("typing")
		b2.expect("typing")
		e.no(domain.Forbidden, "typing", "u:ann")
		e.no(domain.Forbidden, "typing", "g:g")
		e.no(domain.NotFound, "typing", "g:nothing")
		after, err := w.journal.Ends(t.Context())
		must(t, err)
		for i := range before {
			if before[i] != after[i] {
				t.Errorf("the log went from %v to %v", before[i], after[i])
			}
		}
		b1.ok("groupSend", gid("g"), "end")
		for _, d := range []*device{a1, a2, b1, b2, c} {
			d.until("end")
		}
		e.emit("nonsense")
		for d, want := range map[*device]int{a1: 0, a2: 0, b1: 2, b2: 2, c: 1, e: 0} {
			if got := typists(d); len(got) != want {
				t.Errorf("%s heard of %q, want %d", d.me, got, want)
			}
		}
		if got := typists(c)[0]; got != "ann in g:g" {
			t.Errorf("cat heard of %s", got)
		}

		// Where the edge that hears of it knows better than the one that lets it pass, it counts.
		b2.ok("block", "ann")
		must(t, w.journal.Broadcast("typing", []byte(`{"topic":"user.ann.bob","by":"ann"}`)))
		for _, nonsense := range []string{``, `null`, `{`, `{"topic":"x"}`, `{"topic":"group.g","by":"eve"}`, `{"topic":"person.ann","by":"ann"}`, `{"topic":"user.ann.cat","by":"bob"}`} {
			must(t, w.journal.Broadcast("typing", []byte(nonsense)))
		}
		c.ok("typing", "g:g")
		b2.expect("typing")
		if got := typists(b2); len(got) != 3 || got[2] != "cat in g:g" {
			t.Errorf("bob heard of %q", got)
		}
	})
}

// Who types without end is told to slow down, on all devices together.
func TestTypingIsPaced(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge(slow)
	one, two := n.device("ann"), n.device("ann")
	passed := 0
	for i := 0; ; i++ {
		d := []*device{one, two}[i%2]
		got := d.emit("typing", "u:bob")
		if got.Code == domain.OK {
			if passed++; passed > 100 {
				t.Fatal("nobody minds")
			}
			continue
		}
		if got.Code != domain.TooMany || got.wait(t) != 1 {
			t.Errorf("answered %+v after %d", got, passed)
		}
		break
	}
	if passed < 5 {
		t.Errorf("only %d passed at once", passed)
	}
}
