package edge_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parley/domain"
)

// back brings a device back that has gone, to any edge, and says whether it was recovered.
func (d *device) back(n *node) (again *device, recovered bool) {
	n.Helper()
	d.close()
	again, refused := dial(n, n.url, fmt.Sprintf(`{"token":%q,"pid":%q,"offset":%q}`, n.token(d.me), d.pid, d.offset), "", nil)
	if again == nil {
		n.Fatalf("%s is refused: %+v", d.me, refused)
	}
	again.me = d.me
	if recovered = again.pid == d.pid; recovered && len(again.all("reset")) > 0 {
		n.Errorf("%s is recovered and told to begin anew", d.me)
	}
	return again, recovered
}

// kept are the events that tell of the log, of a conversation each, in order; marks apart, of which the log has but the last.
func kept(tb testing.TB, all []heard) (talk map[string][]string, marks map[string]uint64) {
	talk, marks = map[string][]string{}, map[string]uint64{}
	for _, h := range all {
		of := ""
		switch h.Event {
		case "reply":
			var from struct{ ID string }
			h.arg(tb, 0, &from)
			of = "u:" + from.ID
		case "groupReply":
			var from struct{ GID string }
			h.arg(tb, 0, &from)
			of = "g:" + from.GID
		case "edited", "recalled", "reacted":
			var c struct{ Conversation string }
			h.arg(tb, 0, &c)
			of = c.Conversation
		case "friend":
			var c struct{ UID string }
			h.arg(tb, 0, &c)
			of = "u:" + c.UID
		case "group":
			var c struct{ GID string }
			h.arg(tb, 0, &c)
			of = "g:" + c.GID
		case "read":
			var m struct {
				Conversation, UID string
				Seq               uint64
			}
			h.arg(tb, 0, &m)
			of := m.Conversation + " " + m.UID
			if m.Seq < marks[of] {
				tb.Errorf("the mark %+v came after %d", m, marks[of])
			}
			marks[of] = m.Seq
			continue
		default:
			continue
		}
		b, err := json.Marshal(h)
		must(tb, err)
		talk[of] = append(talk[of], string(b))
	}
	return talk, marks
}

// happening is a random one of four people: whatever happens, whether it counts or not.
type happening struct {
	*world
	rand  *rand.Rand
	said  map[domain.Topic][]uint64 // and not taken back: what is done to that is told as far as edges remember
	count int
}

var cast = []domain.UserID{"ann", "bob", "cat", "dan"}

func (h *happening) one(all ...domain.UserID) domain.UserID { return all[h.rand.IntN(len(all))] }

// step lets one thing happen.
func (h *happening) step() {
	by := h.one(cast...)
	other := h.one(slices.DeleteFunc(slices.Clone(cast), func(u domain.UserID) bool { return u == by })...)
	direct, group := domain.Direct(by, other), domain.InGroup(domain.GroupID(fmt.Sprint("g", h.rand.IntN(3))))
	topic := direct
	if h.rand.IntN(2) == 0 {
		topic = group
	}
	h.count++
	said := func(e func(seq uint64) domain.Event) {
		if all := h.said[topic]; len(all) > 0 {
			h.append(topic, e(all[h.rand.IntN(len(all))]))
		}
	}
	switch h.rand.IntN(16) {
	default:
		h.said[topic] = append(h.said[topic], h.say(topic, by, fmt.Sprint(h.count)))
	case 0:
		said(func(seq uint64) domain.Event {
			return domain.MessageEdited{By: by, Seq: seq, Msg: json.RawMessage(fmt.Sprintf(`"edit %d"`, h.count))}
		})
	case 1:
		said(func(seq uint64) domain.Event {
			h.said[topic] = slices.DeleteFunc(h.said[topic], func(s uint64) bool { return s == seq })
			return domain.MessageRecalled{By: by, Seq: seq}
		})
	case 2:
		said(func(seq uint64) domain.Event { return domain.MessageReacted{By: by, Seq: seq, Emoji: "👍", On: true} })
	case 3:
		topic = direct // of a group, who is no member hears of their marks where others hear the group
		said(func(uint64) domain.Event { return domain.ReadMarked{By: by, Seq: slices.Max(h.said[topic])} })
	case 4:
		h.append(direct, domain.FriendRemoved{By: by})
	case 5:
		h.append(direct, domain.FriendRequested{By: by})
		h.append(direct, domain.FriendAccepted{By: other})
	case 6:
		h.append(group, domain.GroupLeft{UID: by})
	case 7, 8:
		h.append(group, domain.GroupJoined{By: "owner", UID: by})
	case 9:
		h.append(group, domain.GroupDescribed{By: "owner", Name: fmt.Sprint("name ", h.count), History: domain.HistoryAll})
	}
}

