package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// TestRefusals gives the server all kinds of bad input: each gets its code and a sentence, and nothing reaches the log.
func TestRefusals(t *testing.T) {
	nats := freeAddress(t)
	p := start(t, "--data", t.TempDir(), "--log.sync", "100ms", "--nats.listen", nats)
	d := startDriver(t)
	ann, bob, eve := register(t, p.url, "ann"), register(t, p.url, "bob"), register(t, p.url, "eve")
	a, b, e := ann.device(d, "a", nil), bob.device(d, "b", nil), eve.device(d, "e", nil)
	befriend(t, a, b, ann, bob)
	var made struct{ GID string }
	must(t, json.Unmarshal(a.ok("createGroup", map[string]any{"name": "ours", "members": []string{bob.ID}}).Data, &made))
	gid := made.GID
	log := openLog(t, nats)
	before := ends(t, log)

	long, nowhere := strings.Repeat("x", 10_000), "aaaaaaaaaaaaaaaa"
	big := strings.Repeat("x", 70_000)
	for _, row := range []struct {
		name    string
		by      *client
		command string
		args    []any
		code    int
		says    string // what the sentence must name
	}{
		{"somebody else's id", e, "sign", []any{map[string]any{"user": map[string]string{"id": ann.ID}}}, 1, "user.id"},
		{"no id", e, "sign", []any{map[string]any{"user": map[string]string{}}}, 2, "id not exist"},
		{"no user", e, "sign", []any{map[string]any{}}, 2, "id not exist"},
		{"a number for an id", e, "sign", []any{map[string]any{"user": map[string]any{"id": 7}}}, 1, "user.id"},
		{"no object", e, "sign", []any{"eve"}, 4, "user"},
		{"a stranger's", e, "send", []any{ann.ID, "hi"}, 3, "write"},
		{"to nobody", a, "send", []any{nowhere, "hi"}, 2, "user"},
		{"to oneself", a, "send", []any{ann.ID, "hi"}, 4, "uid"},
		{"a dot in the id", a, "send", []any{"a.b", "hi"}, 4, "uid"},
		{"a star", a, "send", []any{"*", "hi"}, 4, "uid"},
		{"a greater-than", a, "send", []any{">", "hi"}, 4, "uid"},
		{"a space", a, "send", []any{"a b", "hi"}, 4, "uid"},
		{"a line end", a, "send", []any{"a\r\nPUB x", "hi"}, 4, "uid"},
		{"no id at all", a, "send", []any{"", "hi"}, 4, "uid"},
		{"10 kB of id", a, "send", []any{long, "hi"}, 4, "uid"},
		{"a number", a, "send", []any{7, "hi"}, 4, "uid"},
		{"null", a, "send", []any{nil, "hi"}, 4, "uid"},
		{"nothing said", a, "send", []any{bob.ID, ""}, 4, "empty"},
		{"spaces said", a, "send", []any{bob.ID, " \n\t"}, 4, "empty"},
		{"an empty txt", a, "send", []any{bob.ID, map[string]any{"txt": ""}}, 4, "empty"},
		{"no txt", a, "send", []any{bob.ID, map[string]any{"type": 1}}, 4, "txt"},
		{"a number said", a, "send", []any{bob.ID, 7}, 4, "msg"},
		{"a list said", a, "send", []any{bob.ID, []string{"hi"}}, 4, "msg"},
		{"null said", a, "send", []any{bob.ID, nil}, 4, "msg"},
		{"too much said", a, "send", []any{bob.ID, big}, 7, "65536"},
		{"a megabyte said", a, "send", []any{bob.ID, strings.Repeat("x", 1<<20)}, 7, "65536"},
		{"an empty id of one's own", a, "send", []any{bob.ID, map[string]any{"txt": "hi", "id": ""}}, 4, "id"},
		{"a number for an id of one's own", a, "send", []any{bob.ID, map[string]any{"txt": "hi", "id": 7}}, 4, "id"},
		{"too few", a, "send", []any{bob.ID}, 4, "uid, msg"},
		{"none", a, "send", nil, 4, "uid, msg"},
		{"too many", a, "send", []any{bob.ID, "hi", "ho"}, 4, "uid, msg"},
		{"no member's", e, "groupSend", []any{map[string]any{"gid": gid, "user": map[string]string{"id": ann.ID}}, "hi"}, 3, "member"},
		{"no such group", a, "groupSend", []any{map[string]any{"gid": nowhere}, "hi"}, 2, "group"},
		{"a wildcard group", a, "groupSend", []any{map[string]any{"gid": ">"}, "hi"}, 4, "gid"},
		{"no group", a, "groupSend", []any{map[string]any{}, "hi"}, 4, "gid"},
		{"a group that is no object", a, "groupSend", []any{gid, "hi"}, 4, "gid"},
		{"friends already", a, "sendApply", []any{bob.ID, map[string]any{}}, 6, "friends"},
		{"to nobody", a, "sendApply", []any{nowhere, map[string]any{}}, 2, "user"},
		{"to oneself", a, "sendApply", []any{ann.ID, map[string]any{}}, 4, "uid"},
		{"a text for a greeting", e, "sendApply", []any{ann.ID, "hi"}, 4, "data"},
		{"too large a greeting", e, "sendApply", []any{ann.ID, map[string]string{"x": long}}, 7, "4096"},
		{"nobody asked", a, "acceptFriend", []any{eve.ID}, 6, "application"},
		{"nobody asked", a, "rejectFriend", []any{eve.ID}, 6, "application"},
		{"no friend", a, "removeFriend", []any{eve.ID}, 6, "friends"},
		{"oneself", a, "block", []any{ann.ID}, 4, "uid"},
		{"not blocked", a, "unblock", []any{bob.ID}, 6, "blocked"},
		{"a nameless group", a, "createGroup", []any{map[string]any{"name": " "}}, 4, "name"},
		{"a bad member", a, "createGroup", []any{map[string]any{"name": "x", "members": []string{"a.b"}}}, 4, "members[0]"},
		{"an unknown member", a, "createGroup", []any{map[string]any{"name": "x", "members": []string{bob.ID, nowhere}}}, 2, "members[1]"},
		{"members that are no list", a, "createGroup", []any{map[string]any{"name": "x", "members": "ann"}}, 4, "members must be a list of strings"},
		{"a member that is a number", a, "createGroup", []any{map[string]any{"name": "x", "members": []int{1}}}, 4, "members must be a list of strings"},
		{"no member's invitation", e, "invite", []any{gid, eve.ID}, 4, "uid"},
		{"no member's invitation", e, "invite", []any{gid, bob.ID}, 3, "member"},
		{"a member already", a, "invite", []any{gid, bob.ID}, 6, "member"},
		{"to no group", a, "invite", []any{nowhere, bob.ID}, 2, "group"},
		{"not invited", e, "acceptGroup", []any{gid}, 3, "invited"},
		{"who has not applied", a, "acceptGroup", []any{gid, eve.ID}, 6, "application"},
		{"no member", e, "leaveGroup", []any{gid}, 3, "member"},
		{"no member", e, "removeMember", []any{gid, ann.ID}, 3, "member"},
		{"a plain member", b, "removeMember", []any{gid, ann.ID}, 3, "owner"},
		{"a plain member", b, "updateGroup", []any{gid, map[string]string{"name": "mine"}}, 3, "admins"},
		{"no member", e, "updateGroup", []any{gid, map[string]string{"name": "mine"}}, 3, "member"},
		{"nothing to change", a, "updateGroup", []any{gid, map[string]string{}}, 4, "history"},
		{"half a history", a, "updateGroup", []any{gid, map[string]string{"history": "half"}}, 4, "history"},
		{"a number for a name", a, "updateGroup", []any{gid, map[string]int{"name": 7}}, 4, "name must be a string"},
		{"no description", a, "updateGroup", []any{gid, "mine"}, 4, "object"},
		{"to no group", e, "applyGroup", []any{nowhere}, 2, "group"},
		{"a member already", b, "applyGroup", []any{gid}, 6, "member"},
		{"a text for a greeting", e, "applyGroup", []any{gid, "hi"}, 4, "data"},
		{"to no group", e, "sendApply", []any{ann.ID, map[string]any{"type": 1, "gid": nowhere}}, 2, "group"},
		{"a number for a group", e, "sendApply", []any{ann.ID, map[string]any{"type": 1, "gid": 7}}, 4, "gid"},
		{"a plain member", b, "acceptGroup", []any{gid, eve.ID}, 3, "admins"},
		{"a plain member", b, "rejectGroup", []any{gid, eve.ID}, 3, "admins"},
		{"a plain member", b, "setRole", []any{gid, ann.ID, "member"}, 3, "owner"},
		{"no role there is", a, "setRole", []any{gid, bob.ID, "king"}, 4, "role"},
		{"no member's role", a, "setRole", []any{gid, eve.ID, "admin"}, 6, "member"},
		{"what one is already", a, "setRole", []any{gid, bob.ID, "member"}, 6, "already"},
		{"one's own", a, "setRole", []any{gid, ann.ID, "admin"}, 4, "owner"},
		{"a plain member", b, "dissolveGroup", []any{gid}, 3, "owner"},
		{"no such group", a, "dissolveGroup", []any{nowhere}, 2, "group"},
		{"to a stranger", e, "typing", []any{"u:" + ann.ID}, 3, "write"},
		{"in no group of one's own", e, "typing", []any{"g:" + gid}, 3, "member"},
		{"no conversation", a, "typing", []any{"x:y"}, 4, "conversation"},
		{"no status there is", a, "setStatus", []any{"away"}, 4, "status"},
		{"in no conversation of one's own", e, "edit", []any{"u:" + ann.ID, 1, "hi"}, 3, "write"},
		{"not one's group", e, "edit", []any{"g:" + gid, 1, "hi"}, 3, "member"},
		{"no such message", a, "edit", []any{"u:" + bob.ID, 1, "hi"}, 2, "message"},
		{"no number", a, "edit", []any{"u:" + bob.ID, "1", "hi"}, 4, "seq"},
		{"nothing said instead", a, "edit", []any{"u:" + bob.ID, 1, ""}, 4, "empty"},
		{"too much said instead", a, "edit", []any{"u:" + bob.ID, 1, big}, 7, "65536"},
		{"not one's group", e, "recall", []any{"g:" + gid, 1}, 3, "member"},
		{"no such message", a, "recall", []any{"g:" + gid, 1}, 2, "message"},
		{"no conversation", a, "recall", []any{"x:y", 1}, 4, "conversation"},
		{"not one's group", e, "react", []any{"g:" + gid, 1, "👍", true}, 3, "member"},
		{"no such message", b, "react", []any{"g:" + gid, 1, "👍", true}, 2, "message"},
		{"no emoji", a, "react", []any{"u:" + bob.ID, 1, "", true}, 4, "emoji"},
		{"too long an emoji", a, "react", []any{"u:" + bob.ID, 1, long, true}, 7, "emoji"},
		{"neither on nor off", a, "react", []any{"u:" + bob.ID, 1, "👍", "yes"}, 4, "on"},
		{"no such conversation", e, "read", []any{"u:" + ann.ID, 1}, 3, "conversation"},
		{"no conversation", a, "read", []any{"x:y", 1}, 4, "conversation"},
		{"not one's group", e, "read", []any{"g:" + gid, 1}, 3, "member"},
		{"no number", a, "read", []any{"g:" + gid, "1"}, 4, "seq"},
		{"a negative number", a, "read", []any{"g:" + gid, -1}, 4, "seq"},
		{"what there is not", a, "conquer", []any{1}, 4, "conquer"},
	} {
		got := row.by.emit(row.command, row.args...)
		if got.Code != row.code || !strings.Contains(got.Message, row.says) {
			t.Errorf("%s %s: code %d, %q; want code %d and a sentence about %q", row.command, row.name, got.Code, got.Message, row.code, row.says)
		}
	}
	if after := ends(t, log); !equal(before, after) {
		t.Errorf("the log grew from %v to %v", before, after)
	}

	// Without an ack, a failure is told all the same.
	e.tell(map[string]any{"do": "emit", "c": "e", "event": "send", "args": []any{ann.ID, "hi"}})
	var fail struct {
		Event string
		Code  int
	}
	if e.expect("fail", &fail); fail.Event != "send" || fail.Code != 3 {
		t.Errorf("fail: %+v", fail)
	}
	// Rooms in sign are not believed: eve hears nothing of the group.
	e.ok("sign", map[string]any{"user": map[string]string{"id": eve.ID}, "rooms": []string{gid}})
	a.ok("groupSend", map[string]any{"gid": gid}, "among us")
	b.expect("groupReply")
	a.ok("sendApply", eve.ID, map[string]any{}) // a barrier: whatever eve was to hear, she has heard before this
	e.expect("apply")
	for _, event := range []string{"reply", "groupReply", "group"} {
		if heard := e.all(event); len(heard) > 0 {
			t.Errorf("eve heard %s: %s", event, heard[0].Args)
		}
	}
	// Beyond what the wire takes the connection is closed, and the log does not grow. It is not eve's last one, for then it would be put down when
	// she was seen last.
	eve.device(d, "e2", nil)
	before = ends(t, log)
	d.tell(map[string]any{"do": "emit", "c": "e", "event": "send", "args": []any{ann.ID, strings.Repeat("x", 3<<20)}})
	e.expect("disconnect")
	if after := ends(t, log); !equal(before, after) {
		t.Errorf("the log grew from %v to %v", before, after)
	}
}

