package socketio_test

import (
	"context"
	"fmt"
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

// tally is a session that holds its server to its promises.
type tally struct {
	*chaos
	socket *socketio.Socket
	busy   *atomic.Int32 // one for each connection
	over   atomic.Bool
}

func (m *tally) check(what string) func() {
	if m.over.Load() {
		m.t.Errorf("%s after Disconnect", what)
	}
	if m.busy.Add(1) != 1 {
		m.t.Errorf("%s beside another handler", what)
	}
	return func() { m.busy.Add(-1) }
}

func (m *tally) Event(ctx context.Context, e *socketio.Event) error {
	defer m.check("Event")()
	switch rand.IntN(8) {
	case 0:
		m.socket.Disconnect(rand.IntN(2) == 0)
	case 1:
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	case 2:
		go m.socket.Call(ctx, "question")
	case 3:
		m.socket.Emit("large", strings.Repeat("x", rand.IntN(30_000)))
	default:
		m.socket.Emit("n", 1)
	}
	return e.Ack("x")
}

func (m *tally) Disconnect(string) {
	defer m.check("Disconnect")()
	m.over.Store(true)
	m.left.Add(1)
}

// chaos counts who came and who went.
type chaos struct {
	t            *testing.T
	joined, left atomic.Int64
	busy         sync.Map // by the first request's RemoteAddr and time
}

func (c *chaos) connect(_ context.Context, s *socketio.Socket) (socketio.Session, error) {
	h := s.Handshake()
	busy, _ := c.busy.LoadOrStore(fmt.Sprint(h.RemoteAddr, h.Time.UnixNano()), new(atomic.Int32))
	m := &tally{chaos: c, socket: s, busy: busy.(*atomic.Int32)}
	defer m.check("Connect")()
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

// packets are what the clients send, most of it legal.
var packets = []string{
	"40", "40", "40", "40/other,", "41", "41/other,", `42["a"]`, `42["a"]`, `420["a",1]`, `42/other,["a"]`, `430[]`, `431["x"]`,
	"3", "3", "2", "1", "5", "2probe", "", "x", "4", "45", `42["disconnect"]`, `40{"a":`, "41/nowhere,", "44{}", "6",
}

// Clients do anything, at any time, on both transports, and the server closes in the middle of it: every session that was accepted
// gets its one Disconnect, no two handlers of a connection overlap, and nothing is left behind (TestMain looks for goroutines).
func TestAnything(t *testing.T) {
	c := &chaos{t: t}
	s := newSite(t, socketio.Options{
		PingInterval: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond, UpgradeTimeout: 10 * time.Millisecond,
		ConnectTimeout: 30 * time.Millisecond, MaxQueue: 50_000, MaxPayload: 1000,
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

// client is one client's life.
func (c *chaos) client(ctx context.Context, s *site) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(100))*time.Millisecond)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	onWS := func(query string) {
		ws, _, err := websocket.DefaultDialer.DialContext(ctx, strings.Replace(s.url, "http", "ws", 1)+"/?EIO=4&transport=websocket"+query, nil)
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
		if query == "" {
			ws.WriteMessage(websocket.TextMessage, []byte("40"))
		} else if rand.IntN(4) > 0 {
			ws.WriteMessage(websocket.TextMessage, []byte("2probe"))
			ws.WriteMessage(websocket.TextMessage, []byte("5"))
		}
		for ctx.Err() == nil {
			ws.SetWriteDeadline(time.Now().Add(time.Second))
			if ws.WriteMessage(websocket.TextMessage, []byte(packets[rand.IntN(len(packets))])) != nil {
				return
			}
			time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
		}
	}
	if rand.IntN(2) == 0 {
		onWS("")
		return
	}
	do := func(method, query, body string) string {
		r, err := http.NewRequestWithContext(ctx, method, s.url+"/?EIO=4&transport=polling"+query, strings.NewReader(body))
		if err != nil {
			return ""
		}
		answer, err := s.client.Do(r)
		if err != nil {
			return ""
		}
		defer answer.Body.Close()
		text := make([]byte, 200)
		n, _ := answer.Body.Read(text)
		return string(text[:n])
	}
	var sid string
	if fmt.Sscanf(do("GET", "", ""), `0{"sid":%q`, &sid); sid == "" {
		return
	}
	running.Go(func() {
		for ctx.Err() == nil && do("GET", "&sid="+sid, "") != "" {
		}
	})
	if rand.IntN(2) == 0 {
		running.Go(func() { onWS("&sid=" + sid) })
	}
	do("POST", "&sid="+sid, "40")
	for ctx.Err() == nil {
		var body []string
		for range 1 + rand.IntN(4) {
			body = append(body, packets[rand.IntN(len(packets))])
		}
		if do("POST", "&sid="+sid, strings.Join(body, "\x1e")) == "" {
			return
		}
	}
}
