package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"parley/domain/journal"
)

// stage is where people's devices are watched: of each step exactly those that it names hear exactly what it says, and nobody hears anything
// else. It shows what was heard as one would write it down: people and groups by their names, a map by who is in it, a message by what was
// said, and without dates and what else is checked wherever it comes.
type stage struct {
	t       *testing.T
	d       *driver
	edges   []string
	people  map[string]*user     // by username
	devices map[string]*listener // those that are connected, by name
	names   map[string]string    // of people and groups, by id
	conns   map[string]string    // whose a connection is, by socket.id
	secret  map[string]bool      // of those, the ones that 2.x clients keep to themselves
	places  map[string]place     // where devices come
	said    map[uint64]utterance // by seq
	told    map[uint64]string    // in which step a decision was heard of, by its seq
	log     *journal.Journal
	step    string
	crew    string // the group of those by whom it is known that all has come
	waits   int    // how many times it was waited for that
}

// place is whose a device is, its library, and the edge it connects to.
type place struct {
	who, lib string
	edge     int
}

// listener is a device that is watched.
type listener struct {
	*client
	user *user
	lib  string
	past int // how much of what it heard has been gone by
}

// utterance is what a sender's ack tells.
type utterance struct{ id, text string }

// hear is what devices hear: by their names, separated by spaces, one event a line, in order.
type hear = map[string]string

// m is an object in a command's arguments.
type m = map[string]any

// step is something that somebody does, and who hears what of it.
type step struct {
	what  string // another in each step
	do    func()
	hear  hear
	typed bool // others may hear of typing, which takes a road of its own
}

// The crew's devices: yan's, one at each edge, and those of two friends of hers, one at each.
var crew = map[string]place{"yan0": {"yan", today, 0}, "yan1": {"yan", today, 1}, "zoe": {"zoe", today, 0}, "zed": {"zed", today, 1}}

// newStage has the crew come to two edges and become friends.
func newStage(t *testing.T, edges []string, places map[string]place) *stage {
	s := &stage{t: t, d: startDriver(t), edges: edges, people: map[string]*user{}, devices: map[string]*listener{}, names: map[string]string{},
		conns: map[string]string{}, secret: map[string]bool{}, places: maps.Clone(places), said: map[uint64]utterance{}, told: map[uint64]string{},
		step: "the crew comes"}
	maps.Copy(s.places, crew)
	for _, p := range s.places {
		if s.people[p.who] == nil {
			u := register(t, edges[p.edge], p.who)
			s.people[p.who], s.names[u.ID] = u, p.who
		}
	}
	s.come("yan0", "yan1", "zoe", "zed")()
	yans := []*listener{s.devices["yan0"], s.devices["yan1"]}
	for _, name := range []string{"zoe", "zed"} {
		friend := s.devices[name]
		s.does("yan0", "sendApply", id(name))()
		friend.expect("apply")
		s.does(name, "acceptFriend", id("yan"))()
		for _, l := range append(yans, friend) {
			l.expect("friend")
			l.expect("friend")
		}
	}
	var made struct{ GID string }
	members := []any{id("zoe"), id("zed")}
	must(t, json.Unmarshal(s.ok("yan0", "createGroup", s.resolve(m{"name": "the crew", "members": members})), &made))
	s.crew = made.GID
	s.names[s.crew] = "crew"
	for _, l := range s.devices {
		l.expect("group")
	}
	for _, l := range yans {
		eventually(t, l.name+"'s edge knows who is here", func() bool { return len(l.online(l.user)) == 3 })
	}
	for _, l := range s.devices {
		s.news(l, -1)
	}
	return s
}

// In a step's commands id is a person or a group by name, or a conversation, such as u:bob, and seq the message that says so.
type (
	id  string
	seq string
)

// resolve puts ids and seqs in the place of names.
func (s *stage) resolve(v any) any {
	switch v := v.(type) {
	case id:
		kind, name := "", string(v)
		if strings.HasPrefix(name, "u:") || strings.HasPrefix(name, "g:") {
			kind, name = name[:2], name[2:]
		}
		for id, n := range s.names {
			if n == name {
				return kind + id
			}
		}
		s.t.Fatalf("%s: nobody is called %s", s.step, name)
	case seq:
		for seq, said := range s.said {
			if said.text == string(v) {
				return seq
			}
		}
		s.t.Fatalf("%s: nobody has said %s", s.step, v)
	case map[string]any:
		o := map[string]any{}
		for key, value := range v {
			o[key] = s.resolve(value)
		}
		return o
	case []any:
		l := slices.Clone(v)
		for i := range l {
			l[i] = s.resolve(l[i])
		}
		return l
	}
	return v
}

// come is that devices connect and sign in, one after the other.
func (s *stage) come(devices ...string) func() {
	return func() {
		s.t.Helper()
		for _, device := range devices {
			s.connects(device)()
			s.signs(device)()
		}
	}
}

// connects is that a device does no more than that.
func (s *stage) connects(device string) func() {
	return func() {
		s.t.Helper()
		p := s.places[device]
		u := s.people[p.who]
		l := &listener{client: u.connect(s.d, p.lib, device, s.edges[p.edge], nil), user: u, lib: p.lib}
		s.devices[device] = l
		var id string
		l.expect("connect", &id)
		s.conns[id], s.secret[id] = p.who, p.lib == old
	}
}

// signs is that a device says "here I am". The answer holds the map that the device has just heard.
func (s *stage) signs(device string) func() {
	return func() {
		s.t.Helper()
		l := s.devices[device]
		a := l.ok("sign", map[string]any{"user": map[string]string{"id": l.user.ID}, "rooms": []string{}})
		heard := l.all("userin")
		if a.Message != "sign success" || len(heard) == 0 || !sameJSON(heard[len(heard)-1].Args[0], a.Data) {
			s.t.Errorf("%s: %s's sign: %q with %s, after %d times userin", s.step, device, a.Message, a.Data, len(heard))
		}
	}
}

