package edge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/domain"
	"parley/edge"
)

// toldChange is what a device hears of a message's being changed.
type toldChange struct {
	Event        string
	Conversation string
	Seq          uint64
	By           domain.UserID
	Msg          json.RawMessage
	Emoji        string
	On           *bool
	Date         string
	At           uint64
}

func (c toldChange) String() string {
	s := fmt.Sprintf("%s %s %d by %s", c.Event, c.Conversation, c.Seq, c.By)
	switch {
	case c.On != nil:
		return fmt.Sprintf("%s %s %t", s, c.Emoji, *c.On)
	case c.Msg != nil:
		return s + " " + string(c.Msg)
	}
	return s
}

// toldChanges gives what a device has heard of messages' being changed, in order.
func toldChanges(d *device) (all []toldChange) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.heard {
		if slices.Contains([]string{"edited", "recalled", "reacted"}, h.Event) {
			c := toldChange{Event: h.Event}
			h.arg(d.tb, 0, &c)
			all = append(all, c)
		}
	}
	return all
}

// heardChanges waits until a device has heard of so many changes, and compares them.
func heardChanges(d *device, want ...string) {
	d.tb.Helper()
	told := func() (all []string) {
		for _, c := range toldChanges(d) {
			all = append(all, c.String())
		}
		return all
	}
	eventually(d.tb, fmt.Sprintf("%s hears of %d changes", d.me, len(want)), func() bool { return len(told()) >= len(want) })
	if got := told(); !slices.Equal(got, want) {
		d.tb.Errorf("%s heard\n%s, want\n%s", d.me, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// message asks an edge for a message, as somebody sees it.
func (n *node) message(u domain.UserID, conversation string, seq uint64) domain.MessageView {
	n.Helper()
	var page struct{ Messages []domain.MessageView }
	n.get(u, "/api/conversations/"+conversation+"/messages", &page)
	at := slices.IndexFunc(page.Messages, func(m domain.MessageView) bool { return m.Seq == seq })
	if at < 0 {
		n.Fatalf("%s sees no message at %d of %s: %+v", u, seq, conversation, page.Messages)
	}
	return page.Messages[at]
}

// What is done to a message is heard by all devices of both, at any edge, once and as each calls the conversation, and stands in the history.
func TestChangesBetweenTwo(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "eve")
		w.befriend("ann", "bob")
		w.befriend("ann", "eve")
		here, there := w.edge(), w.edge()
		a, a2, b, b2, e := here.device("ann"), there.device("ann"), here.device("bob"), there.device("bob"), there.device("eve")
		said := a.ok("send", "bob", map[string]any{"txt": "helo", "id": "m-1"}).seq(t)
		b2.until("helo")
		a.ok("edit", "u:bob", said, json.RawMessage(`{"txt":"hello","id":"other","n":1}`))
		b.ok("react", "u:ann", said, "👍🏽", true)
		a2.ok("react", "u:bob", said, "👍🏽", true)
		b2.ok("react", "u:ann", said, "👍🏽", false)
		b2.ok("react", "u:ann", said, "❤️", true)
		toAnn := []string{
			fmt.Sprintf(`edited u:bob %d by ann {"txt":"hello","id":"other","n":1}`, said), fmt.Sprintf("reacted u:bob %d by bob 👍🏽 true", said),
			fmt.Sprintf("reacted u:bob %d by ann 👍🏽 true", said), fmt.Sprintf("reacted u:bob %d by bob 👍🏽 false", said), fmt.Sprintf("reacted u:bob %d by bob ❤️ true", said),
		}
		var toBob []string
		for _, s := range toAnn {
			toBob = append(toBob, strings.Replace(s, "u:bob", "u:ann", 1))
		}
		for _, d := range []*device{a, a2} {
			heardChanges(d, toAnn...)
		}
		for _, d := range []*device{b, b2} {
			heardChanges(d, toBob...)
		}
		all := toldChanges(a)
		for i, c := range all {
			if _, err := time.Parse("2006-01-02T15:04:05.000Z", c.Date); err != nil || c.At <= said || i > 0 && c.At <= all[i-1].At {
				t.Errorf("change %d is at %d, %q", i, c.At, c.Date)
			}
		}
		for _, n := range []*node{here, there} {
			m := n.message("bob", "u:ann", said)
			if m.ID != "m-1" || string(m.Msg) != `{"txt":"hello","id":"other","n":1}` || m.Edited != all[0].Date || m.Recalled != nil {
				t.Errorf("bob reads %+v", m)
			}
			want := []domain.ReactionView{{Emoji: "👍🏽", Count: 1}, {Emoji: "❤️", Count: 1, Mine: true}}
			slices.SortFunc(want, func(a, b domain.ReactionView) int { return strings.Compare(a.Emoji, b.Emoji) })
			slices.SortFunc(m.Reactions, func(a, b domain.ReactionView) int { return strings.Compare(a.Emoji, b.Emoji) })
			if !slices.Equal(m.Reactions, want) {
				t.Errorf("bob reads the reactions %+v, want %+v", m.Reactions, want)
			}
		}
		a2.ok("recall", "u:bob", said)
		toBob = append(toBob, fmt.Sprintf("recalled u:ann %d by ann", said))
		for _, d := range []*device{b, b2} {
			heardChanges(d, toBob...)
		}
		m := there.message("bob", "u:ann", said)
		if string(m.Msg) != `""` || m.Recalled == nil || m.Recalled.By != "ann" || len(m.Reactions) > 0 {
			t.Errorf("bob reads %+v", m)
		}
		for _, d := range []*device{a, a2, b, b2} {
			for _, h := range d.all("fail") {
				t.Errorf("%s is told of a failure: %s", d.me, h.Args)
			}
		}
		a.ok("send", "eve", "end")
		e.until("end")
		if got := toldChanges(e); len(got) > 0 {
			t.Errorf("eve heard %v", got)
		}
	})
}

