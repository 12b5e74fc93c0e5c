package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"parley/domain"
	"parley/edge"
)

// edited is a change as it is stored.
func edited(by domain.UserID, seq uint64, txt string) domain.MessageEdited {
	msg, _ := json.Marshal(txt) // strings always encode
	return domain.MessageEdited{By: by, Seq: seq, Msg: msg}
}

// Whether a change counts is decided by its place: by who may write there, and for a recall by the role there; the read models say the same.
func TestChangesCountByTheirPlace(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		g := w.group("g", "ann", "bob", "cat")
		n := w.edge()
		a := n.device("ann")
		var texts []uint64
		for i := range 6 {
			texts = append(texts, w.say(g, "cat", fmt.Sprint("text ", i)))
		}
		w.append(g, domain.MessageRecalled{By: "bob", Seq: texts[0]}) // no admin yet
		w.append(g, domain.GroupRoleSet{By: "ann", UID: "bob", Role: domain.RoleAdmin})
		w.append(g, domain.MessageRecalled{By: "bob", Seq: texts[1]})
		w.append(g, domain.GroupRoleSet{By: "ann", UID: "bob", Role: domain.RoleMember})
		w.append(g, domain.MessageRecalled{By: "bob", Seq: texts[2]}) // no more
		w.append(g, domain.MessageRecalled{By: "cat", Seq: texts[3]}) // one's own
		w.append(g, edited("cat", texts[3], "too late"))
		w.append(g, domain.MessageReacted{By: "ann", Seq: texts[3], Emoji: "👍", On: true})
		w.append(g, domain.MessageRecalled{By: "ann", Seq: texts[3]})
		w.append(g, edited("cat", texts[4], "in"))
		w.append(g, domain.GroupRemoved{By: "ann", UID: "cat"})
		w.append(g, edited("cat", texts[4], "out"))
		w.append(g, domain.MessageRecalled{By: "cat", Seq: texts[4]})
		w.append(g, domain.MessageReacted{By: "cat", Seq: texts[4], Emoji: "👍", On: true})
		w.append(g, domain.MessageRecalled{By: "ann", Seq: 1 << 40}) // by the owner, of nothing
		w.append(g, domain.MessageRecalled{By: "bob", Seq: 1 << 40}) // which is not bob's
		w.append(g, domain.MessageReacted{By: "bob", Seq: texts[5], Emoji: "👍", On: true})
		heardChanges(a, fmt.Sprintf("recalled g:g %d by bob", texts[1]), fmt.Sprintf("recalled g:g %d by cat", texts[3]),
			fmt.Sprintf(`edited g:g %d by cat "in"`, texts[4]), fmt.Sprintf("recalled g:g %d by ann", uint64(1<<40)),
			fmt.Sprintf("reacted g:g %d by bob 👍 true", texts[5]))
		for i, want := range []string{`"text 0"`, `""`, `"text 2"`, `""`, `"in"`, `"text 5"`} {
			m := n.message("ann", "g:g", texts[i])
			if string(m.Msg) != want || (m.Recalled != nil) != (want == `""`) || len(m.Reactions) != i/5 {
				t.Errorf("message %d is read as %+v, want %s", i, m, want)
			}
		}
	})
}

// Who joined after something was said is not told of its changes where one reads from when one joined, and cannot change it.
func TestChangesOfWhatIsHidden(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan")
		g := w.group("g", "ann", "bob", "dan")
		here, there := w.edge(), w.edge()
		b, d := here.device("bob"), there.device("dan")
		before := b.ok("groupSend", gid("g"), "before").seq(t)
		w.append(g, domain.GroupDescribed{By: "ann", Name: "g", History: domain.HistoryJoined})
		w.append(g, domain.GroupJoined{By: "ann", UID: "cat"})
		w.append(g, domain.GroupRoleSet{By: "ann", UID: "cat", Role: domain.RoleAdmin})
		c := there.device("cat")
		behind := w.edge(func(o *edge.Options) { o.Views = lagging{Views: w.views, behind: 1} })
		c2 := behind.device("cat")
		after := b.ok("groupSend", gid("g"), "after").seq(t)
		for _, c := range []*device{c, c2} {
			refuseAll(t, w, []refusedChange{
				{"hidden", c, "react", []any{"g:g", before, "👍", true}, domain.NotFound, "no such message"},
				{"hidden from an admin", c, "recall", []any{"g:g", before}, domain.NotFound, "no such message"},
				{"hidden, whoever's", c, "edit", []any{"g:g", before, "x"}, domain.NotFound, "no such message"},
			})
		}
		b.ok("edit", "g:g", before, "hidden from cat")
		d.ok("react", "g:g", after, "👍", true)
		w.append(g, domain.GroupRemoved{By: "ann", UID: "dan"}) // and comes back to less than there was
		w.append(g, domain.GroupJoined{By: "ann", UID: "dan"})
		eventually(t, "dan is back", func() bool {
			return slices.Equal(groupStates(d), []string{"described", "joined", "role", "removed", "joined"})
		})
		b.ok("edit", "g:g", after, "hidden from dan")
		b.ok("react", "g:g", before, "👍", true)
		w.append(g, domain.GroupDescribed{By: "ann", Name: "g", History: domain.HistoryAll})
		b.ok("react", "g:g", before, "❤️", true)
		late := fmt.Sprintf("reacted g:g %d by bob ❤️ true", before)
		hiddenFromCat, reacted := fmt.Sprintf(`edited g:g %d by bob "hidden from cat"`, before), fmt.Sprintf("reacted g:g %d by dan 👍 true", after)
		hiddenFromDan, reactedBefore := fmt.Sprintf(`edited g:g %d by bob "hidden from dan"`, after), fmt.Sprintf("reacted g:g %d by bob 👍 true", before)
		heardChanges(b, hiddenFromCat, reacted, hiddenFromDan, reactedBefore, late)
		heardChanges(c, reacted, hiddenFromDan, late)
		heardChanges(c2, reacted, hiddenFromDan, late)
		heardChanges(d, hiddenFromCat, reacted, late)
	})
}

