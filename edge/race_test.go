package edge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
	"parley/edge"
	"parley/projector"
	"parley/projector/memory"
)

// apart runs a test on one NATS server and on a cluster of three, with two edges that have nothing in common but those.
func apart(t *testing.T, test func(t *testing.T, w *world, nodes [2]*node)) {
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d servers", servers), func(t *testing.T) {
			s := journaltest.Start(t, servers)
			w := newLog(t, s.Open(t, journaltest.Shards(2), quiet))
			w.project()
			var nodes [2]*node
			for i := range nodes {
				nodes[i] = w.edge(over(s.Open(t, quiet)))
			}
			test(t, w, nodes)
		})
	}
}

// over gives an edge a connection of its own to the log.
func over(j *journal.Journal) func(*edge.Options) {
	return func(o *edge.Options) {
		o.Log, o.Signals, o.Accounts = j, j, j
		o.Follow = func(deliver func(domain.Record), lost func()) (edge.Live, error) { return j.Live(deliver, lost) }
	}
}

// legal says whether some command would have given an event, in the state that it came upon.
func legal(s any, e domain.Event) bool {
	var got []domain.Event
	switch s := s.(type) {
	case domain.Friendship:
		var c domain.FriendCommand
		switch e := e.(type) {
		case domain.FriendRequested:
			c = domain.RequestFriend{By: e.By}
		case domain.FriendAccepted:
			c = domain.AcceptFriend(e)
		case domain.FriendRejected:
			c = domain.RejectFriend{By: e.By}
		case domain.FriendRemoved:
			c = domain.RemoveFriend(e)
		case domain.FriendBlocked:
			c = domain.BlockFriend(e)
		case domain.FriendUnblocked:
			c = domain.UnblockFriend(e)
		}
		answer, err := s.Decide(c)
		return err == nil && reflect.DeepEqual(answer, e)
	case *domain.Group:
		for _, c := range groupCommands(e) {
			if answer, err := s.Decide(c); err == nil {
				got = append(got, answer)
			}
		}
	}
	return slices.ContainsFunc(got, func(answer domain.Event) bool { return reflect.DeepEqual(answer, e) })
}

// groupCommands are those that an event may come of.
func groupCommands(e domain.Event) []domain.GroupCommand {
	switch e := e.(type) {
	case domain.GroupCreated:
		return []domain.GroupCommand{domain.CreateGroup(e)}
	case domain.GroupInvited:
		return []domain.GroupCommand{domain.Invite{By: e.By, UID: e.UID}}
	case domain.GroupDeclined:
		return []domain.GroupCommand{domain.DeclineInvitation(e)}
	case domain.GroupApplied:
		return []domain.GroupCommand{domain.ApplyToJoin{UID: e.UID}}
	case domain.GroupRefused:
		return []domain.GroupCommand{domain.RefuseApplication(e)}
	case domain.GroupJoined:
		return []domain.GroupCommand{domain.AcceptInvitation{UID: e.UID}, domain.ApplyToJoin{UID: e.UID},
			domain.Invite{By: e.By, UID: e.UID, Friend: true}, domain.Invite{By: e.By, UID: e.UID}, domain.AcceptApplication(e)}
	case domain.GroupLeft:
		return []domain.GroupCommand{domain.Leave{UID: e.UID}}
	case domain.GroupRemoved:
		return []domain.GroupCommand{domain.RemoveMember(e)}
	case domain.GroupRoleSet:
		return []domain.GroupCommand{domain.SetRole(e)}
	case domain.GroupDissolved:
		return []domain.GroupCommand{domain.DissolveGroup(e)}
	}
	return nil
}

// replay folds a state lane and fails where one of its events could not follow on those before it.
func (w *world) replay(t domain.Topic) (f domain.Friendship, g *domain.Group, events int) {
	w.Helper()
	records, err := w.journal.State(w.Context(), t, 0)
	must(w, err)
	g = &domain.Group{}
	_, _, direct := t.Pair()
	if direct {
		f = domain.NewFriendship(t)
	}
	for i, r := range records {
		var s any = g
		if direct {
			s = f
		}
		if !legal(s, r.Event) {
			w.Errorf("event %d of %s, %#v, could not follow on those before it", i, t, r.Event)
		}
		f.Evolve(r.Event, r.Time)
		g.Evolve(r.Event, r.Time)
	}
	return f, g, len(records)
}

