package socketio_test

import (
	"testing"
	"time"

	"parley/edge/socketio"
)

var quick = socketio.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}

// The deadlines themselves are held in TestHeartbeatsAreExact; here it is what the client sees. What it sees may be late on a busy
// machine, never early.
func TestHeartbeatByWebSocket(t *testing.T) {
	s := newSite(t, quick)
	last := time.Now()
	notBefore := func(what string, d time.Duration) {
		t.Helper()
		if since := time.Since(last); since < d {
			t.Errorf("%s came after %v, want at least %v", what, since, d)
		}
	}
	c, m := s.join()
	for range 3 {
		c.expect("2")
		notBefore("a ping", quick.PingInterval)
		last = time.Now()
		c.send("3")
	}
	c.expect("2")
	if code := c.expectClose(); code != 1005 {
		t.Errorf("close code %d", code)
	}
	notBefore("the end", quick.PingInterval+quick.PingTimeout)
	m.expectReason(t, "ping timeout")
}

func TestHeartbeatByPolling(t *testing.T) {
	s := newSite(t, quick)
	p, m := s.joinPolling()
	for range 3 {
		p.expect("2")
		p.send("3")
	}
	p.expect("2")
	if status, body := p.get(); status != 200 || body != "1" {
		t.Errorf("the waiting poll got %d %s", status, body)
	}
	m.expectReason(t, "ping timeout")
	if status, body := p.get(); status != 400 || body != `{"code":1,"message":"Session ID unknown"}` {
		t.Errorf("a poll after the end: %d %s", status, body)
	}
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

// A ping that was taken by polling may be answered on the WebSocket.
func TestHeartbeatAcrossUpgrade(t *testing.T) {
	s := newSite(t, quick)
	p, m := s.joinPolling()
	p.expect("2")
	ws := p.upgrade()
	ws.send("2probe")
	ws.expect("3probe")
	ws.send("5", "3")
	ws.expect("2")
	ws.send("3")
	ws.expect("2") // and from here on silence
	m.expectReason(t, "ping timeout")
}