// A device whose connection breaks again and again, and that comes back on one edge or another, hears exactly what one hears that is never away.
func TestResume(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		h := &happening{world: w, rand: rand.New(rand.NewPCG(seed, 0)), said: map[domain.Topic][]uint64{}}
		w.people(append([]domain.UserID{"owner"}, cast...)...)
		w.befriend("ann", "bob")
		w.befriend("ann", "cat")
		w.group("g0", "owner", cast...)
		w.group("g1", "owner", "ann", "bob")
		w.group("g2", "owner")
		edges := []*node{w.edge(), w.edge()}
		steady, flaky := map[domain.UserID]*device{}, map[domain.UserID]*device{}
		heardBy := map[domain.UserID][]heard{}
		for _, u := range cast {
			steady[u], flaky[u] = edges[h.rand.IntN(2)].device(u), edges[h.rand.IntN(2)].device(u)
		}
		settle := func(u domain.UserID) { // what it has heard before it breaks
			d := flaky[u]
			d.close()
			heardBy[u] = append(heardBy[u], d.heard...)
		}
		for range 30 {
			gone := h.one(cast...)
			for range h.rand.IntN(4) {
				h.step()
			}
			settle(gone)
			for range h.rand.IntN(8) {
				h.step()
			}
			if h.rand.IntN(3) == 0 {
				w.fold()
			}
			again, recovered := flaky[gone].back(edges[h.rand.IntN(2)])
			if !recovered {
				t.Fatalf("%s was not recovered, with %q", gone, flaky[gone].offset)
			}
			flaky[gone] = again
		}
		end := domain.InGroup("end")
		w.append(end, domain.GroupCreated{By: "owner", Name: "end", Members: cast})
		for shard := range w.journal.Shards() { // one in each, after which nothing comes
			w.append(domain.InGroup(groupIn(w, shard)), domain.GroupCreated{By: "owner", Name: "end", Members: cast})
		}
		ended := func(d *device) bool {
			n := 0
			for _, e := range d.all("group") {
				var c struct{ State, Name string }
				e.arg(t, 0, &c)
				if c.State == "created" && c.Name == "end" {
					n++
				}
			}
			return n == w.journal.Shards()+1
		}
		for _, u := range cast {
			eventually(t, string(u)+" hears the end", func() bool { return ended(steady[u]) })
			eventually(t, string(u)+" hears the end on the device that was away", func() bool { return ended(flaky[u]) })
			settle(u)
			want, wantMarks := kept(t, steady[u].events())
			got, gotMarks := kept(t, heardBy[u])
			for of := range want {
				if !slices.Equal(got[of], want[of]) {
					lacks := slices.DeleteFunc(slices.Clone(want[of]), func(e string) bool { return slices.Contains(got[of], e) })
					t.Errorf("%s has heard in %s\n%s\nwant\n%s\nand lacks\n%s", u, of, strings.Join(got[of], "\n"), strings.Join(want[of], "\n"), strings.Join(lacks, "\n"))
				}
			}
			for of := range got {
				if want[of] == nil {
					t.Errorf("%s has heard in %s %v, want nothing", u, of, got[of])
				}
			}
			for of, mark := range wantMarks {
				if gotMarks[of] != mark {
					t.Errorf("%s has the mark of %s at %d, want %d", u, of, gotMarks[of], mark)
				}
			}
		}
	})
}

// all2 gives all that was heard.
func (d *device) events() []heard {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.heard)
}

// groupIn finds a group of a shard by trying.
func groupIn(w *world, shard int) domain.GroupID {
	for i := 0; ; i++ {
		g := domain.GroupID(fmt.Sprint("end", i))
		at, err := w.journal.Append(w.Context(), domain.Draft{Topic: domain.InGroup(g), Event: domain.GroupDissolved{By: "nobody"}})
		must(w, err)
		if at.Shard == shard {
			return g
		}
	}
}

