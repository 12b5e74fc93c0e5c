package edge

import (
	"context"
	"slices"

	"parley/domain"
	"parley/edge/socketio"
)

// admit lets a member hear a group; a nobody is not let in. Who is entering hears what is stored from now on, who has entered already is told first
// what has been stored since they came. It says false where the conversation has retired.
func (c *conversation) admit(ctx context.Context, p *person) (in bool, err error) {
	if err := c.follow(ctx); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.retireIfIdle() // it may have been made for this one
		return true, err
	}
	in, late, upTo, err := c.admitNow(ctx, p)
	if late {
		p.owed.Add(1)
		c.admitLate(ctx, p, upTo)
		c.hub.pay(p)
	}
	return in, err
}

// admitNow is admit but for those who are late, whom it gives to the caller, and to nobody else meanwhile: members as of a sequence.
func (c *conversation) admitNow(ctx context.Context, p *person) (in, late bool, upTo uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, upTo := c.standing, c.upTo
	if s == nil {
		c.mu.Unlock()
		s, upTo, err = c.hub.fold(ctx, c.topic, 0)
		c.mu.Lock()
		if err != nil {
			c.retireIfIdle()
			return true, false, 0, err
		}
	}
	_, hears := c.audience[p]
	g, isGroup := s.(group)
	switch {
	case c.retired:
		return false, false, 0, nil
	case c.standing != nil: // it may be newer
		g, isGroup = c.standing.(group)
		upTo = c.upTo
	case c.followed:
		c.standing, c.upTo = s, upTo
	}
	switch {
	case hears || c.late[p] || !isGroup || g.Role(p.id) == "":
	case !p.isSettled():
		c.hear(p, c.seen) // what waits here will be told, too
	default:
		if c.late == nil {
			c.late = map[*person]bool{}
		}
		c.late[p] = true
		return true, true, upTo, nil
	}
	c.retireIfIdle()
	return true, false, upTo, nil
}

// admitLate tells a person what has been stored in the group since they came, or joined if that was later, and lets them hear it from there on. What
// comes meanwhile waits for nobody, and is left out for them until then. Where the log does not give it they hear the group from now on: it can be
// asked for. They were a member as of upTo: if no more, they are told how that came.
func (c *conversation) admitLate(ctx context.Context, p *person, upTo uint64) {
	teller, err := c.teller(ctx, p, upTo)
	for err == nil && teller != nil {
		if err = teller.tellSince(ctx); err != nil {
			break
		}
		c.mu.Lock()
		if teller.seen >= c.seen { // else more has been dealt with here meanwhile
			c.admitted(p, teller.standing, teller.seen)
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
	if err != nil {
		c.hub.edge.logger.Warn("what was said in a group since somebody came cannot be read; they hear it from now on", "conversation", c.topic, "user", p.id,
			"error", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.admitted(p, c.standing, c.seen)
}

// admitted ends being late: the person hears what comes after a sequence, if a member by then. The caller holds c.mu.
func (c *conversation) admitted(p *person, s standing, after uint64) {
	delete(c.late, p)
	if g, known := s.(group); known && g.Role(p.id) != "" {
		c.hear(p, after)
	}
	c.retireIfIdle()
}

// teller makes a conversation that tells one person alone, beginning with what was stored after they came, or with their joining if that was later.
// It is nil for who was no member after a sequence.
func (c *conversation) teller(ctx context.Context, p *person, upTo uint64) (*conversation, error) {
	state, err := c.hub.edge.Log.State(ctx, c.topic, 0)
	if err != nil || len(state) == 0 {
		return nil, err
	}
	joined, left := lastIn(state, p.id)
	if joined == 0 || left > 0 && left <= upTo {
		return nil, nil
	}
	after := max(joined-1, c.hub.came(p, state[0].Shard))
	g := newGroup()
	t := &conversation{hub: c.hub, topic: c.topic, only: map[domain.UserID][]*person{p.id: {p}}, standing: g, seen: after,
		audience: map[*person]uint64{p: after}}
	for _, r := range state {
		if r.Seq <= after {
			g.evolve(r)
			t.upTo = r.Seq
		}
	}
	return t, nil
}

// tellSince reads what has been stored since the last record that was told, and tells that.
func (c *conversation) tellSince(ctx context.Context) error {
	records, err := c.hub.since(ctx, c.topic, c.seen)
	if err != nil {
		return err
	}
	for _, r := range records {
		for lacks := c.lacksOf(r); lacks != nil; lacks = c.lacksOf(r) {
			if err := lacks(ctx); err != nil {
				return err
			}
		}
		c.hub.ledger.mu.Lock()
		c.process(r)
		c.hub.ledger.release()
	}
	return nil
}

// came gives up to where a shard had been stored when a person came.
func (h *hub) came(p *person, shard int) uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if shard >= len(p.from) { // they have not got so far, and never will
		return ^uint64(0)
	}
	return p.from[shard].Seq
}

// lastIn says where u last joined a group, by its state lane, and where that ended; 0 where it did not.
func lastIn(state []domain.Record, u domain.UserID) (joined, left uint64) {
	var g domain.Group
	for _, r := range state {
		was := g.Role(u) != ""
		g.Evolve(r.Event, r.Time)
		switch is := g.Role(u) != ""; {
		case is && !was:
			joined, left = r.Seq, 0
		case was && !is:
			left = r.Seq
		}
	}
	return joined, left
}

// hear adds a person to the audience, for what comes after a sequence. The caller holds c.mu.
func (c *conversation) hear(p *person, after uint64) {
	if c.only != nil {
		if slices.Contains(c.only[p.id], p) {
			c.audience[p] = after
		}
		return
	}
	if _, hears := c.audience[p]; !hears && !c.late[p] && c.hub.holds(p, c) {
		c.audience[p] = after
	}
}

// dismiss takes a person who has gone out of the audience.
func (c *conversation) dismiss(p *person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.audience, p)
	c.retireIfIdle()
}

// here gives those of some people who are told by this conversation, if it concerns them: who is connected to this edge, but for those who are late, or only those
// whom it is made for.
func (c *conversation) here(uids ...domain.UserID) (found []*person) {
	if c.only != nil {
		for _, u := range uids {
			found = append(found, c.only[u]...)
		}
		return found
	}
	found = c.hub.here(uids...)
	if len(c.late) > 0 {
		found = slices.DeleteFunc(found, func(p *person) bool { return c.late[p] })
	}
	return found
}

// emit tells some people of the record that is being dealt with, encoded once for all their devices.
func (c *conversation) emit(to []*person, event string, args ...any) { c.say(to, true, event, args...) }

// emitFirst does, where another event of the same record follows for the same people.
func (c *conversation) emitFirst(to []*person, event string, args ...any) {
	c.say(to, false, event, args...)
}

func (c *conversation) say(to []*person, last bool, event string, args ...any) {
	if len(to) == 0 {
		return
	}
	packet, err := socketio.NewPacket(event, args...)
	switch {
	case err != nil:
		c.hub.edge.logger.Error("cannot encode an event", "event", event, "error", err)
	case c.round != nil:
		c.round.publish(c.now, to, packet, last)
	default:
		c.hub.ledger.publish(c.now, to, packet, last)
	}
}
