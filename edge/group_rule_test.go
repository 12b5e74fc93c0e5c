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

// Who applies to a group waits for an answer of those who run it; roles, what the group is, and its end are told to all.
func TestGroupsAreRun(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan")
		w.group("g", "ann", "bob")
		one, two := w.edge(), w.edge()
		a, b, c := one.device("ann"), two.device("bob"), two.device("cat")
		c.ok("applyGroup", "g", map[string]any{"greeting": "let me in", "type": 7, "gid": "other"})
		var apply map[string]any
		a.expect("apply").arg(t, 0, &apply)
		if apply["type"] != 1.0 || apply["gid"] != "g" || apply["from"] != "cat" || apply["greeting"] != "let me in" {
			t.Errorf("apply: %v", apply)
		}
		c.no(domain.Conflict, "applyGroup", "g")
		b.no(domain.Forbidden, "acceptGroup", "g", "cat")
		a.ok("rejectGroup", "g", "cat")
		a.ok("setRole", "g", "bob", "admin")
		c.ok("sendApply", "ann", map[string]any{"type": 1, "gid": "g"}) // as the seed's clients do
		b.expect("apply")
		b.ok("acceptGroup", "g", "cat")
		c.ok("groupSend", gid("g"), "hello")
		b.ok("updateGroup", "g", map[string]any{"name": "new", "description": "two\nlines", "history": "joined"})
		b.ok("updateGroup", "g", map[string]any{"avatar": "x.png"})
		a.ok("setRole", "g", "bob", "owner")
		a.no(domain.Forbidden, "dissolveGroup", "g")
		d := one.device("dan")
		d.ok("applyGroup", "g")
		var applies struct{ Applies []domain.ApplyView }
		one.get("ann", "/api/applies", &applies)
		if len(applies.Applies) != 1 || applies.Applies[0].Type != "group" || applies.Applies[0].From.ID != "dan" || applies.Applies[0].Group.ID != "g" {
			t.Errorf("what waits for ann's answer: %+v", applies.Applies)
		}
		a2 := two.device("ann") // hears of it when it signs
		a2.ok("sign", map[string]any{"user": map[string]any{"id": "ann"}})
		a2.expect("apply")
		var about domain.GroupView
		one.get("dan", "/api/groups/g", &about)
		if about.Name != "new" || about.Description != "two\nlines" || about.Avatar != "x.png" || about.History != "joined" || about.Owner != "bob" {
			t.Errorf("the group is %+v", about)
		}
		b.ok("dissolveGroup", "g")
		b.no(domain.NotFound, "groupSend", gid("g"), "to nobody")
		for d, want := range map[*device][]string{
			a: {"applied", "refused", "role", "applied", "joined", "described", "described", "role", "applied", "dissolved"},
			b: {"role", "applied", "joined", "described", "described", "role", "applied", "dissolved"},
			c: {"applied", "refused", "applied", "joined", "described", "described", "role", "dissolved"},
			d: {"applied"},
		} {
			d.wait(fmt.Sprint(want), func() bool { return len(changes(d.heard)) >= len(want) })
			if got := changes(d.all("group")); !slices.Equal(got, want) {
				t.Errorf("%s heard of %q, want %q", d.me, got, want)
			}
		}
		var described struct{ Name, Avatar, Description, History string }
		all := c.all("group")
		all[5].arg(t, 0, &described)
		if described.Name != "new" || described.Avatar != "x.png" || described.Description != "two\nlines" || described.History != "joined" {
			t.Errorf("described: %s", all[5].Args[0])
		}
		eventually(t, "nobody follows it", func() bool { return !one.e.Keeps(domain.InGroup("g")) && !two.e.Keeps(domain.InGroup("g")) })
	})
}

// Who has been turned down waits before applying again, and is told for how long.
func TestApplyingAgain(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.group("g", "bob")
	n := w.edge(func(o *edge.Options) { o.Settings.Reapply = time.Hour })
	a, b := n.device("ann"), n.device("bob")
	for _, c := range []struct{ apply, reject []any }{
		{[]any{"sendApply", "bob"}, []any{"rejectFriend", "ann"}},
		{[]any{"applyGroup", "g"}, []any{"rejectGroup", "g", "ann"}},
	} {
		a.ok(c.apply[0].(string), c.apply[1:]...)
		b.ok(c.reject[0].(string), c.reject[1:]...)
		again := a.no(domain.TooMany, c.apply[0].(string), c.apply[1:]...)
		var data struct{ RetryAfter float64 }
		must(t, json.Unmarshal(again.Data, &data))
		if data.RetryAfter < 3500 || data.RetryAfter > 3600 || !strings.Contains(again.Message, "again in") {
			t.Errorf("%v: %+v", c.apply, again)
		}
	}
	b.ok("sendApply", "ann") // it is ann who was turned down
}

