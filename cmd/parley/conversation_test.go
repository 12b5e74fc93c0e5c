package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	_ "github.com/go-sql-driver/mysql"
)

// conversation is what was said in converse, as its senders' acks tell: by conversation key, in order.
type conversation struct {
	said  map[string][]message
	users []*user
	group string
}

type reply struct {
	Date string          `json:"date"`
	Msg  json.RawMessage `json:"msg"`
	Seq  uint64          `json:"seq"`
	ID   string          `json:"id"`
}

// converse is the product's main job, by real clients: three people register, become friends, talk, and talk in a group; one of them has
// two devices. Each person uses another of the edges.
func converse(t *testing.T, urls []string, ways []string) *conversation {
	d := startDriver(t)
	users := make([]*user, 3)
	for i, name := range []string{"ann", "bob", "cat"} {
		users[i] = register(t, urls[i%len(urls)], name)
	}
	ann, bob, cat := users[0], users[1], users[2]
	a1 := ann.device(d, "a1", ways)
	a2 := ann.device(d, "a2", ways)
	b1 := bob.device(d, "b1", ways)
	c1 := cat.device(d, "c1", ways)
	talk := &conversation{said: map[string][]message{}, users: users}

	befriend(t, a1, b1, ann, bob)
	befriend(t, b1, c1, bob, cat)
	presence(t, d, bob, ann, cat, a1, ways)
	direct(t, talk, map[string]*client{"a1": a1, "a2": a2, "b1": b1}, ann, bob)
	group(t, talk, map[string]*client{"a1": a1, "a2": a2, "b1": b1, "c1": c1})

	t.Run("history", func(t *testing.T) { talk.inHistory(t) })
	t.Run("unread", func(t *testing.T) { talk.unread(t, a1) })
	return talk
}

// befriend lets one apply and the other accept, and checks who hears what.
func befriend(t *testing.T, from, to *client, x, y *user) {
	t.Helper()
	from.ok("sendApply", y.ID, map[string]any{"userName": x.Name, "greeting": "hello 你好", "from": "somebody else"})
	var apply struct{ UserName, Greeting, From, Date string }
	to.expect("apply", &apply)
	if apply.From != x.ID || apply.Greeting != "hello 你好" || apply.UserName != x.Name || apply.Date == "" {
		t.Fatalf("apply: %+v, want from %s", apply, x.ID)
	}
	to.ok("acceptFriend", x.ID)
	var theirs, own map[string]string
	from.expect("refresh", &theirs)
	to.expect("checkStatus", &own)
	for name, online := range map[string]map[string]string{"refresh": theirs, "checkStatus": own} {
		if online[x.ID] == "" || online[y.ID] == "" {
			t.Fatalf("%s: %v, want %s and %s in it", name, online, x.ID, y.ID)
		}
	}
	var friends struct{ Friends []user }
	y.get(t, "/api/friends", &friends)
	if !slices.ContainsFunc(friends.Friends, func(u user) bool { return u.ID == x.ID && u.Name == x.Name }) {
		t.Fatalf("friends of %s: %+v, want %s", y.Username, friends.Friends, x.ID)
	}
}

// presence lets bob, a friend of ann's and cat's, come with a second device, which changes nothing, and cat go and come back.
func presence(t *testing.T, d *driver, bob, ann, cat *user, a1 *client, ways []string) {
	t.Helper()
	b2 := bob.device(d, "b2", ways)
	c2 := cat.device(d, "c2", ways)
	dan := register(t, ann.url, "dan")
	d1 := dan.device(d, "d1", ways)
	befriend(t, a1, d1, ann, dan)
	d1.close()
	var online map[string]string
	var who struct{ ID, Name string }
	a1.expect("userout", &online, &who)
	if _, still := online[dan.ID]; who.ID != dan.ID || who.Name != dan.Name || still || online[bob.ID] == "" || online[cat.ID] != "" {
		t.Fatalf("userout: %v, %+v; want bob's and not dan's or cat's", online, who)
	}
	d2 := dan.device(d, "d2", ways)
	a1.expect("userin", &online, &who)
	if who.ID != dan.ID || online[dan.ID] == "" || online[bob.ID] == "" {
		t.Fatalf("userin: %v, %+v", online, who)
	}
	for _, c := range []*client{b2, c2, d2} {
		c.close()
	}
}

