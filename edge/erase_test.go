package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley/domain"
	"parley/edge"
)

// Who erases themselves is gone for everybody, on all edges, and so is what they said; what others said stays.
func TestEraseMe(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		here, there := w.edge(erasing), w.edge(erasing)
		ann, token := here.register("ann")
		w.people("bob", "cat", "eve")
		w.befriend(ann, "bob")
		w.befriend(ann, "cat")
		toEve := domain.Direct(ann, "eve")
		w.append(toEve, domain.FriendRequested{By: ann, Greeting: json.RawMessage(`{"greeting":"it is ann"}`)})
		own := w.group("own", ann, "cat", "bob")
		w.append(own, domain.GroupRoleSet{By: ann, UID: "bob", Role: domain.RoleAdmin})
		cats, alone, asked := w.group("cats", "cat", ann), w.group("alone", ann), w.group("asked", "eve")
		w.append(asked, domain.GroupApplied{UID: ann, Greeting: json.RawMessage(`{"greeting":"it is ann"}`)})
		withBob, withCat := domain.Direct(ann, "bob"), domain.Direct(ann, "cat")
		for _, topic := range []domain.Topic{withBob, own, cats} {
			w.say(topic, ann, "first")
			peer := domain.UserID("bob")
			if topic == cats {
				peer = "cat"
			}
			w.say(topic, peer, "second")
			w.say(topic, ann, "third")
		}
		w.say(withCat, ann, "only")

		phone, laptop, bob, cat, eve := here.device(ann), there.device(ann), there.device("bob"), here.device("cat"), there.device("eve")
		phone.ok("read", "u:bob", 1)
		for _, c := range []struct {
			body   string
			status int
			code   domain.Code
		}{
			{"", 422, domain.Malformed}, {`{}`, 422, domain.Malformed}, {`{"password":""}`, 422, domain.Malformed}, {`{"password":7}`, 422, domain.Malformed},
			{`{"password":"correct horses"}`, 403, domain.Forbidden}, {`{"password":"` + strings.Repeat("x", 257) + `"}`, 422, domain.Malformed},
		} {
			if status, p := here.erase(ann, c.body); status != c.status || p.Code != c.code || p.Detail == "" {
				t.Errorf("erase with %s: %d, %+v", c.body, status, p)
			}
		}
		if status, _ := here.ask(http.MethodDelete, "/api/me", "", `{"password":"correct horse"}`, nil); status != 401 {
			t.Errorf("without a token: %d", status)
		}
		if status, _ := here.ask(http.MethodGet, "/api/me", token, "", nil); status != 200 {
			t.Fatal("a refusal has erased")
		}
		here.eraseOK(ann, `{"password":"correct horse"}`)
		var p problem
		if status, _ := here.ask(http.MethodPost, "/api/login", "", `{"username":"ann","password":"correct horse"}`, &p); status != 401 {
			t.Errorf("log in: %d, %+v", status, p)
		}
		phone.isOff()
		laptop.isOff()
		here.isGone(ann)
		there.isGone(ann)

		for d, heir := range map[*device]domain.UserID{bob: "bob", cat: "bob"} {
			var who domain.PersonView
			d.expect("userout").arg(t, 1, &who)
			if who.ID != ann || who.Name != "deleted user" || who.Username != "" {
				t.Errorf("%s hears going %+v", d.me, who)
			}
			var friend struct {
				UID, By domain.UserID
				State   string
			}
			d.expect("friend").arg(t, 0, &friend)
			if friend.UID != ann || friend.By != ann || friend.State != "erased" {
				t.Errorf("%s hears %+v", d.me, friend)
			}
			var group struct {
				GID     domain.GroupID
				State   string
				UID, By domain.UserID
				Owner   domain.UserID
			}
			for group.GID != "own" {
				d.expect("group").arg(t, 0, &group)
			}
			if group.State != "erased" || group.UID != ann || group.By != ann || group.Owner != heir {
				t.Errorf("%s hears %+v", d.me, group)
			}
		}
		eve.expect("friend")
		eve.expect("group")
		bob.no(domain.NotFound, "send", ann, "are you there?")
		bob.no(domain.NotFound, "sendApply", ann)
		bob.no(domain.NotFound, "invite", "own", ann)
		bob.no(domain.NotFound, "createGroup", map[string]any{"name": "x", "members": []domain.UserID{ann}})
		bob.ok("setRole", "own", "cat", "admin")
		bob.ok("groupSend", gid("own"), "we go on")

		w.erased(ann, withBob, withCat, toEve, own, cats, alone, asked)
		w.fold()
		var c struct {
			Conversations []domain.ConversationView
		}
		there.get("bob", "/api/conversations", &c)
		got := map[string]string{}
		for _, line := range c.Conversations {
			got[line.ID] = fmt.Sprint(line.Name, " ", line.Unread, " ", string(line.Last.Msg))
		}
		if want := "deleted user 0 \"second\""; got["u:"+string(ann)] != want {
			t.Errorf("the conversation is %q, want %q of %v", got["u:"+string(ann)], want, got)
		}
		here.get("cat", "/api/conversations", &c)
		for _, line := range c.Conversations {
			got[line.ID] = fmt.Sprint(line.Unread)
		}
		if got["g:own"] != "2" || got["g:cats"] != "0" {
			t.Errorf("cat has not read %v", got)
		}
		for conversation, want := range map[string]string{"u:" + string(ann): "second", "g:own": "second we go on"} {
			var m struct{ Messages []domain.MessageView }
			there.get("bob", "/api/conversations/"+conversation+"/messages", &m)
			var texts []string
			for _, m := range m.Messages {
				var s string
				must(t, json.Unmarshal(m.Msg, &s))
				texts = append(texts, s)
			}
			if strings.Join(texts, " ") != want {
				t.Errorf("%s holds %q, want %q", conversation, texts, want)
			}
		}
		var found struct{ Users []domain.PersonView }
		for _, query := range []string{"ann", "Name", "deleted"} {
			there.get("bob", "/api/users?query="+query, &found)
			if slices.ContainsFunc(found.Users, func(p domain.PersonView) bool { return p.ID == ann }) {
				t.Errorf("%q finds %+v", query, found.Users)
			}
		}
		var shown domain.PersonView
		there.get("bob", "/api/users/"+string(ann), &shown)
		if shown != (domain.PersonView{ID: ann, Name: "deleted user", Deleted: true}) {
			t.Errorf("shown is %+v", shown)
		}
		if again, _ := there.register("ANN"); again == ann {
			t.Error("the next one of that name is the same person")
		}
		here.isGone(ann)
	})
}

