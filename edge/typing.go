package edge

import (
	"context"
	"encoding/json"
	"slices"

	"parley/domain"
)

const typingSubject = "typing"

// keystroke is what edges tell one another of who types.
type keystroke struct {
	Topic string        `json:"topic"`
	By    domain.UserID `json:"by"`
}

// typed is what clients receive of it.
type typed struct {
	Conversation string        `json:"conversation"`
	UID          domain.UserID `json:"uid"`
}

// typing tells those in a conversation that the caller is typing. It is never stored.
func (q *request) typing(ctx context.Context) (any, error) {
	t, err := q.conversation(0)
	if err != nil {
		return nil, err
	}
	if err := q.edge.hub.maySend(ctx, t, domain.Message{From: q.me, Open: q.edge.Settings.Anyone}); err != nil {
		return nil, err
	}
	b, err := json.Marshal(keystroke{t.Key(), q.me})
	if err != nil {
		return nil, err
	}
	return nil, q.edge.Signals.Broadcast(typingSubject, b)
}

// typed hears of somebody who types, at any edge, and tells those here who are in the conversation as far as this edge knows.
func (h *hub) typed(b []byte) {
	var k keystroke
	if json.Unmarshal(b, &k) != nil {
		return
	}
	t, err := domain.ParseTopic(k.Topic)
	if err != nil {
		return
	}
	c := h.kept(t)
	if peer := t.Peer(k.By); peer != "" {
		if c == nil || !c.denies(k.By) {
			h.emit(h.here(peer), "typing", typed{t.ConversationID(peer), k.By})
		}
		return
	}
	if c != nil {
		h.emit(c.others(k.By), "typing", typed{t.ConversationID(""), k.By})
	}
}

// denies says whether somebody may not write, as far as it is known how things stand.
func (c *conversation) denies(from domain.UserID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.standing != nil && c.standing.maySend(domain.Message{From: from, Open: c.hub.edge.Settings.Anyone}) != nil
}

// others gives the audience of a group but for one, who must be a member.
func (c *conversation) others(but domain.UserID) []*person {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.standing == nil || c.standing.maySend(domain.Message{From: but}) != nil {
		return nil
	}
	return slices.DeleteFunc(c.hearing(^uint64(0)), func(p *person) bool { return p.id == but })
}
