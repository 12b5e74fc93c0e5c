package edge

import (
	"encoding/json"

	"parley/domain"
	"parley/edge/socketio"
)

// What clients receive, in the shapes of the protocol document. The names of events are part of the protocol.
type (
	replyFrom struct {
		ID   domain.UserID `json:"id"`
		Self bool          `json:"self"`
	}
	groupReplyFrom struct {
		GID domain.GroupID `json:"gid"`
		domain.PersonView
	}
	said struct {
		Date string          `json:"date"`
		Msg  json.RawMessage `json:"msg"`
		Seq  uint64          `json:"seq"`
		ID   string          `json:"id"`
	}
	friendChange struct {
		UID   domain.UserID `json:"uid"`
		State string        `json:"state"`
		By    domain.UserID `json:"by"`
		Reply string        `json:"reply,omitempty"`
		Date  string        `json:"date"`
		Seq   uint64        `json:"seq"`
	}
	groupChange struct {
		GID         domain.GroupID `json:"gid"`
		State       string         `json:"state"`
		By          domain.UserID  `json:"by"`
		UID         domain.UserID  `json:"uid,omitempty"`
		Owner       domain.UserID  `json:"owner,omitempty"`
		Role        domain.Role    `json:"role,omitempty"`
		Name        string         `json:"name"`
		Avatar      *string        `json:"avatar,omitempty"`
		Description *string        `json:"description,omitempty"`
		History     domain.History `json:"history,omitempty"`
		Date        string         `json:"date"`
		Seq         uint64         `json:"seq"`
	}
	changed struct {
		Conversation string          `json:"conversation"`
		Seq          uint64          `json:"seq"`
		By           domain.UserID   `json:"by"`
		Msg          json.RawMessage `json:"msg,omitempty"`
		Emoji        string          `json:"emoji,omitempty"`
		On           *bool           `json:"on,omitempty"`
		Date         string          `json:"date"`
		At           uint64          `json:"at"`
	}
	markMoved struct {
		Conversation string        `json:"conversation"`
		UID          domain.UserID `json:"uid"`
		Seq          uint64        `json:"seq"`
	}
)

// emit tells some people what is not in the log, encoded once for all their devices.
func (h *hub) emit(to []*person, event string, args ...any) {
	if len(to) == 0 {
		return
	}
	packet, err := socketio.NewPacket(event, args...)
	if err != nil {
		h.edge.logger.Error("cannot encode an event", "event", event, "error", err)
		return
	}
	for _, p := range to {
		p.send(packet)
	}
}

// here gives those of some people who are connected to this edge.
func (h *hub) here(uids ...domain.UserID) []*person {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var found []*person
	for _, u := range uids {
		if p := h.people[u]; p != nil {
			found = append(found, p)
		}
	}
	return found
}

// deliverSpoken hands on what counts, in a state. The caller holds c.mu.
func (c *conversation) deliverSpoken(r domain.Record, e domain.Spoken, at standing) {
	switch e := e.(type) {
	case domain.Message:
		c.deliverMessage(r, e)
	case domain.Change:
		c.deliverChange(r, e, at)
	}
}

// deliverMessage hands on a message that counts. The caller holds c.mu.
func (c *conversation) deliverMessage(r domain.Record, m domain.Message) {
	body := said{domain.Date(r.Time), m.Msg, r.Seq, m.ID}
	if g, isGroup := c.topic.Group(); isGroup {
		c.emit(c.hearing(r.Seq), "groupReply", groupReplyFrom{g, c.hub.profiles.shown(m.From)}, body)
		return
	}
	peer := c.topic.Peer(m.From)
	c.emit(c.here(peer), "reply", replyFrom{ID: m.From}, body)
	c.emit(c.here(m.From), "reply", replyFrom{ID: peer, Self: true}, body)
}

// hearing gives the audience of a record at a sequence. Where it had to wait, so that the standing is ahead of it, that is who were members then.
func (c *conversation) hearing(seq uint64) []*person {
	all := make([]*person, 0, len(c.audience))
	for p, after := range c.audience {
		if seq > after && (c.past.seq != seq || c.past.standing.role(p.id) != "") {
			all = append(all, p)
		}
	}
	return all
}

// deliverMark tells a reader's other devices how far the reader has read, and in a direct conversation the other, too, where the reader may
// write as things stood then: who is blocked or a stranger says nothing by reading either.
func (c *conversation) deliverMark(r domain.Record, e domain.ReadMarked, at standing) {
	moved := func(me domain.UserID) markMoved { return markMoved{c.topic.ConversationID(me), e.By, e.UpTo(r.Seq)} }
	c.emit(c.here(e.By), "read", moved(e.By))
	peer := c.topic.Peer(e.By)
	if peer != "" && at.maySend(domain.Message{From: e.By, Open: c.hub.edge.Settings.Anyone}) == nil {
		c.emit(c.here(peer), "read", moved(peer))
	}
}
