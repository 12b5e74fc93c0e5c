package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// poller is a client on long-polling.
type poller struct {
	*site
	sid string
}

// poll opens a connection by polling.
func (s *site) poll() *poller {
	s.t.Helper()
	status, body, _ := s.do("GET", "EIO=4&transport=polling", "", "")
	var terms struct{ SID string }
	if status != 200 || !strings.HasPrefix(body, "0{") || json.Unmarshal([]byte(body[1:]), &terms) != nil {
		s.t.Fatalf("handshake: %d %s", status, body)
	}
	return &poller{s, terms.SID}
}

func (p *poller) query() string { return "EIO=4&transport=polling&sid=" + p.sid }

func (p *poller) get() (int, string) {
	p.t.Helper()
	status, body, _ := p.do("GET", p.query(), "", "")
	return status, body
}

func (p *poller) post(body string) (int, string) {
	p.t.Helper()
	status, text, _ := p.do("POST", p.query(), "text/plain;charset=UTF-8", body)
	return status, text
}

// expect polls once.
func (p *poller) expect(body string) {
	p.t.Helper()
	if status, got := p.get(); status != 200 || got != body {
		p.t.Fatalf("poll: %d %s, want 200 %s", status, got, body)
	}
}

// send posts packets, which must be taken.
func (p *poller) send(packets ...string) {
	p.t.Helper()
	if status, got := p.post(strings.Join(packets, "\x1e")); status != 200 || got != "ok" {
		p.t.Fatalf("POST of %.80q: %d %s, want 200 ok", packets, status, got)
	}
}

// joinPolling joins "/" by polling.
func (s *site) joinPolling() (*poller, *member) {
	s.t.Helper()
	p := s.poll()
	p.send("40")
	m := receive(s.t, s.joined, "a member")
	p.expect(fmt.Sprintf(`40{"sid":%q}`, m.socket.ID()))
	return p, m
}

// socket is a client on a WebSocket.
type socket struct {
	*websocket.Conn
	t *testing.T
}

// dial opens a WebSocket.
func (s *site) dial(query string) *socket {
	s.t.Helper()
	c, _, err := s.dialer.DialContext(s.t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/socket.io/?"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return &socket{c, s.t}
}

// open opens a connection by WebSocket, past the open packet.
func (s *site) open() *socket {
	s.t.Helper()
	c := s.dial("EIO=4&transport=websocket")
	if first := c.read(); !strings.HasPrefix(first, `0{"sid":`) {
		s.t.Fatalf("first packet: %s", first)
	}
	return c
}

// join joins "/" by WebSocket.
func (s *site) join() (*socket, *member) {
	s.t.Helper()
	c := s.open()
	c.send("40")
	m := receive(s.t, s.joined, "a member")
	c.expect(fmt.Sprintf(`40{"sid":%q}`, m.socket.ID()))
	return c, m
}

func (c *socket) send(packets ...string) {
	c.t.Helper()
	for _, p := range packets {
		if err := c.WriteMessage(websocket.TextMessage, []byte(p)); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *socket) read() string {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(limit))
	_, text, err := c.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

func (c *socket) expect(packets ...string) {
	c.t.Helper()
	for _, want := range packets {
		if got := c.read(); got != want {
			c.t.Fatalf("got %.200s, want %.200s", got, want)
		}
	}
}

// expectClose waits for the server's close frame and gives its code. Packets before it are not expected.
func (c *socket) expectClose() int {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(limit))
	_, text, err := c.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		c.t.Fatalf("got %.200s and error %v, want a close frame", text, err)
	}
	return closed.Code
}

// expectReason waits for a member's end.
func (m *member) expectReason(t *testing.T, want string) {
	t.Helper()
	if got := receive(t, m.reasons, "Disconnect"); got != want {
		t.Fatalf("disconnected for %q, want %q", got, want)
	}
}

// shutdown shuts the server down.
func (s *site) shutdown(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.server.Load().Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// pollAside starts a poll, waits until it waits in the server, and gives the channel that its body will come on.
func (p *poller) pollAside() <-chan string {
	p.t.Helper()
	return p.aside(func() string {
		_, text := p.get()
		return text
	})
}

// aside polls in a goroutine, once that poll waits in the server.
func (p *poller) aside(get func() string) <-chan string {
	p.t.Helper()
	body := make(chan string, 1)
	go func() { body <- get() }()
	for end := time.Now().Add(limit); socketio.WaitingPolls(p.server.Load()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatal("the poll does not arrive")
		}
	}
	return body
}
