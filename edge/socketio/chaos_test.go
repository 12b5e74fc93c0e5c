package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// census counts the sessions of a server, and holds it to its promises about them.
type census struct {
	t            *testing.T
	joined, left atomic.Int64
	busy         sync.Map // for each connection, how many handlers run
}

// tally is one session's part of it.
type tally struct {
	*census
	socket *socketio.Socket
	busy   *atomic.Int32
	over   atomic.Bool
}

func (c *census) member(s *socketio.Socket) tally {
	busy, _ := c.busy.LoadOrStore(socketio.ConnOf(s), new(atomic.Int32))
	return tally{census: c, socket: s, busy: busy.(*atomic.Int32)}
}

// check is for the beginning of each handler, and what it returns for the end.
func (m *tally) check(what string) func() {
	if m.over.Load() {
		m.t.Errorf("%s after Disconnect", what)
	}
	if m.busy.Add(1) != 1 {
		m.t.Errorf("%s beside another handler", what)
	}
	return func() { m.busy.Add(-1) }
}

func (m *tally) Disconnect(string) {
	defer m.check("Disconnect")()
	m.over.Store(true)
	m.left.Add(1)
}

// erratic is a session that does anything.
type erratic struct{ tally }

func (m *erratic) Event(ctx context.Context, e *socketio.Event) error {
	defer m.check("Event")()
	switch rand.IntN(9) {
	case 0:
		m.socket.Disconnect(rand.IntN(2) == 0)
	case 1:
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	case 2:
		go m.socket.Call(ctx, "question", socketio.Binary("x"))
	case 3:
		m.socket.Emit("large", strings.Repeat("x", rand.IntN(30_000)))
	case 4:
		m.socket.Send(bulletin)
	default:
		m.socket.Emit("n", 1)
	}
	return e.Ack("x", e.Args, socketio.Binary("y"))
}

// bulletin is a packet that comes in every form that there is.
var bulletin = func() *socketio.Packet {
	p, err := socketio.NewPacket("news", socketio.Binary("news"), "x")
	if err != nil {
		panic(err)
	}
	return p.WithOffset("7")
}()

// connect accepts most sockets, and makes most of them recoverable.
func (c *census) connect(_ context.Context, s *socketio.Socket) (socketio.Session, error) {
	m := &erratic{c.member(s)}
	defer m.check("Connect")()
	if rand.IntN(4) > 0 {
		replay(s, "key", func(_ string, send func(*socketio.Packet) error) error {
			if rand.IntN(2) == 0 {
				return errors.New("too long ago")
			}
			return send(bulletin)
		})
	}
	s.Emit("early")
	switch rand.IntN(6) {
	case 0:
		return nil, &socketio.ConnectError{Message: "no"}
	case 1:
		s.Disconnect(rand.IntN(2) == 0)
	}
	c.joined.Add(1)
	return m, nil
}

// packets are what the clients send, most of it legal, a few together where they belong together. "b" stands for an attachment.
var packets = strings.Fields(`
	40 40 40 40/other, 41 41/other, 42["a"] 42["a"] 420["a",1] 42/other,["a"] 430[] 431["x"]
	3 3 2 2 1 5 2probe | x 4 45 42["disconnect"] 40{"a": 41/nowhere, 44{} 6
	451-["a",{"_placeholder":true,"num":0}]|b 452-7["a",{"_placeholder":true,"num":1}]|b|b 461-0[{"_placeholder":true,"num":0}]|b
	451-["a",{"_placeholder":true,"num":1}]|b 451-["a"]|3 451-["a"] 451-["a"]|42["a"] b
	40{"pid":"key.12345678901234567890","offset":"7"} 40/other,{"pid":"key.12345678901234567890","offset":"7"}`)

