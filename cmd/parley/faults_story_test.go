//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// story is what the clients tell: what each device did, got as an answer, heard and read. What can be seen to be wrong at once is noted at once.
type story struct {
	mu      sync.Mutex
	changed *sync.Cond
	begun   time.Time
	devices map[string]*diary
	ops     []*op
	open    map[opKey]*op
	stored  map[string]map[uint64]event // by conversation, at each place what devices have heard there
	did     map[string]int              // by client process and command, how often it was done
	faults  []string
	heard   int
	counts  map[string]int // of what is worth knowing at the end
}

// diary is what one device has heard and knows.
type diary struct {
	name, person string
	away         bool // at the end
	life         int  // of its process
	up, synced   bool
	spans        map[string]*span // by conversation, what it hears without a break
	past         []*span
	view         map[string]map[uint64]seen // by conversation, the messages that it shows
	asks         map[int][]event            // the changes that it has heard since it asked
	online       map[string]string          // the latest map
}

// span is what a device has heard in a conversation in a connection, or in several where the server says that nothing is missing between them.
type span struct {
	conversation string
	places       []uint64
}

// event is something that is stored, as a device hears it.
type event struct {
	conversation, what, by string
	place, of              uint64 // of is the message that it changes
	id, text               string
	to                     string // the first device that has heard it
}

// seen is a message as a device shows it.
type seen struct {
	id, from, text string
	edited         bool
	recalled       bool
}

type opKey struct {
	device string
	n      int
}

// op is a command of a device's, and how it was answered for good.
type op struct {
	opKey
	who, event   string
	conversation string
	seq          uint64 // in a change the message's, for a message what the ack says
	id, text     string
	on           bool
	code         int // -1 where nobody knows what became of it
	tries        int
	at           time.Duration
}

// told is a line of a client's.
type told struct {
	D, K, E, Conversation, Why, Reason string
	T                                  int64
	A                                  []json.RawMessage
	N, Tries, Code                     int
	Message                            string
	Data                               json.RawMessage
	Recovered                          bool
	Messages                           []historic
}

// historic is a message as the API gives it.
type historic struct {
	Seq      uint64          `json:"seq"`
	ID       string          `json:"id"`
	From     string          `json:"from"`
	Msg      json.RawMessage `json:"msg"`
	Edited   string          `json:"edited"`
	Recalled *struct {
		By string `json:"by"`
	} `json:"recalled"`
	Reactions []struct {
		Emoji string `json:"emoji"`
		Count int    `json:"count"`
		Mine  bool   `json:"mine"`
	} `json:"reactions"`
}

func (h historic) seen() seen {
	return seen{h.ID, h.From, text(h.Msg), h.Edited != "" && h.Recalled == nil, h.Recalled != nil}
}

// text is what a message says.
func text(msg json.RawMessage) string {
	var o struct{ Txt string }
	if json.Unmarshal(msg, &o) == nil && o.Txt != "" {
		return o.Txt
	}
	var s string
	json.Unmarshal(msg, &s)
	return s
}

func newStory() *story {
	s := &story{begun: time.Now(), devices: map[string]*diary{}, open: map[opKey]*op{}, stored: map[string]map[uint64]event{},
		did: map[string]int{}, counts: map[string]int{}}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// starts is when times begin.
func (s *story) starts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = time.Now()
}

// maxFaults is how many are told; they tend to come in swarms.
const maxFaults = 60

// fault notes that something is wrong. The lock is held.
func (s *story) fault(format string, args ...any) {
	if len(s.faults) < maxFaults {
		s.faults = append(s.faults, fmt.Sprintf("%6.2fs ", time.Since(s.begun).Seconds())+fmt.Sprintf(format, args...))
	}
}

// key is a conversation's name that is the same for all who are in it.
func key(me, conversation string) string {
	if other, direct := strings.CutPrefix(conversation, "u:"); direct {
		return "u:" + min(me, other) + ":" + max(me, other)
	}
	return conversation
}

// other is the other one in a direct conversation; "" in a group.
func other(me, conversation string) string {
	f := strings.Split(conversation, ":")
	switch {
	case f[0] == "g":
		return ""
	case f[1] == me:
		return f[2]
	}
	return f[1]
}

// begin is a new life of a device: it has nothing but its owner's token.
func (s *story) begin(p person, d deviceSettings, life int) {
	if before := s.devices[d.D]; before != nil {
		before.stop()
		for k, o := range s.open { // nobody hears of these any more
			if k.device == d.D {
				o.code = unknown
				delete(s.open, k)
			}
		}
		s.devices[d.D] = &diary{past: before.past}
	} else {
		s.devices[d.D] = &diary{}
	}
	n := s.devices[d.D]
	n.name, n.person, n.away, n.life = d.D, p.id, d.Away, life
	n.spans, n.view, n.asks = map[string]*span{}, map[string]map[uint64]seen{}, map[int][]event{}
}

