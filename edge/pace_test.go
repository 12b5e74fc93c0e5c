package edge

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"parley/domain"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// kept is how many buckets a pacer holds.
func kept(l *pacer) int { return len(l.recent) + len(l.before) }

// pacing is a pacer at some time.
type pacing struct {
	*testing.T
	*pacer
	now time.Time
}

func (p *pacing) ok(who string, what activity, times, cost int) {
	p.Helper()
	for i := range times {
		if err := p.take(who, what, cost, p.now); err != nil {
			p.Fatalf("number %d of %d, at a cost of %d: %v", i+1, times, cost, err)
		}
	}
}

func (p *pacing) no(who string, what activity, cost int, wait time.Duration) {
	p.Helper()
	r := domain.Refusal(p.take(who, what, cost, p.now))
	if r.Code != domain.TooMany || r.RetryAfter != wait || !strings.HasSuffix(r.Message, " "+wait.String()) {
		p.Errorf("at a cost of %d: %v, try again after %v; want after %v", cost, r, r.RetryAfter, wait)
	}
}

func TestPace(t *testing.T) {
	p := &pacing{t, newPacer(Settings{Commands: 2, Changes: 5, Typing: 1, Connects: 1}.ofPeople()), noon}
	p.ok("ann", deciding, 100, 1)
	p.no("ann", deciding, 1, time.Second)
	p.ok("ann", changing, 50, 1) // another bucket
	p.no("ann", changing, 1, time.Second)
	p.ok("ann", typing, 5, 1)
	p.no("ann", typing, 1, time.Second)
	p.ok("ann", connecting, 30, 1)
	p.no("ann", connecting, 1, time.Second)
	p.ok("bob", deciding, 100, 1) // and another's
	p.now = p.now.Add(time.Second)
	p.ok("ann", changing, 5, 1)
	p.no("ann", changing, 1, time.Second)
	p.ok("ann", deciding, 2, 1)
	p.no("ann", deciding, 1, time.Second)
	p.no("ann", deciding, 3, 2*time.Second)
	p.now = p.now.Add(2 * time.Second) // as told
	p.ok("ann", deciding, 1, 3)
	p.ok("ann", deciding, 1, 1)
	p.no("ann", deciding, 1, time.Second)

	// What costs more than all that there is takes all that there is.
	p.no("ann", deciding, 101, 50*time.Second)
	p.now = p.now.Add(49 * time.Second)
	p.no("ann", deciding, 1000, time.Second)
	p.now = p.now.Add(time.Second)
	p.ok("ann", deciding, 1, 1000)
	p.no("ann", deciding, 1, time.Second)

	free := &pacing{t, newPacer(Settings{}.ofPeople()), noon}
	for _, what := range []activity{deciding, changing, typing, connecting} {
		free.ok("ann", what, 1000, 1)
	}
	if kept(free.pacer) > 0 {
		t.Error("what has no limit is kept")
	}
}

// Each activity has a limit of its own, which is met exactly; what is given back can be taken again; and what is full is forgotten in time.
func TestPaceOfEachActivity(t *testing.T) {
	for _, often := range []int{1, 3, 7, 1000} {
		var all [len(activities)]int
		for what := range all {
			all[what] = often
		}
		p := &pacing{t, newPacer(all), noon}
		for what, a := range activities {
			most, what := often*a.atOnce, activity(what)
			p.ok("ann", what, most, 1)
			wait := max(time.Second, (a.unit/time.Duration(often) + time.Second - 1).Truncate(time.Second))
			p.no("ann", what, 1, wait)
			p.giveBack("ann", what, 1, p.now)
			p.ok("ann", what, 1, 1)
			p.no("ann", what, 1, wait)
			p.ok("bob", what, most, 1)
			if fill := p.paces[what].interval * time.Duration(most); fill > period {
				t.Errorf("activity %d is full after %v, and forgotten after %v", what, fill, period)
			}
		}
		p.now = p.now.Add(time.Minute + time.Duration(60*often)) // and what was rounded up
		for what, a := range activities {
			p.ok("ann", activity(what), often*a.atOnce, 1)
			p.giveBack("cat", activity(what), 5, p.now)
			p.ok("cat", activity(what), often*a.atOnce, 1) // no more than all that there is
			p.no("cat", activity(what), 1, max(time.Second, (a.unit/time.Duration(often)+time.Second-1).Truncate(time.Second)))
		}
	}
}

// However people come and go, what they have used up is not forgotten before it would be full again.
func TestPaceIsKeptUntilItIsFull(t *testing.T) {
	for range 200 {
		p := &pacing{t, newPacer(Settings{Commands: 2}.ofPeople()), noon}
		done, began := 0, p.now
		for range 60 {
			p.now = p.now.Add(rand.N(20 * time.Second))
			_ = p.take("bob", deciding, 1, p.now)
			for range rand.IntN(120) {
				if p.take("ann", deciding, 1, p.now) == nil {
					done++
				}
			}
			if most := 100 + 2*p.now.Sub(began).Seconds(); float64(done) > most {
				t.Fatalf("%d within %v", done, p.now.Sub(began))
			}
		}
	}
}

// Those whose bucket is full again are not kept, and no more than so many are.
func TestPaceIsBounded(t *testing.T) {
	p := &pacing{t, newPacer(Settings{Commands: 2}.ofPeople()), noon}
	user := func(i int) string { return fmt.Sprint("u", i) }
	for i := range 1000 {
		p.ok(user(i), deciding, 1, 1)
	}
	p.now = p.now.Add(period)
	p.ok("ann", deciding, 1, 1)
	if n := kept(p.pacer); n != 1001 {
		t.Errorf("%d are kept after a period, want 1001", n)
	}
	p.now = p.now.Add(period)
	p.ok("bob", deciding, 1, 1)
	if n := kept(p.pacer); n != 2 {
		t.Errorf("%d are kept after two, want ann and bob", n)
	}
	p.now = p.now.Add(2 * period)
	p.ok("cat", deciding, 1, 1)
	if n := kept(p.pacer); n != 1 {
		t.Errorf("%d are kept after a long time, want cat", n)
	}
	for i := range 3 * maxPaced {
		p.ok(user(i), deciding, 1, 1)
		if n := kept(p.pacer); n > 2*maxPaced {
			t.Fatalf("%d are kept, want at most %d", n, 2*maxPaced)
		}
	}
	p.ok(user(3*maxPaced-1), deciding, 99, 1)
	p.no(user(3*maxPaced-1), deciding, 1, time.Second)
}
