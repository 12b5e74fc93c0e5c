package edge

import (
	"encoding/json"
	"slices"

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
		GID   domain.GroupID `json:"gid"`
		State string         `json:"state"`
		By    domain.UserID  `json:"by"`
		UID   domain.UserID  `json:"uid,omitempty"`
		Owner domain.UserID  `json:"owner,omitempty"`
		Name  string         `json:"name"`
		Date  string         `json:"date"`
		Seq   uint64         `json:"seq"`
	}
	markMoved struct {
		Conversation string        `json:"conversation"`
		UID          domain.UserID `json:"uid"`
		Seq          uint64        `json:"seq"`
	}
)

// emit encodes an event once for all devices of some people.
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

// deliverMessage hands on a message that counts. The caller holds c.mu.
func (c *conversation) deliverMessage(r domain.Record, m domain.Message) {
	body := said{domain.Date(r.Time), m.Msg, r.Seq, m.ID}
	if g, isGroup := c.topic.Group(); isGroup {
		c.hub.emit(c.hearing(r.Seq), "groupReply", groupReplyFrom{g, c.hub.profiles.shown(m.From)}, body)
		return
	}
	peer := c.topic.Peer(m.From)
	c.hub.emit(c.hub.here(peer), "reply", replyFrom{ID: m.From}, body)
	c.hub.emit(c.hub.here(m.From), "reply", replyFrom{ID: peer, Self: true}, body)
}

// hearing gives the audience of a record at a sequence.
func (c *conversation) hearing(seq uint64) []*person {
	all := make([]*person, 0, len(c.audience))
	for p, after := range c.audience {
		if seq > after {
			all = append(all, p)
		}
	}
	return all
}

// deliverMark tells a reader's other devices how far the reader has read, and in a direct conversation the other, too, where the reader may
// write as things stood then: who is blocked or a stranger says nothing by reading either.
func (c *conversation) deliverMark(r domain.Record, e domain.ReadMarked, at standing) {
	moved := func(me domain.UserID) markMoved { return markMoved{c.topic.ConversationID(me), e.By, e.UpTo(r.Seq)} }
	c.hub.emit(c.hub.here(e.By), "read", moved(e.By))
	peer := c.topic.Peer(e.By)
	if peer != "" && at.maySend(domain.Message{From: e.By, Open: c.hub.edge.Settings.Anyone}) == nil {
		c.hub.emit(c.hub.here(peer), "read", moved(peer))
	}
}

// deliverState tells those concerned of a decision. The caller holds c.mu.
func (c *conversation) deliverState(r domain.Record) {
	if _, isGroup := c.topic.Group(); isGroup {
		c.deliverGroup(r)
		return
	}
	c.deliverFriendship(r)
}

func (c *conversation) deliverFriendship(r domain.Record) {
	switch e := r.Event.(type) {
	case domain.FriendRequested:
		c.tell(r, e.By, "requested", "")
		c.deliverApplication(r, e)
	case domain.FriendAccepted:
		c.hub.befriend(c.topic, true)
		other := c.topic.Peer(e.By)
		for _, p := range c.hub.here(other) {
			c.hub.emit([]*person{p}, "refresh", c.hub.edge.presence.of(p))
		}
		for _, p := range c.hub.here(e.By) {
			c.hub.emit([]*person{p}, "checkStatus", c.hub.edge.presence.of(p))
		}
		c.tell(r, e.By, "accepted", "")
	case domain.FriendRejected:
		c.tell(r, e.By, "rejected", e.Reply)
	case domain.FriendRemoved:
		c.hub.befriend(c.topic, false)
		c.tell(r, e.By, "removed", "")
	case domain.FriendBlocked:
		c.hub.befriend(c.topic, false)
		c.tellOne(r, e.By, e.By, "blocked", "") // the blocked one is not told
	case domain.FriendUnblocked:
		c.tellOne(r, e.By, e.By, "unblocked", "")
	}
}

// deliverApplication tells the one applied to, on each device that has not heard of it when it signed.
func (c *conversation) deliverApplication(r domain.Record, e domain.FriendRequested) {
	packet, err := socketio.NewPacket("apply", application(e.Greeting, e.By, r.Seq, domain.Date(r.Time)))
	if err != nil {
		c.hub.edge.logger.Error("cannot encode an event", "event", "apply", "error", err)
		return
	}
	for _, p := range c.hub.here(c.topic.Peer(e.By)) {
		for _, s := range *p.sessions.Load() {
			if s.told.first(e.By, r.Seq) {
				s.socket.Send(packet)
			}
		}
	}
}

// tell says to both what by has done.
func (c *conversation) tell(r domain.Record, by domain.UserID, state, reply string) {
	c.tellOne(r, by, by, state, reply)
	c.tellOne(r, c.topic.Peer(by), by, state, reply)
}

func (c *conversation) tellOne(r domain.Record, to, by domain.UserID, state, reply string) {
	c.hub.emit(c.hub.here(to), "friend", friendChange{c.topic.Peer(to), state, by, reply, domain.Date(r.Time), r.Seq})
}

// application is what "apply" carries: the fields of the greeting, and what the server knows to be so, which they cannot replace.
func application(greeting json.RawMessage, by domain.UserID, seq uint64, date string) map[string]any {
	fields := map[string]any{}
	var given map[string]json.RawMessage
	if json.Unmarshal(greeting, &given) == nil {
		for k, v := range given {
			fields[k] = v
		}
	}
	fields["from"], fields["seq"], fields["date"] = by, seq, date
	return fields
}

func (c *conversation) deliverGroup(r domain.Record) {
	gid, _ := c.topic.Group()
	change := groupChange{GID: gid, Name: c.standing.(group).Name(), Date: domain.Date(r.Time), Seq: r.Seq}
	also := c.hub.here() // those concerned who are no members
	switch e := r.Event.(type) {
	case domain.GroupCreated:
		change.State, change.By = "created", e.By
		for _, p := range c.hub.here(slices.Concat(e.Members, []domain.UserID{e.By})...) {
			c.hear(p, r.Seq-1)
		}
		defer func() {
			change.State = "invited"
			c.hub.emit(c.hub.here(e.Invited...), "group", change)
		}()
	case domain.GroupInvited:
		change.State, change.By, change.UID = "invited", e.By, e.UID
		also = c.hub.here(e.UID)
	case domain.GroupDeclined:
		change.State, change.By, change.UID = "declined", e.UID, e.UID
		also = c.hub.here(e.UID)
	case domain.GroupJoined:
		change.State, change.By, change.UID = "joined", e.By, e.UID
		for _, p := range c.hub.here(e.UID) {
			c.hear(p, r.Seq-1)
		}
	case domain.GroupLeft:
		change.State, change.By, change.UID, change.Owner = "left", e.UID, e.UID, e.Owner
		defer c.unhear(e.UID)
	case domain.GroupRemoved:
		change.State, change.By, change.UID = "removed", e.By, e.UID
		defer c.unhear(e.UID)
	default:
		return
	}
	c.hub.emit(append(c.hearing(r.Seq), also...), "group", change)
}

// unhear takes somebody who is no member any more out of the audience.
func (c *conversation) unhear(u domain.UserID) {
	for _, p := range c.hub.here(u) {
		delete(c.audience, p)
		c.hub.lets(p, c)
	}
	c.retireIfIdle()
}
