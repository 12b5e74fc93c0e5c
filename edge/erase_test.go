package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/domain"
	"parley/edge"
)

// erasing lets an edge look often for erasures to go on with, and wait for little that may be on its way.
func erasing(o *edge.Options) {
	o.Settings.Resume, o.Settings.Linger = 20*time.Millisecond, time.Millisecond
}

// resting lets an edge leave erasures to others once all have been told.
func resting(o *edge.Options) { o.Settings.Resume, o.Settings.Linger = time.Hour, time.Hour }

// register makes an account, and gives the id and a token.
func (n *node) register(username string) (domain.UserID, string) {
	n.Helper()
	var in struct {
		User  domain.PersonView
		Token string
	}
	body := fmt.Sprintf(`{"username":%q,"password":"correct horse","name":"Name of %s"}`, username, username)
	if status, _ := n.ask(http.MethodPost, "/api/register", "", body, &in); status != http.StatusCreated {
		n.Fatalf("register %s: %d", username, status)
	}
	return in.User.ID, in.Token
}

// erase asks to be erased and gives status and refusal.
func (n *node) erase(u domain.UserID, body string) (status int, p problem) {
	n.Helper()
	n.fold()
	var out json.RawMessage
	req, err := http.NewRequest(http.MethodDelete, n.url+"/api/me", strings.NewReader(body))
	must(n, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+n.token(u))
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	must(n, err)
	defer res.Body.Close()
	if res.StatusCode == http.StatusNoContent {
		return res.StatusCode, p
	}
	must(n, json.NewDecoder(res.Body).Decode(&out))
	must(n, json.Unmarshal(out, &p))
	return res.StatusCode, p
}

func (n *node) eraseOK(u domain.UserID, body string) {
	n.Helper()
	if status, p := n.erase(u, body); status != http.StatusNoContent {
		n.Fatalf("erase %s: %d, %+v", u, status, p)
	}
}

// isGone fails where somebody may still do anything at an edge.
func (n *node) isGone(u domain.UserID) {
	n.Helper()
	var p problem
	eventually(n, "the token is refused", func() bool {
		status, _ := n.ask(http.MethodGet, "/api/me", n.token(u), "", &p)
		return status == http.StatusUnauthorized && p.Code == domain.Unauthenticated
	})
	for _, path := range []string{"/api/friends", "/api/users?query=a", "/api/conversations"} {
		if status, _ := n.ask(http.MethodGet, path, n.token(u), "", &p); status != http.StatusUnauthorized || p.Code != domain.Unauthenticated {
			n.Errorf("%s: %d, %+v", path, status, p)
		}
	}
	d, refused := dial(n, n.url, fmt.Sprintf(`{"token":%q}`, n.token(u)), "", nil)
	if d != nil || refused.Code != domain.Unauthenticated || refused.Message != "authentication error" {
		n.Errorf("CONNECT: let in: %v, %+v", d != nil, refused)
	}
	if status, p := n.erase(u, ""); status != http.StatusUnauthorized {
		n.Errorf("erase again: %d, %+v", status, p)
	}
}

// isOff waits until a device is cut off.
func (d *device) isOff() {
	d.tb.Helper()
	select {
	case <-d.done:
	case <-time.After(limit):
		d.tb.Fatalf("%s is still connected after %v", d.me, limit)
	}
}

// all gives what the log holds of a topic.
func (w *world) log(t domain.Topic) []domain.Record {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	records, err := w.journal.Since(ctx, t, 0)
	must(w, err)
	return records
}

// erased waits until it is in the log that nothing of somebody's is left there, and sees whether that is so.
func (w *world) erased(u domain.UserID, topics ...domain.Topic) {
	w.Helper()
	own := func() (names []string) {
		for _, r := range w.log(domain.About(u)) {
			name := r.Event.EventName()
			if e, ok := r.Event.(domain.PersonErased); ok && e.Done {
				name = "done"
			}
			names = append(names, name)
		}
		return names
	}
	eventually(w, string(u)+" is erased", func() bool { return slices.Contains(own(), "done") })
	if got := own(); !slices.Equal(got, []string{"person.erased", "done"}) {
		w.Errorf("of %s the log holds %q", u, got)
	}
	for _, t := range topics {
		gone := false
		for _, r := range w.log(t) {
			switch e := r.Event.(type) {
			case domain.FriendErased:
				gone = gone || e.By == u
			case domain.GroupErased:
				gone = gone || e.UID == u
			}
			if domain.Erasable(r.Event, u) {
				w.Errorf("%s is left: %d %s %+v", t, r.Seq, r.Event.EventName(), r.Event)
			}
		}
		if !gone {
			w.Errorf("in %s it does not say that %s is gone", t, u)
		}
	}
}

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

