package edge

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"parley/domain"
)

// The log knows the ids of the last two minutes by itself. What the read models must hold, so that no id is unknown to both, is all that was stored until sureFor
// ago, by this machine's clock alone: the rest of the two minutes is for what waits on its way to the log, and for clocks of different pace.
const (
	sureFor  = time.Minute
	askAfter = sureFor / 6 // where the log ends is asked again after that, while nobody waits for it
)

// The most messages of one conversation, and of all, whose ids an edge reads from the log and keeps while the read models do not know them.
const (
	maxSpoken       = 100_000
	maxSpokenAll    = 4 * maxSpoken
	maxSpokenTopics = 10_000
)

// repeats knows whether a message was stored before, also where the read models are behind or away. It never takes a repetition for a new message: where it
// cannot tell, it says so.
type repeats struct {
	edge  *Edge
	sure  time.Duration // sureFor and maxSpoken, but for tests
	most  int
	turns chan struct{} // of those who read the log

	mu     sync.Mutex
	ends   []domain.Position // where the log ended
	asked  time.Time         // when that was asked
	asking bool

	spoken map[domain.Topic]*talkIDs
	ids    int // how many ids are in all of those, roughly
}

// talkIDs are what was said in a conversation, as it was read from the log: after one place, up to another.
type talkIDs struct {
	mu          sync.Mutex
	after, upTo uint64
	at          map[[16]byte][]uttered // as a rule one
	count, most int
	full        bool // there was more than that
}

// uttered is a message as far as it is judged by its place.
type uttered struct {
	seq  uint64
	open bool
}

func newRepeats(e *Edge) *repeats {
	return &repeats{edge: e, sure: sureFor, most: maxSpoken, turns: make(chan struct{}, 4), spoken: map[domain.Topic]*talkIDs{}}
}

// before gives the place of the message that was sent with this id, 0 where there is none, or only one of the last two minutes, which the log will find. It has its place
// there, whether or not its sender may write today. It costs a look into the read models; where those are behind or away, the conversation's messages that
// they do not hold are read from the log, once.
func (r *repeats) before(ctx context.Context, t domain.Topic, from domain.UserID, id string) (seq uint64, err error) {
	shard := r.edge.Log.Shard(t)
	end, known := r.end(ctx, shard) // before the read models are asked
	seq, as, err := r.edge.Views.MessageSeq(ctx, shard, t, from, id)
	if err != nil { // that the read models are away is reported elsewhere
		r.edge.logger.Debug("cannot look for an earlier message of the same id", "error", err)
		as = domain.Position{}
	} else if seq != 0 || known && as.Epoch == end.Epoch && as.Seq >= end.Seq {
		r.forget(t)
		return seq, nil
	}
	if as.Epoch != r.edge.Log.Epoch(shard) {
		as.Seq = 0
	}
	return r.inLog(ctx, t, from, id, as.Seq)
}

// end says where a shard ended not long ago; known is false where the log cannot say.
func (r *repeats) end(ctx context.Context, shard int) (end domain.Position, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch age := time.Since(r.asked); {
	case r.ends == nil || age >= r.sure:
		r.mu.Unlock()
		r.ask(ctx)
		r.mu.Lock()
	case age >= askAfter && !r.asking:
		r.asking = true
		r.edge.spawn(func() { r.ask(r.edge.ctx) })
	}
	if r.ends == nil || time.Since(r.asked) >= r.sure {
		return domain.Position{}, false
	}
	return r.ends[shard], true
}

// ask asks where the log ends.
func (r *repeats) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, viewLag)
	defer cancel()
	begun := time.Now()
	ends, err := r.edge.Log.Ends(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asking = false
	if err == nil && begun.After(r.asked) {
		r.ends, r.asked = ends, begun
	}
}

// inLog looks in a conversation's messages after a place, in the log. One that did not count where it stands is none.
func (r *repeats) inLog(ctx context.Context, t domain.Topic, from domain.UserID, id string, after uint64) (uint64, error) {
	c := r.kept(t, after)
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	was := c.count
	err := r.edge.Log.Talk(ctx, t, c.upTo, c.add)
	r.count(c.count - was)
	for _, said := range c.at[spokenKey(from, id)] {
		switch judged := r.edge.hub.judge(t, said.seq, domain.Message{From: from, ID: id, Open: said.open}); {
		case judged == nil:
			return said.seq, nil
		case domain.Refusal(judged).Code == domain.Unavailable:
			return 0, judged
		}
	}
	if err == nil && c.full {
		err = domain.Refuse(domain.Unavailable, "it cannot be told just now whether this was sent before; try again in a while, with the same id")
	}
	return 0, err
}

// overflows says whether there was more than is kept; not while somebody reads.
func (c *talkIDs) overflows() bool {
	if !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	return c.full
}

// add takes note of what stands next in the log; false says that it is too much.
func (c *talkIDs) add(e domain.Record) bool {
	if m, ok := e.Event.(domain.Message); ok {
		if c.full = c.count >= c.most; c.full {
			return false
		}
		key := spokenKey(m.From, m.ID)
		c.at[key] = append(c.at[key], uttered{e.Seq, m.Open})
		c.count++
	}
	c.upTo = e.Seq
	return true
}

func spokenKey(from domain.UserID, id string) (key [16]byte) {
	sum := sha256.Sum256([]byte(string(from) + "/" + id))
	copy(key[:], sum[:])
	return key
}

// kept gives what was read of a conversation, if that begins early enough, or makes room for it.
func (r *repeats) kept(t domain.Topic, after uint64) *talkIDs {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.spoken[t]
	if c == nil || c.after > after || after > c.after && c.overflows() {
		if len(r.spoken) >= maxSpokenTopics { // what is needed is read again
			clear(r.spoken)
			r.ids = 0
		}
		c = &talkIDs{after: after, upTo: after, most: r.most, at: map[[16]byte][]uttered{}}
		r.spoken[t] = c
	}
	return c
}

// count takes note of ids that were read, and forgets all where there are too many: what is needed is read again.
func (r *repeats) count(more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids += more; r.ids > maxSpokenAll {
		clear(r.spoken)
		r.ids = 0
	}
}

// forget drops what was read of a conversation: the read models know it now.
func (r *repeats) forget(t domain.Topic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.spoken[t]; c != nil {
		delete(r.spoken, t)
		if c.mu.TryLock() { // else somebody is reading it still, and counts for nothing
			r.ids = max(r.ids-c.count, 0)
			c.mu.Unlock()
		}
	}
}
