package edge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/domain"
	"parley/edge"
)

func TestSign(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	n := w.edge()
	a := n.device("ann")
	for name, c := range map[string]struct {
		args    []any
		code    domain.Code
		message string
	}{
		"oneself":            {[]any{map[string]any{"user": map[string]any{"id": "ann"}, "rooms": []string{"g1"}}}, domain.OK, "sign success"},
		"with more":          {[]any{map[string]any{"user": map[string]any{"id": "ann", "name": "x"}, "more": 1}}, domain.OK, "sign success"},
		"rooms of any shape": {[]any{map[string]any{"user": map[string]any{"id": "ann"}, "rooms": 7}}, domain.OK, "sign success"},
		"another":            {[]any{map[string]any{"user": map[string]any{"id": "bob"}}}, domain.Unauthenticated, ""},
		"a number":           {[]any{map[string]any{"user": map[string]any{"id": 7}}}, domain.Unauthenticated, ""},
		"no id":              {[]any{map[string]any{"user": map[string]any{}}}, domain.NotFound, "id not exist"},
		"empty id":           {[]any{map[string]any{"user": map[string]any{"id": ""}}}, domain.NotFound, "id not exist"},
		"null id":            {[]any{map[string]any{"user": map[string]any{"id": nil}}}, domain.NotFound, "id not exist"},
		"no user":            {[]any{map[string]any{}}, domain.NotFound, "id not exist"},
		"user of a string":   {[]any{map[string]any{"user": "ann"}}, domain.Malformed, ""},
		"a string":           {[]any{"ann"}, domain.Malformed, ""},
		"null":               {[]any{nil}, domain.Malformed, ""},
		"nothing":            {nil, domain.Malformed, ""},
		"too much":           {[]any{map[string]any{}, 1}, domain.Malformed, ""},
	} {
		got := a.emit("sign", c.args...)
		if got.Code != c.code || got.Message == "" || (c.message != "" && got.Message != c.message) {
			t.Errorf("%s: %+v, want code %d %q", name, got, c.code, c.message)
		}
	}
	online, who := coming(t, a.expect("userin"))
	if who.ID != "ann" || !slices.Equal(online, []domain.UserID{"ann"}) {
		t.Errorf("userin of %+v, online are %v", who, online)
	}
	if n := len(a.all("userin")); n != 3 {
		t.Errorf("%d userin, want one for each sign that succeeded", n)
	}
}

// An application is kept for those who are away. Each device gets it once, live or when it signs; an answered one is not handed over.
func TestApplications(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan")
		one, two := w.edge(), w.edge()
		a, d := one.device("ann"), one.device("dan")
		me := map[string]any{"user": map[string]any{"id": "bob"}}
		a.ok("sendApply", "bob", map[string]any{"greeting": "<hello> 你好", "from": "cat", "seq": -1, "date": "never"})
		d.ok("sendApply", "bob", map[string]any{"greeting": "an earlier one"})
		b1 := two.device("bob")
		b1.ok("rejectFriend", "dan", "no")
		one.device("cat").ok("sendApply", "bob")
		b1.expect("apply") // cat's, live and before it signs
		w.fold()
		b1.ok("sign", me)
		b1.ok("sign", me)
		d.ok("sendApply", "bob")
		b2 := two.device("bob")
		b2.ok("sign", me)
		one.device("bob").ok("sign", me)
		b1.ok("acceptFriend", "ann")
		b1.ok("acceptFriend", "cat")
		b2.expect("checkStatus")
		b2.expect("checkStatus")
		for device, want := range map[*device][]string{b1: {"cat", "ann", "dan"}, b2: {"dan", "cat", "ann"}} {
			var from []string
			eventually(t, "they come", func() bool { return len(device.all("apply")) >= len(want) })
			for _, h := range device.all("apply") {
				var apply struct {
					From, Greeting, Date string
					Seq                  uint64
				}
				h.arg(t, 0, &apply)
				from = append(from, apply.From)
				if apply.Seq == 0 || len(apply.Date) != len("2006-01-02T15:04:05.000Z") || (apply.From == "ann") != (apply.Greeting == "<hello> 你好") {
					t.Errorf("apply: %s", h.Args[0])
				}
			}
			slices.Sort(from)
			slices.Sort(want)
			if !slices.Equal(from, want) {
				t.Errorf("a device of bob's heard of applications from %v, want %v", from, want)
			}
		}
	})
}