// People of another application need no password, which they have not, and cannot come back either.
func TestEraseSomebodyOfAnotherApplication(t *testing.T) {
	w := newWorld(t, 1)
	n := w.edge(erasing)
	n.register("ann")
	for _, sub := range []domain.UserID{"auth0|known", "auth0|unknown"} { // as the other application calls them
		u, err := domain.ExternalUserID(string(sub))
		must(t, err)
		body := `{"password":"any"}`
		if sub == "auth0|known" {
			w.append(domain.About(u), domain.Profiled{Username: "ann", Name: "Another"})
			body = ""
		}
		n.eraseOK(sub, body)
		n.isGone(sub)
		w.erased(u)
	}
	if status, _ := n.ask(http.MethodPost, "/api/login", "", `{"username":"ann","password":"correct horse"}`, nil); status != 200 {
		t.Errorf("the account of the same name: %d", status)
	}
}

// Guesses at the password count like commands.
func TestEraseIsPaced(t *testing.T) {
	w := newWorld(t, 1)
	n := w.edge(func(o *edge.Options) { o.Settings.Commands = 1 })
	ann, _ := n.register("ann")
	for range 50 {
		if status, p := n.erase(ann, ""); status != 422 {
			t.Fatalf("%d, %+v", status, p)
		}
	}
	var p problem
	status, header := n.ask(http.MethodDelete, "/api/me", n.token(ann), `{"password":"correct horse"}`, &p)
	if status != 429 || p.Code != domain.TooMany || header.Get("Retry-After") != "1" {
		t.Errorf("%d, %+v, Retry-After %q", status, p, header.Get("Retry-After"))
	}
}

// Where the log does not answer, the read models say whose token is good no more.
func TestTokensOfTheErasedWithoutTheLog(t *testing.T) {
	w := newWorld(t, 1)
	n := w.edge(func(o *edge.Options) { resting(o); o.Log = noLast{w.journal} })
	w.people("bob")
	w.append(domain.About("ann"), domain.PersonErased{})
	w.fold()
	for u, want := range map[domain.UserID]int{"ann": 401, "bob": 200} {
		if status, _ := n.ask(http.MethodGet, "/api/friends", n.token(u), "", nil); status != want {
			t.Errorf("%s: %d, want %d", u, status, want)
		}
	}
}

// noLast is a log that is away for who asks what is last.
type noLast struct{ edge.Log }

func (noLast) Last(context.Context, domain.Topic, domain.Lane, domain.UserID) (domain.Record, bool, error) {
	return domain.Record{}, false, errAway
}