// Clients of both generations do anything, at any time, on both transports, and the server closes in the middle of it: every session that was accepted
// gets its one Disconnect, no two handlers of a connection overlap, and nothing is left behind (TestMain looks for goroutines).
func TestAnything(t *testing.T) {
	c := &census{t: t}
	s := newSite(t, socketio.Options{
		PingInterval: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond, UpgradeTimeout: 10 * time.Millisecond,
		ConnectTimeout: 30 * time.Millisecond, MaxQueue: 50_000, MaxPayload: 1000, EventRate: 200,
	})
	server := s.server.Load()
	server.Namespace("/", c.connect)
	server.Namespace("/other", c.connect)
	clients, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range 40 {
		running.Go(func() {
			for clients.Err() == nil {
				c.client(clients, s)
			}
		})
	}
	for end := time.Now().Add(limit); c.joined.Load() < 500 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	s.shutdown(t)
	stop()
	running.Wait()
	if joined, left := c.joined.Load(), c.left.Load(); joined != left || joined < 500 {
		t.Errorf("%d have joined and %d have left", joined, left)
	}
}

// client is one client's life, in one generation or the other.
func (c *census) client(ctx context.Context, s *site) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(100))*time.Millisecond)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	protocol := 3 + rand.IntN(2)
	url := fmt.Sprintf("%s/?EIO=%d", s.url, protocol)
	if rand.IntN(4) == 0 {
		url += "&b64=1"
	}
	pick := func() []string { return strings.Split(packets[rand.IntN(len(packets))], "|") }
	onWS := func(query string) {
		ws, _, err := websocket.DefaultDialer.DialContext(ctx, strings.Replace(url, "http", "ws", 1)+"&transport=websocket"+query, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		if rand.IntN(2) == 0 {
			running.Go(func() {
				for ws.NetConn().SetReadDeadline(time.Now().Add(time.Second)) == nil {
					if _, _, err := ws.ReadMessage(); err != nil {
						return
					}
				}
			})
		}
		if query == "" && protocol == 4 {
			ws.WriteMessage(websocket.TextMessage, []byte("40"))
		} else if query != "" && rand.IntN(4) > 0 {
			ws.WriteMessage(websocket.TextMessage, []byte("2probe"))
			ws.WriteMessage(websocket.TextMessage, []byte("5"))
		}
		for ctx.Err() == nil {
			ws.SetWriteDeadline(time.Now().Add(time.Second))
			for _, packet := range pick() {
				kind := websocket.TextMessage
				if packet == "b" {
					kind, packet = websocket.BinaryMessage, "\x04x"
				}
				if ws.WriteMessage(kind, []byte(packet)) != nil {
					return
				}
			}
			time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
		}
	}
	if rand.IntN(2) == 0 {
		onWS("")
		return
	}
	do := func(method, query, body string) string {
		r, err := http.NewRequestWithContext(ctx, method, url+"&transport=polling"+query, strings.NewReader(body))
		if err != nil {
			return ""
		}
		answer, err := s.client.Do(r)
		if err != nil {
			return ""
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return string(text)
	}
	post := func(sid string, packets []string) bool {
		separator := "\x1e"
		for i, packet := range packets {
			switch {
			case protocol == 3 && packet == "b":
				packets[i] = "6:b4AQ=="
			case protocol == 3:
				packets[i], separator = fmt.Sprintf("%d:%s", len(packet), packet), ""
			case packet == "b":
				packets[i] = "bAQ=="
			}
		}
		return do("POST", "&sid="+sid, strings.Join(packets, separator)) != ""
	}
	_, sid, _ := strings.Cut(do("GET", "", ""), `"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	if sid == "" {
		return
	}
	running.Go(func() {
		for ctx.Err() == nil && do("GET", "&sid="+sid, "") != "" {
		}
	})
	if rand.IntN(2) == 0 {
		running.Go(func() { onWS("&sid=" + sid) })
	}
	if protocol == 4 {
		post(sid, []string{"40"})
	}
	for ctx.Err() == nil {
		var body []string
		for range 1 + rand.IntN(4) {
			body = append(body, pick()...)
		}
		if !post(sid, body) {
			return
		}
	}
}
