package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"parley/domain"
	"parley/edge"
)

type problem struct {
	Status int
	Code   domain.Code
	Detail string
}

// Each refusal of the API's is a problem document with the code that the protocol gives its status.
func TestProblems(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.group("g", "bob")
	w.group("mine", "ann")
	n := w.edge()
	ann := n.token("ann")
	for name, c := range map[string]struct {
		method, path, token, body string
		status                    int
		code                      domain.Code
	}{
		"no token":           {"GET", "/api/me", "", "", 401, domain.Unauthenticated},
		"a bad token":        {"GET", "/api/me", "x", "", 401, domain.Unauthenticated},
		"no such user":       {"GET", "/api/users/nobody", ann, "", 404, domain.NotFound},
		"no id":              {"GET", "/api/users/a.b", ann, "", 422, domain.Malformed},
		"a long id":          {"GET", "/api/users/" + strings.Repeat("a", 97), ann, "", 422, domain.Malformed},
		"no query":           {"GET", "/api/users", ann, "", 422, domain.Malformed},
		"limit of 101":       {"GET", "/api/users?query=a&limit=101", ann, "", 422, domain.Malformed},
		"limit of x":         {"GET", "/api/users?query=a&limit=x", ann, "", 422, domain.Malformed},
		"another's group":    {"GET", "/api/groups/g", ann, "", 403, domain.Forbidden},
		"after no id":        {"GET", "/api/groups/mine/members?after=a.b%ff", ann, "", 422, domain.Malformed},
		"after 0":            {"GET", "/api/conversations/u:bob/messages?after=0", ann, "", 422, domain.Malformed},
		"before 0":           {"GET", "/api/conversations/u:bob/messages?before=0", ann, "", 422, domain.Malformed},
		"no UTF-8":           {"GET", "/api/users?query=a%ff", ann, "", 422, domain.Malformed},
		"no such group":      {"GET", "/api/groups/none", ann, "", 404, domain.NotFound},
		"another's members":  {"GET", "/api/groups/g/members", ann, "", 403, domain.Forbidden},
		"another's talk":     {"GET", "/api/conversations/g:g/messages", ann, "", 403, domain.Forbidden},
		"no conversation":    {"GET", "/api/conversations/x/messages", ann, "", 422, domain.Malformed},
		"before and after":   {"GET", "/api/conversations/u:bob/messages?before=1&after=1", ann, "", 422, domain.Malformed},
		"no cursor":          {"GET", "/api/conversations?after=x", ann, "", 422, domain.Malformed},
		"no words":           {"GET", "/api/search", ann, "", 422, domain.Malformed},
		"blank words":        {"GET", "/api/search?q=%20", ann, "", 422, domain.Malformed},
		"nine words":         {"GET", "/api/search?q=a+b+c+d+e+f+g+h+i", ann, "", 422, domain.Malformed},
		"long words":         {"GET", "/api/search?q=" + strings.Repeat("a", 129), ann, "", 422, domain.Malformed},
		"words in no UTF-8":  {"GET", "/api/search?q=a%ff", ann, "", 422, domain.Malformed},
		"search, no cursor":  {"GET", "/api/search?q=a&after=x", ann, "", 422, domain.Malformed},
		"search, limit 101":  {"GET", "/api/search?q=a&limit=101", ann, "", 422, domain.Malformed},
		"no such place":      {"GET", "/api/applies?after=x", ann, "", 422, domain.Malformed},
		"a long cursor":      {"GET", "/api/applies?after=" + strings.Repeat("a", 513), ann, "", 422, domain.Malformed},
		"no such type":       {"GET", "/api/applies?type=friend,enemy", ann, "", 422, domain.Malformed},
		"four types":         {"GET", "/api/applies?type=friend,friend,friend,friend", ann, "", 422, domain.Malformed},
		"applies, limit 0":   {"GET", "/api/applies?limit=0", ann, "", 422, domain.Malformed},
		"applies, limit 101": {"GET", "/api/applies?limit=101", ann, "", 422, domain.Malformed},
		"nothing there":      {"GET", "/api/nothing", ann, "", 404, domain.NotFound},
		"no such method":     {"DELETE", "/api/nothing", ann, "", 404, domain.NotFound},
		"no body":            {"POST", "/api/login", "", "", 400, domain.Malformed},
		"no JSON":            {"POST", "/api/login", "", "{", 400, domain.Malformed},
		"wrong types":        {"POST", "/api/login", "", `{"username":1,"password":2}`, 422, domain.Malformed},
		"too large":          {"POST", "/api/register", "", `{"username":"` + strings.Repeat("a", 70_000) + `"}`, 413, domain.TooLarge},
		"a short password":   {"POST", "/api/register", "", `{"username":"eve","password":"1234567"}`, 422, domain.Malformed},
		"a long password":    {"POST", "/api/register", "", `{"username":"eve","password":"` + strings.Repeat("a", 257) + `"}`, 422, domain.Malformed},
		"a bad username":     {"POST", "/api/register", "", `{"username":"a b","password":"12345678"}`, 422, domain.Malformed},
		"a bad name":         {"POST", "/api/register", "", `{"username":"eve","password":"12345678","name":"\u202e"}`, 422, domain.Malformed},
		"more than is known": {"POST", "/api/register", "", `{"username":"eve","password":"12345678","admin":true}`, 422, domain.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			var p problem
			status, header := n.ask(c.method, c.path, c.token, c.body, &p)
			if status != c.status || p.Status != c.status || p.Code != c.code || p.Detail == "" {
				t.Errorf("status %d, %+v; want status %d and code %d", status, p, c.status, c.code)
			}
			if got := header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

// A name that nobody has is answered as a wrong password is: whoever tries names learns nothing.
func TestPasswords(t *testing.T) {
	w := newWorld(t, 1)
	n := w.edge()
	var in struct {
		User  domain.PersonView
		Token string
	}
	status, _ := n.ask(http.MethodPost, "/api/register", "", `{"username":"Ann","password":"correct horse","name":"Ann Lee"}`, &in)
	if status != http.StatusCreated || in.User.Username != "Ann" || in.User.Name != "Ann Lee" {
		t.Fatalf("%d %+v", status, in)
	}
	ann := in.User
	var p problem
	if status, _ := n.ask(http.MethodPost, "/api/register", "", `{"username":"ANN","password":"another one"}`, &p); status != http.StatusConflict || p.Code != domain.Conflict {
		t.Errorf("the name again in another case: %d %+v", status, p)
	}
	if status, _ := n.ask(http.MethodPost, "/api/login", "", `{"username":"ann","password":"correct horse"}`, &in); status != http.StatusOK || in.User != ann {
		t.Errorf("signed in: %d %+v, want %+v", status, in.User, ann)
	}
	if id, _, err := w.tokens.Verify(in.Token); err != nil || id != ann.ID {
		t.Errorf("the token speaks for %s, %v", id, err)
	}
	var answers []string
	for _, body := range []string{`{"username":"Ann","password":"wrong horse"}`, `{"username":"Ann","password":""}`, `{"username":"nobody","password":"correct horse"}`, `{"username":"","password":""}`, `{"username":"a.b*>","password":"x"}`} {
		var raw json.RawMessage
		status, _ := n.ask(http.MethodPost, "/api/login", "", body, &raw)
		if status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", body, status)
		}
		answers = append(answers, string(raw))
	}
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("answers differ: %s and %s", a, answers[0])
		}
	}
}

