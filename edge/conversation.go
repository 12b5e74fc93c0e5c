package edge

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/domain"
)

// conversation follows one direct conversation or group for the people connected here: it judges each message, and what changes one, by the state at
// its place in the log and hands on what counts, in the log's order.
//
// Live records are dealt with at once where all that is needed is in memory. Where something must first be read from the log, they
// wait in the queue, and a goroutine deals with them in order until it is empty.
type conversation struct {
	hub   *hub
	topic domain.Topic

	following sync.Mutex // held while a group's feed is being opened; taken before mu

	mu       sync.Mutex
	standing standing // nil until it is needed
	upTo     uint64   // standing holds the state events up to here
	past     past     // how things stood at the head of the queue, where standing is ahead of it
	seen     uint64   // the last record that was dealt with, and of each lane; 0 for none yet
	lanes    lanes
	now      domain.Record               // the one that is being dealt with
	about    author                      // whose the message is that the record at the head of the queue changes, where that is to be known
	recalls  []recall                    // the last messages that were taken back
	queue    []domain.Record             // those that wait
	short    bool                        // records have come that found no place in the queue; the log has them
	busy     bool                        // a goroutine deals with the queue
	followed bool                        // of a group: its talk comes in
	retired  bool                        // it concerns nobody here any more, and another one may have taken its place
	audience map[*person]uint64          // of a group: its members here, who hear what comes after a sequence
	late     map[*person]bool            // of a group: members here who are being told what has been stored since they came, before they hear the rest
	only     map[domain.UserID][]*person // who is told, where it is nobody else; nil: all whom it concerns
	round    *round                      // where those are devices that come back, which are told by it
	verdicts verdicts
}

// past is how things stood at a sequence.
type past struct {
	seq      uint64
	standing standing
}

// author is who has said what the record at a sequence changes.
type author struct {
	seq  uint64
	from domain.UserID
}

// How often the log is asked again for what a record needs, and how many records wait for it meanwhile.
const (
	retryFirst  = 50 * time.Millisecond
	retryAtMost = 2 * time.Second
	maxQueue    = 1024
)

func newConversation(h *hub, t domain.Topic) *conversation {
	c := &conversation{hub: h, topic: t, audience: map[*person]uint64{}}
	_, isGroup := t.Group()
	c.followed = !isGroup // a direct conversation comes in with its people
	return c
}

// look shows how things stand, if that is known, kept up to date and made from the event at least, too.
func (c *conversation) look(least uint64, use func(s standing, upTo uint64)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.standing == nil || c.retired || c.upTo < least {
		return false
	}
	use(c.standing, c.upTo)
	return true
}

// install takes over a standing that was read from the log, unless as new a one is there or nothing would keep it up to date. From then on
// it is the conversation's alone.
func (c *conversation) install(s standing, upTo uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.followed && (c.standing == nil || upTo > c.upTo) {
		c.standing, c.upTo = s, upTo
	}
}

// may says whether a rule allows something as things stand here; that it does not is not certain, for the live copies may lag.
func (c *conversation) may(rule func(standing) error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.standing != nil && !c.retired && rule(c.standing) == nil
}

// arrive takes in a live record; false where the conversation has retired. The caller holds the ledger's lock.
func (c *conversation) arrive(r domain.Record) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.waits()
	switch {
	case c.retired:
		return false
	case c.busy && (c.short || len(c.queue) >= maxQueue):
		c.short = true
	case c.busy:
		c.queue = append(c.queue, r)
	case c.done(r):
	case c.lacks(r) == nil:
		c.process(r)
	default:
		c.queue, c.busy = append(c.queue, r), true
		c.hub.edge.spawn(c.catchUp)
	}
	return true
}