// stop is that what the device hears from now on does not go on from what it has heard.
func (d *diary) stop() {
	d.past = slices.AppendSeq(d.past, maps.Values(d.spans))
	d.spans = map[string]*span{}
}

// take takes in a line of a client's.
func (s *story) take(process string, b []byte) {
	var t told
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changed.Broadcast()
	if err := json.Unmarshal(b, &t); err != nil {
		s.fault("%s says %.200q: %v", process, b, err)
		return
	}
	d := s.devices[t.D]
	switch t.K {
	case "did":
		s.did[process+" "+t.E]++
	case "up":
		d.up = true
		s.counts["connections"]++
		if t.Recovered {
			s.counts["recovered"]++
		} else {
			d.stop()
			d.synced = false
		}
	case "down":
		d.up = false
		s.counts["disconnect: "+t.Reason]++
	case "refused":
		s.counts["refused: "+t.Why]++
	case "again":
		s.counts["read again: "+strings.Join(strings.Fields(t.Why)[1:], " ")]++
	case "synced":
		d.synced = true
	case "mute":
		s.fault("%s waits in vain for the ack of %s (op %d)", t.D, t.E, t.N)
	case "do", "ack", "lost":
		s.command(d, t)
	case "ask":
		d.asks[t.N] = nil
	case "got":
		s.read(d, t)
	case "has":
		delete(d.asks, t.N)
	case "hear":
		if t.E == "reset" {
			s.counts["reset"]++
			d.stop()
			d.synced = false
		}
		s.hear(d, t)
	}
}

// hear takes in an event.
func (s *story) hear(d *diary, t told) {
	e, online := d.event(t)
	if online != nil {
		d.online = online
	}
	if e.place == 0 {
		return
	}
	e.to = d.name
	s.heard++
	if first, known := s.stored[e.conversation][e.place]; !known {
		if s.stored[e.conversation] == nil {
			s.stored[e.conversation] = map[uint64]event{}
		}
		s.stored[e.conversation][e.place] = e
	} else if first.what != e.what || first.of != e.of || first.id != e.id || first.text != e.text {
		s.fault("%s hears at %d in %s %s %q %q; %s heard there %s %q %q", d.name, e.place, e.conversation, e.what, e.id, e.text,
			first.to, first.what, first.id, first.text)
	}
	if e.what == "removed" {
		delete(d.online, other(d.person, e.conversation))
	}
	if e.what == "created" || e.what == "joined" && e.by == d.person { // from here on
		if old := d.spans[e.conversation]; old != nil {
			d.past = append(d.past, old)
		}
		delete(d.spans, e.conversation)
	}
	in := d.spans[e.conversation]
	if in == nil {
		in = &span{conversation: e.conversation}
		d.spans[e.conversation] = in
	}
	switch n := len(in.places); {
	case n == 0 || in.places[n-1] < e.place:
	case slices.Contains(in.places, e.place):
		s.fault("%s hears %d in %s twice: %s %q %q", d.name, e.place, e.conversation, e.what, e.id, e.text)
		return
	default:
		s.fault("%s hears %d in %s after %d: %s %q %q", d.name, e.place, e.conversation, in.places[n-1], e.what, e.id, e.text)
		return
	}
	in.places = append(in.places, e.place)
	if e.what == "said" {
		s.show(d, e.conversation, e.place, seen{id: e.id, from: e.by, text: e.text})
	}
	d.change(e)
	for n := range d.asks {
		d.asks[n] = append(d.asks[n], e)
	}
}

// show is that a device shows a message, which is always the same one.
func (s *story) show(d *diary, conversation string, seq uint64, m seen) {
	v := d.view[conversation]
	if v == nil {
		v = map[uint64]seen{}
		d.view[conversation] = v
	}
	if old, known := v[seq]; known && (old.id != m.id || old.from != m.from) {
		s.fault("%s is told that %d in %s is %q of %s, and before that it is %q of %s", d.name, seq, conversation, m.id, m.from, old.id, old.from)
	}
	v[seq] = m
}

// change is that a message that a device shows is changed.
func (d *diary) change(e event) {
	m, shown := d.view[e.conversation][e.of]
	if !shown || m.recalled {
		return
	}
	switch e.what {
	case "edited":
		m.text, m.edited = e.text, true
	case "recalled":
		m.text, m.edited, m.recalled = "", false, true
	}
	d.view[e.conversation][e.of] = m
}

// read takes in a page of history: what was heard since it was asked for is newer.
func (s *story) read(d *diary, t told) {
	c := key(d.person, t.Conversation)
	s.counts["pages read"]++
	for _, m := range t.Messages {
		s.show(d, c, m.Seq, m.seen())
	}
	for _, e := range d.asks[t.N] {
		d.change(e)
	}
}
