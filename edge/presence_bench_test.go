package edge

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"parley/domain"
)

// An edge with 50,000 people is lost. Each of 10,000 here has 20 friends among them, and is told of all of them: so many events in all. It says too
// how long somebody who comes meanwhile waits for the lock at most.
func BenchmarkAnEdgeIsLost(b *testing.B) {
	const there, here, friends = 50_000, 10_000, 20
	e := &Edge{Options: Options{Signals: nowhere{}}, logger: slog.New(slog.DiscardHandler)}
	e.ctx, e.cancel = context.WithCancelCause(b.Context())
	e.hub = newHub(e)
	e.presence = newPresence(e)
	id := func(i int) domain.UserID { return domain.UserID(fmt.Sprintf("%016d", i)) }
	for i := range here {
		p := &person{id: id(there + i), status: domain.StatusOnline, entered: true}
		p.sessions.Store(&[]*session{})
		e.hub.people[p.id] = p
		for range friends {
			e.hub.watch(p, id(rand.IntN(there)), true)
		}
	}
	e.presence.others["!"] = &neighbour{} // which puts down when they were seen last
	was := func() news {
		all := news{}
		for i := range there {
			all[id(i)] = true
		}
		return all
	}
	var longest time.Duration
	for b.Loop() {
		lost := was()
		done := make(chan struct{})
		go func() {
			e.presence.mu.Lock()
			e.presence.lose(lost)
			e.presence.mu.Unlock()
			e.work.Wait()
			close(done)
		}()
		for running := true; running; {
			select {
			case <-done:
				running = false
			default:
				begun := time.Now()
				e.presence.mu.Lock()
				e.presence.mu.Unlock()
				longest = max(longest, time.Since(begun))
				time.Sleep(time.Millisecond) // looks now and then: without a pause it would be in the way itself
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*here*friends), "ns/event")
	b.ReportMetric(float64(longest.Milliseconds()), "ms-longest-wait")
}
