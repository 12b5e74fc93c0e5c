package edge

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"parley/domain"
)

var somewhere = domain.InGroup("g")

// Those in a line come one after the other, in their order; another topic is another line.
func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lines
		must := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		must(l.enter(t.Context(), somewhere))
		must(l.enter(t.Context(), domain.InGroup("h")))
		var mu sync.Mutex
		var order []int
		for i := range 5 {
			go func() {
				must(l.enter(t.Context(), somewhere))
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				l.leave(somewhere, errors.New("of its own"))
			}()
			synctest.Wait()
		}
		if len(order) != 0 {
			t.Errorf("%v did not wait", order)
		}
		l.leave(somewhere, nil)
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Errorf("they came in the order %v", order)
			}
		}
		l.leave(domain.InGroup("h"), nil)
		if len(order) != 5 || len(l.m) != 0 {
			t.Errorf("%v came, %d lines are left", order, len(l.m))
		}
	})
}

// Whoever is tired of waiting goes, wherever in the line, and holds up nobody.
func TestLineGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for leaver := range 3 {
			var l lines
			if err := l.enter(t.Context(), somewhere); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var came atomic.Int32
			for i := range 3 {
				mine := t.Context()
				if i == leaver {
					mine = ctx
				}
				go func() {
					switch err := l.enter(mine, somewhere); {
					case i == leaver && !errors.Is(err, context.Canceled):
						t.Errorf("given up: %v", err)
					case i != leaver && err != nil:
						t.Error(err)
					case i != leaver:
						came.Add(1)
						l.leave(somewhere, nil)
					}
				}()
				synctest.Wait()
			}
			cancel()
			synctest.Wait()
			l.leave(somewhere, nil)
			synctest.Wait()
			if came.Load() != 2 || len(l.m) != 0 {
				t.Errorf("without the one at %d, %d came, and %d lines are left", leaver, came.Load(), len(l.m))
			}
		}
	})
}

// Whose turn comes at the moment at which they give up passes it on.
func TestLineTurnNobodyTakes(t *testing.T) {
	for range 200 {
		var l lines
		if err := l.enter(t.Context(), somewhere); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var both sync.WaitGroup
		both.Go(func() {
			if l.enter(ctx, somewhere) == nil {
				l.leave(somewhere, nil)
			}
		})
		both.Go(cancel)
		both.Go(func() { l.leave(somewhere, nil) })
		both.Wait()
		if len(l.m) != 0 {
			t.Fatal("the line is stuck")
		}
	}
}

// Where the log is away, those who wait are told so at once, and the next one may try again.
func TestLineBeforeALogThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lines
		away := domain.Refuse(domain.Unavailable, "away")
		if err := l.enter(t.Context(), somewhere); err != nil {
			t.Fatal(err)
		}
		var told atomic.Int32
		for range 3 {
			go func() {
				if err := l.enter(t.Context(), somewhere); errors.Is(err, away) {
					told.Add(1)
				}
			}()
		}
		synctest.Wait()
		l.leave(somewhere, away)
		synctest.Wait()
		if told.Load() != 3 || len(l.m) != 0 {
			t.Errorf("%d were told, %d lines are left", told.Load(), len(l.m))
		}
		if err := l.enter(t.Context(), somewhere); err != nil {
			t.Error(err)
		}
	})
}

// A line has an end.
func TestLineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lines
		ctx, cancel := context.WithCancel(t.Context())
		if err := l.enter(ctx, somewhere); err != nil {
			t.Fatal(err)
		}
		for range maxLine {
			go l.enter(ctx, somewhere)
		}
		synctest.Wait()
		refused := domain.Refusal(l.enter(ctx, somewhere))
		if refused.Code != domain.TooMany || refused.RetryAfter <= 0 {
			t.Errorf("one more: %v", refused)
		}
		cancel()
		synctest.Wait()
		if l.leave(somewhere, nil); len(l.m) != 0 {
			t.Error("it is not empty")
		}
	})
}
