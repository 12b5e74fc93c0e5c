package socketio_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// Each limit of Options at its edge: as much as it allows passes, and one more does not.

// behindProxy puts a handler in front of the site that has clients come from the address which their query names.
func (s *site) behindProxy() {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = r.URL.Query().Get("from")
		s.server.Load().ServeHTTP(w, r)
	}))
	s.t.Cleanup(h.Close)
	s.url = h.URL
}

// expectFull tries to open one more connection by polling and by WebSocket.
func (s *site) expectFull(query string, status int, retryAfter, message string) {
	s.t.Helper()
	want := fmt.Sprintf(`{"code":4,"message":%q}`, message)
	got, body, h := s.do("GET", "EIO=4&transport=polling&"+query, "", "")
	if got != status || body != want || h.Get("Retry-After") != retryAfter || h.Get("Content-Type") != "application/json" {
		s.t.Fatalf("by polling: %d %s %v, want %d %s", got, body, h, status, want)
	}
	c, answer, err := websocket.DefaultDialer.DialContext(s.t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket&"+query, nil)
	if err == nil {
		c.Close()
		s.t.Fatal("by WebSocket: it was let in")
	}
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != status || string(text) != want || answer.Header.Get("Retry-After") != retryAfter {
		s.t.Fatalf("by WebSocket: %d %s %v, want %d %s", answer.StatusCode, text, answer.Header, status, want)
	}
}

// enter asks for a connection by polling until there is room for it.
func (s *site) enter(query string) {
	s.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		status, body, _ := s.do("GET", "EIO=4&transport=polling&"+query, "", "")
		if status == 200 {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("there is never room again: %d %s", status, body)
		}
	}
}

func TestMaxConnections(t *testing.T) {
	s := newSite(t, socketio.Options{MaxConnections: 3})
	full := func() {
		t.Helper()
		s.expectFull("", 503, "10", "too many connections")
	}
	s.poll() // without having joined anything it counts as well
	ws, _ := s.join()
	p, m := s.joinPolling()
	full()
	probe := p.upgrade() // is no connection more
	probe.send("2probe")
	probe.expect("3probe")
	probe.send("5", `42["echo"]`)
	probe.expect(`42["echo"]`)
	full()
	ws.Close()
	s.enter("")
	full()
	m.socket.Disconnect(true)
	s.enter("")
	full()
}

// A handshake that comes to nothing keeps nobody's place.
func TestFailedHandshakesLeave(t *testing.T) {
	s := newSite(t, socketio.Options{MaxConnections: 1})
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket") // but no key
		answer, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 400 && answer.StatusCode != 503 { // the latter if the one before is not gone yet
			t.Errorf("got %d", answer.StatusCode)
		}
	}
	s.enter("")
}

// Nobody leaves twice, not even those who go while the server sends them away.
func TestLeavingDuringShutdown(t *testing.T) {
	for range 20 {
		s := newSite(t, socketio.Options{})
		clients := make([]*socket, 30)
		for i := range clients {
			clients[i], _ = s.join()
		}
		go func() {
			for _, c := range clients {
				c.NetConn().Close()
			}
		}()
		s.shutdown(t)
		if n := socketio.Inside(s.server.Load()); n != 0 {
			t.Fatalf("%d connections are counted when all have gone", n)
		}
	}
}

func TestMaxPerAddress(t *testing.T) {
	s := newSite(t, socketio.Options{MaxPerAddress: 2})
	s.behindProxy()
	full := func(from string) {
		t.Helper()
		s.expectFull("from="+from, 429, "10", "too many connections from this address")
	}
	open := func(from string) *socket {
		t.Helper()
		c := s.dial("EIO=4&transport=websocket&from=" + from)
		c.read()
		return c
	}
	first := open("192.0.2.1:1")
	open("[::ffff:192.0.2.1]:2")
	full("192.0.2.1:3")
	open("[2001:db8:0:1::1]:1")
	last := open("[2001:db8:0:1:ffff::2]:1")
	full("[2001:db8:0:1::3]:1")
	open("[2001:db8:0:2::1]:1")
	open("192.0.2.2:1")
	first.Close()
	last.Close()
	s.enter("from=192.0.2.1:3")
	full("192.0.2.1:4")
	s.enter("from=[2001:db8:0:1::3]:1")
	full("[2001:db8:0:1::4]:1")
}

func TestHandshakeRate(t *testing.T) {
	const rate = 3
	s := newSite(t, socketio.Options{HandshakeRate: rate})
	begun := time.Now()
	in := 0
	for {
		status, body, h := s.do("GET", "EIO=4&transport=polling", "", "")
		if status == 200 {
			in++
			continue
		}
		if status != 503 || body != `{"code":4,"message":"too many connections at once"}` || h.Get("Retry-After") != "1" {
			t.Errorf("got %d %s %v", status, body, h)
		}
		break
	}
	if most := rate + rate*time.Since(begun).Seconds(); in < rate || float64(in) > most {
		t.Errorf("%d were let in, want from %d to %f", in, rate, most)
	}
	s.enter("")
}

// What comes too fast is handled later, all of it and in its order.
func TestEventRate(t *testing.T) {
	const rate, events = 100, 150
	for _, transport := range []string{"WebSocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			s := newSite(t, socketio.Options{EventRate: rate})
			packets := make([]string, events)
			for i := range packets {
				packets[i] = fmt.Sprintf(`42["echo",%d]`, i)
			}
			next := 0 // event to come back
			begun := time.Now()
			check := func(packet string) {
				t.Helper()
				if packet != packets[next] {
					t.Fatalf("got %s, want %s", packet, packets[next])
				}
				next++
				if most := rate + rate*time.Since(begun).Seconds(); float64(next) > most {
					t.Fatalf("%d events are handled, want %f at most", next, most)
				}
			}
			if transport == "polling" {
				p, _ := s.joinPolling()
				begun = time.Now()
				p.send(packets...) // is answered when all are handled
				_, body := p.get()
				for packet := range strings.SplitSeq(body, "\x1e") {
					check(packet)
				}
			} else {
				c, _ := s.join()
				begun = time.Now()
				c.send(packets...)
				for range packets {
					check(c.read())
				}
			}
			if next != events {
				t.Errorf("%d of %d events have come back", next, events)
			}
		})
	}
}

// The pongs of a client that goes on for long are read too late.
func TestTooManyEventsForTooLong(t *testing.T) {
	o := quick
	o.EventRate = 1
	s := newSite(t, o)
	c, m := s.join()
	for range 10 {
		c.send(`42["echo"]`)
	}
	c.SetReadDeadline(time.Now().Add(limit))
	for {
		_, packet, err := c.ReadMessage()
		if err != nil {
			break
		}
		if string(packet) == "2" {
			c.WriteMessage(websocket.TextMessage, []byte("3"))
		}
	}
	m.expectReason(t, "ping timeout")
}
