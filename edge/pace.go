package edge

import (
	"context"
	"math"
	"sync"
	"time"

	"parley/domain"
)

// activity is something that may be done so often: by each person, on all devices at this edge together, or from each address.
type activity int

// The activities that have a pace of their own.
const (
	deciding   activity = iota // commands that are decided on, and stored
	saying                     // messages
	marking                    // what one has read
	changing                   // changing what was said, and reacting to it
	typing                     // saying that one is typing
	searching                  // through what was said
	connecting                 // with one more device
	asking                     // the API

	// From one address.
	commanding // by all of these commands together, and connecting
	requesting // the API
	signing    // in, or up

	// With one account.
	guessing   // its password, from one address
	everywhere // or from any
)

// What there is to say of each activity: what its rate counts in, how many such units' worth may be done at once by who has done nothing for as long, and
// what those are told who do more. Never changed.
var activities = [...]struct {
	unit    time.Duration
	atOnce  int
	tooMuch string
}{
	deciding:   {time.Second, 50, "you do too much at once; try again in %v"},
	saying:     {time.Second, 10, "you send too much at once; try again in %v"},
	marking:    {time.Second, 10, "you mark too much as read at once; try again in %v"},
	changing:   {time.Second, 10, "you change and react too often; try again in %v"},
	typing:     {time.Second, 5, "you say too often that you are typing; try again in %v"},
	searching:  {time.Second, 10, "you search too often; try again in %v"},
	connecting: {time.Second, 30, "you connect too often; try again in %v"},
	asking:     {time.Second, 10, "you ask too often; try again in %v"},
	commanding: {time.Second, 10, "too much comes from your address; try again in %v"},
	requesting: {time.Second, 10, "too many requests come from your address; try again in %v"},
	signing:    {time.Second, 60, "too many people sign in from your address; try again in %v"},
	guessing:   {time.Minute, 1, "the password was wrong too often; try again in %v"},
	everywhere: {time.Minute, 1, "the password was wrong too often; try again in %v"},
}

// guessers is from how many addresses, each as fast as it may, the password of one account can be guessed at before those of others have to wait, too.
const guessers = 10

// pacer holds what is done to its pace. What somebody has used up is kept by id and not with the person, so that nobody begins anew by going
// and coming back.
type pacer struct {
	paces [len(activities)]pace

	mu     sync.Mutex
	recent map[doing]time.Time // when each bucket is full again, of those used in this period
	before map[doing]time.Time // and in the one before it
	since  time.Time           // the period's beginning
}

// pace is how often something may be done.
type pace struct {
	interval time.Duration // for long, once in this time; 0: as often as one likes
	most     int           // at once
}

// doing is who does what: a person, an address, or an account.
type doing struct {
	who  string
	what activity
}

const (
	period   = 2 * time.Minute // longer than any bucket takes to be full again: what was not used for a whole one need not be kept
	maxPaced = 100_000         // buckets of a period; where more are used, the period ends early, and some who have used up theirs begin anew
)

// newPacer makes a pacer for so many of each activity in its unit of time; 0: any number.
func newPacer(often [len(activities)]int) *pacer {
	l := &pacer{}
	for what, n := range often {
		if n > 0 {
			unit := activities[what].unit
			l.paces[what] = pace{(unit + time.Duration(n) - 1) / time.Duration(n), n * activities[what].atOnce}
		}
	}
	return l
}

// ofPeople are the paces of each person, and ofStrangers those of each address and account, which whoever comes can make up without end: the ones are
// kept apart from the others.
func (s Settings) ofPeople() [len(activities)]int {
	return [...]int{deciding: s.Commands, saying: s.Messages, marking: s.Marks, changing: s.Changes, typing: s.Typing, searching: s.Searches,
		connecting: s.Connects, asking: s.Requests, everywhere: 0}
}

func (s Settings) ofStrangers() [len(activities)]int {
	return [...]int{commanding: s.AddressCommands, requesting: s.AddressRequests, signing: s.Logins, guessing: s.Guesses, everywhere: guessers * s.Guesses}
}

// take counts one more thing that somebody does, or as many as it costs; what costs more than may be done at once is done by who has all of that left.
// It refuses with code TooMany, and then does not count.
func (l *pacer) take(who string, what activity, cost int, now time.Time) error {
	over := l.spend(who, what, cost, now, false)
	if over <= 0 {
		return nil
	}
	wait := time.Duration(math.Ceil(over.Seconds())) * time.Second
	e := domain.Refuse(domain.TooMany, activities[what].tooMuch, wait)
	e.RetryAfter = wait
	return e
}

// owe counts what has been done already, as much as it costs: who has less left does nothing more until that is made good.
func (l *pacer) owe(who string, what activity, cost int, now time.Time) {
	l.spend(who, what, cost, now, true)
}

// giveBack takes back what take has counted.
func (l *pacer) giveBack(who string, what activity, cost int, now time.Time) {
	l.spend(who, what, -cost, now, true)
}

// spend takes out of a bucket, if it holds as much, or anyway. It says for how long it has not held as much, as of now.
func (l *pacer) spend(who string, what activity, cost int, now time.Time, anyway bool) (over time.Duration) {
	p := l.paces[what]
	if p.interval == 0 {
		return 0
	}
	d := doing{who, what}
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.full(d, now).Add(p.interval * time.Duration(min(cost, p.most)))
	over = full.Sub(now) - p.interval*time.Duration(p.most)
	if over <= 0 || anyway {
		l.put(d, full, now)
	}
	return over
}

// full is when a bucket is full again: now, or later. l.mu is held.
func (l *pacer) full(d doing, now time.Time) time.Time {
	at, ok := l.recent[d]
	if !ok {
		at = l.before[d]
	}
	if at.Before(now) {
		return now
	}
	return at
}

// put keeps when a bucket is full again, for as long as that matters. l.mu is held.
func (l *pacer) put(d doing, full, now time.Time) {
	if gone := now.Sub(l.since); gone >= period || len(l.recent) >= maxPaced {
		if gone >= 2*period {
			l.recent = nil // all of them are full
		}
		l.before, l.recent, l.since = l.recent, map[doing]time.Time{}, now
	}
	delete(l.before, d)
	l.recent[d] = full
}

// pace counts a command against what its sender may do, and then what may come from the address.
func (q *request) pace(what activity, cost int) error {
	now := time.Now()
	if err := q.edge.people.take(string(q.me), what, cost, now); err != nil {
		return err
	}
	return q.edge.strangers.take(q.address, commanding, 1, now)
}

// paced is a command that is counted before anything is done for it.
func paced(what activity, run func(q *request, ctx context.Context)) func(*request, context.Context) {
	return func(q *request, ctx context.Context) {
		if err := q.pace(what, 1); err != nil {
			q.answer(nil, err)
			return
		}
		run(q, ctx)
	}
}
