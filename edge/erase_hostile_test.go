package edge_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/domain"
	"parley/edge"
)

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