// goes is that devices close.
func (s *stage) goes(devices ...string) func() {
	return func() {
		for _, device := range devices {
			s.devices[device].close()
			delete(s.devices, device)
		}
	}
}

// does is that a device gives a command that succeeds.
func (s *stage) does(device, command string, args ...any) func() {
	return func() { s.t.Helper(); s.ok(device, command, s.resolve(args).([]any)...) }
}

// fails is that a device gives a command that is refused with a code.
func (s *stage) fails(code int, device, command string, args ...any) func() {
	return func() {
		s.t.Helper()
		if a := s.devices[device].emit(command, s.resolve(args).([]any)...); a.Code != code {
			s.t.Errorf("%s: %s's %s: code %d, %s; want code %d", s.step, device, command, a.Code, a.Message, code)
		}
	}
}

// ok lets a device give a command that succeeds, and notes what was said.
func (s *stage) ok(device, command string, args ...any) json.RawMessage {
	s.t.Helper()
	a := s.devices[device].ok(command, args...)
	if command == "send" || command == "groupSend" {
		var place struct {
			Seq uint64
			ID  string
		}
		must(s.t, json.Unmarshal(a.Data, &place))
		text, isText := args[1].(string)
		if !isText {
			text = args[1].(map[string]any)["txt"].(string)
		}
		s.said[place.Seq] = utterance{place.ID, text}
	}
	return a.Data
}

// play goes through steps.
func (s *stage) play(steps ...step) {
	s.t.Helper()
	for _, now := range steps {
		s.step = now.what
		now.do()
		s.await(now.hear)
		s.barrier(now.typed)
		for _, name := range slices.Sorted(maps.Keys(s.devices)) {
			if more := s.news(s.devices[name], -1); len(more) > 0 {
				s.t.Errorf("%s: %s hears, too:\n%s", s.step, name, strings.Join(more, "\n"))
			}
		}
		fresh := slices.Collect(maps.Keys(s.told))
		if fresh = slices.DeleteFunc(fresh, func(seq uint64) bool { return s.told[seq] != now.what }); len(fresh) > 1 {
			s.t.Errorf("%s: one decision has the seqs %v", s.step, fresh)
		}
	}
}

// await waits until the devices have heard as many events as they are to hear, or one of another name, and compares them.
func (s *stage) await(all hear) {
	s.t.Helper()
	for devices, events := range all {
		want := strings.Split(events, "\n")
		for name := range strings.FieldsSeq(devices) {
			l := s.devices[name]
			came := s.d.becomes(func() bool {
				for i, h := range l.unheard() {
					if i == len(want) || h.Event != strings.Fields(want[i])[0] {
						return true
					}
				}
				return len(l.unheard()) >= len(want)
			})
			if got := s.news(l, len(want)); !slices.Equal(got, want) {
				s.t.Errorf("%s: %s hears\n%s\nwant\n%s", s.step, name, strings.Join(got, "\n"), events)
			}
			if !came {
				s.t.Fatalf("waited %v for it", limit)
			}
		}
	}
}

// unheard is what a device has heard that has not been gone by. The driver's lock is held.
func (l *listener) unheard() (events []heard) {
	return slices.DeleteFunc(slices.Clone(l.heard[l.past:]), func(h heard) bool { return h.Event == "connect" })
}

// news goes by what a device has heard, at most n events, and shows it.
func (s *stage) news(l *listener, n int) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ; l.past < len(l.heard) && len(lines) != n; l.past++ {
		if h := l.heard[l.past]; h.Event != "connect" {
			lines = append(lines, s.line(h))
		}
	}
	return lines
}

// barrier returns when all that was stored or told before has come wherever it goes. What yan says in the crew's group comes to each edge by the
// log's live copies behind what was stored before; that the two others go and come, each at one edge, comes to the other edge by the edges'
// signals, behind what was told before. Then each device asks something and has its answer, behind all that was queued for it.
func (s *stage) barrier(typed bool) {
	s.t.Helper()
	const all, yans = "yan0 yan1 zoe zed", "yan0 yan1"
	if typed {
		for device := range strings.FieldsSeq(yans) {
			eventually(s.t, device+" may type again", func() bool { return s.devices[device].emit("typing", "g:"+s.crew).Code == 0 })
			s.await(hear{"zoe zed": `typing {"conversation":"g:crew","uid":"yan"}`})
		}
	}
	s.waits++
	said := fmt.Sprint("so much for ", s.waits)
	s.ok("yan0", "groupSend", m{"gid": s.crew}, said)
	s.await(hear{all: fmt.Sprintf(`groupReply {"gid":"crew","id":"yan"} {"msg":%q}`, said)})
	for who, left := range map[string]string{"zoe": "[yan zed]", "zed": "[yan zoe]"} {
		s.does(who, "setStatus", "invisible")()
		s.await(hear{who: `status {"status":"invisible"}`, yans: "userout " + left + " " + who})
		s.does(who, "setStatus", "online")()
		s.await(hear{who: `status {"status":"online"}`, yans: "userin [yan zed zoe] " + who})
	}
	acks := map[*listener]int{}
	for _, l := range s.devices {
		acks[l] = l.emitLater("barrier")
	}
	for l, ack := range acks {
		if a := l.emitted("barrier", ack); a.Code != 4 {
			s.t.Errorf("%s's barrier: code %d", l.name, a.Code)
		}
	}
}