// groupStates gives what a device has heard of its group, in order.
func groupStates(d *device) (all []string) {
	for _, h := range d.all("group") {
		var e struct{ State string }
		h.arg(d.tb, 0, &e)
		all = append(all, e.State)
	}
	return all
}

// unread are read models that are up to date and do not give messages.
type unread struct{ edge.Views }

func (unread) Messages(context.Context, domain.UserID, domain.Topic, uint64, uint64, int) ([]domain.MessageView, bool, error) {
	return nil, false, errAway
}

// Where the read models are behind, away or silent, changing goes on by what the log says; what it does not say is let pass, and the fold decides.
func TestChangesWithoutReadModels(t *testing.T) {
	for name, views := range map[string]func(edge.Views) edge.Views{
		"behind": func(v edge.Views) edge.Views { return lagging{Views: v, behind: 7} },
		"away":   func(v edge.Views) edge.Views { return away{lagging{Views: v, err: errAway}} },
		"silent": func(v edge.Views) edge.Views { return unread{v} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3)
			w.people("ann", "bob", "cat")
			w.befriend("ann", "bob")
			g := w.group("g", "ann", "bob", "cat")
			n := w.edge(func(o *edge.Options) { o.Views = views(o.Views) })
			a, b, c := n.device("ann"), n.device("bob"), n.device("cat")
			direct, byBob := a.ok("send", "bob", "1").seq(t), b.ok("groupSend", gid("g"), "2").seq(t)
			w.append(domain.Direct("ann", "cat"), domain.FriendRequested{By: "cat"})
			lost := w.say(domain.Direct("ann", "cat"), "ann", "does not count")
			state, err := w.journal.State(t.Context(), g, 0)
			must(t, err)
			w.append(domain.Direct("ann", "cat"), domain.FriendAccepted{By: "ann"})
			c.expect("friend")
			eventually(t, "ann and cat are friends", func() bool { return slices.Contains(states(c), "ann accepted") })
			refuseAll(t, w, []refusedChange{
				{"another's", b, "edit", []any{"u:ann", direct, "x"}, domain.Forbidden, "only who has said it"},
				{"another's", c, "recall", []any{"g:g", byBob}, domain.Forbidden, "owner and admins"},
				{"what did not count", a, "edit", []any{"u:cat", lost, "x"}, domain.NotFound, "no such message"},
				{"a decision", a, "react", []any{"g:g", state[0].Seq, "👍", true}, domain.NotFound, "no such message"},
				{"beyond the end", a, "react", []any{"g:g", byBob + 100, "👍", true}, domain.NotFound, "no such message"},
				{"another conversation's", a, "react", []any{"u:cat", direct, "👍", true}, domain.NotFound, "no such message"},
			})
			a.ok("edit", "u:bob", direct, "edited")
			a.ok("edit", "u:bob", direct, "edited") // which is not noticed
			b.ok("react", "u:ann", direct, "👍", true)
			a.ok("recall", "g:g", byBob)
			refuseAll(t, w, []refusedChange{
				{"what this edge has seen taken back", a, "recall", []any{"g:g", byBob}, domain.Conflict, "taken back"},
				{"what this edge has seen taken back", b, "edit", []any{"g:g", byBob, "x"}, domain.Conflict, "taken back"},
			})
			edit := fmt.Sprintf(`edited u:ann %d by ann "edited"`, direct)
			eventually(t, "bob hears all", func() bool { return len(toldChanges(b)) >= 4 })
			var inDirect []string
			for _, c := range toldChanges(b) {
				if c.Conversation == "u:ann" {
					inDirect = append(inDirect, c.String())
				}
			}
			if want := []string{edit, edit, fmt.Sprintf("reacted u:ann %d by bob 👍 true", direct)}; !slices.Equal(inDirect, want) {
				t.Errorf("bob heard %q, want %q", inDirect, want)
			}
			if m := w.edge().message("bob", "u:ann", direct); string(m.Msg) != `"edited"` || len(m.Reactions) != 1 {
				t.Errorf("bob reads %+v", m)
			}
		})
	}
}

