package memory

import (
	"context"
	"slices"
	"sort"
	"sync"

	"parley/domain"
	"parley/projector"
	"parley/projector/internal/view"
)

// Store holds the read models. It is for any number of goroutines.
type Store struct {
	mu    sync.RWMutex
	moved chan struct{} // closed when a checkpoint moves, and replaced
	rows
}

// rows are what a Reset throws away.
type rows struct {
	checkpoints   map[int]domain.Position
	people        map[domain.UserID]projector.PersonRow
	seen          map[domain.UserID]int64
	conversations map[domain.Topic]*conversation
	members       map[domain.UserID]map[domain.Topic]projector.MemberRow
	blocks        map[domain.UserID]map[domain.UserID]bool // whom each one blocks
	marks         map[domain.UserID]map[domain.Topic]marks
	applies       map[domain.UserID]map[domain.Topic]projector.ApplyRow
}

type conversation struct {
	tail     projector.TailRow
	group    projector.GroupRow
	messages []message // the one with number n at n-1
	recalled []uint64  // where those are that were taken back, in order
	ids      map[id]uint64
	members  map[domain.UserID]bool // who has a row in members
	asked    map[domain.UserID]bool // who has a row in applies
}

type message struct {
	view.Said
	versions  []projector.EditRow                 // what it said at first, and from each edit on; none where it was not edited
	reactions map[string]map[domain.UserID]uint64 // who, by emoji, and from where on
}

type id struct {
	from domain.UserID
	id   string
}

type marks struct{ own, read projector.MarkRow }

// New makes an empty store.
func New() *Store { return &Store{moved: make(chan struct{}), rows: empty()} }

func empty() rows {
	return rows{
		checkpoints:   make(map[int]domain.Position),
		people:        make(map[domain.UserID]projector.PersonRow),
		seen:          make(map[domain.UserID]int64),
		conversations: make(map[domain.Topic]*conversation),
		members:       make(map[domain.UserID]map[domain.Topic]projector.MemberRow),
		blocks:        make(map[domain.UserID]map[domain.UserID]bool),
		marks:         make(map[domain.UserID]map[domain.Topic]marks),
		applies:       make(map[domain.UserID]map[domain.Topic]projector.ApplyRow),
	}
}

// Prepare has nothing to do.
func (s *Store) Prepare(context.Context, bool) error { return nil }

// Whole is always so.
func (s *Store) Whole(context.Context) error { return nil }

// Reset empties the store if the shard's checkpoint is was, else it answers projector.ErrFenced.
func (s *Store) Reset(_ context.Context, shard int, was domain.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checkpoints[shard] != was {
		return projector.ErrFenced
	}
	s.rows = empty()
	return nil
}

// Checkpoint says how far a shard is folded.
func (s *Store) Checkpoint(_ context.Context, shard int) (domain.Position, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.checkpoints[shard], nil
}

// Commit puts a batch down or answers projector.ErrFenced or projector.ErrDuplicate.
func (s *Store) Commit(_ context.Context, b projector.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checkpoints[b.Shard] != b.From {
		return projector.ErrFenced
	}
	for _, m := range b.Messages {
		if s.has(m.MessageKey) {
			return projector.ErrDuplicate
		}
	}
	s.put(b)
	s.checkpoints[b.Shard] = b.To
	close(s.moved)
	s.moved = make(chan struct{})
	return nil
}