// Whatever two people do to their friendship at the same moment, at two edges: each command that was answered with yes is in the log, once,
// and each refused one is not; and all agree on what has come of it.
func TestFriendshipRaced(t *testing.T) {
	apart(t, func(t *testing.T, w *world, nodes [2]*node) {
		for round := range 12 {
			ann, bob := domain.UserID(fmt.Sprint("ann-", round)), domain.UserID(fmt.Sprint("bob-", round))
			w.people(ann, bob)
			topic := domain.Direct(ann, bob)
			w.append(topic, domain.FriendRequested{By: ann})
			var all []*device
			for _, n := range nodes {
				all = append(all, n.device(ann), n.device(bob))
			}
			var done sync.WaitGroup
			var mu sync.Mutex
			yes := 1
			for _, d := range all {
				other := ann
				if d.me == ann {
					other = bob
				}
				done.Go(func() {
					for range 6 {
						command := []string{"acceptFriend", "rejectFriend", "removeFriend", "sendApply", "block", "unblock"}[rand.IntN(6)]
						switch a := d.emit(command, other); a.Code {
						case domain.OK:
							mu.Lock()
							yes++
							mu.Unlock()
						case domain.Conflict, domain.Forbidden:
						default:
							t.Errorf("%s was answered %+v", command, a)
						}
					}
				})
			}
			done.Wait()
			f, _, events := w.replay(topic)
			if events != yes {
				t.Errorf("%d events in the log, %d commands were answered with yes", events, yes)
			}
			for i, n := range nodes {
				var friends struct{ Friends []domain.FriendView }
				n.get([]domain.UserID{ann, bob}[i], "/api/friends", &friends)
				if is := len(friends.Friends) == 1; is != f.Friends() {
					t.Errorf("edge %d says that they are friends: %v, the log: %v", i, is, f.Friends())
				}
			}
			for _, d := range all {
				d.leave()
			}
		}
	})
}

// The same for a group: its people come, go, are put out, and hand it to one another, all at once.
func TestGroupRaced(t *testing.T) {
	apart(t, func(t *testing.T, w *world, nodes [2]*node) {
		users := []domain.UserID{"ann", "bob", "cat", "dan", "eve"}
		w.people(users...)
		for round := range 4 {
			id := domain.GroupID(fmt.Sprint("g", round))
			topic := w.group(id, "ann", "bob", "cat")
			var done sync.WaitGroup
			var mu sync.Mutex
			yes := 1
			for i, u := range users {
				d, g := nodes[i%2].device(u), string(id)
				done.Go(func() {
					defer d.leave()
					for step := range 12 {
						other := users[(i+1+rand.IntN(len(users)-1))%len(users)]
						commands := [][]any{{"leaveGroup", g}, {"removeMember", g, other}, {"removeMember", g, other}, {"invite", g, other}, {"invite", g, other},
							{"acceptGroup", g}, {"acceptGroup", g}, {"rejectGroup", g}, {"applyGroup", g}, {"applyGroup", g}, {"acceptGroup", g, other},
							{"acceptGroup", g, other}, {"rejectGroup", g, other}, {"setRole", g, other, "owner"}, {"setRole", g, other, "admin"}, {"setRole", g, other, "member"}}
						if step == 11 {
							commands = append(commands, []any{"dissolveGroup", g})
						}
						c := commands[rand.IntN(len(commands))]
						switch a := d.emit(c[0].(string), c[1:]...); a.Code {
						case domain.OK:
							mu.Lock()
							yes++
							mu.Unlock()
						case domain.Conflict, domain.Forbidden, domain.NotFound:
						default:
							t.Errorf("%v was answered %+v", c, a)
						}
					}
				})
			}
			done.Wait()
			_, g, events := w.replay(topic)
			if events != yes {
				t.Errorf("%d events in the log, %d commands were answered with yes", events, yes)
			}
			for i, u := range users {
				var groups struct{ Groups []domain.GroupView }
				nodes[i%2].get(u, "/api/groups", &groups)
				at := slices.IndexFunc(groups.Groups, func(v domain.GroupView) bool { return v.ID == id })
				if (at >= 0) != (g.Role(u) != "") || at >= 0 && (groups.Groups[at].Role != g.Role(u) || groups.Groups[at].Owner != g.Owner()) {
					t.Errorf("%s is told of %+v, the log says %q, owned by %s", u, groups.Groups, g.Role(u), g.Owner())
				}
			}
		}
	})
}

// A thousand people join one group at once, at two edges, some of them twice: everyone is in, once, and nobody is turned away.
func TestAThousandJoinAtOnce(t *testing.T) {
	apart(t, func(t *testing.T, w *world, nodes [2]*node) {
		const many, twice = 1000, 100
		invited := make([]domain.UserID, many)
		for i := range invited {
			invited[i] = domain.UserID(fmt.Sprint("u", i))
		}
		w.people(append(invited, "ann")...)
		topic := domain.InGroup("g")
		w.append(topic, domain.GroupCreated{By: "ann", Name: "g", Invited: invited})
		w.fold()
		devices := make([]*device, many+twice)
		var connecting sync.WaitGroup
		for at := range 16 {
			connecting.Go(func() {
				for i := at; i < len(devices); i += 16 {
					u := invited[i%many]
					devices[i] = nodes[(i+i/many)%2].enter(u) // the second one at the other edge
					devices[i].onlyAcks()
				}
			})
		}
		connecting.Wait()
		begun := time.Now()
		acks := make([]int, len(devices))
		for i, d := range devices {
			acks[i] = d.begin("acceptGroup", "g")
		}
		codes := map[domain.Code]int{}
		for i, d := range devices {
			codes[d.end(acks[i]).Code]++
		}
		t.Logf("%d answered in %v: %v", len(devices), time.Since(begun), codes)
		if codes[domain.OK] != many || codes[domain.Conflict] != twice {
			t.Errorf("answered with the codes %v, want %d times 0 and %d times 6", codes, many, twice)
		}
		if _, g, events := w.replay(topic); events != 1+many || g.Size() != 1+many {
			t.Errorf("%d events, and %d members", events, g.Size())
		}
		var g domain.GroupView
		if nodes[0].get("u1", "/api/groups/g", &g); g.Members != 1+many {
			t.Errorf("the read models have %d members", g.Members)
		}
	})
}

