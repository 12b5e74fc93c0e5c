package edge

import (
	"encoding/json"

	"parley/domain"
	"parley/edge/socketio"
)

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
		c.deliverApplication(r, c.hub.here(c.topic.Peer(e.By)), e.By, e.Greeting)
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
	case domain.FriendErased:
		c.hub.befriend(c.topic, false)
		c.tell(r, e.By, "erased", "")
	case domain.FriendBlocked:
		c.hub.befriend(c.topic, false)
		c.tellOne(r, e.By, e.By, "blocked", "") // the blocked one is not told
	case domain.FriendUnblocked:
		c.tellOne(r, e.By, e.By, "unblocked", "")
	}
}

// deliverApplication tells those who may answer it, on each device that has not heard of it when it signed.
func (c *conversation) deliverApplication(r domain.Record, to []*person, from domain.UserID, greeting json.RawMessage) {
	packet, err := socketio.NewPacket("apply", application(c.topic, greeting, from, r.Seq, domain.Date(r.Time)))
	if err != nil {
		c.hub.edge.logger.Error("cannot encode an event", "event", "apply", "error", err)
		return
	}
	for _, p := range c.told(to) {
		for _, s := range *p.sessions.Load() {
			if s.told.first(applicant{c.topic, from}, r.Seq) {
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

// application is what "apply" carries: the fields of the greeting, and what the server knows to be so, which they cannot replace. One to a group
// is of type 1, as the seed's clients know it; one for friendship cannot look like that.
func application(to domain.Topic, greeting json.RawMessage, by domain.UserID, seq uint64, date string) map[string]any {
	fields := map[string]any{}
	var given map[string]json.RawMessage
	if json.Unmarshal(greeting, &given) == nil {
		for k, v := range given {
			fields[k] = v
		}
	}
	fields["from"], fields["seq"], fields["date"] = by, seq, date
	if g, ok := to.Group(); ok {
		fields["type"], fields["gid"] = 1, g
		return fields
	}
	delete(fields, "gid")
	if string(given["type"]) != "0" {
		delete(fields, "type")
	}
	return fields
}
