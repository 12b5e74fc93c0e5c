package edge

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/domain"
)

// presence knows who is online, on this edge and on the others. Each edge tells the others who comes and goes, numbered, and that it is
// alive; one that has missed something asks for the whole. What is refreshed is the edge's lease, never anything per person.
//
// An edge hears its own beats, too, and they are its clock: another edge is gone that was silent for some of them. Where they do not come either, or
// come late, it is NATS that is away or has stood still, and nobody is believed to have gone for that.
type presence struct {
	edge *Edge
	id   string // of this edge, new with each start
	stop func()
	seen seen

	mu      sync.Mutex
	count   uint64                   // of what this edge has announced
	own     map[domain.UserID]string // who is seen online here, by which connection
	others  map[string]*neighbour
	sent    uint64 // beats of its own
	beats   uint64 // those among them that it has heard before it sent the next
	closing bool   // its people come back elsewhere: they are not announced to have gone
}

type neighbour struct {
	count   uint64
	online  map[domain.UserID]string
	arrived map[domain.UserID]string // parts of a new whole; nil where its beginning was missed
	heard   uint64                   // the listener's own beats, when it was heard last
}

const (
	presenceSubject = "presence"
	lease           = 6    // for how many beats of one's own a silent edge is believed to be alive
	snapshotPart    = 2000 // people in one signal
)

// signal is what edges tell one another.
type signal struct {
	Edge  string                   `json:"edge"`
	Kind  string                   `json:"kind"`            // in, out, beat, ask, all
	Count uint64                   `json:"count,omitempty"` // the sender's announcements so far, this one included
	To    string                   `json:"to,omitempty"`    // ask: of whom; "" of all
	Beat  uint64                   `json:"beat,omitempty"`  // beat: which of the sender's
	UID   domain.UserID            `json:"uid,omitempty"`
	Conn  string                   `json:"conn,omitempty"`
	User  *domain.PersonView       `json:"user,omitempty"`
	All   map[domain.UserID]string `json:"all,omitempty"`
	First bool                     `json:"first,omitempty"` // all: begins here
	Last  bool                     `json:"last,omitempty"`  // all: is whole now
}

func newPresence(e *Edge) *presence {
	return &presence{edge: e, id: newID(), own: map[domain.UserID]string{}, others: map[string]*neighbour{}}
}

func (p *presence) start() error {
	unhear, err := p.edge.Signals.Hear(presenceSubject, p.hear)
	if err != nil {
		return err
	}
	p.stop = unhear
	p.tell(signal{Kind: "ask"})
	p.edge.spawn(p.keepAlive)
	return nil
}

func (p *presence) keepAlive() {
	tick := time.NewTicker(p.edge.Settings.Beat)
	defer tick.Stop()
	for {
		select {
		case <-p.edge.ctx.Done():
			return
		case <-tick.C:
			p.mu.Lock()
			p.sent++
			p.tell(signal{Kind: "beat", Count: p.count, Beat: p.sent})
			p.mu.Unlock()
		}
	}
}

func (p *presence) tell(s signal) {
	s.Edge = p.id
	b, err := json.Marshal(s)
	if err == nil {
		err = p.edge.Signals.Broadcast(presenceSubject, b)
	}
	if err != nil {
		p.edge.logger.Debug("signal not sent", "kind", s.Kind, "error", err) // a later beat's count will show the gap
	}
}

// close begins the end of the edge: its people will be back elsewhere before its lease runs out, or have gone with it then. Where there is
// no other edge, they have gone now.
func (p *presence) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = len(p.others) > 0
}

// update compares whether somebody is seen online here, and by which connection, with what was announced, and announces the difference.
func (p *presence) update(u domain.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.online(u)
	conn, gone := p.edge.hub.connection(u)
	if conn == p.own[u] || p.closing {
		return
	}
	view := p.edge.hub.profiles.shown(u)
	kind := "in"
	if conn != "" {
		p.own[u] = conn
	} else {
		kind, conn = "out", p.own[u]
		delete(p.own, u)
		if gone {
			p.seen.note(p.edge, u)
		}
	}
	p.count++
	p.tell(signal{Kind: kind, Count: p.count, UID: u, Conn: conn, User: &view})
	p.changed(u, was, &view)
}

// hide takes somebody away who is invisible from now on, wherever they seem to be: the edge that says so may be dying.
func (p *presence) hide(u domain.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.online(u)
	for _, n := range p.others {
		delete(n.online, u)
	}
	p.changed(u, was, nil)
}

// announce tells u's friends here that u has come or gone. The caller holds p.mu.
func (p *presence) announce(event string, u *domain.PersonView) {
	for _, w := range p.edge.hub.watching(u.ID) {
		p.edge.hub.emit([]*person{w}, event, p.mapOf(w), u)
	}
}

