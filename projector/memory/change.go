package memory

import (
	"slices"

	"parley/domain"
	"parley/projector"
	"parley/projector/internal/view"
)

// putMessages adds messages, and puts down what changes them.
func (s *Store) putMessages(b projector.Batch) {
	for _, m := range b.Messages {
		c := s.conversation(m.Topic)
		c.messages = append(c.messages, message{Said: view.Said{MessageRow: m}})
		c.ids[id{m.From, m.ID}] = m.Seq
	}
	for _, e := range b.Edits {
		if m := s.conversation(e.Topic).at(e.Seq); m != nil {
			m.Msg, m.Edited = e.Msg, e.Date
		}
	}
	for _, r := range b.Reacted {
		if m := s.conversation(r.Topic).at(r.Seq); m != nil {
			m.react(r)
		}
	}
	for _, r := range b.Recalls {
		c := s.conversation(r.Topic)
		if m := c.at(r.Seq); m != nil {
			m.Msg, m.Recalled, m.reactions = nil, r, nil
			at, _ := slices.BinarySearch(c.recalled, r.Seq)
			c.recalled = slices.Insert(c.recalled, at, r.Seq)
		}
	}
}

func (m *message) react(r projector.ReactionRow) {
	who := m.reactions[r.Emoji]
	if !r.On {
		delete(who, r.UID)
		return
	}
	if who == nil {
		who = make(map[domain.UserID]bool)
		if m.reactions == nil {
			m.reactions = make(map[string]map[domain.UserID]bool)
		}
		m.reactions[r.Emoji] = who
	}
	who[r.UID] = true
}

// view is the message as me sees it.
func (m *message) view(me domain.UserID) domain.MessageView {
	v := view.Message(m.Said)
	for emoji, who := range m.reactions {
		if len(who) > 0 {
			v.Reactions = append(v.Reactions, domain.ReactionView{Emoji: emoji, Count: len(who), Mine: who[me]})
		}
	}
	slices.SortFunc(v.Reactions, view.ByEmoji)
	return v
}

// recalledAfter is how many of the messages after seq were taken back.
func (c *conversation) recalledAfter(seq uint64) uint64 {
	at, _ := slices.BinarySearch(c.recalled, seq+1)
	return uint64(len(c.recalled) - at)
}

// erase takes away all that somebody has said in a conversation, and numbers the rest anew; of a person's own topic it takes away when they were
// seen.
func (s *Store) erase(key projector.ApplyKey) {
	if u, ok := key.Topic.Person(); ok {
		delete(s.seen, u)
		return
	}
	delete(s.marks[key.UID], key.Topic)
	c := s.conversations[key.Topic]
	if c == nil {
		return
	}
	kept := c.messages[:0]
	c.recalled = nil
	for _, m := range c.messages {
		if m.From == key.UID {
			delete(c.ids, id{m.From, m.ID})
			continue
		}
		for _, who := range m.reactions {
			delete(who, key.UID)
		}
		if m.Recalled.Date != 0 {
			c.recalled = append(c.recalled, m.Seq)
		}
		m.Number = uint64(len(kept)) + 1
		kept = append(kept, m)
	}
	clear(c.messages[len(kept):])
	c.messages = kept
	c.tail = projector.TailRow{Topic: key.Topic}
	if n := len(kept); n > 0 {
		last := kept[n-1]
		c.tail = projector.TailRow{Topic: key.Topic, Seq: last.Seq, Number: last.Number, Date: last.Date}
	}
	for _, of := range s.marks {
		if m, ok := of[key.Topic]; ok {
			m.own.Number, m.read.Number = uint64(c.upTo(m.own.Seq)), uint64(c.upTo(m.read.Seq))
			of[key.Topic] = m
		}
	}
}