// TestTokens connects with tokens that are not to be believed.
func TestTokens(t *testing.T) {
	secret := strings.Repeat("s", 32)
	p := start(t, "--data", t.TempDir(), "--log.sync", "100ms", "--auth.secret", secret)
	d := startDriver(t)
	ann := register(t, p.url, "ann")
	hour := jwt.NewNumericDate(time.Now().Add(time.Hour))
	sign := func(method jwt.SigningMethod, key any, c jwt.RegisteredClaims) string {
		s, err := jwt.NewWithClaims(method, c).SignedString(key)
		must(t, err)
		return s
	}
	for name, row := range map[string]struct{ token, says string }{
		"none":         {"", "token not exist"},
		"nonsense":     {"nonsense", "authentication error"},
		"forged":       {sign(jwt.SigningMethodHS256, []byte(strings.Repeat("f", 32)), jwt.RegisteredClaims{Subject: ann.ID, ExpiresAt: hour}), "authentication error"},
		"unsigned":     {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, jwt.RegisteredClaims{Subject: ann.ID, ExpiresAt: hour}), "authentication error"},
		"other method": {sign(jwt.SigningMethodHS512, []byte(secret), jwt.RegisteredClaims{Subject: ann.ID, ExpiresAt: hour}), "authentication error"},
		"expired":      {sign(jwt.SigningMethodHS256, []byte(secret), jwt.RegisteredClaims{Subject: ann.ID, ExpiresAt: jwt.NewNumericDate(time.Now().Add(-time.Hour))}), "authentication error"},
		"for ever":     {sign(jwt.SigningMethodHS256, []byte(secret), jwt.RegisteredClaims{Subject: ann.ID}), "authentication error"},
		"of nobody":    {sign(jwt.SigningMethodHS256, []byte(secret), jwt.RegisteredClaims{ExpiresAt: hour}), "authentication error"},
	} {
		c := d.connect("bad "+name, p.url, nil, map[string]any{"auth": map[string]string{"token": row.token}})
		var message string
		var data struct{ Code int }
		if c.expect("connect_error", &message, &data); message != row.says || data.Code != 1 {
			t.Errorf("%s: %q, code %d", name, message, data.Code)
		}
		c = d.connectWith(old, "old "+name, p.url, nil, map[string]any{"auth": map[string]string{"token": row.token}})
		if c.expect("connect_error", &message); message != row.says {
			t.Errorf("%s, the old client: %q", name, message)
		}
		if status := call(t, "GET", p.url+"/api/me", row.token, nil, nil); status != 401 {
			t.Errorf("%s: GET /api/me: %d", name, status)
		}
	}

	// A host application's own people: by the query, with "Bearer ", under a name that is no id.
	token := sign(jwt.SigningMethodHS256, []byte(secret), jwt.RegisteredClaims{Subject: "auth0|zoë", ExpiresAt: hour})
	c := d.connect("zoë", p.url, nil, map[string]any{"query": map[string]string{"token": "Bearer " + token}})
	c.expect("open")
	var me user
	if status := call(t, "GET", p.url+"/api/me", token, nil, &me); status != 200 || me.ID == "" || me.Name != "auth0|zoë" {
		t.Errorf("me: %d, %+v", status, me)
	}
	c.ok("sign", map[string]any{"user": map[string]string{"id": me.ID}})
}