// failing is a world's log that stores what it is given and then fails.
type failing struct {
	edge.Log
	by error
}

func (f failing) Append(ctx context.Context, d domain.Draft) (domain.Stored, error) {
	if domain.Refusal(f.by).Code == domain.Unavailable {
		_, _ = f.Log.Append(ctx, d)
	}
	return domain.Stored{}, f.by
}

// A registration that is refused leaves the name free.
func TestRefusedRegistrationLeavesNoAccount(t *testing.T) {
	w := newWorld(t, 1)
	n := w.edge(func(o *edge.Options) {
		o.Log, o.Settings.Logger = failing{w.journal, domain.Refuse(domain.TooLarge, "too large")}, nobody
	})
	var p problem
	if status, _ := n.ask(http.MethodPost, "/api/register", "", `{"username":"ann","password":"correct horse"}`, &p); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %+v, want 413", status, p)
	}
	if _, err := w.journal.Account(t.Context(), "ann"); domain.Refusal(err).Code != domain.NotFound {
		t.Errorf("the account: %v, want none", err)
	}
}

// One whose end is not known leaves the account, with which one can sign in as the person that the log knows.
func TestUncertainRegistrationLeavesTheAccount(t *testing.T) {
	w := newWorld(t, 1)
	away, n := w.edge(func(o *edge.Options) { o.Log, o.Settings.Logger = failing{w.journal, errAway}, nobody }), w.edge()
	body := `{"username":"ann","password":"correct horse","name":"Ann Lee"}`
	var p problem
	if status, _ := away.ask(http.MethodPost, "/api/register", "", body, &p); status != http.StatusServiceUnavailable || p.Code != domain.Unavailable {
		t.Errorf("%d %+v, want 503 and code 8", status, p)
	}
	var in struct{ User domain.PersonView }
	if status, _ := n.ask(http.MethodPost, "/api/login", "", `{"username":"ann","password":"correct horse"}`, &in); status != http.StatusOK || in.User.Name != "Ann Lee" {
		t.Errorf("signed in: %d %+v", status, in.User)
	}
}