// What an edge has begun that dies, however far it has got, another one finishes.
func TestErasureOutlivesItsEdge(t *testing.T) {
	for name, dies := range map[string]func(w *world, n *node, ann domain.UserID){
		"before anything else": func(w *world, n *node, ann domain.UserID) { w.append(domain.About(ann), domain.PersonErased{}) },
		"when all are told": func(w *world, n *node, ann domain.UserID) {
			n.eraseOK(ann, `{"password":"correct horse"}`)
			must(w, n.e.Shutdown(w.Context()))
		},
		"after it could not erase": func(w *world, n *node, ann domain.UserID) {
			sick := w.edge(func(o *edge.Options) { resting(o); o.Log = unerasable{w.journal} })
			sick.eraseOK(ann, `{"password":"correct horse"}`)
		},
		"between the topics": func(w *world, n *node, ann domain.UserID) {
			w.append(domain.About(ann), domain.PersonErased{})
			w.append(domain.InGroup("g"), domain.GroupErased{UID: ann, Owner: "bob"})
			_, err := w.journal.Erase(w.Context(), domain.InGroup("g"), 0, 0, func(e domain.Event) bool { return domain.Erasable(e, ann) })
			must(w, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3)
			n := w.edge(resting)
			ann, _ := n.register("ann")
			w.people("bob")
			w.befriend(ann, "bob")
			g, withBob := w.group("g", ann, "bob"), domain.Direct(ann, "bob")
			for i := range 10 {
				w.say(g, ann, fmt.Sprint(i))
				w.say(withBob, ann, fmt.Sprint(i))
				w.say(g, "bob", fmt.Sprint(i))
			}
			w.fold()
			dies(w, n, ann)
			others := []*node{w.edge(erasing), w.edge(erasing), w.edge(erasing)} // all of them at once
			w.erased(ann, g, withBob)
			for _, other := range others {
				other.isGone(ann)
			}
			eventually(t, "the name is free", func() bool {
				_, err := w.journal.Account(t.Context(), "ann")
				return err != nil && domain.Refusal(err).Code == domain.NotFound
			})
			eventually(t, "nobody is being erased", func() bool {
				w.fold()
				people, err := w.views.Erasing(t.Context())
				return err == nil && len(people) == 0
			})
		})
	}
}

// unerasable is a log out of which nothing can be taken.
type unerasable struct{ edge.Log }

func (unerasable) Erase(context.Context, domain.Topic, uint64, uint64, func(domain.Event) bool) (uint64, error) {
	return 0, errAway
}

// While it is not known where somebody has said something nothing is begun, and nothing is left behind.
func TestNothingIsErasedInPart(t *testing.T) {
	for name, change := range map[string]func(*world) func(*edge.Options){
		"the read models are behind": func(*world) func(*edge.Options) { return erasing },
		"the read models are away": func(w *world) func(*edge.Options) {
			return func(o *edge.Options) { erasing(o); o.Views = noTopics{w.views} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			n := w.edge(change(w))
			ann, token := n.register("ann")
			d := n.device(ann)
			if name == "the read models are behind" {
				w.fold()
				w.rest()
				w.say(domain.Direct("x", "y"), "x", "not folded")
			}
			if status, p := n.erase(ann, `{"password":"correct horse"}`); status != 503 || p.Code != domain.Unavailable {
				t.Errorf("erase: %d, %+v", status, p)
			}
			d.ok("sign", map[string]any{"user": map[string]any{"id": ann}})
			if status, _ := n.ask(http.MethodGet, "/api/me", token, "", nil); status != 200 {
				t.Errorf("the token: %d", status)
			}
			if _, err := w.journal.Account(t.Context(), "ann"); err != nil {
				t.Errorf("the account: %v", err)
			}
			for _, r := range w.log(domain.About(ann)) {
				if _, begun := r.Event.(domain.PersonErased); begun {
					t.Error("it is begun")
				}
			}
		})
	}
}

// noTopics are read models that do not say who has to do with what.
type noTopics struct{ edge.Views }

func (noTopics) Topics(context.Context, domain.UserID) ([]domain.Topic, error) { return nil, errAway }

