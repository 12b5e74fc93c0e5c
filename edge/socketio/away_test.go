package socketio_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"parley/edge/socketio"
)

// away begins to send all clients away, and waits until it has begun for every one.
func (s *site) away() {
	go s.server.Load().Shutdown(context.Background())
	time.Sleep(10 * time.Millisecond) // of the still site's time
	synctest.Wait()
}

// What a client has sent before the server closes is done and acknowledged; what it sends afterwards is not begun.
func TestShutdownFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, socketio.Options{})
		c, m := s.join()
		p, onPolling := s.joinPolling()
		for _, send := range []func(){
			func() { c.send(`4217["keep"]`) },
			func() { p.post(`4217["keep"]`) },
		} {
			send()
			kept := <-s.kept
			defer func() {
				if err := kept.Ack("again"); err != nil { // it has been answered
					t.Error(err)
				}
			}()
			time.AfterFunc(time.Second, func() { kept.Ack("done") })
		}
		s.away()
		c.send(`4218["ask"]`)
		p.post(`4218["ask"]`)
		synctest.Wait()
		for _, m := range []*member{m, onPolling} {
			select {
			case reason := <-m.reasons:
				t.Errorf("disconnected for %q before all was done", reason)
			default:
			}
		}
		c.expect(`4317["done"]`)
		if code := c.expectClose(); code != 1001 {
			t.Errorf("close code %d", code)
		}
		p.expect(`4317["done"]`)
		p.expect("1")
		for _, m := range []*member{m, onPolling} {
			m.expectReason(t, "server shutting down")
		}
	})
}

// A handler ends before its client is sent away, also where nobody waits for an answer; one that does not end is not waited for.
func TestShutdownWaitsForHandlers(t *testing.T) {
	for event, within := range map[string]time.Duration{
		`42["block"]`:   2 * time.Second, // until its context ends
		`427["keep"]`:   2 * time.Second, // which is never acknowledged
		`42["keep"]`:    0,
		`42["unknown"]`: 0,
	} {
		t.Run(event, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStillSite(t, socketio.Options{})
				c, m := s.join()
				c.send(event)
				synctest.Wait()
				begun := time.Now()
				go s.server.Load().Shutdown(context.Background())
				m.expectReason(t, "server shutting down")
				if took := time.Since(begun); took != within {
					t.Errorf("it took %v, want %v", took, within)
				}
				if code := c.expectClose(); code != 1001 {
					t.Errorf("close code %d", code)
				}
			})
		})
	}
}

// Few clients are sent away one by one, many within a second.
func TestShutdownIsSpread(t *testing.T) {
	for n, within := range map[int]time.Duration{1: 0, 3: 2 * time.Millisecond, 1500: time.Second * 1499 / 1500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStillSite(t, socketio.Options{})
				gone := make(chan time.Duration, n)
				var begun time.Time
				for range n {
					_, m := s.joinPolling()
					go func() {
						<-m.reasons
						gone <- time.Since(begun)
					}()
				}
				synctest.Wait()
				begun = time.Now()
				go s.server.Load().Shutdown(context.Background())
				at := map[time.Duration]int{}
				last := time.Duration(0)
				for range n {
					last = <-gone
					at[last]++
				}
				if last != within || at[0] != 1 || len(at) != n {
					t.Errorf("they go at %d moments, the last one after %v, want %v", len(at), last, within)
				}
			})
		})
	}
}