// What changes nothing is answered with yes, stored nowhere and told nobody.
func TestNothingChanges(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	a, b := n.device("ann"), n.device("bob")
	text := a.ok("send", "bob", "a b").seq(t)
	object := a.ok("send", "bob", map[string]any{"txt": "c", "id": "m-1", "n": json.Number("1e2"), "o": map[string]any{"x": 1, "y": 2}}).seq(t)
	a.ok("react", "u:bob", text, "👍", true)
	ends, err := w.journal.Ends(t.Context())
	must(t, err)
	a.ok("edit", "u:bob", text, "a b")
	a.ok("edit", "u:bob", text, json.RawMessage(`"a\u0020b"`))
	a.ok("edit", "u:bob", object, json.RawMessage(`{ "o": {"y": 2, "x": 1}, "n": 1e2, "id": "another", "txt": "c" }`))
	a.ok("react", "u:bob", text, "👍", true)
	b.ok("react", "u:ann", text, "👍", false)
	a.ok("react", "u:bob", text, "❤️", false)
	if after, err := w.journal.Ends(t.Context()); err != nil || after[0].Seq != ends[0].Seq {
		t.Errorf("the log ends at %v, was %v: %v", after, ends, err)
	}
	a.ok("edit", "u:bob", text, "a c") // and back again, which is a change
	a.ok("edit", "u:bob", text, "a b")
	a.ok("edit", "u:bob", object, json.RawMessage(`{"txt":"c","n":100,"o":{"x":1,"y":2}}`))
	heardChanges(b, fmt.Sprintf("reacted u:ann %d by ann 👍 true", text), fmt.Sprintf(`edited u:ann %d by ann "a c"`, text),
		fmt.Sprintf(`edited u:ann %d by ann "a b"`, text), fmt.Sprintf(`edited u:ann %d by ann {"txt":"c","n":100,"o":{"x":1,"y":2}}`, object))
}

// refusedChange is a change that is refused, with what its sentence must name.
type refusedChange struct {
	rule    string
	by      *device
	command string
	args    []any
	code    domain.Code
	says    string
}

