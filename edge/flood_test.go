package edge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/domain"
	"parley/edge"
)

// slow are the paces that are set where nobody sets others.
func slow(o *edge.Options) {
	o.Settings.Commands, o.Settings.Changes, o.Settings.Typing, o.Settings.Connects = 2, 5, 1, 1
}

// wait is in how many seconds an answer says to try again.
func (a answer) wait(tb testing.TB) (seconds int) {
	tb.Helper()
	var data struct{ RetryAfter int } // a whole number
	must(tb, json.Unmarshal(a.Data, &data))
	return data.RetryAfter
}

// Whatever one decides counts together, on all devices and whether or not it is refused; going and coming back does not help. What is refused is not
// stored and told nobody; messages and marks go on.
func TestCommandsArePaced(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	w.group("g", "ann", "bob")
	n := w.edge(slow)
	a, b := n.device("ann"), n.device("bob")
	all := [][]any{{"block", "cat"}, {"unblock", "cat"}, {"sendApply", "cat"}, {"acceptFriend", "cat"}, {"rejectFriend", "cat"}, {"removeFriend", "cat"},
		{"updateGroup", "g", map[string]any{"name": "x"}}, {"invite", "g", "cat"}, {"applyGroup", "g"}, {"acceptGroup", "g", "cat"}, {"rejectGroup", "g", "cat"},
		{"setRole", "g", "bob", "admin"}, {"removeMember", "g", "cat"}, {"createGroup", map[string]any{"name": "x"}}, {"setStatus", "invisible"},
		{"setStatus", "online"}, {"sendApply", "cat", map[string]any{"type": 1, "gid": "g"}}, {"leaveGroup", "none"}, {"dissolveGroup", "none"}, {"block", 7}}
	passed := 0
	for i := 0; ; i++ {
		c := all[i%len(all)]
		got := a.emit(c[0].(string), c[1:]...)
		if got.Code != domain.TooMany {
			if passed++; passed > 1000 {
				t.Fatal("nobody minds")
			}
			continue
		}
		if got.wait(t) != 1 {
			t.Errorf("answered %+v", got)
		}
		break
	}
	if passed < 100 {
		t.Errorf("only %d passed at once", passed)
	}
	for _, c := range edge.Commands() {
		args, refused := []any{"g", "cat", "admin"}, 0
		if slices.Contains([]string{"sign", "send", "groupSend", "read", "edit", "recall", "react", "typing", "createGroup"}, c) {
			args = map[string][]any{"send": {"bob", "hi"}, "groupSend": {gid("g"), "hi"}, "read": {"u:bob", 1}, "edit": {"u:cat", 1, "x"}, "recall": {"u:cat", 1},
				"react": {"u:cat", 1, "👍", true}, "sign": {map[string]any{}},
				"typing": {"u:bob"}, "createGroup": {map[string]any{"name": "x"}}}[c]
		}
		for try := range 75 * len(args) {
			if a.emit(c, args[:1+try%len(args)]...).Code == domain.TooMany {
				refused++
				break
			}
		}
		if free := slices.Contains([]string{"send", "groupSend", "read"}, c); free != (refused == 0) {
			t.Errorf("%s was refused %d times", c, refused)
		}
	}
	begun := time.Now()
	a.leave()
	eventually(t, "ann is gone", func() bool { return n.e.Devices("ann") == 0 })
	a = n.device("ann")
	a.ok("groupSend", gid("g"), "then")
	b.until("then")
	told, passed := len(b.all("group")), 0
	for i := range 60 {
		if a.emit("updateGroup", "g", map[string]any{"name": fmt.Sprint(i)}).Code != domain.TooMany {
			passed++
		}
	}
	if most := 1 + 2*time.Since(begun).Seconds(); float64(passed) > most {
		t.Errorf("%d passed after ann had gone and come back, want at most %v", passed, most)
	}
	a.ok("read", "u:bob", a.ok("send", "bob", "1").seq(t))
	a.ok("groupSend", gid("g"), "end")
	b.until("end")
	if n := len(b.all("group")) - told; n != passed {
		t.Errorf("bob was told %d times, %d passed", n, passed)
	}
}

// A group costs by its members: a large one takes all that one has, and is possible for who has all of it.
func TestLargeGroupsArePaced(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann")
	var many []domain.UserID
	for i := range 300 {
		many = append(many, domain.UserID(fmt.Sprint("u", i)))
	}
	w.people(many...)
	n := w.edge(func(o *edge.Options) { o.Settings.Commands, o.Settings.Anyone = 1, true })
	for u, c := range map[domain.UserID]struct{ members, made int }{"u0": {1, 50}, "u1": {99, 50}, "u2": {100, 25}, "u3": {199, 25}, "u4": {200, 16}} {
		d := n.device(u)
		made, begun := 0, time.Now()
		for d.emit("createGroup", map[string]any{"name": "x", "members": slices.Repeat([]domain.UserID{"ann"}, c.members)}).Code == domain.OK {
			made++
		}
		if free := 1 + time.Since(begun).Seconds(); made < c.made || float64(made-c.made) > free {
			t.Errorf("%d groups of %d people were made at once, want %d", made, c.members, c.made)
		}
	}
	// More than 5,000 would cost more than all that one has.
	d := n.device("u9")
	large := map[string]any{"name": "x", "members": slices.Repeat(many, 30)}
	d.ok("createGroup", large)
	if wait := d.no(domain.TooMany, "createGroup", large).wait(t); wait < 30 || wait > 50 {
		t.Errorf("the next such group may be made in %d s", wait)
	}
}

// Strangers are bothered by a group that invites them as by any other invitation: they cost as much, and there may not be many.
func TestInvitedStrangersArePaced(t *testing.T) {
	w := newWorld(t, 1)
	var many []domain.UserID
	for i := range 41 {
		many = append(many, domain.UserID(fmt.Sprint("u", i)))
	}
	w.people(append(many, "ann")...)
	d := w.edge(func(o *edge.Options) { o.Settings.Commands = 1 }).device("ann")
	begun := time.Now()
	d.no(domain.TooLarge, "createGroup", map[string]any{"name": "x", "members": many})
	d.ok("createGroup", map[string]any{"name": "x", "members": many[:40]})
	left := 0
	for d.emit("createGroup", map[string]any{"name": "x"}).Code == domain.OK {
		left++
	}
	if most := 8 + time.Since(begun).Seconds(); left < 8 || float64(left) > most {
		t.Errorf("%d more groups were made, want 8", left)
	}
}

// Somebody who connects without end is refused, and told when to come again; others are not.
func TestConnectingIsPaced(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	n := w.edge(slow)
	var all []*device
	for {
		d, refused := dial(n, n.url, fmt.Sprintf(`{"token":%q}`, n.token("ann")), "", nil)
		if d == nil {
			if refused.Code != domain.TooMany || refused.wait(t) != 1 || refused.Message == "" {
				t.Errorf("refused with %+v", refused)
			}
			break
		}
		if all = append(all, d); len(all) > 1000 {
			t.Fatal("nobody minds")
		}
	}
	if len(all) < 30 {
		t.Errorf("only %d were let in at once", len(all))
	}
	for _, d := range all {
		d.leave()
	}
	eventually(t, "ann is gone", func() bool { return n.e.Devices("ann") == 0 })
	n.device("bob")
}
