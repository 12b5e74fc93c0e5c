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

// Messages and marks are counted apart from all else, and before anything is done for them.
func TestMessagesAndMarksArePaced(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	w.group("g", "ann", "bob")
	n := w.edge(func(o *edge.Options) { o.Settings.Messages, o.Settings.Marks = 1, 1 })
	a, b := n.device("ann"), n.device("bob")
	begun := time.Now()
	sent, limited := 0, func() int { return 10 + int(time.Since(begun)/time.Second) }
	var first uint64
	for i := 0; ; i++ {
		got := a.emit("send", "bob", fmt.Sprint(i))
		if i%2 == 1 {
			got = a.emit("groupSend", gid("g"), fmt.Sprint(i))
		}
		if got.Code == domain.TooMany {
			if got.wait(t) != 1 {
				t.Errorf("answered %+v", got)
			}
			break
		}
		if got.Code != domain.OK {
			t.Fatalf("answered %+v", got)
		}
		if first == 0 {
			first = got.seq(t)
		}
		sent++
	}
	if sent > 2*limited() {
		t.Errorf("%d were sent in %v", sent, time.Since(begun))
	}
	for _, args := range [][]any{{"send", "nobody", "x"}, {"send", "bob", 7}, {"groupSend", gid("none"), "x"}} { // nor is it looked at
		begun := time.Now()
		if got := a.emit(args[0].(string), args[1:]...); got.Code != domain.TooMany && time.Since(begun) < 500*time.Millisecond {
			t.Errorf("%v: answered %+v", args, got)
		}
	}
	marked := 0
	for begun = time.Now(); a.emit("read", "u:bob", first).Code == domain.OK; marked++ {
	}
	if marked < 10 || marked > limited() {
		t.Errorf("%d marks were moved in %v", marked, time.Since(begun))
	}
	b.ok("send", "ann", "another's")
}

// What comes from one address counts together, whoever it is, also the /64 network of IPv6 addresses; from others it does not.
func TestAddressesArePaced(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	n := w.edge(func(o *edge.Options) { o.Settings.AddressCommands = 1 })
	a, b := n.from("[2001:db8::1]:1").device("ann"), n.from("[2001:db8::2]:2").device("bob")
	elsewhere := n.from("[2001:db8:0:1::1]:1").device("cat")
	begun := time.Now()
	passed := 2 // to connect counts
	for _, c := range slices.Repeat([]*device{a, b}, 20) {
		if got := c.emit("typing", "u:ann"); got.Code != domain.TooMany {
			passed++
		} else if got.wait(t) != 1 {
			t.Errorf("answered %+v", got)
		}
	}
	if most := 10 + int(time.Since(begun)/time.Second); passed < 10 || passed > most {
		t.Errorf("%d passed, want %d", passed, most)
	}
	elsewhere.ok("setStatus", "online")
	for end := time.Now(); ; { // nor does who does too much on their own use up what others have
		if a.emit("typing", "u:bob").Code == domain.TooMany {
			break
		}
		if time.Since(end) > limit {
			t.Fatal("nobody minds")
		}
	}
	if d, refused := dial(t, n.from("[2001:db8::3]:3").url, fmt.Sprintf(`{"token":%q}`, n.token("cat")), "", nil); d == nil && refused.Code != domain.TooMany {
		t.Errorf("refused with %+v", refused)
	}
}
