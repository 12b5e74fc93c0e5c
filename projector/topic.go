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
	base   TailRow  // the tail at the batch's beginning
	recent []uint64 // where the batch's messages are: the first has the number after base's
}

// group is a domain.Group and what the rows say of it beyond that.
type group struct {
	domain.Group
	entries map[domain.UserID]entry // of the members
}

// entry is where in the log somebody joined, and when.
type entry struct {
	seq  uint64
	date int64
}

func newTopic(t domain.Topic) *topic {
	known := &topic{Topic: t, tail: TailRow{Topic: t}, base: TailRow{Topic: t}}
	if _, ok := t.Group(); ok {
		known.group = &group{entries: make(map[domain.UserID]entry)}
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
			t.friendship.Evolve(r.Event, r.Time)
		}
	}
	t.stateful = true
}

func (t *topic) maySend(by domain.UserID, open bool) bool {
	if t.group != nil {
		return t.group.MaySend(by) == nil
	}
	return t.friendship.MaySend(by, open) == nil
}

// role is what somebody is in a group; "" in a direct conversation.
func (t *topic) role(u domain.UserID) domain.Role {
	if t.group != nil {
		return t.group.Role(u)
	}
	return ""
}

// said adds a message to the tail.
func (t *topic) said(r domain.Record) {
	t.tail.Seq, t.tail.Date = r.Seq, r.Time.UnixMilli()
	t.tail.Number++
	t.recent = append(t.recent, r.Seq)
}

// numberAt gives the number of the last message at or before seq; ok is false where that is before the batch and the store has to say.
func (t *topic) numberAt(seq uint64) (number uint64, ok bool) {
	if seq < t.base.Seq {
		return 0, false
	}
	later := sort.Search(len(t.recent), func(i int) bool { return t.recent[i] > seq })
	return t.base.Number + uint64(later), true
}

// standing is how somebody stands to a group.
type standing struct {
	uid   domain.UserID
	role  domain.Role
	entry entry
	waits bool // invited, or an applicant
}

func (g *group) waits(u domain.UserID) bool { return g.Invited(u) || g.Applied(u) }

// evolve folds an event and gives how those whom it names stood before.
func (g *group) evolve(r domain.Record) (before []standing) {
	named := g.named(r.Event)
	seen := make(map[domain.UserID]bool, len(named))
	for _, u := range named {
		if u != "" && !seen[u] {
			seen[u] = true
			before = append(before, standing{u, g.Role(u), g.entries[u], g.waits(u)})
		}
	}
	g.Evolve(r.Event, r.Time)
	for _, was := range before {
		switch now := g.Role(was.uid); {
		case now == "":
			delete(g.entries, was.uid)
		case was.role == "":
			g.entries[was.uid] = entry{r.Seq, r.Time.UnixMilli()}
		}
	}
	return before
}

// named gives whose standing an event may change. Those who wait for an answer of a group that ends are not among them: of its applications
// none is left anyhow.
func (g *group) named(e domain.Event) []domain.UserID {
	switch e := e.(type) {
	case domain.GroupCreated:
		return append(append([]domain.UserID{e.By}, e.Members...), e.Invited...)
	case domain.GroupInvited:
		return []domain.UserID{e.UID}
	case domain.GroupDeclined:
		return []domain.UserID{e.UID}
	case domain.GroupApplied:
		return []domain.UserID{e.UID}
	case domain.GroupRefused:
		return []domain.UserID{e.UID}
	case domain.GroupJoined:
		return []domain.UserID{e.UID}
	case domain.GroupLeft:
		return []domain.UserID{e.UID, e.Owner, g.Owner()}
	case domain.GroupErased:
		return []domain.UserID{e.UID, e.Owner, g.Owner()}
	case domain.GroupRemoved:
		return []domain.UserID{e.UID}
	case domain.GroupRoleSet:
		return []domain.UserID{e.UID, g.Owner()} // whose place may be taken
	case domain.GroupDissolved:
		return g.Members()
	}
	return nil
}

// history is how far back the group lets its members read.
func (g *group) history() domain.History {
	if g.About().History == domain.HistoryJoined {
		return domain.HistoryJoined
	}
	return domain.HistoryAll
}

// row is what there is to say of the group as a whole. What the edge would not have let in does not stop the fold.
func (g *group) row(t domain.Topic) GroupRow {
	about := g.About()
	return GroupRow{
		Topic: t, Name: clip(about.Name, domain.MaxName), Avatar: clip(about.Avatar, domain.MaxAvatar),
		Description: clip(about.Description, domain.MaxDescription), History: g.history(), Owner: g.Owner(), Size: g.Size(),
	}
}
