package memory

import (
	"context"
	"slices"

	"parley/domain"
	"parley/projector/internal/view"
)

// Groups gives the groups that me is a member of, by name.
func (s *Store) Groups(_ context.Context, me domain.UserID) ([]domain.GroupView, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var groups []domain.GroupView
	for t, m := range s.members[me] {
		if _, ok := t.Group(); ok && m.Present {
			groups = append(groups, view.Group(s.conversations[t].group, m.Role))
		}
	}
	slices.SortFunc(groups, view.GroupsByName)
	return groups, nil
}

// Group gives a group to its members, to those who are invited and to those who have applied; it refuses others with code Forbidden, or NotFound.
func (s *Store) Group(_ context.Context, me domain.UserID, gid domain.GroupID) (domain.GroupView, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := domain.InGroup(gid)
	c := s.conversations[t]
	if c == nil || c.group.Topic != t {
		return domain.GroupView{}, view.ErrNoGroup
	}
	m := s.members[me][t]
	if !m.Present && !c.asked[me] {
		return domain.GroupView{}, view.ErrNoMember
	}
	return view.Group(c.group, m.Role), nil
}

// Members gives those in a group to one of them, in the order of their ids, beginning after one.
func (s *Store) Members(_ context.Context, me domain.UserID, gid domain.GroupID, after domain.UserID, limit int) ([]domain.MemberView, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := domain.InGroup(gid)
	c := s.conversations[t]
	if c == nil || c.group.Topic != t {
		return nil, view.ErrNoGroup
	}
	if !s.members[me][t].Present {
		return nil, view.ErrNoMember
	}
	var uids []domain.UserID
	for u := range c.members {
		if u > after && s.members[u][t].Present {
			uids = append(uids, u)
		}
	}
	slices.Sort(uids)
	uids = uids[:min(len(uids), view.Limit(limit))]
	members := make([]domain.MemberView, len(uids))
	for i, u := range uids {
		members[i] = view.Member(s.members[u][t], s.person(u))
	}
	return members, nil
}

// Conversations gives a page of me's list, that with the newest message first, beginning after a cursor, and the cursor of the next page; ""
// where there is none. It refuses what is no cursor with code Malformed.
func (s *Store) Conversations(_ context.Context, me domain.UserID, after string, limit int) ([]domain.ConversationView, string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	lines, next, err := view.Page(s.lines(me), after, limit)
	if err != nil {
		return nil, "", err
	}
	list := make([]domain.ConversationView, len(lines))
	for i, l := range lines {
		var last *domain.MessageView
		if said := s.conversations[l.Topic].messages; len(said) > 0 {
			m := view.Message(said[len(said)-1].said(l.Topic))
			last = &m
		}
		list[i] = l.Conversation(me, last, s.person(l.Topic.Peer(me)))
	}
	return list, next, nil
}

// lines gives all that ties me to conversations.
func (s *Store) lines(me domain.UserID) (lines []view.Line) {
	for t, m := range s.members[me] {
		c, marks := s.conversations[t], s.marks[me][t]
		l := view.Line{MemberRow: m, Group: c.group, Tail: c.tail, Own: marks.own, Read: marks.read}
		l.Uncounted = c.recalledAfter(l.Mark())
		lines = append(lines, l)
	}
	return lines
}

// Search gives a page of those of the messages of me's conversations that hold all the words of a query, the conversation with the newest message
// first, and in each the newest message first, beginning after a cursor; and the cursor of where to go on, "" at the end. One answer looks at a
// bounded number of messages, and may hold fewer than there are beyond it, or none; all of them are of what was there at the first. It refuses what is
// no query or no cursor with code Malformed or TooLarge.
func (s *Store) Search(_ context.Context, me domain.UserID, query, after string, limit int) ([]domain.FoundView, string, error) {
	words, err := view.Words(query)
	if err != nil {
		return nil, "", err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	hits, next, err := view.Search(s.lines(me), words, after, view.Limit(limit), func() bool { return false }, s.read)
	return view.Found(me, hits), next, err
}

func (s *Store) read(t domain.Topic, after, before uint64, limit int, look func(view.Said) bool) error {
	c := s.conversations[t]
	if c == nil {
		return nil
	}
	for i := c.upTo(before - 1); i > 0 && limit > 0 && c.messages[i-1].Seq > after; i-- {
		if limit--; !look(c.messages[i-1].said(t)) {
			return nil
		}
	}
	return nil
}

// Messages gives a page of a conversation in the order of seq: the one just before a seq, or just after one, or the newest where both
// are 0; with both, what lies between, from after on. more says whether there are others beyond the page. Whoever may not see it is
// refused with code Forbidden.
func (s *Store) Messages(_ context.Context, me domain.UserID, t domain.Topic, before, after uint64, limit int) ([]domain.MessageView, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	m, in := s.members[me][t]
	c := s.conversations[t]
	if c == nil {
		return nil, false, view.ErrNotYours
	}
	from, upTo, ok := view.Readable(m, in, c.group, c.tail)
	if !ok {
		return nil, false, view.ErrNotYours
	}
	last := upTo
	if before > 0 {
		last = min(last, before-1)
	}
	first, end := c.upTo(max(from, after)), c.upTo(last)
	first = min(first, end)
	more := end-first > view.Limit(limit)
	switch {
	case more && after > 0:
		end = first + view.Limit(limit)
	case more:
		first = end - view.Limit(limit)
	}
	list := make([]domain.MessageView, 0, end-first)
	for i := range c.messages[first:end] {
		list = append(list, c.messages[first+i].view(me, upTo))
	}
	return list, more, nil
}

// MessageSeq says where the message is that from sent with this id, 0 for nowhere, and up to where in the topic's shard that is certain: what is
// stored after as may hold one.
func (s *Store) MessageSeq(_ context.Context, shard int, t domain.Topic, from domain.UserID, messageID string) (seq uint64, as domain.Position, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.conversations[t]; c != nil {
		seq = c.ids[id{from, messageID}]
	}
	return seq, s.checkpoints[shard], nil
}

// Wait waits until everything up to ends, by shard, is in the answers, or until ctx ends: behind says how many events are still missing.
func (s *Store) Wait(ctx context.Context, ends []domain.Position) (behind uint64, err error) {
	for {
		s.mu.RLock()
		at := make([]domain.Position, len(ends))
		for i := range at {
			at[i] = s.checkpoints[i]
		}
		moved := s.moved
		s.mu.RUnlock()
		if behind = view.Behind(at, ends); behind == 0 {
			return 0, nil
		}
		select {
		case <-ctx.Done():
			return behind, nil
		case <-moved:
		}
	}
}

// Ready is always nil.
func (s *Store) Ready(context.Context) error { return nil }

// Close has nothing to do.
func (s *Store) Close() error { return nil }