// A read mark moves forward only, counts for no more than its place, and is told to one's own devices and to the other.
func TestReadMarks(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		w.befriend("ann", "bob")
		topic := domain.Direct("ann", "bob")
		one, two := w.edge(), w.edge()
		a1, a2, b := one.device("ann"), two.device("ann"), two.device("bob")
		first, second := b.ok("send", "ann", "1").seq(t), b.ok("send", "ann", "2").seq(t)
		a1.ok("read", "u:bob", second)
		a1.ok("read", "u:bob", second)
		a1.ok("read", "u:bob", first)
		if again := a1.no(domain.Malformed, "read", "u:bob", second+1000); !strings.Contains(again.Message, fmt.Sprint(second)) {
			t.Errorf("refused by %q", again.Message)
		}
		at := w.append(topic, domain.ReadMarked{By: "ann", Seq: 1 << 40})
		b.ok("send", "ann", "end")
		for d, conversation := range map[*device]string{a1: "u:bob", a2: "u:bob", b: "u:ann"} {
			d.until("end")
			var got []uint64
			for _, h := range d.all("read") {
				var mark struct {
					Conversation string
					UID          domain.UserID
					Seq          uint64
				}
				h.arg(t, 0, &mark)
				got = append(got, mark.Seq)
				if mark.Conversation != conversation || mark.UID != "ann" {
					t.Errorf("%s heard %s", d.me, h.Args[0])
				}
			}
			if !slices.Equal(got, []uint64{second, at}) {
				t.Errorf("%s heard of marks at %v, want %d and %d", d.me, got, second, at)
			}
		}
	})
}

// Groups by commands: who is a friend is in at once, others are invited; everyone concerned is told, each once.
func TestGroupsByCommands(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan")
		w.befriend("ann", "bob")
		one, two := w.edge(), w.edge()
		a, b, c, d := one.device("ann"), two.device("bob"), two.device("cat"), one.device("dan")
		var made struct{ GID domain.GroupID }
		must(t, json.Unmarshal(a.ok("createGroup", map[string]any{"name": "trip", "members": []string{"bob", "cat", "bob", "ann"}}).Data, &made))
		g := string(made.GID)
		c.expect("group")
		b.ok("groupSend", map[string]any{"gid": g, "user": map[string]any{"id": "ann"}}, "from bob")
		c.no(domain.Forbidden, "groupSend", gid(made.GID), "not yet")
		c.ok("acceptGroup", g)
		c.ok("groupSend", gid(made.GID), "from cat")
		b.ok("invite", g, "dan")
		d.expect("group")
		d.ok("rejectGroup", g, "dan")
		b.no(domain.Forbidden, "removeMember", g, "cat")
		a.ok("leaveGroup", g) // bob, the first of the members, is the owner now
		b.ok("removeMember", g, "cat")
		b.ok("groupSend", gid(made.GID), "end")
		b.ok("leaveGroup", g)
		b.no(domain.NotFound, "groupSend", gid(made.GID), "to nobody")

		got := b.until("end")
		if !slices.Equal(texts(got), []string{"from bob", "from cat", "end"}) {
			t.Errorf("bob heard %q", texts(got))
		}
		var from map[string]any
		b.expect("groupReply").arg(t, 0, &from)
		if from["id"] != "bob" || from["gid"] != g || from["username"] != "bob" || from["name"] != "Name of bob" || from["avatar"] != "" {
			t.Errorf("the sender is %v", from)
		}
		for d, want := range map[*device][]string{
			a: {"created", "joined", "invited", "declined", "left"},
			b: {"created", "joined", "invited", "declined", "left", "removed", "left"},
			c: {"invited", "joined", "invited", "declined", "left", "removed"},
			d: {"invited", "declined"},
		} {
			d.wait(fmt.Sprint(want), func() bool { return len(changes(d.heard)) >= len(want) })
			if got := changes(d.all("group")); !slices.Equal(got, want) {
				t.Errorf("%s heard of %q, want %q", d.me, got, want)
			}
		}
		eventually(t, "no group is followed", func() bool { return !one.e.Keeps(domain.InGroup(made.GID)) && !two.e.Keeps(domain.InGroup(made.GID)) })
	})
}

// changes gives the states that "group" told of.
func changes(all []heard) (states []string) {
	for _, h := range all {
		var change struct{ State string }
		if h.Event == "group" && json.Unmarshal(h.Args[0], &change) == nil {
			states = append(states, change.State)
		}
	}
	return states
}

// Where anyone may write to anyone, strangers may, and what they said counts for ever; a block still ends it.
func TestAnyoneMayWrite(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	open := func(o *edge.Options) { o.Settings.Anyone = true }
	one, two := w.edge(open), w.edge()
	a, b := one.device("ann"), two.device("bob")
	a.ok("send", "bob", "hello")
	b.until("hello")
	b.no(domain.Forbidden, "send", "ann", "an edge with friends only")
	b.ok("block", "ann")
	a.no(domain.Forbidden, "send", "bob", "hello?")
	if n := len(a.all("friend")); n != 0 {
		t.Errorf("ann was told of the block")
	}
}