// direct lets two people talk both ways, and checks that every device hears all of it once and in order.
func direct(t *testing.T, talk *conversation, devices map[string]*client, ann, bob *user) {
	t.Helper()
	key := "user." + min(ann.ID, bob.ID) + "." + max(ann.ID, bob.ID)
	for i := range 10 {
		from, to, device := ann, bob, devices["a1"]
		if i%2 == 1 {
			from, to, device = bob, ann, devices["b1"]
		}
		msg := map[string]any{"txt": fmt.Sprintf("message %d <b>& 你好 🙂", i), "type": 0, "id": fmt.Sprintf("m-%d", i), "extra": []any{1, nil, true}}
		talk.add(key, from, msg, device.ok("send", to.ID, msg))
	}
	// The same id again is the same message.
	msg := map[string]any{"txt": "message 8 again", "id": "m-8"}
	var again struct{ Seq uint64 }
	must(t, json.Unmarshal(devices["a1"].ok("send", bob.ID, msg).Data, &again))
	if first := talk.said[key][8].Seq; again.Seq != first {
		t.Fatalf("the same id again: seq %d, want the first one's %d", again.Seq, first)
	}
	for name, c := range devices {
		me := ann
		if name == "b1" {
			me = bob
		}
		for i, want := range talk.said[key] {
			var who struct {
				ID   string
				Self bool
			}
			var got reply
			c.expect("reply", &who, &got)
			other := bob
			if me == bob {
				other = ann
			}
			if who.ID != other.ID || who.Self != (want.From == me.ID) {
				t.Fatalf("%s: reply %d is of %+v", name, i, who)
			}
			checkSaid(t, fmt.Sprintf("%s: reply %d", name, i), got, want)
		}
	}
}

// group lets bob make a group of the three and each say something in it.
func group(t *testing.T, talk *conversation, devices map[string]*client) {
	t.Helper()
	var made struct{ GID string }
	members := []string{talk.users[0].ID, talk.users[2].ID}
	must(t, json.Unmarshal(devices["b1"].ok("createGroup", map[string]any{"name": "The three", "members": members}).Data, &made))
	talk.group = made.GID
	key := "group." + made.GID
	for _, c := range devices {
		var g struct{ GID, State, Name string }
		c.expect("group", &g)
		if g.GID != made.GID || g.State != "created" || g.Name != "The three" {
			t.Fatalf("%s: group %+v", c.name, g)
		}
	}
	speakers := []string{"a1", "b1", "c1"}
	for i := range 9 {
		from := talk.users[i%3]
		msg := fmt.Sprintf("to all, %d", i)
		talk.add(key, from, msg, devices[speakers[i%3]].ok("groupSend", map[string]any{"gid": made.GID, "user": map[string]string{"id": "liar"}}, msg))
	}
	for name, c := range devices {
		for i, want := range talk.said[key] {
			var who struct{ GID, ID, Name string }
			var got reply
			c.expect("groupReply", &who, &got)
			if who.GID != made.GID || who.ID != want.From || who.Name == "" {
				t.Fatalf("%s: groupReply %d is of %+v, want %s", name, i, who, want.From)
			}
			checkSaid(t, fmt.Sprintf("%s: groupReply %d", name, i), got, want)
		}
		if n := len(c.all("groupReply")); n != len(talk.said[key]) {
			t.Fatalf("%s heard %d group messages, want %d", name, n, len(talk.said[key]))
		}
	}
}

// add notes what was said, where its sender's ack says that it is.
func (c *conversation) add(key string, from *user, msg any, a answer) {
	var place struct {
		Seq uint64
		ID  string
	}
	json.Unmarshal(a.Data, &place)
	b, _ := json.Marshal(msg)
	c.said[key] = append(c.said[key], message{Seq: place.Seq, ID: place.ID, From: from.ID, Msg: b})
}