// Messages that race with removals, blocks and their end are in or out for everyone alike: for their sender, for those who listen at either
// edge, in the read models, and in those that are made anew.
func TestTheLogDecides(t *testing.T) {
	apart(t, func(t *testing.T, w *world, nodes [2]*node) {
		w.people("ann", "bob", "cat")
		w.befriend("ann", "bob")
		group, direct := w.group("g", "ann", "bob", "cat"), domain.Direct("ann", "bob")
		a, b, b2, c := nodes[0].device("ann"), nodes[1].device("bob"), nodes[0].device("bob"), nodes[1].device("cat")
		var done sync.WaitGroup
		counted := map[domain.Topic][]string{}
		for _, topic := range []domain.Topic{group, direct} {
			sender := map[domain.Topic]*device{group: b, direct: b2}[topic]
			stop := make(chan struct{})
			done.Go(func() {
				defer close(stop)
				for i := range 60 {
					txt := fmt.Sprintf("%s %d", topic, i)
					to := any(domain.UserID("ann"))
					command := "send"
					if topic == group {
						to, command = gid("g"), "groupSend"
					}
					switch a := sender.emit(command, to, txt); a.Code {
					case domain.OK:
						counted[topic] = append(counted[topic], txt)
					case domain.Forbidden:
					default:
						t.Errorf("%q was answered %+v", txt, a)
					}
				}
			})
			done.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if topic == group {
						a.ok("removeMember", "g", "bob")
						a.ok("invite", "g", "bob") // a friend, or to be accepted
						b2.emit("acceptGroup", "g")
					} else {
						a.ok("block", "bob")
						a.ok("unblock", "bob")
						b2.emit("sendApply", "ann")
						a.emit("acceptFriend", "bob")
					}
				}
			})
			if topic == group {
				done.Wait() // so that the friendship stands meanwhile, and the two do not share a map
			}
		}
		done.Wait()
		if len(counted[group]) == 0 || len(counted[direct]) == 0 {
			t.Fatal("nothing counted")
		}
		w.say(group, "ann", "end")
		c.until("end")
		a.until("end")
		heard := func(d *device, topic domain.Topic) (of []string) {
			for _, txt := range texts(d.talk()) {
				if len(txt) > len(topic.Key()) && txt[:len(topic.Key())] == topic.Key() {
					of = append(of, txt)
				}
			}
			return of
		}
		w.fold()
		anew := memory.New()
		ctx, stop := context.WithCancel(context.Background())
		folding := make(chan error, 1)
		go func() { folding <- projector.New(w.journal, anew, projector.Options{Logger: nobody}).Run(ctx) }()
		ends, err := w.journal.Ends(t.Context())
		must(t, err)
		_, err = anew.Wait(t.Context(), ends)
		must(t, err)
		stop()
		must(t, <-folding)
		for _, topic := range []domain.Topic{group, direct} {
			for name, got := range map[string][]string{"ann heard": heard(a, topic), "the read models have": history(t, w.views, topic),
				"made anew they have": history(t, anew, topic)} {
				if topic == group {
					got = slices.DeleteFunc(got, func(s string) bool { return s == "end" })
				}
				if !slices.Equal(got, counted[topic]) {
					t.Errorf("%s: %s %q, counted %q", topic, name, got, counted[topic])
				}
			}
		}
		if got := heard(c, group); !slices.Equal(got, counted[group]) {
			t.Errorf("cat heard %q, counted %q", got, counted[group])
		}
		t.Logf("of 60 messages counted %d in the group and %d between the two", len(counted[group]), len(counted[direct]))
	})
}

// history gives what ann finds of a conversation.
func history(t *testing.T, views *memory.Store, topic domain.Topic) (all []string) {
	t.Helper()
	found, _, err := views.Messages(t.Context(), "ann", topic, 0, 0, 500)
	must(t, err)
	for _, m := range found {
		all = append(all, string(m.Msg[1:len(m.Msg)-1]))
	}
	return all
}
