package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/domain"
	"parley/edge"
	"parley/projector/memory"
)

// few lets people have two friends, and be in two groups.
func few(o *edge.Options) { o.Settings.Friends, o.Settings.Groups = 2, 2 }

// refusedFor fails where a refusal does not say what the limit is.
func (a answer) refusedFor(tb testing.TB, words string) {
	tb.Helper()
	if !strings.Contains(a.Message, words) || !strings.Contains(a.Message, ": 2") {
		tb.Errorf("refused by %q, want a sentence with %q and the limit", a.Message, words)
	}
}

// made is the group that an answer is about.
func (a answer) made(tb testing.TB) string {
	tb.Helper()
	var made struct{ GID string }
	must(tb, json.Unmarshal(a.Data, &made))
	return made.GID
}

// Who has as many friends as one may have gets no more, whoever would accept, and applies to nobody; one friend less, and it goes on.
func TestFriendsAreLimited(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat", "dan", "eve")
	n := w.edge(few)
	a, d, e := n.device("ann"), n.device("dan"), n.device("eve")
	w.befriend("ann", "bob")
	w.fold()
	e.ok("sendApply", "ann")
	a.ok("sendApply", "dan") // with one friend
	w.befriend("ann", "cat")
	w.fold()
	a.no(domain.TooLarge, "acceptFriend", "eve").refusedFor(t, "one of you two")
	a.no(domain.TooLarge, "sendApply", "eve").refusedFor(t, "one of you two") // which would be to accept
	d.no(domain.TooLarge, "acceptFriend", "ann").refusedFor(t, "one of you two")
	d.no(domain.TooLarge, "sendApply", "ann").refusedFor(t, "one of you two")
	w.people("fay")
	a.no(domain.TooLarge, "sendApply", "fay").refusedFor(t, "you have")
	n.device("fay").ok("sendApply", "ann") // may be turned down, or wait
	a.no(domain.Conflict, "acceptFriend", "bob")
	a.ok("rejectFriend", "fay")
	a.ok("removeFriend", "cat")
	w.fold()
	d.ok("acceptFriend", "ann")
	w.fold()
	a.no(domain.TooLarge, "acceptFriend", "eve")
}

// Who is in as many groups as one may be comes into no more: not by friends, who invite them like strangers, nor by themselves, nor by a yes. One
// group less, and it goes on.
func TestGroupsAreLimited(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat", "dan")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	w.group("open", "dan")
	w.group("open2", "dan")
	w.group("one", "bob")
	n := w.edge(few)
	a, b, d := n.device("ann"), n.device("bob"), n.device("dan")
	b.ok("applyGroup", "open")
	at := a.ok("createGroup", map[string]any{"name": "below", "members": []string{"bob", "cat"}}).made(t)
	w.fold()
	at2 := a.ok("createGroup", map[string]any{"name": "at", "members": []string{"bob", "cat"}}).made(t)
	w.fold()
	roles := func(g string, members, invited string) {
		t.Helper()
		records, err := w.journal.State(t.Context(), domain.InGroup(domain.GroupID(g)), 0)
		must(t, err)
		made := records[0].Event.(domain.GroupCreated)
		if got := fmt.Sprint(made.Members, made.Invited); got != members+" "+invited {
			t.Errorf("members and invited are %s, want %s %s", got, members, invited)
		}
	}
	roles(at, "[bob cat]", "[]")
	roles(at2, "[cat]", "[bob]")
	b.no(domain.TooLarge, "acceptGroup", at2).refusedFor(t, "you are in")
	b.no(domain.TooLarge, "applyGroup", at2).refusedFor(t, "you are in") // who is invited would be in
	b.no(domain.TooLarge, "applyGroup", "open2").refusedFor(t, "you are in")
	b.no(domain.TooLarge, "sendApply", "dan", map[string]any{"type": 1, "gid": "open2"}).refusedFor(t, "you are in")
	b.no(domain.TooLarge, "createGroup", map[string]any{"name": "x"}).refusedFor(t, "you are in")
	d.no(domain.TooLarge, "acceptGroup", "open", "bob").refusedFor(t, "this person")
	a.no(domain.TooLarge, "createGroup", map[string]any{"name": "x", "members": []string{"bob"}}).refusedFor(t, "you are in")
	b.no(domain.Conflict, "acceptGroup", "one")
	d.ok("invite", "open", "bob") // who has applied: it is an invitation now
	d.no(domain.Conflict, "invite", "open", "bob")
	w.append(domain.Direct("bob", "dan"), domain.FriendRequested{By: "bob"})
	w.append(domain.Direct("bob", "dan"), domain.FriendAccepted{By: "dan"})
	d.ok("invite", "open2", "bob")
	b.no(domain.TooLarge, "acceptGroup", "open2")
	b.ok("rejectGroup", at2)
	b.ok("leaveGroup", at)
	w.fold()
	b.ok("acceptGroup", "open2")
	w.fold()
	b.no(domain.TooLarge, "acceptGroup", "open")
}

// uncounted are read models that do not say what anybody has.
type uncounted struct {
	*memory.Store
	asked [][]domain.UserID
}

func (u *uncounted) CountGroups(_ context.Context, of []domain.UserID) (map[domain.UserID]int, error) {
	u.asked = append(u.asked, of)
	return nil, errAway
}

func (u *uncounted) CountFriends(ctx context.Context, of []domain.UserID) (map[domain.UserID]int, error) {
	return u.CountGroups(ctx, of)
}

// Read models that are away stop nobody, and each command asks them once, for all whom it is about.
func TestNobodyIsStoppedForWantOfACount(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat", "dan")
	w.befriend("ann", "bob")
	w.befriend("ann", "cat")
	views := &uncounted{Store: w.views}
	a := w.edge(few, func(o *edge.Options) { o.Views = views }).device("ann")
	for _, c := range []struct {
		args  []any
		about int // people; 0: it is not asked
	}{
		{[]any{"createGroup", map[string]any{"name": "x", "members": []string{"bob", "cat", "dan"}}}, 3},
		{[]any{"sendApply", "dan"}, 2}, {[]any{"block", "dan"}, 0}, {[]any{"unblock", "dan"}, 0}, {[]any{"removeFriend", "cat"}, 0},
	} {
		views.asked = nil
		a.ok(c.args[0].(string), c.args[1:]...)
		if c.about == 0 && len(views.asked) > 0 || c.about > 0 && (len(views.asked) != 1 || len(views.asked[0]) != c.about) {
			t.Errorf("%v asks about %v, want about %d people at once", c.args, views.asked, c.about)
		}
	}
}