// Who asks twice at once, at two edges, is erased once; whatever is on its way meanwhile is gone in the end.
func TestEraseWhileTalking(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		linger := func(o *edge.Options) { erasing(o); o.Settings.Linger = 200 * time.Millisecond }
		here, there := w.edge(linger), w.edge(linger)
		ann, _ := here.register("ann")
		w.people("bob")
		w.befriend(ann, "bob")
		g, withBob := w.group("g", "bob", ann), domain.Direct(ann, "bob")
		var devices []*device
		for i := range 4 {
			devices = append(devices, []*node{here, there}[i%2].device(ann))
		}
		bob := here.device("bob")
		var talking, erasing sync.WaitGroup
		for i, d := range devices {
			for j := range 2 {
				talking.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-d.done:
							return
						case <-t.Context().Done(): // the test has failed
							return
						default:
						}
						switch text := fmt.Sprint(i, " ", j, " ", n); n % 4 {
						case 0:
							d.tell("send", "bob", text)
						case 1:
							d.tell("groupSend", gid("g"), text)
						case 2:
							d.tell("read", "g:g", 1)
						case 3:
							d.tell("sendApply", "bob", map[string]any{"greeting": text})
						}
						time.Sleep(20 * time.Millisecond) // so that the read models keep up
					}
				})
			}
		}
		bob.expect("reply")
		bob.expect("groupReply")
		statuses := make([]int, 4)
		for i := range statuses {
			erasing.Go(func() {
				n := []*node{here, there}[i%2]
				for end := time.Now().Add(limit); statuses[i] == 0 || statuses[i] == 503 && time.Now().Before(end); { // the read models run behind
					statuses[i], _ = n.ask(http.MethodDelete, "/api/me", n.token(ann), `{"password":"correct horse"}`, nil)
				}
			})
		}
		erasing.Wait()
		slices.Sort(statuses)
		if statuses[0] != 204 || statuses[1] != 401 || statuses[3] != 401 {
			t.Fatalf("answered %v", statuses)
		}
		talking.Wait()
		w.erased(ann, g, withBob)
		w.fold()
		var m struct{ Messages []domain.MessageView }
		for _, conversation := range []string{"u:" + string(ann), "g:g"} {
			here.get("bob", "/api/conversations/"+conversation+"/messages", &m)
			if len(m.Messages) > 0 {
				t.Errorf("%s holds %+v", conversation, m.Messages)
			}
		}
		bob.ok("groupSend", gid("g"), "alone")
	})
}

// Who is in very many groups is gone from all of them.
func TestEraseSomebodyOfManyGroups(t *testing.T) {
	w := newWorld(t, 3)
	n := w.edge(erasing)
	ann, _ := n.register("ann")
	w.people("bob")
	var topics []domain.Topic
	for i := range 100 {
		g := domain.GroupID(fmt.Sprint("g", i))
		if i%2 == 0 {
			topics = append(topics, w.group(g, ann, "bob"))
		} else {
			topics = append(topics, w.group(g, "bob", ann))
		}
		w.say(topics[i], ann, "here")
	}
	bob := n.device("bob")
	n.eraseOK(ann, `{"password":"correct horse"}`)
	w.erased(ann, topics...)
	w.fold()
	var all struct{ Groups []domain.GroupView }
	n.get("bob", "/api/groups", &all)
	for _, g := range all.Groups {
		if g.Owner != "bob" || g.Members != 1 {
			t.Errorf("%+v", g)
		}
	}
	if len(all.Groups) != 100 {
		t.Errorf("bob is in %d groups", len(all.Groups))
	}
	eventually(t, "bob has heard of all", func() bool { return len(bob.all("group")) == 100 })
}

// One comes in while one is erased: either way one is out in the end.
func TestEnterWhileBeingErased(t *testing.T) {
	w := newWorld(t, 1)
	f := newFaulty(w)
	w.people("ann")
	n := w.edge(f.into(w), resting)
	f.set(func() {
		f.entering = func(u domain.UserID) error {
			w.append(domain.About(u), domain.PersonErased{})
			return nil
		}
	})
	d, refused := dial(n, n.url, fmt.Sprintf(`{"token":%q}`, n.token("ann")), "", nil)
	if d != nil {
		d.isOff()
	} else if refused.Code != domain.Unauthenticated {
		t.Errorf("refused with %+v", refused)
	}
	n.isGone("ann")
	eventually(t, "nobody is followed", func() bool { return f.balance() == nil })
	if people, _, _ := n.e.Kept(); people != 0 {
		t.Errorf("%d are here", people)
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
