package edge

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"parley/domain"
)

// attempts is how often a decision is made again because another event came first. Those of one edge do not race, so that every lost race is
// another edge's gain.
const attempts = 64

// raceWait is how long a lost race waits for the live copy of what has won, before the log is read instead.
const raceWait = 200 * time.Millisecond

// decide makes a decision on a topic's state and stores what follows, if anything. Where this edge keeps the conversation, as it does one of two people, it
// waits, too, until it has gone by it. The first try believes what the edge knows; a refusal, or that all is so already, counts only when it comes from the log. Those
// who decide on the same topic do so one after the other, and each has its time from when it is its turn.
func (q *request) decide(t domain.Topic, on func(standing) (domain.Event, error)) error {
	return q.edge.decide(q.life, t, on)
}

// decide is that of a request, for as long as whoever asks lives.
func (e *Edge) decide(life context.Context, t domain.Topic, on func(standing) (domain.Event, error)) (err error) {
	lines := &e.hub.lines
	if err := lines.enter(life, t); err != nil {
		return err
	}
	defer func() {
		if life.Err() != nil { // it is whoever asks that has gone, not the log
			lines.leave(t, nil)
			return
		}
		lines.leave(t, err)
	}()
	ctx, cancel := context.WithTimeout(life, patience)
	defer cancel()
	for try := range attempts {
		var upTo uint64
		var event domain.Event
		var refused error
		decide := func(s standing, at uint64) { upTo = at; event, refused = on(s) }
		if err := e.hub.stand(ctx, t, try > 0, decide); err != nil {
			return err
		}
		if (refused != nil || event == nil) && try == 0 {
			continue
		}
		if refused != nil || event == nil {
			return refused
		}
		if _, _, direct := t.Pair(); direct {
			e.hub.conversation(t) // where one of the two is here it is kept from now on, so that what is decided is known here when it is answered
		}
		stored, err := e.Log.Append(ctx, domain.Draft{Topic: t, Event: event, Expect: &upTo})
		if errors.Is(err, domain.ErrRaced) {
			e.hub.outrun(ctx, t, upTo, try)
			continue
		}
		if c := e.hub.kept(t); err == nil && c != nil {
			err = c.settled(ctx, stored, event)
		}
		return err
	}
	return domain.ErrRaced
}

// outrun waits a moment for the live copy of the event that has come after upTo, for that is cheaper than to read a long lane again. Where there is
// none yet, a cluster is still storing it: then it waits a little longer each time.
func (h *hub) outrun(ctx context.Context, t domain.Topic, upTo uint64, try int) {
	ctx, cancel := context.WithTimeout(ctx, raceWait)
	defer cancel()
	last, found, err := h.edge.Log.Last(ctx, t, domain.LaneState, "")
	c := h.kept(t)
	switch {
	case err != nil || !found || last.Seq <= upTo:
		select {
		case <-time.After(time.Duration(1+rand.IntN(1<<min(try, 6))) * time.Millisecond):
		case <-ctx.Done():
		}
	case c != nil:
		_ = c.settled(ctx, domain.Stored{Shard: last.Shard, Seq: last.Seq}, last.Event) // whatever comes of it, the next try looks again
	}
}

// lines are those who would decide on a topic at this edge, by topic, in the order in which they came. Without them a thousand who join one
// group at once would make one another decide again and again.
type lines struct {
	mu sync.Mutex
	m  map[domain.Topic][]chan error // who waits behind the one whose turn it is
}

// maxLine is how many may wait in one line.
const maxLine = domain.MaxMembers

// enter returns when it is the caller's turn; leave ends that. Where those before found the log away, so do all who wait.
func (l *lines) enter(ctx context.Context, t domain.Topic) error {
	l.mu.Lock()
	waiting, taken := l.m[t]
	if !taken {
		if l.m == nil {
			l.m = map[domain.Topic][]chan error{}
		}
		l.m[t] = nil
		l.mu.Unlock()
		return nil
	}
	if len(waiting) >= maxLine {
		l.mu.Unlock()
		return &domain.Error{Code: domain.TooMany, Message: "too many would change this at once; try again in a second", RetryAfter: time.Second}
	}
	turn := make(chan error, 1)
	l.m[t] = append(waiting, turn)
	l.mu.Unlock()
	select {
	case err := <-turn:
		return err
	case <-ctx.Done():
	}
	l.mu.Lock()
	for i, other := range l.m[t] {
		if other == turn {
			l.m[t] = append(l.m[t][:i], l.m[t][i+1:]...)
			l.mu.Unlock()
			return ctx.Err()
		}
	}
	l.mu.Unlock()
	if err := <-turn; err == nil { // it came just now: the next one's
		l.leave(t, nil)
	}
	return ctx.Err()
}

func (l *lines) leave(t domain.Topic, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.m[t]
	if err != nil && domain.Refusal(err).Code == domain.Unavailable {
		for _, turn := range waiting {
			turn <- err
		}
		waiting = nil
	}
	if len(waiting) == 0 {
		delete(l.m, t)
		return
	}
	waiting[0] <- nil
	l.m[t] = waiting[1:]
}
