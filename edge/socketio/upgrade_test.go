package socketio_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

func (p *poller) upgrade() *socket {
	p.t.Helper()
	return p.dial("EIO=4&transport=websocket&sid=" + p.sid)
}

func TestUpgrade(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	waiting := p.pollAside()
	ws := p.upgrade()
	ws.send("2probe")
	ws.expect("3probe")
	if got := receive(t, waiting, "the waiting poll"); got != "6" {
		t.Errorf("the waiting poll got %s", got)
	}
	p.expect("6")                   // as does a later one
	p.send(`42["echo","meantime"]`) // polling goes on until the client has switched
	p.expect(`42["echo","meantime"]`)
	p.send(`42["echo","moves over"]`)
	ws.send("5")
	ws.expect(`42["echo","moves over"]`)
	ws.send(`42["echo","there"]`)
	ws.expect(`42["echo","there"]`)
	for _, method := range []string{"GET", "POST"} {
		if status, body, _ := s.do(method, p.query(), "", ""); status != 400 || body != `{"code":3,"message":"Bad request"}` {
			t.Errorf("%s after the upgrade: %d %s", method, status, body)
		}
	}
	if code := p.upgrade().expectClose(); code != 1005 {
		t.Errorf("a second WebSocket is closed with code %d", code)
	}
	ws.send(`42["echo","unharmed"]`)
	ws.expect(`42["echo","unharmed"]`)
	ws.Close()
	m.expectReason(t, "transport close")
}

// A WebSocket that does not become the transport leaves polling as it was.
func TestFailedUpgrades(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(ws *socket)
	}{
		{"something else", func(ws *socket) { ws.send(`42["echo"]`) }},
		{"something else after the probe", func(ws *socket) { ws.send("2probe", "3") }},
		{"a wrong probe", func(ws *socket) { ws.send("2") }},
		{"something long", func(ws *socket) { ws.send("2probe" + strings.Repeat("x", 1000)) }},
		{"binary", func(ws *socket) { ws.WriteMessage(websocket.BinaryMessage, []byte("2probe")) }},
		{"nothing", func(ws *socket) {}},
		{"only the probe", func(ws *socket) { ws.send("2probe") }},
		{"gone", func(ws *socket) { ws.Close() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, socketio.Options{UpgradeTimeout: 100 * time.Millisecond})
			p, _ := s.joinPolling()
			ws := p.upgrade()
			test.do(ws)
			ws.SetReadDeadline(time.Now().Add(limit))
			for {
				if _, text, err := ws.ReadMessage(); websocket.IsCloseError(err, websocket.CloseNoStatusReceived) || err != nil && test.name == "gone" {
					break
				} else if err != nil || string(text) != "3probe" {
					t.Fatalf("the WebSocket got %q and error %v", text, err)
				}
			}
			p.send(`42["echo",1]`)
			p.expect(`42["echo",1]`)
			// And the next attempt may work, once the server has seen that this one is over.
			for {
				next := p.upgrade()
				next.SetReadDeadline(time.Now().Add(limit))
				next.WriteMessage(websocket.TextMessage, []byte("2probe"))
				if _, _, err := next.ReadMessage(); err != nil {
					continue
				}
				next.send("5", `42["echo",2]`)
				next.expect(`42["echo",2]`)
				break
			}
		})
	}
}

// A client that has been told that its WebSocket works stops polling. When the server closes just then, it must hear of
// it on the WebSocket.
func TestServerClosesDuringUpgrade(t *testing.T) {
	for _, test := range []struct {
		name, last, reason string
		close              func(s *site, m *member)
	}{
		{"disconnect", "41", "server namespace disconnect", func(_ *site, m *member) { m.socket.Disconnect(true) }},
		{"shutdown", `42["last"]`, "server shutting down", func(s *site, m *member) {
			m.socket.Emit("last")
			go s.shutdown(s.t)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, socketio.Options{})
			p, m := s.joinPolling()
			ws := p.upgrade()
			ws.send("2probe")
			ws.expect("3probe")
			test.close(s, m)
			m.expectReason(t, test.reason)
			ws.send("5")
			ws.expect(test.last)
			ws.expectClose()
		})
	}
}

// Two at once: the second is closed, the first goes on.
func TestOneUpgradeAtATime(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, _ := s.joinPolling()
	first := p.upgrade()
	first.send("2probe")
	first.expect("3probe")
	if code := p.upgrade().expectClose(); code != 1005 {
		t.Errorf("a second WebSocket is closed with code %d", code)
	}
	first.send("5", `42["echo"]`)
	first.expect(`42["echo"]`)
}

// Both sides send all the time while the client switches over as its library does: no packet may be lost, doubled or reordered.
func TestUpgradeWithTrafficInFlight(t *testing.T) {
	s := newSite(t, socketio.Options{})
	for round := range 20 {
		p, m := s.joinPolling()
		const n = 300
		var sending sync.WaitGroup
		sending.Go(func() {
			for i := range n {
				if err := m.socket.Emit("down", i); err != nil {
					t.Error(err)
				}
			}
		})
		down, up := 0, 0
		take := func(packet string) { // counts what has come down and up
			var event []any
			if !strings.HasPrefix(packet, "42") || json.Unmarshal([]byte(packet[2:]), &event) != nil {
				t.Fatalf("got %.100s", packet)
			}
			switch name, i := event[0].(string), int(event[1].(float64)); {
			case name == "down" && i == down:
				down++
			case name == "echo" && i == up:
				up++
			default:
				t.Fatalf("round %d: %s %d came after %d down and %d up", round, name, i, down, up)
			}
		}
		poll := func() {
			_, body := p.get()
			for packet := range strings.SplitSeq(body, "\x1e") {
				if packet != "6" {
					take(packet)
				}
			}
		}
		sent := 0
		post := func(k int) {
			var packets []string
			for range k {
				packets = append(packets, fmt.Sprintf(`42["echo",%d]`, sent))
				sent++
			}
			p.send(packets...)
		}
		post(5)
		poll()
		ws := p.upgrade()
		var polling sync.WaitGroup
		polling.Go(poll)
		ws.send("2probe")
		post(5)
		ws.expect("3probe")
		polling.Wait()
		post(5)
		ws.send("5")
		for range 5 {
			ws.send(fmt.Sprintf(`42["echo",%d]`, sent))
			sent++
		}
		for down < n || up < sent {
			take(ws.read())
		}
		sending.Wait()
		ws.Close()
		m.expectReason(t, "transport close")
	}
}

// A client that sends by WebSocket while its POST is still being handled has its events handled one at a time all the same.
func TestTransportsDoNotOverlap(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, _ := s.joinPolling()
	ws := p.upgrade()
	ws.send("2probe")
	ws.expect("3probe")
	var posting sync.WaitGroup
	posting.Go(func() {
		packets := make([]string, 500)
		for i := range packets {
			packets[i] = `42["echo","post"]`
		}
		p.post(strings.Join(packets, "\x1e"))
	})
	ws.send("5")
	for range 500 {
		ws.send(`42["echo","ws"]`) // member.Event panics, which is logged, if it is called twice at a time
	}
	ws.send(`42["echo","last"]`)
	for ws.read() != `42["echo","last"]` {
	}
	posting.Wait()
	select {
	case line := <-s.log.lines:
		t.Errorf("logged: %s", line)
	default:
	}
}
