package edge_test

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"parley/domain"
	"parley/domain/journal/journaltest"
	"parley/edge"
)

// Who connects while the read models are behind hears their groups, and sees their friends, once those have caught up.
func TestReadModelsBehindAtEntering(t *testing.T) {
	for _, shards := range []int{1, 3} {
		w := newLog(t, journaltest.Open(t, journaltest.Shards(shards), quiet))
		w.people("ann", "bob", "cat")
		w.group("g", "ann", "bob")
		w.befriend("ann", "bob")
		w.befriend("bob", "cat")
		here, there := w.edge(), w.edge()
		a, b := there.device("ann"), here.device("bob")
		b.ok("removeFriend", "cat")
		meanwhile := a.ok("groupSend", gid("g"), "meanwhile").seq(t)
		w.project()
		if got := b.until("meanwhile"); got[0].Seq != meanwhile {
			t.Errorf("bob heard %v", got)
		}
		a.ok("groupSend", gid("g"), "then")
		if got := texts(b.until("then")); !slices.Equal(got, []string{"meanwhile", "then"}) {
			t.Errorf("bob heard %q", got)
		}
		eventually(t, "ann is seen", func() bool {
			var online map[domain.UserID]string
			must(t, json.Unmarshal(b.ok("sign", map[string]any{"user": map[string]any{"id": "bob"}}).Data, &online))
			return online["ann"] != "" && online["cat"] == ""
		})
		b.leave()
		eventually(t, "bob is gone", func() bool { _, c, watched := here.e.Kept(); return c == 0 && watched == 0 })
	}
}

// Where live copies are missing, what was decided in them is gone by before anything that follows is judged.
func TestDecisionsThatWereLost(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		w.befriend("ann", "bob")
		g := w.group("g", "ann", "bob", "cat")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		a, b := n.device("ann"), n.device("bob")
		b.ok("send", "ann", "in")
		b.ok("groupSend", gid("g"), "in g")
		f.set(func() { f.tells, f.drop = true, func(domain.Record) bool { return true } })
		w.append(domain.Direct("ann", "bob"), domain.FriendBlocked{By: "ann"})
		w.append(g, domain.GroupRemoved{By: "ann", UID: "bob"})
		f.settle(w, domain.Direct("ann", "bob"))
		f.set(func() { f.drop = nil })
		f.lost()
		w.say(domain.Direct("ann", "bob"), "bob", "out")
		w.say(g, "bob", "out g")
		b.no(domain.Forbidden, "send", "ann", "out too")
		b.no(domain.Forbidden, "groupSend", gid("g"), "out too")
		w.say(g, "cat", "end")
		if got := texts(a.until("end")); !slices.Equal(got, []string{"in", "in g", "end"}) {
			t.Errorf("ann heard %q", got)
		}
		b.expect("group")
		if got := texts(b.talk()); !slices.Equal(got, []string{"in", "in g"}) {
			t.Errorf("bob heard %q", got)
		}
	})
}

// What others have stored while the connection to the log was lost is delivered without anything further, in order.
func TestStoredWhileTheConnectionWasLost(t *testing.T) {
	servers := journaltest.Start(t, 1)
	w := newLog(t, servers.Open(t, journaltest.Shards(3), quiet))
	w.project()
	w.people("ann", "bob", "cat", "dan")
	w.befriend("ann", "bob")
	w.befriend("cat", "bob")
	g := w.group("g", "ann", "bob")
	w.say(domain.Direct("cat", "bob"), "cat", "before bob came")
	other := &world{TB: t, journal: servers.Open(t, quiet)}
	f := newFaulty(other)
	n := w.edge(f.into(other), func(o *edge.Options) { o.Settings.Logger = nobody })
	b := n.device("bob")
	w.say(g, "ann", "1")
	b.until("1")
	w.say(domain.Direct("ann", "bob"), "ann", "2")
	b.until("2")

	stored := make(chan struct{})
	store := sync.OnceFunc(func() { close(stored) })
	defer store()
	f.set(func() {
		f.drop = func(domain.Record) bool { return true } // no copy comes from now on
		f.telling = func() { <-stored }
	})
	servers.Stop(0)
	servers.Restart(0)
	eventually(t, "the log can be written", func() bool { return w.journal.Ready(t.Context()) == nil })
	for _, txt := range []string{"3", "4", "5"} {
		w.say(g, "ann", "group "+txt)
		w.say(domain.Direct("ann", "bob"), "ann", "direct "+txt)
		w.say(domain.Direct("cat", "bob"), "cat", "first "+txt) // this edge has not kept the conversation before
	}
	w.group("new", "dan", "bob")
	w.say(domain.InGroup("new"), "dan", "new 5")
	store()
	for _, topic := range []string{"group", "direct", "first", "new"} {
		b.until(topic + " 5")
	}
	got := texts(b.talk())
	for _, topic := range []string{"group", "direct", "first"} {
		var of []string
		for _, txt := range got {
			if len(txt) > len(topic) && txt[:len(topic)] == topic {
				of = append(of, txt)
			}
		}
		if !slices.Equal(of, []string{topic + " 3", topic + " 4", topic + " 5"}) {
			t.Errorf("heard %q of %s", of, topic)
		}
	}
	if slices.Contains(got, "before bob came") {
		t.Error("bob heard what was said before he came")
	}
}
