package socketio_test

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/edge/socketio"
)

var quick = socketio.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}

// stopwatch holds what happens to when it should.
type stopwatch struct {
	t    *testing.T
	last time.Time
}

// expect says that something should have come so long after the last thing.
func (w *stopwatch) expect(what string, d time.Duration) {
	w.t.Helper()
	if since := time.Since(w.last); since != d {
		w.t.Errorf("%s came after %v, want %v", what, since, d)
	}
	w.last = time.Now()
}

func TestHeartbeatByWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, quick)
		c, m := s.join()
		w := stopwatch{t, time.Now()}
		for range 3 {
			c.expect("2")
			w.expect("a ping", quick.PingInterval)
			time.Sleep(quick.PingTimeout - time.Nanosecond)
			c.send("3")
			w.last = time.Now()
		}
		c.expect("2")
		if code := c.expectClose(); code != 1005 {
			t.Errorf("close code %d", code)
		}
		w.expect("the end", quick.PingInterval+quick.PingTimeout)
		m.expectReason(t, "ping timeout")
	})
}

func TestHeartbeatByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, quick)
		p, m := s.joinPolling()
		w := stopwatch{t, time.Now()}
		for range 3 {
			p.expect("2")
			w.expect("a ping", quick.PingInterval)
			time.Sleep(quick.PingTimeout - time.Nanosecond)
			p.send("3")
			w.last = time.Now()
		}
		p.expect("2")
		if status, body := p.get(); status != 200 || body != "1" {
			t.Errorf("the waiting poll got %d %s", status, body)
		}
		w.expect("the end", quick.PingInterval+quick.PingTimeout)
		m.expectReason(t, "ping timeout")
		if status, body := p.get(); status != 400 || body != `{"code":1,"message":"Session ID unknown"}` {
			t.Errorf("a poll after the end: %d %s", status, body)
		}
	})
}

// Other traffic does not count as a pong.
func TestOnlyPongsCount(t *testing.T) {
	s := newSite(t, quick)
	c, m := s.join()
	for {
		c.SetReadDeadline(time.Now().Add(limit))
		if err := c.WriteMessage(1, []byte(`42["echo"]`)); err != nil {
			break
		}
		if _, _, err := c.ReadMessage(); err != nil {
			break
		}
	}
	m.expectReason(t, "ping timeout")
}

// A ping that was taken by polling may be answered on the WebSocket, and the time for that begins anew when it takes over.
func TestHeartbeatAcrossUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, quick)
		p, m := s.joinPolling()
		p.expect("2")
		time.Sleep(quick.PingTimeout - time.Nanosecond)
		ws := p.upgrade()
		ws.send("2probe")
		ws.expect("3probe")
		ws.send("5")
		time.Sleep(quick.PingTimeout - time.Nanosecond)
		ws.send("3")
		w := stopwatch{t, time.Now()}
		ws.expect("2")
		w.expect("the next ping", quick.PingInterval)
		ws.expectClose() // as from here on there is silence
		w.expect("the end", quick.PingTimeout)
		m.expectReason(t, "ping timeout")
	})
}

// Without an answer there, the end comes one timeout after the WebSocket took over.
func TestNoHeartbeatAfterUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, quick)
		p, m := s.joinPolling()
		p.expect("2")
		time.Sleep(quick.PingTimeout / 2)
		ws := p.upgrade()
		ws.send("2probe")
		ws.expect("3probe")
		ws.send("5")
		w := stopwatch{t, time.Now()}
		ws.expectClose()
		w.expect("the end", quick.PingTimeout)
		m.expectReason(t, "ping timeout")
	})
}
