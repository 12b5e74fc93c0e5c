package edge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/domain"
	"parley/domain/journal/journaltest"
	"parley/edge"
)

// Live copies that are lost without anybody being told, between the servers of a cluster, are told all the same, also out of the order of the lanes, and once.
func TestLossWithoutAWord(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		direct, g := domain.Direct("ann", "bob"), w.group("g", "bob", "ann")
		f := newFaulty(w)
		n := w.edge(f.into(w), func(o *edge.Options) { o.Settings.Sweep = 20 * time.Millisecond })
		steady := w.edge().device("ann")
		a := n.device("ann")
		lost := map[string]bool{}
		f.set(func() {
			f.drop = func(r domain.Record) bool {
				m, ok := r.Event.(domain.Message)
				return ok && lost[string(m.Msg)]
			}
		})
		for round := range 5 {
			one, two, last := fmt.Sprint("one ", round), fmt.Sprint("two ", round), fmt.Sprint("last ", round)
			f.set(func() { lost[`"`+one+`"`], lost[`"`+two+`"`], lost[`"`+last+`"`] = true, true, true })
			w.say(direct, "bob", one)
			w.say(g, "bob", two)
			w.append(g, domain.GroupDescribed{By: "bob", Name: fmt.Sprint("name ", round), History: domain.HistoryAll})
			w.say(g, "bob", fmt.Sprint("heard ", round))
			w.say(direct, "ann", last)
			for _, txt := range []string{one, two, last} {
				a.until(txt)
				steady.until(txt)
			}
		}
		texts := func(d *device) (all []string) {
			for _, s := range d.talk() {
				all = append(all, s.Txt)
			}
			slices.Sort(all)
			return all
		}
		if got, want := texts(a), texts(steady); len(want) != 20 || !slices.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
		again, recovered := a.back(n)
		again.ok("send", "bob", "end")
		again.until("end")
		if !recovered || len(again.talk()) > 1 {
			t.Errorf("recovered: %v; and it is told again %v", recovered, again.talk())
		}
	})
}

// A device that has missed nothing that the log has lost since is recovered; one that has is not, and is told to begin anew.
func TestResumeFromATrimmedLog(t *testing.T) {
	servers := journaltest.Start(t, 1)
	w := newLog(t, servers.Open(t, quiet))
	w.project()
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	direct := domain.Direct("ann", "bob")
	ann := map[string]*device{"before": n.device("ann"), "after": n.device("ann")}
	one := w.say(direct, "bob", "one")
	for _, d := range ann {
		d.until("one")
	}
	ann["before"].close()
	two := w.say(direct, "bob", "two")
	ann["after"].until("two")
	ann["after"].close()
	first := w.append(direct, domain.FriendRequested{By: "ann"})
	w.append(direct, domain.FriendAccepted{By: "bob"})
	three := w.say(direct, "bob", "three")
	nc, err := nats.Connect(servers.URL())
	must(t, err)
	t.Cleanup(nc.Close)
	if _, err := nc.Request("$JS.API.STREAM.PURGE.CHAT-0", fmt.Appendf(nil, `{"seq":%d}`, first), limit); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d, %d and %d; trimmed up to %d", one, two, three, first)
	again, recovered := ann["after"].back(n)
	if again.until("three"); !recovered || len(again.talk()) != 1 {
		t.Errorf("it is recovered: %v, and hears %v", recovered, again.talk())
	}
	again, recovered = ann["before"].back(n)
	if again.expect("reset"); recovered || len(again.talk()) > 0 {
		t.Errorf("it is recovered: %v, and hears %v", recovered, again.talk())
	}
}

// A log that has lost its end and has grown again, as after a power cut or when a backup was restored, resumes nobody who was told what is gone; an edge that has
// outlived that says that it can do no more.
func TestResumeFromARestoredLog(t *testing.T) {
	servers := journaltest.Start(t, 1)
	w := newLog(t, servers.Open(t, quiet))
	w.project()
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	failed := make(chan error, 1)
	n := w.edge(func(o *edge.Options) { o.Fail = func(err error) { failed <- err } })
	direct := domain.Direct("ann", "bob")
	ann := n.device("ann")
	w.say(direct, "bob", "kept")
	ann.until("kept")
	ann.close()
	before := &device{tb: t, me: ann.me, ws: ann.ws, done: ann.done, pid: ann.pid, offset: ann.offset}
	backup := filepath.Join(t.TempDir(), "backup")
	servers.Stop(0)
	must(t, os.CopyFS(backup, os.DirFS(servers.Dirs()[0])))
	servers.Restart(0)
	again, recovered := ann.back(n)
	if !recovered {
		t.Fatal("not recovered before anything was lost")
	}
	for i := range 10 { // more than the edge stores by itself
		w.say(direct, "bob", fmt.Sprint("lost ", i))
	}
	lost := w.say(direct, "bob", "lost")
	again.until("lost")
	again.close()
	w.rest()
	servers.Stop(0)
	must(t, os.RemoveAll(servers.Dirs()[0]))
	must(t, os.CopyFS(servers.Dirs()[0], os.DirFS(backup)))
	servers.Restart(0)
	select {
	case err := <-failed:
		t.Log(err)
	case <-time.After(limit):
		t.Error("the edge goes on with a log that is another one")
	}
	w = newLog(t, servers.Open(t, quiet))
	w.project()
	if other := w.say(direct, "bob", "other"); other > lost {
		w.Fatalf("%d is not in the place of %d", other, lost)
	}
	w.say(direct, "bob", "more")
	n = w.edge()
	if d, recovered := again.back(n); recovered {
		t.Errorf("who was told what is lost is recovered, and hears %v", d.talk())
	} else {
		d.expect("reset")
	}
	if d, recovered := before.back(n); !recovered {
		t.Error("who was told nothing of what is lost is not recovered")
	} else {
		d.until("more")
	}
}