// online says whether u is, anywhere. The caller holds p.mu.
func (p *presence) online(u domain.UserID) bool { return p.connection(u) != "" }

func (p *presence) connection(u domain.UserID) string {
	least := p.own[u]
	for _, n := range p.others {
		if conn := n.online[u]; conn != "" && (least == "" || conn < least && p.own[u] == "") {
			least = conn
		}
	}
	return least
}

// of gives the map of those of a person's friends who are seen online, and the person, each with a connection's id.
func (p *presence) of(who *person) map[domain.UserID]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mapOf(who)
}

func (p *presence) mapOf(who *person) map[domain.UserID]string {
	online := map[domain.UserID]string{}
	for _, u := range p.edge.hub.friendsOf(who) {
		if conn := p.connection(u); conn != "" {
			online[u] = conn
		}
	}
	if conn := who.connection(); conn != "" { // also where nobody else sees it
		online[who.id] = conn
	}
	return online
}

// hear takes in a signal of any edge.
func (p *presence) hear(b []byte) {
	var s signal
	if err := json.Unmarshal(b, &s); err != nil || s.Edge == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Edge == p.id {
		if s.Kind == "beat" && s.Beat == p.sent {
			p.expire()
		}
		return
	}
	n := p.others[s.Edge]
	if n == nil {
		n = &neighbour{online: map[domain.UserID]string{}}
		p.others[s.Edge] = n
		if s.Kind != "all" {
			p.tell(signal{Kind: "ask", To: s.Edge})
		}
	}
	n.heard = p.beats
	switch s.Kind {
	case "in", "out":
		p.follow(n, s)
	case "beat":
		if s.Count != n.count {
			p.tell(signal{Kind: "ask", To: s.Edge})
		}
	case "ask":
		if s.To == "" || s.To == p.id {
			p.tellAll()
		}
	case "all":
		p.replace(n, s)
	}
}

// follow takes in that somebody has come to or gone from another edge.
func (p *presence) follow(n *neighbour, s signal) {
	was := p.online(s.UID)
	if s.Kind == "in" {
		n.online[s.UID] = s.Conn
	} else {
		delete(n.online, s.UID)
	}
	if s.Count == n.count+1 {
		n.count = s.Count // else the next beat shows the gap
	}
	p.changed(s.UID, was, s.User)
}

// changed announces to friends here if somebody's being online is not as it was.
func (p *presence) changed(u domain.UserID, was bool, view *domain.PersonView) {
	is := p.online(u)
	if is == was {
		return
	}
	if view == nil {
		known := p.edge.hub.profiles.shown(u)
		view = &known
	}
	event := "userout"
	if is {
		event = "userin"
	}
	p.announce(event, view)
}

// tellAll tells everyone who is online here, in parts.
func (p *presence) tellAll() {
	parts := slices.Collect(slices.Chunk(slices.Collect(maps.Keys(p.own)), snapshotPart))
	if len(parts) == 0 {
		parts = append(parts, nil)
	}
	for i, part := range parts {
		all := make(map[domain.UserID]string, len(part))
		for _, u := range part {
			all[u] = p.own[u]
		}
		p.tell(signal{Kind: "all", Count: p.count, All: all, First: i == 0, Last: i == len(parts)-1})
	}
}

// replace takes in a part of another edge's whole, and with the last one puts it in the place of what was known.
func (p *presence) replace(n *neighbour, s signal) {
	if s.First {
		n.arrived = map[domain.UserID]string{}
	}
	if n.arrived == nil {
		return
	}
	maps.Copy(n.arrived, s.All)
	if !s.Last {
		return
	}
	was := map[domain.UserID]bool{}
	for u := range n.online {
		was[u] = true
	}
	for u := range n.arrived {
		was[u] = p.online(u)
	}
	n.online, n.arrived, n.count = n.arrived, nil, s.Count
	for u, was := range was {
		p.changed(u, was, nil)
	}
}

// expire counts a beat of this edge's own that was heard in time, and loses the edges whose lease has run out. Beats that NATS has held up come
// all at once, maybe before those of the others that it has held up as well: of them the last one counts.
func (p *presence) expire() {
	p.beats++
	var lost []*neighbour
	for id, n := range p.others {
		if p.beats-n.heard > lease {
			lost = append(lost, n)
			delete(p.others, id)
		}
	}
	for _, n := range lost {
		p.lose(n)
	}
}

// lose takes the people away of an edge that is not among the others any more. The first of those that are puts down when the people were last seen.
func (p *presence) lose(n *neighbour) {
	first := true
	for other := range p.others {
		first = first && p.id < other
	}
	for u := range n.online {
		p.changed(u, true, nil)
		if first && !p.online(u) {
			p.seen.note(p.edge, u)
		}
	}
}