// In a large group, coming and going is told to those who run it and whom it concerns; all the rest to everybody.
func TestLargeGroupsAreQuiet(t *testing.T) {
	w := newWorld(t, 1)
	crowd := make([]domain.UserID, 200)
	for i := range crowd {
		crowd[i] = domain.UserID(fmt.Sprint("u", i))
	}
	w.people("ann", "bob", "cat", "dan", "u1")
	topic := w.group("g", "ann", append(crowd, "bob")...)
	w.append(topic, domain.GroupRoleSet{By: "ann", UID: "bob", Role: domain.RoleAdmin})
	n := w.edge()
	a, b, c, u := n.device("ann"), n.device("bob"), n.device("cat"), n.device("u0")
	a.ok("invite", "g", "cat")
	c.ok("acceptGroup", "g")
	c.ok("leaveGroup", "g")
	a.ok("removeMember", "g", "u1")
	a.ok("updateGroup", "g", map[string]any{"name": "loud"})
	for d, want := range map[*device][]string{
		a: {"invited", "joined", "left", "removed", "described"},
		b: {"invited", "joined", "left", "removed", "described"},
		c: {"invited", "joined", "left"},
		u: {"described"},
	} {
		d.wait(fmt.Sprint(want), func() bool { return len(changes(d.heard)) >= len(want) })
		if got := changes(d.all("group")); !slices.Equal(got, want) {
			t.Errorf("%s heard of %q, want %q", d.me, got, want)
		}
	}
	a.ok("groupSend", gid("g"), "hello")
	u.until("hello")
	a.ok("leaveGroup", "g") // who owns it now is of interest to all
	var left struct{ State, Owner string }
	eventually(t, "a plain member hears of the new owner", func() bool {
		all := u.all("group")
		all[len(all)-1].arg(t, 0, &left)
		return left.State == "left" && left.Owner == "bob"
	})
}

// A history that begins with one's joining hides what was said before, also the last thing that was; another setting shows it, but
// not to who has left before.
func TestHistoryFromJoining(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		w.befriend("ann", "bob")
		w.group("g", "ann")
		n := w.edge()
		a, b := n.device("ann"), n.device("bob")
		a.ok("groupSend", gid("g"), "before")
		a.ok("invite", "g", "bob")
		shows := func(u domain.UserID, want ...string) {
			t.Helper()
			var page struct{ Messages []domain.MessageView }
			n.get(u, "/api/conversations/g:g/messages", &page)
			var got []string
			for _, m := range page.Messages {
				got = append(got, string(m.Msg))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s finds %q, want %q", u, got, want)
			}
		}
		last := func(want bool) {
			t.Helper()
			var list struct{ Conversations []domain.ConversationView }
			n.get("bob", "/api/conversations", &list)
			at := slices.IndexFunc(list.Conversations, func(v domain.ConversationView) bool { return v.ID == "g:g" })
			if at < 0 || (list.Conversations[at].Last != nil) != want || list.Conversations[at].Unread != 0 {
				t.Errorf("bob's list is %+v, want a last message: %v", list.Conversations, want)
			}
		}
		shows("bob", `"before"`)
		last(true)
		a.ok("updateGroup", "g", map[string]any{"history": "joined"})
		shows("bob")
		last(false)
		shows("ann", `"before"`)
		b.ok("groupSend", gid("g"), "since")
		shows("bob", `"since"`)
		last(true)
		b.ok("leaveGroup", "g")
		a.ok("groupSend", gid("g"), "after")
		shows("bob", `"since"`)
		a.ok("updateGroup", "g", map[string]any{"history": "all"})
		shows("bob", `"since"`)
		a.ok("invite", "g", "bob")
		shows("bob", `"before"`, `"since"`, `"after"`)
	})
}