func refuseAll(t *testing.T, w *world, rows []refusedChange) {
	t.Helper()
	before, err := w.journal.Ends(t.Context())
	must(t, err)
	for _, c := range rows {
		if a := c.by.emit(c.command, c.args...); a.Code != c.code || !strings.Contains(a.Message, c.says) {
			t.Errorf("%s: %s%v by %s gives %d, %q; want %d and a sentence about %q", c.rule, c.command, c.args, c.by.me, a.Code, a.Message, c.code, c.says)
		}
	}
	after, err := w.journal.Ends(t.Context())
	if must(t, err); !slices.Equal(before, after) {
		t.Errorf("the log grew from %v to %v", before, after)
	}
}

// Each argument may be anything.
func TestChangesOfHostileShape(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	a, b := n.device("ann"), n.device("bob")
	seq := a.ok("send", "bob", "hi").seq(t)
	var rows []refusedChange
	add := func(rule, command string, code domain.Code, says string, args ...any) {
		rows = append(rows, refusedChange{rule, a, command, args, code, says})
	}
	rest := map[string][]any{"edit": {"ho"}, "recall": nil, "react": {"👍", true}}
	for command, more := range rest {
		with := func(first ...any) []any { return append(first, more...) }
		for _, conversation := range []any{nil, 7, true, []any{}, map[string]any{}, "", "u:", "g:", "bob", "x:bob", "u:ann", "u:a.b", "g:*", "u:" + strings.Repeat("x", 10_000)} {
			says := "conversation"
			if strings.HasPrefix(fmt.Sprint(conversation), "u:") || strings.HasPrefix(fmt.Sprint(conversation), "g:") {
				says = "conversation must be u:<another's uid> or g:<gid>"
			}
			add("a conversation that is none", command, domain.Malformed, says, with(conversation, seq)...)
		}
		for _, at := range []any{nil, 0, -1, 1.5, "1", true, []any{1}, map[string]any{}, json.Number("18446744073709551616"), json.Number("1e30"), json.Number("1.0")} {
			add("a seq that is none", command, domain.Malformed, "seq must be a message's seq", with("u:bob", at)...)
		}
		for _, at := range []any{seq + 1, seq - 1, 1, json.Number("9223372036854775806"), json.Number("9223372036854775807"), json.Number("18446744073709551615")} {
			if at == any(seq) {
				continue
			}
			add("a place where no message is", command, domain.NotFound, "no such message", with("u:bob", at)...)
		}
		add("too few", command, domain.Malformed, command+" takes (conversation, seq", "u:bob")
		add("too many", command, domain.Malformed, command+" takes (conversation, seq", append(with("u:bob", seq), 1)...)
		add("nobody's conversation", command, domain.Forbidden, "write", with("u:nobody", seq)...)
		add("no group there is", command, domain.NotFound, "group", with("g:none", seq)...)
	}
	for _, msg := range []any{nil, 7, true, []any{}, map[string]any{}, "", " \n", "\u200b", map[string]any{"txt": ""}, map[string]any{"txt": 7}, map[string]any{"TXT": "x"},
		map[string]any{"txt": "x", "id": ""}, map[string]any{"txt": "x", "id": "a b"}} {
		add("a message that is none", "edit", domain.Malformed, "msg", "u:bob", seq, msg)
	}
	add("the longest message and a byte", "edit", domain.TooLarge, "65536", "u:bob", seq, strings.Repeat("x", 64<<10-1))
	for _, emoji := range []any{nil, 7, true, []any{}, map[string]any{}, "", " ", "👍 ", "👍\n", "\u200d", "\u202e👍", "a\x00"} {
		add("an emoji that is none", "react", domain.Malformed, "emoji", "u:bob", seq, emoji, true)
	}
	add("an emoji one byte too long", "react", domain.TooLarge, "64", "u:bob", seq, strings.Repeat("x", 65), true)
	for _, on := range []any{nil, 0, 1, "true", "", []any{true}, map[string]any{}} {
		add("neither on nor off", "react", domain.Malformed, "on must be true or false", "u:bob", seq, "👍", on)
	}
	refuseAll(t, w, rows)
	a.ok("edit", "u:bob", seq, strings.Repeat("x", 64<<10-2))
	a.ok("react", "u:bob", seq, strings.Repeat("x", 64), true)
	eventually(t, "bob hears what is just allowed", func() bool { return len(toldChanges(b)) == 2 })
}

