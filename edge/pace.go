package edge

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/domain"
)

// activity is something that each person may do so often, on all devices at this edge together.
type activity int

// The activities that have a pace of their own. Messages and marks have none.
const (
	deciding   activity = iota // commands that are decided on, and stored
	changing                   // changing what was said, and reacting to it
	typing                     // saying that one is typing
	searching                  // through what was said
	connecting                 // with one more device
)

// What there is to say of each activity: how many seconds' worth may be done at once by who has done nothing for as long, and what those are
// told who do more. Never changed.
var (
	atOnce  = [...]int{deciding: 50, changing: 10, typing: 5, searching: 10, connecting: 30}
	tooMuch = [...]string{
		deciding:   "you do too much at once; try again in %v",
		changing:   "you change and react too often; try again in %v",
		typing:     "you say too often that you are typing; try again in %v",
		searching:  "you search too often; try again in %v",
		connecting: "you connect too often; try again in %v",
	}
)

// pacer holds what people do to their pace. What somebody has used up is kept by id and not with the person, so that nobody begins anew by going
// and coming back.
type pacer struct {
	every [len(atOnce)]int // how often in a second; 0: as often as one likes

	mu     sync.Mutex
	recent map[doing]*rate.Limiter // those used in this period
	before map[doing]*rate.Limiter // and in the one before it
	since  time.Time               // the period's beginning
}

// doing is whose bucket, for what.
type doing struct {
	who  domain.UserID
	what activity
}

const (
	period   = 2 * time.Minute // longer than any bucket takes to be full again: what was not used for a whole one need not be kept
	maxPaced = 100_000         // buckets of a period; where more are used, the period ends early, and some who have used up theirs begin anew
)

func newPacer(s Settings) *pacer {
	return &pacer{every: [...]int{deciding: s.Commands, changing: s.Changes, typing: s.Typing, searching: s.Searches, connecting: s.Connects}}
}

// take counts one more thing that somebody does, or as many as it costs; what costs more than may be done at once is done by who has all of that left.
// It refuses with code TooMany, and then does not count.
func (l *pacer) take(who domain.UserID, what activity, cost int, now time.Time) error {
	every := l.every[what]
	if every == 0 {
		return nil
	}
	cost = min(cost, every*atOnce[what])
	bucket := l.bucket(doing{who, what}, now)
	if bucket.AllowN(now, cost) {
		return nil
	}
	missing := float64(cost) - bucket.TokensAt(now)
	wait := time.Duration(max(1, math.Ceil(missing/float64(every)))) * time.Second
	e := domain.Refuse(domain.TooMany, tooMuch[what], wait)
	e.RetryAfter = wait
	return e
}

// owe counts what has been done already, as much as it costs: who has less left does nothing more until that is made good.
func (l *pacer) owe(who domain.UserID, what activity, cost int, now time.Time) {
	if every := l.every[what]; every > 0 {
		l.bucket(doing{who, what}, now).ReserveN(now, min(cost, every*atOnce[what]))
	}
}

func (l *pacer) bucket(d doing, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.recent[d]
	if b != nil && now.Sub(l.since) < period {
		return b
	}
	if now.Sub(l.since) >= period || len(l.recent) >= maxPaced {
		if now.Sub(l.since) >= 2*period {
			l.recent = nil // all of them are full
		}
		l.before, l.recent, l.since = l.recent, map[doing]*rate.Limiter{}, now
	}
	if b = l.before[d]; b == nil {
		every := l.every[d.what]
		b = rate.NewLimiter(rate.Limit(every), every*atOnce[d.what])
	}
	delete(l.before, d)
	l.recent[d] = b
	return b
}

// pace counts a command against what its sender may do.
func (q *request) pace(what activity, cost int) error {
	return q.edge.pacer.take(q.me, what, cost, time.Now())
}

// paced is a command that is counted before anything is done for it, and has its answer when it returns.
func paced(what activity, run func(q *request, ctx context.Context) (any, error)) func(*request, context.Context) {
	return now(func(q *request, ctx context.Context) (any, error) {
		if err := q.pace(what, 1); err != nil {
			return nil, err
		}
		return run(q, ctx)
	})
}