// lagging are read models that do not catch up.
type lagging struct {
	edge.Views
	behind uint64
	err    error
}

func (l lagging) Wait(context.Context, []domain.Position) (uint64, error) { return l.behind, l.err }

// away are read models that cannot be reached.
type away struct{ lagging }

func (away) Groups(context.Context, domain.UserID) ([]domain.GroupView, error) { return nil, errAway }

// endless is a log that does not know where it ends, once the edge has begun.
type endless struct {
	edge.Log
	asked atomic.Bool
}

func (l *endless) Ends(ctx context.Context) ([]domain.Position, error) {
	if l.asked.Swap(true) {
		return nil, errAway
	}
	return l.Log.Ends(ctx)
}

func TestBehind(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann")
	w.fold()
	for name, c := range map[string]struct {
		change func(*edge.Options)
		want   string
	}{
		"up to date": {func(*edge.Options) {}, ""},
		"behind":     {func(o *edge.Options) { o.Views = lagging{w.views, 3, nil} }, "3"},
		"unknown":    {func(o *edge.Options) { o.Views = lagging{w.views, 0, errors.New("the database is away")} }, "unknown"},
		"log away":   {func(o *edge.Options) { o.Log = &endless{Log: w.journal} }, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			var me domain.PersonView
			status, header := w.edge(c.change).ask(http.MethodGet, "/api/me", w.token("ann"), "", &me)
			got := header.Values("Parley-Behind")
			if status != http.StatusOK || len(got) > 1 || (c.want == "") != (len(got) == 0) || header.Get("Parley-Behind") != c.want || me.ID != "ann" {
				t.Errorf("status %d, behind %q, %+v; want behind %q", status, got, me, c.want)
			}
		})
	}
}

// A refusal says how far behind it is, too: what is not there may be there soon.
func TestRefusalsSayHowFarBehindTheyAre(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann")
	w.group("g", "bob")
	w.fold()
	behind := w.edge(func(o *edge.Options) { o.Views = away{lagging{w.views, 3, nil}} })
	now := w.edge()
	for path, status := range map[string]int{
		"/api/users/nobody": 404, "/api/groups/none": 404, "/api/groups/g": 403, "/api/groups/g/members": 403,
		"/api/conversations/g:g/messages": 403, "/api/conversations/u:bob/messages": 403, "/api/applies?after=x": 422, "/api/groups": 503,
	} {
		var p problem
		got, header := behind.ask(http.MethodGet, path, w.token("ann"), "", &p)
		if got != status || p.Status != status || p.Code == 0 || header.Get("Parley-Behind") != "3" || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %+v, behind %q; want %d, behind 3", path, got, p, header.Get("Parley-Behind"), status)
		}
		if _, header := now.ask(http.MethodGet, path, w.token("ann"), "", nil); len(header.Values("Parley-Behind")) > 0 {
			t.Errorf("%s: behind %q", path, header.Values("Parley-Behind"))
		}
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Security  []any
			Responses map[string]struct{ Headers map[string]any }
		}
	}
	now.get("ann", "/api/openapi.json", &doc)
	for path, methods := range doc.Paths {
		if get, ok := methods["get"]; ok && path != "/api/events" && ( // that one is answered from the log
		get.Responses["200"].Headers["Parley-Behind"] == nil || get.Responses["default"].Headers["Parley-Behind"] == nil) {
			t.Errorf("%s: the document does not say that all answers may have Parley-Behind", path)
		}
	}
	if doc.Paths["/api/blocked"] == nil || len(doc.Paths) < 12 {
		t.Errorf("the document has %d paths", len(doc.Paths))
	}
}

// What one has just done, or has just been told, is in what one asks next.
func TestOnesOwnWritesAreRead(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob")
		one, two := w.edge(), w.edge()
		a, b := one.device("ann"), two.device("bob")
		a.ok("sendApply", "bob", map[string]any{"greeting": "hello"})
		b.expect("apply")
		var applies struct{ Applies []domain.ApplyView }
		two.get("bob", "/api/applies", &applies)
		if len(applies.Applies) != 1 || applies.Applies[0].From.ID != "ann" {
			t.Errorf("bob's applications are %+v", applies)
		}
		b.ok("acceptFriend", "ann")
		a.expect("refresh")
		for n, u := range map[*node]domain.UserID{one: "ann", two: "bob"} {
			var friends struct{ Friends []domain.PersonView }
			if n.get(u, "/api/friends", &friends); len(friends.Friends) != 1 {
				t.Errorf("%s's friends are %+v", u, friends)
			}
		}
		seq := b.ok("send", "ann", "hello").seq(t)
		var list struct{ Conversations []domain.ConversationView }
		if one.get("ann", "/api/conversations", &list); len(list.Conversations) != 1 || list.Conversations[0].Unread != 1 || list.Conversations[0].Last.Seq != seq {
			t.Errorf("ann's conversations are %+v", list)
		}
		a.until("hello")
		a.ok("read", "u:bob", seq)
		if one.get("ann", "/api/conversations", &list); list.Conversations[0].Unread != 0 || list.Conversations[0].Read != seq {
			t.Errorf("ann's conversations are %+v", list)
		}
	})
}

