package edge

import (
	"maps"
	"slices"
	"time"

	"parley/domain"
)

// What the tests look at from outside that nobody else is to see.

// Kept says how much the edge holds: people, conversations, and users whose coming and going somebody here watches.
func (e *Edge) Kept() (people, conversations, watched int) {
	e.hub.mu.RLock()
	defer e.hub.mu.RUnlock()
	return len(e.hub.people), len(e.hub.conversations), len(e.hub.watched)
}

// Keeps says whether the edge follows a conversation.
func (e *Edge) Keeps(t domain.Topic) bool { return e.hub.kept(t) != nil }

// Held is how many conversations are to be told when a person goes.
func (e *Edge) Held(u domain.UserID) int {
	e.hub.mu.RLock()
	defer e.hub.mu.RUnlock()
	if p := e.hub.people[u]; p != nil {
		return len(p.conversations)
	}
	return 0
}

// Devices is how many devices of somebody are connected or entering.
func (e *Edge) Devices(u domain.UserID) int {
	e.hub.mu.RLock()
	defer e.hub.mu.RUnlock()
	if p := e.hub.people[u]; p != nil {
		return len(*p.sessions.Load())
	}
	return 0
}

// Online says whether the edge has heard that somebody is online, here or at another edge.
func (e *Edge) Online(u domain.UserID) bool {
	e.presence.mu.Lock()
	defer e.presence.mu.Unlock()
	return e.presence.online(u)
}

// Places is at how many edges somebody is online, as far as the edge has heard.
func (e *Edge) Places(u domain.UserID) (n int) {
	e.presence.mu.Lock()
	defer e.presence.mu.Unlock()
	for _, other := range e.presence.others {
		if other.online[u].conn != "" {
			n++
		}
	}
	if e.presence.own[u].conn != "" {
		n++
	}
	return n
}

// Arrive takes in a live record.
func (e *Edge) Arrive(r domain.Record) { e.hub.take(r) }

// Commands are the names of all commands.
func Commands() []string { return slices.Sorted(maps.Keys(commands)) }

// Statuses are the HTTP statuses of the codes.
func Statuses() map[domain.Code]int { return maps.Clone(statuses) }

// Verify says whom a token speaks for.
func (t *Tokens) Verify(token string) (domain.UserID, domain.Profiled, error) {
	who, err := t.verify(token)
	return who.id, who.profile, err
}

// Settled says whether nobody's friends and groups are to be read again.
func (e *Edge) Settled() bool {
	e.hub.mu.RLock()
	defer e.hub.mu.RUnlock()
	return !e.hub.settling
}

// Late is how many are being told what they have missed of a group.
func (e *Edge) Late(t domain.Topic) int {
	c := e.hub.kept(t)
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.late)
}

// SureFor sets for how long an edge believes that the log knows all ids that the read models do not know yet.
func (e *Edge) SureFor(d time.Duration) { e.repeats.sure = d }

// SpokenAtMost sets how many messages of a conversation an edge reads from the log for their ids.
func (e *Edge) SpokenAtMost(n int) { e.repeats.most = n }
