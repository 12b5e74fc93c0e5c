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
			if len(m.versions) == 0 {
				m.versions = append(m.versions, projector.EditRow{Msg: m.Msg})
			}
			m.versions = append(m.versions, e)
			m.Msg, m.Edited, m.EditedAt = e.Msg, e.Date, e.At
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
			m.Msg, m.Recalled, m.versions, m.reactions = nil, r, nil, nil
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
		who = make(map[domain.UserID]uint64)
		if m.reactions == nil {
			m.reactions = make(map[string]map[domain.UserID]uint64)
		}
		m.reactions[r.Emoji] = who
	}
	who[r.UID] = r.At
}

// view is the message as me sees it, who may read up to a place.
func (m *message) view(me domain.UserID, upTo uint64) domain.MessageView {
	said := m.Said
	for _, e := range m.versions {
		if e.At <= upTo {
			said.Msg, said.Edited = e.Msg, e.Date
		}
	}
	v := view.Message(said)
	for emoji, who := range m.reactions {
		r := domain.ReactionView{Emoji: emoji}
		for u, at := range who {
			if at <= upTo {
				r.Count++
				r.Mine = r.Mine || u == me
			}
		}
		if r.Count > 0 {
			v.Reactions = append(v.Reactions, r)
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
