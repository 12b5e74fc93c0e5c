package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"parley/edge/socketio"
)

func TestMain(m *testing.M) {
	if orders, ok := os.LookupEnv(crowdVariable); ok {
		participate(orders)
	}
	goleak.VerifyTestMain(m)
}

// limit is how long a test waits for what should happen at once.
const limit = 10 * time.Second

// site is a server for one test, reached over a real socket.
type site struct {
	t      *testing.T
	server atomic.Pointer[socketio.Server]
	url    string
	client *http.Client
	dialer websocket.Dialer
	joined chan *member         // who has joined "/" or "/other", in order
	kept   chan *socketio.Event // the events named "keep"
	linger chan bool            // gets a value when a connect has begun to linger
	log    *logs
}

// newSite serves the namespaces "/" and "/other", which do what member.Event says.
func newSite(t *testing.T, o socketio.Options) *site {
	t.Helper()
	s := emptySite(t, o)
	h := httptest.NewServer(s.handler())
	s.url = h.URL
	s.client = &http.Client{Transport: &http.Transport{}}
	s.endWith(h.Close)
	return s
}

// emptySite is a site that nobody can reach yet.
func emptySite(t *testing.T, o socketio.Options) *site {
	s := &site{t: t, joined: make(chan *member, 1000), linger: make(chan bool, 1), kept: make(chan *socketio.Event, 1), log: &logs{lines: make(chan string, 1000)}}
	o.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	s.renew(o)
	return s
}

// handler is whichever server the site has just now.
func (s *site) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.server.Load().ServeHTTP(w, r) })
}

// endWith cuts everyone off when the test is over, sees to it that nothing is left, and then closes what has served the site.
func (s *site) endWith(closeHTTP func()) {
	client := s.client
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		client.CloseIdleConnections()
		cut, stop := context.WithCancel(ctx)
		stop()
		s.server.Load().Shutdown(cut)
		if err := s.server.Load().Shutdown(ctx); err != nil {
			s.t.Errorf("connections are left over: %v", err)
		}
		closeHTTP()
	})
}

// renew puts a new server in the place of the old one, which it returns.
func (s *site) renew(o socketio.Options) *socketio.Server {
	n := socketio.New(o)
	n.Namespace("/", s.connect)
	n.Namespace("/other", s.connect)
	return s.server.Swap(n)
}

// wish is what a client may ask of a connect by its auth payload.
type wish struct {
	Refuse string `json:"refuse"` // with this message
	Fault  bool   `json:"fault"`
	Panic  bool   `json:"panic"`
	Greet  int    `json:"greet"`  // emit so many before accepting
	Expel  string `json:"expel"`  // "socket" or "conn": disconnect before accepting
	Linger bool   `json:"linger"` // accept only when the connection is gone
}

func (s *site) connect(ctx context.Context, socket *socketio.Socket) (socketio.Session, error) {
	w := wish{Refuse: socket.Handshake().Query.Get("refuse")}
	if auth := socket.Handshake().Auth; auth != nil {
		if err := json.Unmarshal(auth, &w); err != nil {
			return nil, &socketio.ConnectError{Message: "bad auth"}
		}
	}
	for i := range w.Greet {
		socket.Emit("greeting", i)
	}
	switch {
	case w.Refuse != "":
		return nil, &socketio.ConnectError{Message: w.Refuse, Data: map[string]any{"code": 1, "why": "<you & me>"}}
	case w.Fault:
		return nil, errors.New("out of order")
	case w.Panic:
		panic("out of order")
	case w.Expel != "":
		socket.Disconnect(w.Expel == "conn")
		if err := socket.Emit("late"); err == nil {
			s.t.Error("a socket that has been disconnected emits")
		}
	case w.Linger:
		s.linger <- true
		<-ctx.Done()
	}
	m := &member{site: s, socket: socket, ctx: ctx, reasons: make(chan string, 10)}
	s.joined <- m
	return m, nil
}

// member is a session that does what its client says.
type member struct {
	site    *site
	socket  *socketio.Socket
	ctx     context.Context
	reasons chan string
	busy    atomic.Int32
}

func (m *member) Event(ctx context.Context, e *socketio.Event) error {
	if m.busy.Add(1) != 1 {
		panic("two events at a time")
	}
	defer m.busy.Add(-1)
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		args[i] = a
	}
	switch e.Name {
	case "echo":
		return m.socket.Emit("echo", args...)
	case "keep":
		m.site.kept <- e
		return nil
	case "ask":
		return errors.Join(e.Ack(args...), e.Ack("a second answer"))
	case "ask later":
		time.AfterFunc(time.Millisecond, func() { e.Ack(args...) })
		return nil
	case "call": // the client back, and tell it what it said
		go func() {
			answer, err := m.socket.Call(m.ctx, "question", args...)
			m.socket.Emit("answered", answer, err == nil)
		}()
		return nil
	case "burst":
		var n int
		if err := e.Decode(0, &n); err != nil {
			return err
		}
		for i := range n {
			if err := m.socket.Emit("n", i); err != nil {
				return err
			}
		}
		return nil
	case "leave":
		m.socket.Disconnect(string(e.Args[0].JSON()) == "true")
		return nil
	case "block":
		<-ctx.Done()
		return ctx.Err()
	case "fail":
		return errors.New("a fault of ours")
	case "panic":
		panic("a fault of ours")
	}
	return e.Decode(0, new(any))
}

func (m *member) Disconnect(reason string) { m.reasons <- reason }

// isLost fails where the connection is not found to be broken by now.
func (m *member) isLost(t *testing.T) {
	t.Helper()
	select {
	case reason := <-m.reasons:
		if reason != "transport error" {
			t.Errorf("disconnected for %q", reason)
		}
	default:
		t.Error("the connection lives on without its client")
	}
}

// logs are what a server has logged.
type logs struct{ lines chan string }

func (l *logs) Write(p []byte) (int, error) {
	l.lines <- string(p)
	return len(p), nil
}

// next waits for the next line.
func (l *logs) next(t *testing.T) string {
	t.Helper()
	return receive(t, l.lines, "a line in the log")
}

// receive waits for a value.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(limit):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// do sends a request and gives the answer's status and body.
func (s *site) do(method, query, contentType, body string) (int, string, http.Header) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+"/socket.io/?"+query, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}
