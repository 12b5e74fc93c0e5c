package edge

import (
	"slices"

	"parley/domain"
)

// lanes are the last records of a conversation's lanes that were dealt with. Each reader's marks are a lane of their own.
type lanes struct {
	state, talk uint64
	read        map[domain.UserID]uint64 // of those whose marks are told to somebody here
}

// upTo is how far the lane of an event has come.
func (l *lanes) upTo(e domain.Event) uint64 {
	switch e := e.(type) {
	case domain.ReadMarked:
		return l.read[e.By]
	case domain.Spoken:
		return l.talk
	}
	return l.state
}

// come notes how far it has. Of marks that are told to nobody nothing is kept.
func (l *lanes) come(e domain.Event, seq uint64, told bool) {
	switch e := e.(type) {
	case domain.ReadMarked:
		if l.read == nil {
			l.read = map[domain.UserID]uint64{}
		}
		if delete(l.read, e.By); told {
			l.read[e.By] = seq
		}
	case domain.Spoken:
		l.talk = seq
	default:
		l.state = seq
	}
}

// done says whether a record, or a later one of its lane, was dealt with. What was lost may come later than others of another lane.
func (c *conversation) done(r domain.Record) bool { return r.Seq <= c.lanes.upTo(r.Event) }

// holed says whether a live copy names one before it, in its lane, that has not come. The caller holds the ledger's lock, and c.mu.
func (c *conversation) holed(r domain.Record) bool {
	switch r.Event.Lane() {
	case domain.LaneState:
		return c.standing != nil && r.Prev > c.upTo
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
		h.first, h.unsure = spot{r.Shard, r.Seq}, c.short || r.Seq <= c.seen || c.holed(r)
	}
	c.hub.ledger.wait(c, &h)
}
