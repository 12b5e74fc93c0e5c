package edge_test

import (
	"context"
	"fmt"
	"testing"

	"parley/domain"
	"parley/domain/journal/journaltest"
	"parley/edge"
)

// unsaid are read models that cannot be asked about messages.
type unsaid struct {
	edge.Views
	is bool
}

func (a *unsaid) MessageSeq(ctx context.Context, shard int, t domain.Topic, from domain.UserID, id string) (uint64, domain.Position, error) {
	if a.is {
		return 0, domain.Position{}, domain.Refuse(domain.Unavailable, "the read models are away")
	}
	return a.Views.MessageSeq(ctx, shard, t, from, id)
}

// A message that is sent again is answered with the place of the first, whatever has become of the two minutes in which the log knows it, of the edge, and of the
// read models; and nobody gets it a second time.
func TestSentAgain(t *testing.T) {
	for what, models := range map[string]func(*world, *unsaid){
		"up to date": func(w *world, _ *unsaid) { w.project(); w.fold() },
		"behind":     func(*world, *unsaid) {},
		"away":       func(w *world, a *unsaid) { w.project(); w.fold(); a.is = true },
		"gone since": func(w *world, a *unsaid) { w.project(); w.fold(); w.rest(); a.is = true },
	} {
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d shards", what, shards), func(t *testing.T) {
				t.Parallel()
				servers := journaltest.Start(t, 1)
				w := newLog(t, servers.Open(t, journaltest.Shards(shards), quiet))
				w.people("ann", "bob", "eve")
				w.befriend("ann", "bob")
				in := w.group("g", "ann", "bob")
				views := &unsaid{Views: w.views}
				with := func(o *edge.Options) { o.Views = views }
				first := w.edge(with)
				a, b := first.enter("ann"), first.enter("bob")
				send := func(d *device, id string) uint64 {
					return d.ok("send", "bob", map[string]any{"txt": id, "id": id}).seq(t)
				}
				say := func(d *device, id string) uint64 {
					return d.ok("groupSend", map[string]any{"gid": "g"}, map[string]any{"txt": id, "id": id}).seq(t)
				}
				one, two := send(a, "one"), say(a, "two")
				if again := send(a, "one"); again != one {
					t.Errorf("at once: at %d, and the first at %d", again, one)
				}
				models(w, views)
				servers.ForgetIDs()
				second := w.edge(with)
				for _, n := range []*node{first, second} {
					n.e.SureFor(0) // the log has forgotten, though it is not two minutes
					d := n.enter("ann")
					if again := send(d, "one"); again != one {
						t.Errorf("later: at %d, and the first at %d", again, one)
					}
					if again := say(d, "two"); again != two {
						t.Errorf("in a group, later: at %d, and the first at %d", again, two)
					}
				}
				three := send(a, "three")
				servers.ForgetIDs()
				if again := send(second.enter("ann"), "three"); again != three || three <= one {
					t.Errorf("another: at %d, and the first at %d", again, three)
				}
				b.until("three")
				if got := len(b.all("reply")); got != 2 {
					t.Errorf("bob got %d messages, want two", got)
				}
				for topic, want := range map[domain.Topic]int{domain.Direct("ann", "bob"): 2, in: 1} {
					messages := 0
					must(t, w.journal.Talk(t.Context(), topic, 0, func(domain.Record) bool { messages++; return true }))
					if messages != want {
						t.Errorf("the log holds %d messages of %v, want %d", messages, topic, want)
					}
				}
			})
		}
	}
}

// What did not count where it stands was not sent: it may be, as soon as its sender may write.
func TestSentAgainAfterItDidNotCount(t *testing.T) {
	servers := journaltest.Start(t, 1)
	w := newLog(t, servers.Open(t, quiet))
	w.people("ann", "bob")
	w.append(domain.Direct("ann", "bob"), domain.Message{From: "ann", ID: "m", Msg: []byte(`"too early"`)})
	w.befriend("ann", "bob")
	n := w.edge()
	a := n.enter("ann")
	first := a.ok("send", "bob", map[string]any{"txt": "now", "id": "m"}).seq(t)
	servers.ForgetIDs()
	n.e.SureFor(0)
	if again := a.ok("send", "bob", map[string]any{"txt": "now", "id": "m"}).seq(t); again != first {
		t.Errorf("at %d, and the one that counts at %d", again, first)
	}
}

// Where anyone may write to anyone, strangers' messages count, too.
func TestSentAgainToAStranger(t *testing.T) {
	servers := journaltest.Start(t, 1)
	w := newLog(t, servers.Open(t, quiet))
	w.people("ann", "bob")
	n := w.edge(func(o *edge.Options) { o.Settings.Anyone = true })
	a := n.enter("ann")
	first := a.ok("send", "bob", map[string]any{"txt": "hello", "id": "m"}).seq(t)
	servers.ForgetIDs()
	n.e.SureFor(0)
	if again := a.ok("send", "bob", map[string]any{"txt": "hello", "id": "m"}).seq(t); again != first {
		t.Errorf("at %d, and the first at %d", again, first)
	}
}

// Where more would have to be read than an edge reads, it says that it cannot tell, and stores nothing.
func TestSentAgainInALongConversation(t *testing.T) {
	w := newLog(t, journaltest.Open(t, quiet))
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	n.e.SpokenAtMost(3)
	a := n.enter("ann")
	message := func(id string) map[string]any { return map[string]any{"txt": id, "id": id} }
	var last uint64
	for _, id := range []string{"1", "2", "3", "4"} {
		last = a.ok("send", "bob", message(id)).seq(t)
	}
	if again := a.ok("send", "bob", message("3")).seq(t); again >= last {
		t.Errorf("at %d, after the last one", again)
	}
	a.no(domain.Unavailable, "send", "bob", message("5"))
	a.no(domain.Unavailable, "send", "bob", message("4"))
	a.ok("send", "bob", "without an id")
	messages := 0
	must(t, w.journal.Talk(t.Context(), domain.Direct("ann", "bob"), 0, func(domain.Record) bool { messages++; return true }))
	if messages != 5 {
		t.Errorf("the log holds %d messages, want 5", messages)
	}
}