// lacks gives what must be read from the log before a record can be dealt with, to be run without the lock; nil for nothing.
func (c *conversation) lacks(r domain.Record) func(ctx context.Context) error {
	_, isSpoken := r.Event.(domain.Spoken)
	_, isMark := r.Event.(domain.ReadMarked)
	_, isGroup := c.topic.Group()
	switch {
	case !c.followed:
		return c.follow
	case c.standing == nil:
		return func(ctx context.Context) error {
			s, upTo, err := c.hub.fold(ctx, c.topic, r.Seq)
			if err == nil {
				c.install(s, upTo)
			}
			return err
		}
	case c.holed(r):
		return c.reread
	case !isSpoken && (!isMark || isGroup): // nothing is judged
		return nil
	case r.Seq < c.upTo && c.past.seq != r.Seq:
		return func(ctx context.Context) error {
			s, _, err := c.hub.fold(ctx, c.topic, r.Seq)
			if err != nil {
				return err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.past = past{r.Seq, s}
			return nil
		}
	}
	return c.lacksOf(r)
}

// at gives how things stood at a sequence, the standing's own or that of the past.
func (c *conversation) at(seq uint64) standing {
	if c.past.seq == seq {
		return c.past.standing
	}
	return c.standing
}

// lose notes that live copies may be missing: nothing more is judged until the log has been reread. It says whether the caller is to run
// catchUp for that, which nobody does yet.
func (c *conversation) lose() (idle bool) {
	c.hub.ledger.mu.Lock()
	defer c.hub.ledger.release()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.waits()
	if c.retired {
		return false
	}
	idle, c.busy = !c.busy, true
	c.short, c.standing = true, nil
	return idle
}

// reread takes from the log what has come since the last record that was dealt with, and did not get here or found no place.
func (c *conversation) reread(ctx context.Context) error {
	c.hub.ledger.mu.Lock()
	c.mu.Lock()
	after, hearers := c.seen, slices.Collect(maps.Keys(c.audience))
	if len(c.queue) > 0 && c.hub.ledger.lossy && c.holed(c.queue[0]) { // one that was lost may be before others that came
		r := c.queue[0]
		if from := max(c.hub.ledger.proven.at(r.Shard), c.lanes.upTo(r.Event)); after == 0 || from < after {
			after = from
		}
	}
	c.hub.ledger.mu.Unlock()
	c.short = false // from now on there is place again
	if after == 0 {
		c.standing = nil // what is not read may have changed it
	}
	c.mu.Unlock()
	records, err := c.since(ctx, after, hearers)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && (ctx.Err() != nil || domain.Refusal(err).Code == domain.Unavailable) {
		c.short = true
		return err
	}
	if err != nil { // not even the log knows: better to go on without it than never
		c.hub.edge.logger.Error("what a conversation missed cannot be read and is left out", "conversation", c.topic, "error", err)
	}
	if len(c.queue) > 0 {
		c.queue[0].Prev = 0 // what is before it is here now, or nowhere
	}
	c.merge(records)
	return nil
}

// since reads what has been stored after a sequence; where nothing has been dealt with yet, after the first of those here came.
func (c *conversation) since(ctx context.Context, after uint64, hearers []*person) ([]domain.Record, error) {
	if after > 0 {
		return c.hub.since(ctx, c.topic, after)
	}
	from := c.hub.from(c.topic, hearers)
	if len(from) == 0 { // nobody is here to hear it
		return nil, nil
	}
	least := slices.MinFunc(from, func(a, b domain.Position) int { return cmp.Compare(a.Seq, b.Seq) }) // for only a record says its shard
	records, err := c.hub.since(ctx, c.topic, least.Seq)
	return slices.DeleteFunc(records, func(r domain.Record) bool { return r.Seq <= from[r.Shard].Seq }), err
}

// merge puts records from the log into the queue, where some of them may be already. The caller holds c.mu.
func (c *conversation) merge(records []domain.Record) {
	c.queue = append(c.queue, records...)
	slices.SortStableFunc(c.queue, func(a, b domain.Record) int { return cmp.Compare(a.Seq, b.Seq) })
}

// catchUp deals with the queue until it is empty or the edge closes.
func (c *conversation) catchUp() {
	ctx, pause := c.hub.edge.ctx, retryFirst
	for {
		fetch, more := c.next()
		switch {
		case !more:
			return
		case fetch == nil:
			continue
		}
		if err := fetch(ctx); err == nil {
			pause = retryFirst
			continue
		} else if ctx.Err() == nil {
			c.hub.edge.logger.Warn("cannot read what a conversation needs; trying again", "conversation", c.topic, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, retryAtMost)
		}
	}
}

// next deals with the head of the queue, or says what it lacks; more is false when the queue is empty.
func (c *conversation) next() (fetch func(context.Context) error, more bool) {
	c.hub.ledger.mu.Lock()
	defer c.hub.ledger.release()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.waits()
	for len(c.queue) > 0 && c.done(c.queue[0]) {
		c.queue = c.queue[1:]
	}
	if len(c.queue) == 0 && c.short && !c.retired {
		return c.reread, true
	}
	if len(c.queue) == 0 {
		c.queue, c.busy = nil, false
		c.retireIfIdle()
		return nil, false
	}
	if fetch = c.lacks(c.queue[0]); fetch == nil {
		r := c.queue[0]
		c.queue = c.queue[1:]
		c.now = r
		c.waits() // for it no more
		c.process(r)
	}
	return fetch, true
}

// process deals with a record for which nothing is lacking. The caller holds the ledger's lock, unless only some are told who are not here, and c.mu.
func (c *conversation) process(r domain.Record) {
	c.now = r
	at := c.at(r.Seq)
	switch e := r.Event.(type) {
	case domain.Spoken:
		if err := counts(at, e, c.changes(r.Seq, e)); err != nil {
			c.verdicts.deny(r.Seq, err)
		} else {
			c.deliverSpoken(r, e, at)
		}
	case domain.ReadMarked:
		c.deliverMark(r, e, at)
	default:
		if r.Seq > c.upTo {
			c.standing.evolve(r)
			c.upTo = r.Seq
		}
		c.deliverState(r)
	}
	if c.past.seq == r.Seq {
		c.past = past{}
	}
	c.now = domain.Record{}
	mark, isMark := r.Event.(domain.ReadMarked)
	_, isGroup := c.topic.Group()
	c.lanes.come(r.Event, r.Seq, isMark && (!isGroup || len(c.here(mark.By)) > 0))
	c.seen = max(c.seen, r.Seq)
	c.verdicts.reach(c.hub.edge, c.lanes)
}

// follow opens a group's feed and queues what has come since the first record that waits.
func (c *conversation) follow(ctx context.Context) error {
	g, isGroup := c.topic.Group()
	if !isGroup {
		return nil
	}
	c.following.Lock()
	defer c.following.Unlock()
	c.mu.Lock()
	done := c.followed || c.retired
	c.mu.Unlock()
	if done {
		return nil
	}
	if err := c.hub.live.FollowGroup(g); err != nil {
		return err
	}
	c.mu.Lock()
	var first uint64
	if len(c.queue) > 0 {
		first = c.queue[0].Seq
	}
	c.mu.Unlock()
	var missed []domain.Record
	if first > 0 {
		var err error
		if missed, err = c.hub.since(ctx, c.topic, first); err != nil {
			c.hub.live.UnfollowGroup(g)
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired { // meanwhile
		c.hub.live.UnfollowGroup(g)
		return nil
	}
	c.merge(missed)
	c.followed = true
	return nil
}

// retireIfIdle ends a conversation that concerns nobody here any more: a direct one when both have gone, a group when no member is here
// and nothing waits that might bring one in. The caller holds c.mu.
func (c *conversation) retireIfIdle() {
	g, isGroup := c.topic.Group()
	if c.retired || c.only != nil || isGroup && (len(c.audience)+len(c.late) > 0 || len(c.queue) > 0) || !c.hub.forget(c) {
		return
	}
	c.retired, c.queue, c.short = true, nil, false
	if isGroup && c.followed {
		c.hub.live.UnfollowGroup(g)
	}
	c.verdicts.giveUp(c.hub.edge)
}
