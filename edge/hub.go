package edge

import (
	"context"
	"sync"
	"time"

	"parley/domain"
)

// hub knows who is connected to this edge and which conversations concern them, and takes each live record to its conversation.
type hub struct {
	edge     *Edge
	live     Live
	profiles *profiles
	lines    lines

	mu            sync.RWMutex // never held while a conversation's lock is taken
	people        map[domain.UserID]*person
	conversations map[domain.Topic]*conversation
	watched       map[domain.UserID]*watched // who is a friend of somebody's here
	unsettled     map[*person]struct{}       // whose friends and groups are to be read again
	settling      bool                       // a goroutine sees to them

	ledger  *ledger
	begun   time.Time
	life    string          // of the log
	gaps    context.Context // ends before the feed does
	endGaps context.CancelFunc
	back    resumption
}

func newHub(e *Edge) *hub {
	return &hub{
		edge:          e,
		begun:         time.Now(),
		ledger:        newLedger(e.Settings.Sweep > 0),
		profiles:      &profiles{log: e.Log, m: map[domain.UserID]domain.PersonView{}},
		people:        map[domain.UserID]*person{},
		conversations: map[domain.Topic]*conversation{},
		watched:       map[domain.UserID]*watched{},
		unsettled:     map[*person]struct{}{},
	}
}

// arrive takes in one live record. It is called by one goroutine, in the log's order, and waits for the network only where a shard's hole is still open.
func (h *hub) arrive(r domain.Record) {
	if !h.deal(r) { // the shard may be there again
		h.fill(r.Shard)
		h.deal(r) // else it is in the log
	}
}

// deal takes a record, once; false where the shard has a hole that must be read before.
func (h *hub) deal(r domain.Record) bool {
	h.ledger.mu.Lock()
	defer h.ledger.release()
	if h.ledger.isOpen(r.Shard) {
		return false
	}
	if h.ledger.take(r) {
		h.take(r)
	}
	return true
}

// take takes a record to its conversation. The caller holds the ledger's lock.
func (h *hub) take(r domain.Record) {
	if u, ok := r.Topic.Person(); ok {
		switch e := r.Event.(type) {
		case domain.Profiled:
			h.profiles.learn(u, e, true)
		case domain.StatusSet:
			h.setStatus(u, e.Status, r.Seq)
			if e.Status == domain.StatusInvisible {
				h.edge.presence.hide(u, r.Seq)
			}
		case domain.PersonErased:
			h.erased(u)
		}
		return
	}
	c := h.kept(r.Topic)
	for c != nil || h.concerns(r) {
		if c == nil {
			c = h.conversation(r.Topic)
		}
		if c.arrive(r) {
			return
		}
		c = nil // it has retired: another one, if any
	}
}

// concerns says whether a record of a conversation that is not kept is about somebody who is connected here. For those who are just
// entering it is not: what has happened before they are in, they read.
func (h *hub) concerns(r domain.Record) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, u := range parties(r) {
		if p := h.people[u]; p != nil && p.following && (p.from == nil || r.Seq > p.from[r.Shard].Seq) {
			return true
		}
	}
	return false
}

// parties are the people whom a record concerns by what it says itself.
func parties(r domain.Record) []domain.UserID {
	if lo, hi, ok := r.Topic.Pair(); ok {
		return []domain.UserID{lo, hi}
	}
	switch e := r.Event.(type) {
	case domain.GroupCreated:
		return append(append([]domain.UserID{e.By}, e.Members...), e.Invited...)
	case domain.GroupInvited:
		return []domain.UserID{e.UID, e.By}
	case domain.GroupJoined:
		return []domain.UserID{e.UID, e.By}
	case domain.GroupDeclined:
		return []domain.UserID{e.UID}
	case domain.GroupLeft:
		return []domain.UserID{e.UID}
	case domain.GroupRemoved:
		return []domain.UserID{e.UID, e.By}
	case domain.GroupApplied:
		return []domain.UserID{e.UID}
	case domain.GroupRefused:
		return []domain.UserID{e.UID}
	case domain.GroupErased:
		return []domain.UserID{e.UID}
	}
	return nil
}

// sighting gives how somebody is seen online here; nothing where they are not, and gone where that is because nobody is here: others may be about to
// come in, or would not be seen.
func (h *hub) sighting(u domain.UserID) (at sighting, gone bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	p := h.people[u]
	if p == nil {
		return sighting{}, true
	}
	if !p.entered || p.erased.Load() || p.status == domain.StatusInvisible {
		return sighting{}, false
	}
	conn := p.connection()
	if conn == "" {
		return sighting{}, false
	}
	return sighting{conn, p.statusSeq}, false
}

// conversation gives the one of a topic, making it where there is none. A direct one is kept for as long as one of the two is connected
// here, a group until it retires.
func (h *hub) conversation(t domain.Topic) *conversation {
	if c := h.kept(t); c != nil {
		return c
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.conversations[t]; c != nil {
		return c
	}
	c := newConversation(h, t)
	_, kept := t.Group()
	for _, p := range h.pair(t) {
		p.conversations[c] = struct{}{}
		kept = true
	}
	if kept {
		h.conversations[t] = c
	}
	return c
}

// pair gives those of the two of a direct conversation who are connected here and whose feed is open; nobody for a group. The caller
// holds h.mu.
func (h *hub) pair(t domain.Topic) (here []*person) {
	lo, hi, direct := t.Pair()
	if !direct {
		return nil
	}
	for _, u := range []domain.UserID{lo, hi} {
		if p := h.people[u]; p != nil && p.following {
			here = append(here, p)
		}
	}
	return here
}

// kept gives the conversation of a topic if there is one.
func (h *hub) kept(t domain.Topic) *conversation {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.conversations[t]
}

// holds notes that a conversation is to be told when a person goes; false where they have gone.
func (h *hub) holds(p *person, c *conversation) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.people[p.id] != p {
		return false
	}
	p.conversations[c] = struct{}{}
	return true
}

// lets takes back holds.
func (h *hub) lets(p *person, c *conversation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(p.conversations, c)
}

// forget drops a conversation. A direct one that still concerns somebody here stays, and is theirs from now on: then it says false. One
// that only concerns somebody who is entering does not stay, for nothing would tell it of what happens until their feed is open.
func (h *hub) forget(c *conversation) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	here := h.pair(c.topic)
	for _, p := range here {
		p.conversations[c] = struct{}{}
	}
	if len(here) > 0 {
		return false
	}
	if h.conversations[c.topic] == c {
		delete(h.conversations, c.topic)
	}
	return true
}