// Who may change what, between two and in a group.
func TestWhoMayChangeWhat(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan", "eve")
		w.befriend("ann", "bob")
		g := w.group("g", "ann", "bob", "cat", "dan")
		w.append(g, domain.GroupRoleSet{By: "ann", UID: "bob", Role: domain.RoleAdmin})
		here, there := w.edge(), w.edge()
		a, b, c, d, e := here.device("ann"), there.device("bob"), here.device("cat"), there.device("dan"), here.device("eve")
		direct, byCat, byAnn := a.ok("send", "bob", "to bob").seq(t), c.ok("groupSend", gid("g"), "to all").seq(t), a.ok("groupSend", gid("g"), "as owner").seq(t)
		old := w.say(domain.Direct("ann", "eve"), "ann", "does not count")
		gone := c.ok("groupSend", gid("g"), "gone").seq(t)
		c.ok("recall", "g:g", gone)
		state, err := w.journal.State(t.Context(), g, 0)
		must(t, err)
		refuseAll(t, w, []refusedChange{
			{"the other's message", b, "edit", []any{"u:ann", direct, "x"}, domain.Forbidden, "only who has said it"},
			{"the other's message", b, "recall", []any{"u:ann", direct}, domain.Forbidden, "only who has said it"},
			{"another member's message", d, "edit", []any{"g:g", byCat, "x"}, domain.Forbidden, "only who has said it"},
			{"another member's message", d, "recall", []any{"g:g", byCat}, domain.Forbidden, "owner and admins"},
			{"a member's, by an admin", b, "edit", []any{"g:g", byCat, "x"}, domain.Forbidden, "only who has said it"},
			{"a member's, by the owner", a, "edit", []any{"g:g", byCat, "x"}, domain.Forbidden, "only who has said it"},
			{"in no group of hers", e, "edit", []any{"g:g", byCat, "x"}, domain.Forbidden, "member"},
			{"in no group of hers", e, "recall", []any{"g:g", byCat}, domain.Forbidden, "member"},
			{"in no group of hers", e, "react", []any{"g:g", byCat, "👍", true}, domain.Forbidden, "member"},
			{"to a stranger", e, "react", []any{"u:ann", direct, "👍", true}, domain.Forbidden, "write"},
			{"what did not count", a, "recall", []any{"u:eve", old}, domain.Forbidden, "write"},
			{"another conversation's", a, "edit", []any{"g:g", direct, "x"}, domain.NotFound, "no such message"},
			{"a decision", a, "react", []any{"g:g", state[0].Seq, "👍", true}, domain.NotFound, "no such message"},
			{"what was taken back", c, "edit", []any{"g:g", gone, "x"}, domain.Conflict, "taken back"},
			{"what was taken back, again", c, "recall", []any{"g:g", gone}, domain.Conflict, "taken back"},
			{"what was taken back, by the owner", a, "recall", []any{"g:g", gone}, domain.Conflict, "taken back"},
			{"what was taken back", d, "react", []any{"g:g", gone, "👍", true}, domain.Conflict, "taken back"},
			{"what was taken back", d, "react", []any{"g:g", gone, "👍", false}, domain.Conflict, "taken back"},
		})
		d.ok("react", "g:g", byCat, "👍", true)
		c.ok("edit", "g:g", byCat, "to everyone")
		b.ok("recall", "g:g", byCat)
		b.ok("recall", "g:g", byAnn) // also the owner's
		want := []string{fmt.Sprintf("recalled g:g %d by cat", gone), fmt.Sprintf("reacted g:g %d by dan 👍 true", byCat),
			fmt.Sprintf(`edited g:g %d by cat "to everyone"`, byCat), fmt.Sprintf("recalled g:g %d by bob", byCat), fmt.Sprintf("recalled g:g %d by bob", byAnn)}
		for _, x := range []*device{a, b, c, d} {
			heardChanges(x, want...)
		}
		if got := toldChanges(e); len(got) > 0 {
			t.Errorf("eve heard %v", got)
		}
		if m := there.message("dan", "g:g", byCat); m.Recalled == nil || m.Recalled.By != "bob" {
			t.Errorf("dan reads %+v", m)
		}
	})
}

