package edge

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
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

	// A beat waits for no lock, or an edge that is busy with many who come and go would be taken for dead.
	count atomic.Uint64 // of what this edge has announced; changed with mu held
	sent  atomic.Uint64 // beats of its own

	mu      sync.Mutex                 // held for moments: what is long, is done in turns (news.go)
	own     map[domain.UserID]sighting // who is seen online here
	others  map[string]*neighbour
	beats   uint64 // its own beats that it has heard before it sent the next
	closing bool   // its people come back elsewhere: they are not announced to have gone
	turns   turns
}

type neighbour struct {
	count   uint64
	online  map[domain.UserID]sighting
	arrived map[domain.UserID]sighting // parts of a new whole; nil where its beginning was missed
	heard   uint64                     // the listener's own beats, when it was heard last
}

// sighting is by which connection somebody is seen online at an edge, and where in the log that edge has their status from; 0: it says nothing of it.
type sighting struct {
	conn   string
	status uint64
}

const (
	presenceSubject = "presence"
	lease           = 6    // for how many beats of one's own a silent edge is believed to be alive
	snapshotPart    = 2000 // people in one signal
)

// signal is what edges tell one another.
type signal struct {
	Edge     string                   `json:"edge"`
	Kind     string                   `json:"kind"`            // in, out, beat, ask, all
	Count    uint64                   `json:"count,omitempty"` // the sender's announcements so far, this one included
	To       string                   `json:"to,omitempty"`    // ask: of whom; "" of all
	Beat     uint64                   `json:"beat,omitempty"`  // beat: which of the sender's
	UID      domain.UserID            `json:"uid,omitempty"`
	Conn     string                   `json:"conn,omitempty"`
	Status   uint64                   `json:"status,omitempty"` // in: where in the log the sender has the person's status from
	User     *domain.PersonView       `json:"user,omitempty"`
	All      map[domain.UserID]string `json:"all,omitempty"`
	Statuses map[domain.UserID]uint64 `json:"statuses,omitempty"` // all: as Status, of those of whom the log says any
	First    bool                     `json:"first,omitempty"`    // all: begins here
	Last     bool                     `json:"last,omitempty"`     // all: is whole now
}

func newPresence(e *Edge) *presence {
	return &presence{edge: e, id: newID(), own: map[domain.UserID]sighting{}, others: map[string]*neighbour{}}
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
			p.tell(signal{Kind: "beat", Count: p.count.Load(), Beat: p.sent.Add(1)})
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

// close begins the end of the edge: its people will be back elsewhere before its lease runs out, or have gone with it then, and this is when
// they were seen last. Where there is no other edge, they have gone now, and go one by one.
func (p *presence) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing || len(p.others) == 0 {
		return
	}
	p.closing = true
	for u := range p.own {
		p.seen.note(p.edge, u)
	}
}

// back says whether somebody who has gone is online again, or still, at an edge that stays.
func (p *presence) back(u domain.UserID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closing && p.own[u].conn != "" || p.elsewhere(u) != ""
}

// update compares whether somebody is seen online here, and how, with what was announced, and announces the difference.
func (p *presence) update(u domain.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.online(u)
	before := p.own[u]
	now, gone := p.edge.hub.sighting(u)
	if now == before || p.closing {
		return
	}
	view := p.edge.hub.profiles.shown(u)
	s := signal{Kind: "in", Count: p.count.Load() + 1, UID: u, Conn: now.conn, Status: now.status, User: &view}
	if now.conn != "" {
		p.own[u] = now
	} else {
		s.Kind, s.Conn = "out", before.conn
		delete(p.own, u)
		if gone {
			p.seen.note(p.edge, u)
		}
	}
	p.tell(s)
	p.count.Store(s.Count) // a beat that knows of it comes after it
	p.spread(news{u: was}, &view)
}

