package edge

import (
	"context"
	"slices"

	"parley/domain"
)

// admit lets a member hear a group; a nobody is not let in. Who is entering hears what is stored from now on. Who has entered already is to hear all
// that has been stored since, and nothing else is dealt with before that is done: behind says that the caller is to run catchUp for it. in is false
// where the conversation has retired.
func (c *conversation) admit(ctx context.Context, p *person) (in, behind bool, err error) {
	defer func() {
		if err != nil { // it may have been made for this one
			c.mu.Lock()
			c.retireIfIdle()
			c.mu.Unlock()
		}
	}()
	if err := c.follow(ctx); err != nil {
		return true, false, err
	}
	c.mu.Lock()
	s, upTo := c.standing, c.upTo
	_, hears := c.audience[p]
	c.mu.Unlock()
	if hears {
		return true, false, nil
	}
	if s == nil {
		if s, upTo, err = c.hub.fold(ctx, c.topic, 0); err != nil {
			return true, false, err
		}
		c.install(s, upTo)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired {
		return false, false, nil
	}
	if c.standing != nil { // else copies have been lost since
		s, upTo = c.standing, c.upTo
	}
	g, isGroup := s.(group)
	switch {
	case !isGroup || g.Role(p.id) == "":
	case !p.isSettled():
		c.hear(p, upTo)
	case !slices.Contains(c.late, p):
		c.late = append(c.late, p)
		behind, c.busy = !c.busy, true
	}
	c.retireIfIdle()
	return true, behind, nil
}

// admitLate lets those hear a group who were late, from when they came, or joined if that was later. What others have heard already is replayed to
// them alone. It is run by catchUp, so that nothing else is dealt with meanwhile.
func (c *conversation) admitLate(ctx context.Context) error {
	c.mu.Lock()
	late, seen := slices.Clone(c.late), c.seen
	c.mu.Unlock()
	after, state, records, err := c.sinceLate(ctx, late, seen)
	if err != nil && (ctx.Err() != nil || domain.Refusal(err).Code == domain.Unavailable) {
		return err
	}
	if err != nil { // not even the log knows: better to go on without them than never
		c.hub.edge.logger.Error("what a conversation holds cannot be read; some who are here do not hear it", "conversation", c.topic, "error", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = slices.DeleteFunc(c.late, func(p *person) bool { return slices.Contains(late, p) })
	for p, from := range after {
		if from < seen {
			c.replay(p, from, seen, state, records)
		}
		c.hear(p, from)
	}
	if seen == 0 { // nobody has heard anything
		c.merge(records)
		if len(c.queue) > 0 {
			c.queue[0].Prev = 0
		}
	}
	return nil
}

// sinceLate gives for those of some people who are members of a group, as of a sequence or as of now where it is 0, after which sequence they are
// to hear it; how the group came to be as it is; and what they have not heard, if the sequence is further than that.
func (c *conversation) sinceLate(ctx context.Context, late []*person, seen uint64) (after map[*person]uint64, state, records []domain.Record, err error) {
	if state, err = c.hub.edge.Log.State(ctx, c.topic, 0); err != nil || len(state) == 0 {
		return nil, nil, nil, err
	}
	after = map[*person]uint64{}
	least := seen
	for _, p := range late {
		joined, in := joinedAt(state, p.id, seen)
		if !in {
			continue
		}
		after[p] = max(joined-1, c.hub.came(p, state[0].Shard))
		if seen == 0 && len(after) == 1 || after[p] < least {
			least = after[p]
		}
	}
	if len(after) == 0 || seen > 0 && least == seen {
		return after, state, nil, nil
	}
	if records, err = c.hub.edge.Log.Since(ctx, c.topic, least); err != nil {
		return nil, nil, nil, err
	}
	for _, r := range records {
		if m, ok := r.Event.(domain.Message); ok {
			if err := c.hub.profiles.meet(ctx, m.From); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	return after, state, records, nil
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

// joinedAt says where u joined a group, this time, if u is a member as of a sequence; 0: as of the end of its state lane.
func joinedAt(state []domain.Record, u domain.UserID, upTo uint64) (seq uint64, in bool) {
	var g domain.Group
	for _, r := range state {
		if upTo > 0 && r.Seq > upTo {
			break
		}
		g.Evolve(r.Event, r.Time)
		if is := g.Role(u) != ""; is != in {
			seq, in = r.Seq, is
		}
	}
	return seq, in
}

// replay tells one person alone what has been stored in a group after one sequence and up to another. The caller holds c.mu.
func (c *conversation) replay(p *person, after, upTo uint64, state, records []domain.Record) {
	g := group{&domain.Group{}}
	r := &conversation{hub: c.hub, topic: c.topic, only: p, standing: g, audience: map[*person]uint64{p: after}}
	for _, s := range state {
		if s.Seq <= after {
			g.Evolve(s.Event, s.Time)
			r.upTo = s.Seq
		}
	}
	for _, record := range records {
		if record.Seq > after && record.Seq <= upTo {
			r.process(record)
		}
	}
}

// hear adds a person to the audience, for what comes after a sequence. The caller holds c.mu.
func (c *conversation) hear(p *person, after uint64) {
	if _, hears := c.audience[p]; !hears && c.only == nil && c.hub.holds(p, c) {
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

// emit tells some people, or of them the one who is told.
func (c *conversation) emit(to []*person, event string, args ...any) {
	if c.only != nil {
		to = slices.DeleteFunc(to, func(p *person) bool { return p != c.only })
	}
	c.hub.emit(to, event, args...)
}