// What cannot be resumed is begun anew, and the client is told so.
func TestNoResume(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	a := n.device("ann")
	w.say(domain.Direct("ann", "bob"), "bob", "heard")
	a.until("heard")
	good, pid := a.offset, a.pid
	for name, change := range map[string]func(d *device){
		"no cursor":          func(d *device) { d.offset = "hello" },
		"unknown":            func(d *device) { d.offset = "-" },
		"empty":              func(d *device) { d.offset = "" },
		"ahead of the log":   func(d *device) { d.offset = good + "0" },
		"of two shards":      func(d *device) { d.offset = good + ".1" },
		"long":               func(d *device) { d.offset = strings.Repeat("1", 10_000) },
		"of another's":       func(d *device) { d.pid = "bob" + strings.TrimPrefix(pid, "ann") },
		"of another log":     func(d *device) { d.pid = "ann.x." + pid[strings.LastIndexByte(pid, '.')+1:] },
		"waits for nothing":  func(d *device) { d.offset = good + "!0.0" },
		"waits for too much": func(d *device) { d.offset = good + strings.Repeat("!0.1", 17) },
	} {
		t.Run(name, func(t *testing.T) {
			old := &device{tb: t, me: "ann", ws: a.ws, done: a.done, pid: pid, offset: good}
			change(old)
			again, recovered := old.back(n)
			if recovered {
				t.Error("it was recovered")
			}
			again.expect("reset")
			again.close()
			if _, recovered := again.back(n); !recovered {
				t.Error("after that it cannot come back")
			}
		})
	}
}

// Over HTTP one gets what a device would have been told since.
func TestMissedOverHTTP(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.people("ann", "bob", "cat")
		w.befriend("ann", "bob")
		g := w.group("g", "bob", "ann")
		n, other := w.edge(), w.edge()
		type answer struct {
			Events [][]json.RawMessage
			Next   string
			Reset  bool
		}
		ask := func(n *node, after string) (a answer) {
			t.Helper()
			if status, _ := n.ask(http.MethodGet, "/api/events?after="+url.QueryEscape(after), w.token("ann"), "", &a); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
			return a
		}
		begin := ask(n, "")
		if len(begin.Events) > 0 || begin.Reset || begin.Next == "" {
			t.Fatalf("without a cursor: %+v", begin)
		}
		steady := n.device("ann")
		w.say(g, "bob", "one")
		w.say(domain.Direct("ann", "bob"), "bob", "two")
		w.say(g, "cat", "by a stranger")
		w.append(g, domain.GroupDescribed{By: "bob", Name: "new", History: domain.HistoryAll})
		w.append(domain.Direct("ann", "cat"), domain.FriendRequested{By: "cat", Greeting: json.RawMessage(`{"hi":1}`)})
		steady.expect("apply")
		steady.until("one")
		steady.until("two")
		missed := ask(other, begin.Next)
		var got []heard
		for _, e := range missed.Events {
			h := heard{Args: e[1:]}
			must(t, json.Unmarshal(e[0], &h.Event))
			got = append(got, h)
		}
		gotTalk, _ := kept(t, got)
		wantTalk, _ := kept(t, steady.events())
		if fmt.Sprint(gotTalk) != fmt.Sprint(wantTalk) || len(wantTalk) != 3 {
			t.Errorf("got  %v\nwant %v", gotTalk, wantTalk)
		}
		if n := len(missed.Events); n != 5 {
			t.Errorf("%d events, want 5: %s", n, missed.Events)
		}
		if again := ask(n, missed.Next); len(again.Events) > 0 || again.Reset {
			t.Errorf("nothing has happened since, and it says %+v", again)
		}
		place, _, _ := strings.Cut(missed.Next, "~")
		if a := ask(n, place+"~another"); !a.Reset {
			t.Errorf("for a cursor of another log it says %+v", a)
		}
		if status, _ := n.ask(http.MethodGet, "/api/events?after=x", w.token("ann"), "", nil); status != http.StatusUnprocessableEntity {
			t.Errorf("what is no cursor has status %d", status)
		}
	})
}