// hide takes somebody away who has turned invisible at seq of the log, or is gone for good, wherever they seem to be: the edge that says so may be dying.
// Where an edge has their status from a later place, it knows better: they have turned visible again, and what came late is this edge's copy.
func (p *presence) hide(u domain.UserID, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.online(u)
	for _, n := range p.others {
		for _, known := range []map[domain.UserID]sighting{n.online, n.arrived} {
			if at, ok := known[u]; ok && at.status < seq {
				delete(known, u)
			}
		}
	}
	p.spread(news{u: was}, nil)
}

// online says whether u is, anywhere. The caller holds p.mu.
func (p *presence) online(u domain.UserID) bool { return p.connection(u) != "" }

func (p *presence) connection(u domain.UserID) string { return cmp.Or(p.own[u].conn, p.elsewhere(u)) }

// elsewhere gives the connection by which u is online at another edge; "" for none.
func (p *presence) elsewhere(u domain.UserID) (least string) {
	for _, n := range p.others {
		if conn := n.online[u].conn; conn != "" && (least == "" || conn < least) {
			least = conn
		}
	}
	return least
}

// of gives the map of those of a person's friends who are seen online, and the person, each with a connection's id.
func (p *presence) of(who *person) map[domain.UserID]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mapOf(who, p.edge.hub.friendsOf(who))
}

func (p *presence) mapOf(who *person, friends []domain.UserID) map[domain.UserID]string {
	online := map[domain.UserID]string{}
	for _, u := range friends {
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
		if s.Kind == "beat" && s.Beat == p.sent.Load() {
			p.expire()
		}
		return
	}
	n := p.others[s.Edge]
	if n == nil {
		n = &neighbour{online: map[domain.UserID]sighting{}}
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
		if s.Count > n.count {
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
		n.online[s.UID] = sighting{s.Conn, s.Status}
	} else {
		delete(n.online, s.UID)
	}
	if s.Count == n.count+1 {
		n.count = s.Count // else the next beat shows the gap
	}
	p.spread(news{s.UID: was}, s.User)
}

// tellAll tells everyone who is online here, in parts.
func (p *presence) tellAll() {
	parts := slices.Collect(slices.Chunk(slices.Collect(maps.Keys(p.own)), snapshotPart))
	if len(parts) == 0 {
		parts = append(parts, nil)
	}
	for i, part := range parts {
		all, statuses := make(map[domain.UserID]string, len(part)), map[domain.UserID]uint64{}
		for _, u := range part {
			at := p.own[u]
			all[u] = at.conn
			if at.status != 0 {
				statuses[u] = at.status
			}
		}
		p.tell(signal{Kind: "all", Count: p.count.Load(), All: all, Statuses: statuses, First: i == 0, Last: i == len(parts)-1})
	}
}

// replace takes in a part of another edge's whole, and with the last one puts it in the place of what was known.
func (p *presence) replace(n *neighbour, s signal) {
	if s.First {
		n.arrived = map[domain.UserID]sighting{}
	}
	if n.arrived == nil {
		return
	}
	for u, conn := range s.All {
		n.arrived[u] = sighting{conn, s.Statuses[u]}
	}
	if !s.Last {
		return
	}
	was := make(news, max(len(n.online), len(n.arrived)))
	for u := range n.online {
		was[u] = true
	}
	for u := range n.arrived {
		was[u] = p.online(u)
	}
	n.online, n.arrived, n.count = n.arrived, nil, s.Count
	p.spread(was, nil)
}

// expire counts a beat of this edge's own that was heard in time, and loses the edges whose lease has run out. Beats that NATS has held up come
// all at once, maybe before those of the others that it has held up as well: of them the last one counts.
func (p *presence) expire() {
	p.beats++
	was := news{}
	for id, n := range p.others {
		if p.beats-n.heard > lease {
			delete(p.others, id)
			for u := range n.online {
				was[u] = true
			}
		}
	}
	if len(was) > 0 {
		p.lose(was)
	}
}

// lose takes away those who were online at edges that are not among the others any more. The first of the edges that are puts down when they
// were last seen.
func (p *presence) lose(was news) {
	first := true
	for other := range p.others {
		first = first && p.id < other
	}
	for u := range was {
		if first && !p.online(u) {
			p.seen.note(p.edge, u)
		}
	}
	p.spread(was, nil)
}