func TestAccounts(t *testing.T) {
	p := start(t, "--data", t.TempDir(), "--log.sync", "100ms")
	register(t, p.url, "Ann")
	for name, row := range map[string]struct {
		path   string
		body   any
		status int
		code   int
	}{
		"taken":            {"/api/register", map[string]string{"username": "ann", "password": "another one"}, 409, 6},
		"short password":   {"/api/register", map[string]string{"username": "x", "password": "short"}, 422, 4},
		"bad name":         {"/api/register", map[string]string{"username": "a b", "password": "long enough"}, 422, 4},
		"no password":      {"/api/register", map[string]string{"username": "x"}, 422, 4},
		"wrong type":       {"/api/register", map[string]any{"username": 7, "password": "long enough"}, 422, 4},
		"unknown field":    {"/api/register", map[string]string{"username": "x", "password": "long enough", "admin": "yes"}, 422, 4},
		"wrong password":   {"/api/login", map[string]string{"username": "ann", "password": "wrong horse"}, 401, 1},
		"unknown username": {"/api/login", map[string]string{"username": "nobody", "password": "correct horse"}, 401, 1},
		"too large":        {"/api/login", map[string]string{"username": strings.Repeat("x", 100_000)}, 413, 7},
	} {
		var raw json.RawMessage
		var problem struct {
			Status, Code int
			Title        string
		}
		got := call(t, "POST", p.url+row.path, "", row.body, &raw)
		must(t, json.Unmarshal(raw, &problem))
		if got != row.status || problem.Status != row.status || problem.Code != row.code || problem.Title == "" {
			t.Errorf("%s: %d, %+v; want %d with code %d", name, got, problem, row.status, row.code)
		}
		if fields, ok := row.body.(map[string]string); ok && fields["password"] != "" && strings.Contains(string(raw), fields["password"]) {
			t.Errorf("%s: the answer says the password: %s", name, raw)
		}
	}
	var out struct {
		User  user
		Token string
	}
	if got := call(t, "POST", p.url+"/api/login", "", map[string]string{"username": "ANN", "password": "correct horse"}, &out); got != 200 || out.User.Username != "Ann" {
		t.Errorf("login: %d, %+v", got, out)
	}
}

func freeAddress(tb testing.TB) string { return fmt.Sprintf("127.0.0.1:%d", journaltest.FreePort(tb)) }

func openLog(tb testing.TB, addr string) *journal.Journal {
	tb.Helper()
	j, err := journal.Open(tb.Context(), journal.Options{Remote: &journal.Remote{URL: "nats://" + addr, Name: "test"}})
	must(tb, err)
	tb.Cleanup(func() { j.Close(context.Background()) })
	return j
}

func ends(tb testing.TB, j *journal.Journal) []domain.Position {
	tb.Helper()
	at, err := j.Ends(tb.Context())
	must(tb, err)
	return at
}

func equal(a, b []domain.Position) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}