func (s *Store) put(b projector.Batch) {
	if b.Erased != nil {
		s.erase(*b.Erased)
	}
	for _, p := range b.People {
		s.people[p.UID] = p
	}
	for _, p := range b.Seen {
		s.seen[p.UID] = p.Date
	}
	for _, g := range b.Groups {
		s.conversation(g.Topic).group = g
	}
	for _, m := range b.Members {
		set(s.members, m.UID, m.Topic, m)
		s.conversation(m.Topic).members[m.UID] = true
	}
	for _, key := range b.Met {
		if _, known := s.members[key.UID][key.Topic]; !known {
			set(s.members, key.UID, key.Topic, projector.MemberRow{UID: key.UID, Topic: key.Topic})
			s.conversation(key.Topic).members[key.UID] = true
		}
	}
	for _, r := range b.Blocks {
		set(s.blocks, r.By, r.UID, true)
		if !r.Blocks {
			delete(s.blocks[r.By], r.UID)
		}
	}
	s.putApplies(b)
	s.putMessages(b)
	for _, t := range b.Tails {
		s.conversation(t.Topic).tail = t
	}
	for _, m := range b.Own {
		set(s.marks, m.UID, m.Topic, marks{own: m, read: s.marks[m.UID][m.Topic].read})
	}
	for _, m := range b.Read {
		set(s.marks, m.UID, m.Topic, marks{own: s.marks[m.UID][m.Topic].own, read: m})
	}
}

func (s *Store) putApplies(b projector.Batch) {
	answered := slices.Clone(b.Answered)
	for _, t := range b.Ended {
		for u := range s.conversation(t).asked {
			answered = append(answered, projector.ApplyKey{UID: u, Topic: t})
		}
	}
	for _, key := range answered {
		delete(s.applies[key.UID], key.Topic)
		delete(s.conversation(key.Topic).asked, key.UID)
	}
	for _, a := range b.Applies {
		set(s.applies, a.UID, a.Topic, a)
		s.conversation(a.Topic).asked[a.UID] = true
	}
}

func set[K comparable, R any](all map[domain.UserID]map[K]R, u domain.UserID, key K, row R) {
	of := all[u]
	if of == nil {
		of = make(map[K]R)
		all[u] = of
	}
	of[key] = row
}

// conversation gives that of a topic, and makes it where there is none.
func (s *Store) conversation(t domain.Topic) *conversation {
	c := s.conversations[t]
	if c == nil {
		c = &conversation{ids: make(map[id]uint64), members: make(map[domain.UserID]bool), asked: make(map[domain.UserID]bool)}
		s.conversations[t] = c
	}
	return c
}

// Tails gives the ends of those of the conversations that have messages.
func (s *Store) Tails(_ context.Context, topics []domain.Topic) (tails []projector.TailRow, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range topics {
		if c := s.conversations[t]; c != nil && c.tail.Number > 0 {
			tails = append(tails, c.tail)
		}
	}
	return tails, nil
}

// Numbers gives the number of the last message at or before each place.
func (s *Store) Numbers(_ context.Context, places []projector.Place) ([]uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	numbers := make([]uint64, len(places))
	for i, p := range places {
		if c := s.conversations[p.Topic]; c != nil {
			numbers[i] = uint64(c.upTo(p.Seq))
		}
	}
	return numbers, nil
}

// at gives the message at seq; nil where there is none.
func (c *conversation) at(seq uint64) *message {
	if i := c.upTo(seq); i > 0 && c.messages[i-1].Seq == seq {
		return &c.messages[i-1]
	}
	return nil
}

// upTo is how many messages there are at and before seq.
func (c *conversation) upTo(seq uint64) int {
	return sort.Search(len(c.messages), func(i int) bool { return c.messages[i].Seq > seq })
}

// Said gives those of the messages at some places that are there.
func (s *Store) Said(_ context.Context, places []projector.Place) (there []projector.SaidRow, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range places {
		c := s.conversations[p.Topic]
		if c == nil {
			continue
		}
		if m := c.at(p.Seq); m != nil {
			there = append(there, projector.SaidRow{Place: p, Said: domain.Said{From: m.From, Recalled: m.Recalled.Date != 0}})
		}
	}
	return there, nil
}

// Known gives those of the messages that are there.
func (s *Store) Known(_ context.Context, keys []projector.MessageKey) (there []projector.MessageKey, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, key := range keys {
		if s.has(key) {
			there = append(there, key)
		}
	}
	return there, nil
}

func (s *Store) has(key projector.MessageKey) bool {
	c := s.conversations[key.Topic]
	if c == nil {
		return false
	}
	_, ok := c.ids[id{key.From, key.ID}]
	return ok
}
