package projector

import (
	"sort"

	"parley/domain"
)

// topic is what the fold knows of a conversation as of the last event folded.
type topic struct {
	domain.Topic
	weight int // in the cache

	// Folded from the state lane, once stateful says so.
	stateful   bool
	friendship domain.Friendship
	group      *group // nil for direct conversations

	tail   TailRow
	base   TailRow // the tail at the batch's beginning
	recent []Place // where the batch's messages are: the first has the number after base's
}

// group is a domain.Group and what the rows say of it beyond that.
type group struct {
	domain.Group
	owner domain.UserID
	since map[domain.UserID]int64
}

func newTopic(t domain.Topic) *topic {
	known := &topic{Topic: t, tail: TailRow{Topic: t}, base: TailRow{Topic: t}}
	if _, ok := t.Group(); ok {
		known.group = &group{since: make(map[domain.UserID]int64)}
	} else {
		known.friendship = domain.NewFriendship(t)
	}
	return known
}

// replay folds the state lane.
func (t *topic) replay(state []domain.Record) {
	for _, r := range state {
		if t.group != nil {
			t.group.evolve(r)
		} else {
			t.friendship.Evolve(r.Event)
		}
	}
	t.stateful = true
}

func (t *topic) maySend(m domain.Message) bool {
	if t.group != nil {
		return t.group.MaySend(m.From) == nil
	}
	return t.friendship.MaySend(m.From, m.Open) == nil
}

// said adds a message to the tail.
func (t *topic) said(r domain.Record) {
	t.tail.Seq, t.tail.Date = r.Seq, r.Time.UnixMilli()
	t.tail.Number++
	t.recent = append(t.recent, Place{t.Topic, r.Seq})
}

// numberAt gives the number of the last message at or before seq; ok is false where that is before the batch and the store has to say.
func (t *topic) numberAt(seq uint64) (number uint64, ok bool) {
	if seq < t.base.Seq {
		return 0, false
	}
	later := sort.Search(len(t.recent), func(i int) bool { return t.recent[i].Seq > seq })
	return t.base.Number + uint64(later), true
}

// standing is how somebody stands to a group.
type standing struct {
	uid     domain.UserID
	role    domain.Role
	invited bool
}

// evolve folds an event and gives how those whom it names stood before.
func (g *group) evolve(r domain.Record) (before []standing) {
	named := named(r.Event)
	seen := make(map[domain.UserID]bool, len(named))
	for _, u := range named {
		if u != "" && !seen[u] {
			seen[u] = true
			before = append(before, standing{u, g.Role(u), g.Invited(u)})
		}
	}
	g.Evolve(r.Event)
	for _, was := range before {
		now := g.Role(was.uid)
		switch {
		case now == "":
			delete(g.since, was.uid)
		case was.role == "":
			g.since[was.uid] = r.Time.UnixMilli()
		}
		if now == domain.RoleOwner {
			g.owner = was.uid
		}
	}
	if g.Role(g.owner) != domain.RoleOwner {
		g.owner = ""
	}
	return before
}

// named gives whose standing in a group an event may change.
func named(e domain.Event) []domain.UserID {
	switch e := e.(type) {
	case domain.GroupCreated:
		return append(append([]domain.UserID{e.By}, e.Members...), e.Invited...)
	case domain.GroupInvited:
		return []domain.UserID{e.UID}
	case domain.GroupDeclined:
		return []domain.UserID{e.UID}
	case domain.GroupJoined:
		return []domain.UserID{e.UID}
	case domain.GroupLeft:
		return []domain.UserID{e.UID, e.Owner}
	case domain.GroupRemoved:
		return []domain.UserID{e.UID}
	}
	return nil
}