// Whom one blocks, or is blocked by, one brings into no group and invites to none.
func TestBlockedPeopleAreNotInvited(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.group("g", "ann")
	w.group("h", "bob")
	w.append(domain.Direct("ann", "bob"), domain.FriendBlocked{By: "ann"})
	for _, anyone := range []bool{false, true} {
		n := w.edge(func(o *edge.Options) { o.Settings.Anyone = anyone })
		a, b := n.device("ann"), n.device("bob")
		a.no(domain.Forbidden, "invite", "g", "bob")
		b.no(domain.Forbidden, "invite", "h", "ann")
		if got := b.no(domain.Forbidden, "createGroup", map[string]any{"name": "x", "members": []string{"cat", "ann"}}); !strings.HasPrefix(got.Message, "members[1]: ") {
			t.Errorf("refused by %q", got.Message)
		}
	}
}

// Whom one may not write to is not told how far one has read, either.
func TestReadMarksOfThoseWhoMayNotWrite(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	a, b := n.device("ann"), n.device("bob")
	first, second := b.ok("send", "ann", "1").seq(t), b.ok("send", "ann", "2").seq(t)
	a.ok("read", "u:bob", first)
	b.ok("block", "ann")
	a.ok("read", "u:bob", second)
	b.ok("unblock", "ann")
	w.befriend("ann", "bob")
	a.ok("send", "bob", "end")
	a.until("end")
	b.until("end")
	if x, y := len(a.all("read")), len(b.all("read")); x != 2 || y != 1 {
		t.Errorf("ann heard of %d marks and bob of %d, want 2 and 1", x, y)
	}
}

// What was said before has its place even when one may say no more.
func TestTheSameMessageAfterTheFriendship(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	a := n.device("ann")
	first := a.ok("send", "bob", map[string]any{"txt": "once", "id": "m1"}).seq(t)
	eventually(t, "the read models know it", func() bool {
		seq, _, err := w.views.MessageSeq(t.Context(), 0, domain.Direct("ann", "bob"), "ann", "m1")
		return seq > 0 && err == nil
	})
	a.ok("removeFriend", "bob")
	if again := a.ok("send", "bob", map[string]any{"txt": "once", "id": "m1"}).seq(t); again != first {
		t.Errorf("answered %d, want %d", again, first)
	}
	a.no(domain.Forbidden, "send", "bob", map[string]any{"txt": "twice", "id": "m2"})
}

// Whoever signs gets the newest applications, not all that there may be, and may call themselves as the host application does.
func TestApplicationsPushedAreBounded(t *testing.T) {
	w := newWorld(t, 1)
	host, err := domain.ExternalUserID("ann@example.org")
	must(t, err)
	large := json.RawMessage(fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", 4000)))
	for to, c := range map[domain.UserID]struct {
		data json.RawMessage
		want int
	}{host: {nil, 100}, "bob": {large, 65}} {
		w.people(to)
		var last domain.UserID
		for i := range 120 {
			last = domain.UserID(fmt.Sprintf("u%d", i))
			w.append(domain.Direct(last, to), domain.FriendRequested{By: last, Greeting: c.data})
		}
		d := w.edge().device(domain.UserID(to.Subject()))
		d.ok("sign", map[string]any{"user": map[string]any{"id": to.Subject()}})
		eventually(t, "they come", func() bool { return len(d.all("apply")) >= c.want })
		d.ok("sign", map[string]any{"user": map[string]any{"id": to}}) // what the first one sent has come before its answer
		var newest struct{ From domain.UserID }
		d.expect("apply").arg(t, 0, &newest)
		if n := len(d.all("apply")); n != c.want || newest.From != last {
			t.Errorf("%s got %d applications from %s on, want %d from %s on", to, n, newest.From, c.want, last)
		}
	}
}

// However many invitations come later, whoever signs gets the applications.
func TestInvitationsCrowdOutNoApplication(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.group("g", "ann")
	w.append(domain.Direct("ann", "bob"), domain.FriendRequested{By: "bob"})
	w.append(domain.InGroup("g"), domain.GroupApplied{UID: "cat"})
	for i := range 101 { // one more than are pushed
		w.append(domain.InGroup(domain.GroupID(fmt.Sprint("spam", i))), domain.GroupCreated{By: "eve", Name: "spam", Invited: []domain.UserID{"ann"}})
	}
	d := w.edge().device("ann")
	d.ok("sign", map[string]any{"user": map[string]any{"id": "ann"}})
	for _, want := range []string{"cat", "bob"} {
		var apply struct{ From string }
		if d.expect("apply").arg(t, 0, &apply); apply.From != want {
			t.Errorf("an application of %s, want %s", apply.From, want)
		}
	}
}