func checkSaid(t *testing.T, what string, got reply, want message) {
	t.Helper()
	if got.Seq != want.Seq || got.ID != want.ID || got.Date == "" || !sameJSON(got.Msg, want.Msg) {
		t.Fatalf("%s: %+v %s, want %+v %s", what, got, got.Msg, want, want.Msg)
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}

// name is what u calls the conversation of a key.
func (c *conversation) name(u *user, key string) string {
	if key == "group."+c.group {
		return "g:" + c.group
	}
	other := c.users[0]
	if u == other {
		other = c.users[1]
	}
	return "u:" + other.ID
}

// inHistory checks that everyone reads in the history what was said, all of it, once, in order.
func (c *conversation) inHistory(t *testing.T) {
	for key, want := range c.said {
		for _, u := range c.users {
			if key != "group."+c.group && u == c.users[2] {
				continue
			}
			got := u.history(t, c.name(u, key))
			if len(got) != len(want) {
				t.Fatalf("%s reads %d messages of %s, want %d", u.Username, len(got), key, len(want))
			}
			for i := range got {
				checkSaid(t, fmt.Sprintf("%s reads message %d", u.Username, i), reply{got[i].Date, got[i].Msg, got[i].Seq, got[i].ID}, want[i])
				if got[i].From != want[i].From {
					t.Fatalf("message %d is from %s, want %s", i, got[i].From, want[i].From)
				}
			}
		}
	}
}

// unread checks the counts, and that a mark moves them. The last to speak were bob directly, cat in the group.
func (c *conversation) unread(t *testing.T, a1 *client) {
	ann, bob, cat := c.users[0], c.users[1], c.users[2]
	group := "g:" + c.group
	want := map[*user]map[string]int{
		ann: {"u:" + bob.ID: 1, group: 2},
		bob: {"u:" + ann.ID: 0, group: 1},
		cat: {group: 0},
	}
	for u, counts := range want {
		got := u.unread(t)
		for conversation, n := range counts {
			if got[conversation] != n {
				t.Errorf("%s has %d unread in %s, want %d", u.Username, got[conversation], conversation, n)
			}
		}
	}
	said := c.said["group."+c.group]
	a1.ok("read", group, said[len(said)-2].Seq)
	if got := ann.unread(t)[group]; got != 1 {
		t.Errorf("ann has read all but the last: %d unread, want 1", got)
	}
	a1.ok("read", group, said[0].Seq) // never back
	if got := ann.unread(t)[group]; got != 1 {
		t.Errorf("ann has read an earlier one: %d unread, want still 1", got)
	}
}

// inMySQL checks that the database holds exactly what was said, in order.
func (c *conversation) inMySQL(t *testing.T, dsn string) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	defer db.Close()
	total := 0
	for _, key := range slices.Sorted(maps.Keys(c.said)) {
		rows, err := db.Query("SELECT seq, number, id, sender, msg FROM messages WHERE topic = ? ORDER BY seq", key)
		must(t, err)
		defer rows.Close()
		for i, want := range c.said[key] {
			if !rows.Next() {
				t.Fatalf("%s: MySQL holds %d messages, want %d", key, i, len(c.said[key]))
			}
			var got message
			var number int
			must(t, rows.Scan(&got.Seq, &number, &got.ID, &got.From, &got.Msg))
			if got.Seq != want.Seq || number != i+1 || got.ID != want.ID || got.From != want.From || !sameJSON(got.Msg, want.Msg) {
				t.Fatalf("%s: row %d is %+v number %d %s, want %+v", key, i, got, number, got.Msg, want)
			}
		}
		total += len(c.said[key])
	}
	var n int
	must(t, db.QueryRow("SELECT COUNT(*) FROM messages").Scan(&n))
	if n != total {
		t.Fatalf("MySQL holds %d messages in all, want %d", n, total)
	}
}