// While the log is away a change is answered with code 8, or where its place is not known, after a while.
func TestChangesWhileTheLogIsAway(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	f := newFaulty(w)
	n := w.edge(f.into(w))
	a, b := n.device("ann"), n.device("bob")
	seq := a.ok("send", "bob", "1").seq(t)
	f.set(func() { f.failAppends = 1 })
	a.no(domain.Unavailable, "edit", "u:bob", seq, "not stored")
	f.set(func() { f.drop = func(r domain.Record) bool { _, is := r.Event.(domain.Change); return is } })
	a.no(domain.Unavailable, "edit", "u:bob", seq, "stored and not heard")
	f.set(func() { f.drop = nil })
	a.ok("edit", "u:bob", seq, "stored and not heard") // is so already
	a.ok("edit", "u:bob", seq, "then")
	heardChanges(b, fmt.Sprintf(`edited u:ann %d by ann "stored and not heard"`, seq), fmt.Sprintf(`edited u:ann %d by ann "then"`, seq))
}

// Changes that live copies did not tell of are read from the log, whether a later copy shows the hole or the feed does, and told in order, once.
func TestChangesInAHole(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		w.befriend("ann", "bob")
		g := w.group("g", "ann", "bob", "cat")
		direct := domain.Direct("ann", "bob")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		b := n.device("bob")
		one, two := w.say(direct, "ann", "1"), w.say(g, "cat", "2")
		b.until("1")
		b.until("2")
		lose := func(topic domain.Topic, store func()) {
			f.set(func() { f.drop = func(domain.Record) bool { return true } })
			store()
			f.settle(w, topic)
			f.set(func() { f.drop = nil })
		}
		lose(direct, func() {
			w.append(direct, edited("ann", one, "a"))
			w.append(direct, domain.MessageReacted{By: "bob", Seq: one, Emoji: "👍", On: true})
		})
		w.append(direct, edited("ann", one, "b")) // names the one before it
		want := []string{fmt.Sprintf(`edited u:ann %d by ann "a"`, one), fmt.Sprintf("reacted u:ann %d by bob 👍 true", one),
			fmt.Sprintf(`edited u:ann %d by ann "b"`, one)}
		heardChanges(b, want...)
		lose(g, func() {
			w.append(g, edited("cat", two, "a"))
			w.append(g, domain.MessageRecalled{By: "cat", Seq: two})
			w.append(g, edited("cat", two, "too late"))
		})
		w.say(g, "ann", "3")
		b.until("3")
		want = append(want, fmt.Sprintf(`edited g:g %d by cat "a"`, two), fmt.Sprintf("recalled g:g %d by cat", two))
		heardChanges(b, want...)
		lose(direct, func() { w.append(direct, domain.MessageReacted{By: "bob", Seq: one, Emoji: "👍"}) })
		f.lost()
		f.lost()
		want = append(want, fmt.Sprintf("reacted u:ann %d by bob 👍 false", one))
		heardChanges(b, want...)
		w.append(direct, domain.MessageRecalled{By: "ann", Seq: one})
		heardChanges(b, append(want, fmt.Sprintf("recalled u:ann %d by ann", one))...)
	})
}

// Who is told late what was said in a group is told of its changes in the same order, and in the same way.
func TestChangesToldLate(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		g := w.group("g", "bob", "cat", "ann")
		f := newFaulty(w)
		n := w.edge(f.into(w))
		c := n.device("cat")
		old := w.say(g, "cat", "old")
		c.until("old")
		w.fold()
		w.rest()
		w.append(g, domain.GroupRemoved{By: "bob", UID: "ann"})
		w.append(g, domain.GroupDescribed{By: "bob", Name: "g", History: domain.HistoryJoined})
		w.append(g, domain.GroupJoined{By: "bob", UID: "ann"})
		eventually(t, "the edge knows of it before ann comes", func() bool { return slices.Contains(states(c), "g joined") })
		a := n.enter("ann")
		own, bobs := w.say(g, "cat", "own"), w.say(g, "bob", "bob's")
		w.append(g, edited("cat", own, "edited"))
		w.append(g, edited("cat", old, "hidden"))
		w.append(g, domain.MessageRecalled{By: "cat", Seq: bobs}) // does not count
		w.append(g, domain.MessageRecalled{By: "cat", Seq: own})
		w.append(g, edited("cat", own, "too late"))
		w.append(g, domain.MessageReacted{By: "bob", Seq: bobs, Emoji: "👍", On: true})
		w.say(g, "bob", "end")
		c.until("end")
		w.project()
		a.until("end")
		all := []string{fmt.Sprintf(`edited g:g %d by cat "edited"`, own), fmt.Sprintf("recalled g:g %d by cat", own), fmt.Sprintf("reacted g:g %d by bob 👍 true", bobs)}
		heardChanges(a, all...)
		heardChanges(c, slices.Insert(slices.Clone(all), 1, fmt.Sprintf(`edited g:g %d by cat "hidden"`, old))...)
		if got := texts(a.talk()); !slices.Equal(got, []string{"own", "bob's", "end"}) {
			t.Errorf("ann heard %q", got)
		}
	})
}