// What was said may be changed for so long, by admins too; a reaction comes at any time.
func TestHowLateSomethingMayBeChanged(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	w.group("g", "ann", "bob")
	late := w.edge(func(o *edge.Options) { o.Settings.Edit, o.Settings.Recall = time.Nanosecond, 2*time.Nanosecond })
	soon := w.edge(func(o *edge.Options) { o.Settings.Edit, o.Settings.Recall = time.Hour, time.Hour })
	ever := w.edge()
	lateBehind := w.edge(func(o *edge.Options) {
		o.Views = lagging{Views: w.views, behind: 1}
		o.Settings.Edit, o.Settings.Recall = time.Nanosecond, 2*time.Nanosecond
	})
	b := ever.device("bob")
	direct, inGroup := b.ok("send", "ann", "1").seq(t), b.ok("groupSend", gid("g"), "2").seq(t)
	for _, n := range []*node{late, lateBehind} {
		a, b := n.device("ann"), n.device("bob")
		refuseAll(t, w, []refusedChange{
			{"edited too late", b, "edit", []any{"u:ann", direct, "x"}, domain.Forbidden, "older than 1ns"},
			{"the same again, too late", b, "edit", []any{"u:ann", direct, "1"}, domain.Forbidden, "older than 1ns"},
			{"taken back too late", b, "recall", []any{"u:ann", direct}, domain.Forbidden, "older than 2ns"},
			{"by the owner", a, "recall", []any{"g:g", inGroup}, domain.Forbidden, "older than 2ns"},
			{"another's is another's, however late", a, "edit", []any{"g:g", inGroup, "x"}, domain.Forbidden, "only who has said it"},
		})
		a.ok("react", "u:bob", direct, "👍", n == late)
	}
	for _, n := range []*node{soon, ever} {
		n.device("bob").ok("edit", "u:ann", direct, n.url)
	}
	soon.device("ann").ok("recall", "g:g", inGroup)
	ever.device("bob").ok("recall", "u:ann", direct)
}

// One may react with so many emoji to one message, not counting those that were taken back, nor those of others or to another message.
func TestHowManyReactions(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	a, b := n.device("ann"), n.device("bob")
	seq, other := a.ok("send", "bob", "1").seq(t), a.ok("send", "bob", "2").seq(t)
	for i := range domain.MaxReactions {
		a.ok("react", "u:bob", seq, fmt.Sprint("e", i), true)
	}
	refuseAll(t, w, []refusedChange{{"one too many", a, "react", []any{"u:bob", seq, "more", true}, domain.TooLarge, fmt.Sprint(domain.MaxReactions)}})
	a.ok("react", "u:bob", seq, "e3", true) // is there already
	a.ok("react", "u:bob", other, "more", true)
	b.ok("react", "u:ann", seq, "more", true)
	a.ok("react", "u:bob", seq, "e3", false)
	a.ok("react", "u:bob", seq, "more", true)
	if got := n.message("ann", "u:bob", seq).Reactions; len(got) != domain.MaxReactions {
		t.Errorf("ann reads %d reactions", len(got))
	}
}

// A message has so many kinds of reactions, of whoever they are; one that it has already anybody may join in.
func TestHowManyKindsOfReactions(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat", "dan")
	g := w.group("g", "ann", "bob", "cat", "dan")
	seq := w.say(g, "ann", "1")
	for i := range domain.MaxKinds { // twenty each at most
		w.append(g, domain.MessageReacted{By: []domain.UserID{"ann", "bob", "cat"}[i%3], Seq: seq, Emoji: fmt.Sprint("e", i), On: true})
	}
	n := w.edge()
	dan := n.device("dan")
	refuseAll(t, w, []refusedChange{{"one kind too many", dan, "react", []any{"g:g", seq, "more", true}, domain.TooLarge, fmt.Sprint(domain.MaxKinds)}})
	dan.ok("react", "g:g", seq, "e7", true)
	if got := n.message("dan", "g:g", seq).Reactions; len(got) != domain.MaxKinds || got[0].Emoji != "e7" || got[0].Count != 2 {
		t.Errorf("dan reads %+v", got)
	}
}