// Every query, asked by somebody who may: its parameters arrive, and no list is null.
func TestQueries(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat")
	w.befriend("ann", "bob")
	g := w.group("g", "ann", "bob", "cat")
	w.append(domain.InGroup("g2"), domain.GroupCreated{By: "bob", Name: "g2", Invited: []domain.UserID{"ann"}})
	w.append(domain.Direct("ann", "dan"), domain.FriendRequested{By: "dan"})
	w.append(domain.Direct("ann", "eve"), domain.FriendBlocked{By: "ann"})
	first := w.say(g, "bob", "1")
	w.say(g, "bob", "2")
	n := w.edge()
	for path, want := range map[string]string{
		"/api/me":                           `"id":"ann"`,
		"/api/users/bob":                    `"name":"Name of bob"`,
		"/api/users?query=NAME&limit=1":     `"username":"ann"`,
		"/api/users?query=x":                `{"users":[]}`,
		"/api/friends":                      `"id":"bob"`,
		"/api/applies":                      `{"applies":[{"type":"friend","from":{"id":"dan"`,
		"/api/applies?type=invite&limit=1":  `{"applies":[{"type":"invite"`,
		"/api/applies?type=group,friend":    `"id":"dan"`,
		"/api/applies?type=group":           `{"applies":[],"next":""}`,
		"/api/blocked":                      `{"blocked":[{"id":"eve"`,
		"/api/groups":                       `"members":3`,
		"/api/groups/g":                     `"owner":"ann"`,
		"/api/groups/g2":                    `"owner":"bob"`,
		"/api/groups/g/members?after=bob":   `{"members":[{"id":"cat"`,
		"/api/groups/g/members?after=cat":   `{"members":[]}`,
		"/api/conversations?limit=1":        `"id":"g:g"`,
		"/api/conversations/g:g/messages":   `"msg":"1"`,
		"/api/conversations/u:bob/messages": `{"messages":[],"more":false}`,
		"/api/conversations/g:g/messages?limit=1&after=" + strconv.FormatUint(first, 10): `"msg":"2"`,
		"/api/openapi.json": `"/api/conversations/{id}/messages"`,
	} {
		var raw json.RawMessage
		if status := n.get("ann", path, &raw); status != http.StatusOK || !strings.Contains(string(raw), want) {
			t.Errorf("%s: %d %.300s, want %s in it", path, status, raw, want)
		}
	}
}

// What waits for one's answer comes page by page, and without the invitations of those whom one blocks.
func TestApplies(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat", "dan")
		w.group("g", "ann")
		w.append(domain.InGroup("bobs"), domain.GroupCreated{By: "bob", Name: "bobs", Invited: []domain.UserID{"ann"}})
		n := w.edge()
		a := n.device("ann")
		n.device("cat").ok("sendApply", "ann")
		n.device("dan").ok("applyGroup", "g")
		list := func(query string) (all []string) {
			t.Helper()
			for next := ""; ; {
				var page struct {
					Applies []domain.ApplyView
					Next    string
				}
				if n.get("ann", "/api/applies?limit=1"+query+next, &page); len(page.Applies) > 1 {
					t.Errorf("a page of %d", len(page.Applies))
				}
				for _, v := range page.Applies {
					all = append(all, string(v.Type)+" "+string(v.From.ID))
				}
				if page.Next == "" {
					return all
				}
				next = "&after=" + page.Next
			}
		}
		is := func(got []string, want ...string) {
			t.Helper()
			slices.Sort(got) // in a log of shards, what came first is told by clocks
			if !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
		is(list(""), "friend cat", "group dan", "invite bob")
		is(list("&type=friend,group"), "friend cat", "group dan")
		is(list("&type=invite"), "invite bob")
		var before, after struct{ Blocked []domain.PersonView }
		a.ok("block", "bob")
		a.ok("block", "cat")
		is(list(""), "group dan")
		n.get("ann", "/api/blocked", &before)
		a.ok("unblock", "bob")
		is(list(""), "group dan", "invite bob")
		n.get("ann", "/api/blocked", &after)
		if len(before.Blocked) != 2 || before.Blocked[0].Name != "Name of bob" || len(after.Blocked) != 1 || after.Blocked[0].ID != "cat" {
			t.Errorf("ann blocked %+v, then %+v", before, after)
		}
	})
}
