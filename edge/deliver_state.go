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
		c.deliverApplication(r, c.here(c.topic.Peer(e.By)), e.By, e.Greeting)
	case domain.FriendAccepted:
		c.befriend(true)
		other := c.topic.Peer(e.By)
		for _, p := range c.here(other) {
			c.showOnline(p, "refresh")
		}
		for _, p := range c.here(e.By) {
			c.showOnline(p, "checkStatus")
		}
		c.tell(r, e.By, "accepted", "")
	case domain.FriendRejected:
		c.tell(r, e.By, "rejected", e.Reply)
	case domain.FriendRemoved:
		c.befriend(false)
		c.tell(r, e.By, "removed", "")
	case domain.FriendErased:
		c.befriend(false)
		c.tell(r, e.By, "erased", "")
	case domain.FriendBlocked:
		c.befriend(false)
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
	c.sayNew(to, applicant{c.topic, from}, packet)
}

// sayNew tells of an application on those devices that have not heard of it, without an offset: a device that loses it hears of it when it signs.
func (c *conversation) sayNew(to []*person, a applicant, packet *socketio.Packet) {
	for _, p := range to {
		if c.round != nil {
			if p.back.missed(c.now) && (p.back.told == nil || p.back.told.first(a, c.now.Seq)) {
				p.back.tell(packet)
			}
			continue
		}
		for _, s := range *p.sessions.Load() {
			if s.live && !s.entry.covers(c.now) && s.told.first(a, c.now.Seq) {
				s.socket.Send(packet)
			}
		}
	}
}

// befriend keeps who watches whom in step, where that is not over.
func (c *conversation) befriend(friends bool) {
	if c.only == nil {
		c.hub.befriend(c.topic, friends)
	}
}

// showOnline tells somebody who is online now, unless they are not connected and only ask what they have missed.
func (c *conversation) showOnline(p *person, event string) {
	if shown := p.real(); shown != nil {
		c.emitFirst([]*person{p}, event, c.hub.edge.presence.of(shown))
	}
}

// tell says to both what by has done.
func (c *conversation) tell(r domain.Record, by domain.UserID, state, reply string) {
	c.tellOne(r, by, by, state, reply)
	c.tellOne(r, c.topic.Peer(by), by, state, reply)
}

func (c *conversation) tellOne(r domain.Record, to, by domain.UserID, state, reply string) {
	c.emit(c.here(to), "friend", friendChange{c.topic.Peer(to), state, by, reply, domain.Date(r.Time), r.Seq})
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
