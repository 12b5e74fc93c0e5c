package edge

import (
	"slices"

	"parley/domain"
)

// lanes are the last records of a conversation's lanes that were dealt with.
type lanes struct{ state, talk, read uint64 }

func (l *lanes) of(e domain.Event) *uint64 {
	switch e.Lane() {
	case domain.LaneState:
		return &l.state
	case domain.LaneTalk:
		return &l.talk
	}
	return &l.read
}

// done says whether a record, or a later one of its lane, was dealt with. What was lost may come later than others of another lane.
func (c *conversation) done(r domain.Record) bool { return r.Seq <= *c.lanes.of(r.Event) }

// holed says whether a live copy names one before it, in its lane, that has not come. The caller holds the ledger's lock, and c.mu.
func (c *conversation) holed(r domain.Record) bool {
	switch r.Event.Lane() {
	case domain.LaneState:
		return r.Prev > c.upTo
	case domain.LaneTalk:
		if c.lanes.talk == 0 {
			return c.hub.ledger.suspects(r)
		}
		return r.Prev > c.lanes.talk
	}
	return false
}

// waits tells the ledger what waits here. The caller holds its lock, and c.mu.
func (c *conversation) waits() {
	// What was read from the log may stand there twice.
	first := slices.IndexFunc(c.queue, func(r domain.Record) bool { return !c.done(r) && r.Seq != c.now.Seq })
	if first < 0 && !c.short || c.retired {
		c.hub.ledger.wait(c, nil)
		return
	}
	h := head{seen: c.seen, unsure: c.short}
	if first >= 0 {
		r := c.queue[first]
		h.first, h.unsure = spot{r.Shard, r.Seq}, c.short || r.Seq <= c.seen || c.standing != nil && c.holed(r)
	}
	c.hub.ledger.wait(c, &h)
}
