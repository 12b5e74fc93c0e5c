package edge

import (
	"context"
	"math"
	"slices"
	"time"

	"parley/domain"
)

// maxRecalls is how many of the last messages that were taken back a conversation remembers, to tell nobody of what comes after that. Of those
// before them a change may still be told: whoever hears it knows that the message is no more.
const maxRecalls = 256

// deliverChange hands on what changes a message, to all who may see that. The caller holds c.mu.
func (c *conversation) deliverChange(r domain.Record, e domain.Change, at standing) {
	by, _ := e.Speaker()
	change := changed{Seq: e.Of(), By: by, Date: domain.Date(r.Time), At: r.Seq}
	event := ""
	switch e := e.(type) {
	case domain.MessageEdited:
		event, change.Msg = "edited", e.Msg
	case domain.MessageRecalled:
		event = "recalled"
		c.recall(recall{e.Seq, r.Seq})
	case domain.MessageReacted:
		event, change.Emoji, change.On = "reacted", e.Emoji, &e.On
	}
	tell := func(to []*person, me domain.UserID) {
		change.Conversation = c.topic.ConversationID(me)
		c.emit(to, event, change)
	}
	if _, isGroup := c.topic.Group(); isGroup {
		tell(slices.DeleteFunc(c.hearing(r.Seq), func(p *person) bool { return e.Of() <= at.hidden(p.id) }), by)
		return
	}
	peer := c.topic.Peer(by)
	tell(c.here(peer), peer)
	tell(c.here(by), by)
}

// recall is that the message at seq was taken back, by the event at another.
type recall struct{ seq, at uint64 }

// recall notes that a message was taken back.
func (c *conversation) recall(r recall) {
	if len(c.recalls) == maxRecalls {
		c.recalls = slices.Delete(c.recalls, 0, 1)
	}
	c.recalls = append(c.recalls, r)
}

// recalled says whether a message was taken back lately, as far as is known here.
func (c *conversation) recalled(seq uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recalledBefore(seq, math.MaxUint64)
}

// recalledBefore says whether a message was taken back before a place in the log, likewise. The caller holds c.mu.
func (c *conversation) recalledBefore(seq, at uint64) bool {
	return slices.ContainsFunc(c.recalls, func(r recall) bool { return r.seq == seq && r.at < at })
}

// changes gives the message that the record at a sequence is about, if any, as far as it takes to judge that: it is the speaker's where nothing else
// is known, for the edge that has stored a change has seen to what cannot be otherwise at its place. The caller holds c.mu.
func (c *conversation) changes(at uint64, e domain.Spoken) (m domain.Said) {
	change, ok := e.(domain.Change)
	if !ok {
		return m
	}
	m.Recalled = c.recalledBefore(change.Of(), at)
	if m.From, _ = e.Speaker(); c.about.seq == at {
		m.From = c.about.from
	}
	return m
}

// doubtful says whether it depends on whose the message is that a change counts, and may have come to depend on it since the change was decided:
// who takes back another's as an admin may be none any more.
func doubtful(s standing, e domain.Change) bool {
	_, recall := e.(domain.MessageRecalled)
	by, _ := e.Speaker()
	role := s.role(by)
	return recall && role != "" && domain.Said{}.May(e, role) != nil
}

// lacksOf gives what must be read before something that was said can be handed on, to be run without the lock: how its sender is shown in a group, or
// whose it is what somebody takes back; nil for nothing.
func (c *conversation) lacksOf(r domain.Record) func(ctx context.Context) error {
	switch e := r.Event.(type) {
	case domain.Message:
		_, isGroup := c.topic.Group()
		if _, known := c.hub.profiles.known(e.From); isGroup && !known {
			return func(ctx context.Context) error { return c.hub.profiles.meet(ctx, e.From) }
		}
	case domain.Change:
		if c.about.seq != r.Seq && doubtful(c.at(r.Seq), e) {
			return func(ctx context.Context) error {
				from, err := c.hub.author(ctx, c.topic, e.Of())
				if err != nil {
					return err
				}
				c.mu.Lock()
				defer c.mu.Unlock()
				c.about = author{r.Seq, from}
				return nil
			}
		}
	}
	return nil
}

// author asks the log who has said something; "" where nothing was said there.
func (h *hub) author(ctx context.Context, t domain.Topic, seq uint64) (domain.UserID, error) {
	m, _, err := h.saidAt(ctx, t, seq)
	return m.From, err
}

// saidAt asks the log what was said at a place, and when; a message of nobody's is none. Whether it counted is not asked.
func (h *hub) saidAt(ctx context.Context, t domain.Topic, seq uint64) (m domain.Message, at time.Time, err error) {
	r, _, err := h.edge.Log.At(ctx, t, seq)
	if err != nil && (ctx.Err() != nil || domain.Refusal(err).Code == domain.Unavailable) {
		return m, at, err
	}
	m, _ = r.Event.(domain.Message) // what cannot be read is none
	return m, r.Time, nil
}
