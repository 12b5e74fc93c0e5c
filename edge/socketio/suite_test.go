package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/edge/socketio"
)

// suiteServer is the server that the suite of the npm clients talks to. What it does is written down in testdata/suite/suite.mjs.
type suiteServer struct {
	t       *testing.T
	url     string
	options socketio.Options
	server  atomic.Pointer[socketio.Server]
	away    atomic.Bool    // has shut down, and is to come back when it has refused someone
	work    sync.WaitGroup // what handlers have started

	mu    sync.Mutex
	conns map[net.Conn]bool     // open, or taken over by WebSockets
	ended map[string]string     // why sockets ended, by id
	users map[string]*suiteUser // by name
}

// newSuiteServer starts a server for the length of a test. What it logs as a fault fails the test.
func newSuiteServer(t *testing.T, o socketio.Options) *suiteServer {
	t.Helper()
	o.Logger = slog.New(slog.NewTextHandler(failure{t}, nil))
	s := &suiteServer{t: t, options: o, conns: make(map[net.Conn]bool), ended: make(map[string]string), users: make(map[string]*suiteUser)}
	s.renew()
	h := httptest.NewUnstartedServer(s)
	h.Config.ConnState = s.track
	h.Start()
	s.url = h.URL
	t.Cleanup(func() {
		s.cut() // what the clients have left
		s.shutdown()
		s.work.Wait()
		h.Close()
	})
	return s
}

// failure is a log that should stay empty.
type failure struct{ t *testing.T }

func (f failure) Write(line []byte) (int, error) {
	f.t.Errorf("the server logged %s", line)
	return len(line), nil
}

// renew puts a fresh server in.
func (s *suiteServer) renew() {
	n := socketio.New(s.options)
	n.Namespace("/", s.connect)
	n.Namespace("/other", s.connect)
	s.server.Store(n)
}

func (s *suiteServer) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.server.Load().Shutdown(ctx); err != nil {
		s.t.Errorf("shutdown: %v", err)
	}
}

func (s *suiteServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.server.Load().ServeHTTP(w, r)
	if !r.URL.Query().Has("sid") && s.away.CompareAndSwap(true, false) {
		s.renew()
	}
}

// track keeps the connections that cut is for.
func (s *suiteServer) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[c] = true
	case http.StateClosed:
		delete(s.conns, c)
	}
}

// cut resets all connections.
func (s *suiteServer) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	clear(s.conns)
}

func (s *suiteServer) connect(ctx context.Context, socket *socketio.Socket) (socketio.Session, error) {
	wishes, err := wishesOf(socket.Handshake())
	if err != nil {
		return nil, err
	}
	if why := wishes["refuse"]; why != "" {
		return nil, &socketio.ConnectError{Message: why, Data: map[string]any{"code": 1, "why": "<you & me>"}}
	}
	m := &suiteSession{server: s, socket: socket, ctx: ctx}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := wishes["user"]; name != "" {
		m.user = s.user(name)
		m.user.welcome(name, socket)
	}
	if greet := wishes["greet"]; greet != "" {
		n, err := strconv.Atoi(greet)
		if err != nil {
			return nil, err
		}
		return m, count(socket, "greeting", n)
	}
	return m, nil
}

// wishesOf gives what a client wants of a connect: the handshake's query, and the connect's payload over it.
func wishesOf(h *socketio.Handshake) (map[string]string, error) {
	wishes := make(map[string]string)
	for name := range h.Query {
		wishes[name] = h.Query.Get(name)
	}
	if h.Auth == nil {
		return wishes, nil
	}
	return wishes, json.Unmarshal(h.Auth, &wishes)
}

// count emits numbers, every fifth one with binary data.
func count(socket *socketio.Socket, event string, n int) error {
	for i := range n {
		args := []any{i}
		if i%5 == 0 {
			args = append(args, socketio.Binary{byte(i)})
		}
		if err := socket.Emit(event, args...); err != nil {
			return err
		}
	}
	return nil
}

// user gives the user of that name. s.mu is held.
func (s *suiteServer) user(name string) *suiteUser {
	u := s.users[name]
	if u == nil {
		u = &suiteUser{sockets: make(map[*socketio.Socket]bool)}
		s.users[name] = u
	}
	return u
}

// suiteUser is a user and what was told to it. It is guarded by the server's mu. An offset says how many things had been told.
type suiteUser struct {
	forgotten int
	told      []*socketio.Packet // after the forgotten ones
	sockets   map[*socketio.Socket]bool
}

// welcome takes a socket in, and replays what its client has missed.
func (u *suiteUser) welcome(name string, socket *socketio.Socket) {
	replay(socket, name, func(offset string, send func(*socketio.Packet) error) error {
		n, err := strconv.Atoi(offset)
		if err != nil {
			return err
		}
		for _, p := range u.told[max(0, n-u.forgotten):] {
			if err := send(p); err != nil {
				return err
			}
		}
		if n < u.forgotten {
			return errors.New("some is missing") // and what was sent must not arrive
		}
		return nil
	})
	u.sockets[socket] = true
}

// tell sends numbers to all of the user's sockets, and keeps them.
func (u *suiteUser) tell(numbers []int) error {
	for _, n := range numbers {
		p, err := socketio.NewPacket("told", n, socketio.Binary{byte(n)})
		if err != nil {
			return err
		}
		p = p.WithOffset(strconv.Itoa(u.forgotten + len(u.told) + 1))
		u.told = append(u.told, p)
		for socket := range u.sockets {
			socket.Send(p)
		}
	}
	return nil
}

// suiteSession does what its client says.
type suiteSession struct {
	server *suiteServer
	socket *socketio.Socket
	ctx    context.Context
	user   *suiteUser // nil if it did not say whose it is
	last   []int      // what to tell the user when this session is over
}

func (m *suiteSession) Event(_ context.Context, e *socketio.Event) error {
	s := m.server
	switch e.Name {
	case "echo":
		return m.socket.Emit("echo", values(e.Args)...)
	case "ask":
		return e.Ack(values(e.Args)...)
	case "ask later":
		time.AfterFunc(time.Millisecond, func() { e.Ack(values(e.Args)...) })
		return nil
	case "call":
		s.work.Go(func() { m.call(e.Args) })
		return nil
	case "burst":
		var n int
		return errors.Join(e.Decode(0, &n), count(m.socket, "n", n))
	case "me":
		h := m.socket.Handshake()
		return e.Ack(map[string]any{"id": m.socket.ID(), "auth": h.Auth, "token": h.Query.Get("token")})
	case "leave":
		var all bool
		err := e.Decode(0, &all)
		m.socket.Disconnect(all)
		return err
	case "renew":
		s.work.Go(func() {
			s.shutdown()
			s.away.Store(true)
		})
		return nil
	case "cut":
		var err error
		m.last, err = integers(e.Args)
		s.cut()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var name string
	if err := e.Decode(0, &name); err != nil {
		return err
	}
	switch e.Name {
	case "reason":
		if reason, ended := s.ended[name]; ended {
			return e.Ack(reason)
		}
		return e.Ack(nil)
	case "tell":
		numbers, err := integers(e.Args[1:])
		return errors.Join(err, s.user(name).tell(numbers), e.Ack())
	case "forget":
		u := s.user(name)
		u.forgotten, u.told = u.forgotten+len(u.told), nil
		return e.Ack()
	}
	return errors.New("the suite says what its server does not know: " + e.Name)
}

// call asks the client back, and tells it what it said.
func (m *suiteSession) call(args []socketio.Arg) {
	answer, err := m.socket.Call(m.ctx, "question", values(args)...)
	if err != nil {
		m.server.t.Errorf("call: %v", err)
		return
	}
	m.socket.Emit("answered", values(answer)...) // if it is gone the suite will say so
}

func (m *suiteSession) Disconnect(reason string) {
	s := m.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[m.socket.ID()] = reason
	if m.user == nil {
		return
	}
	delete(m.user.sockets, m.socket)
	if err := m.user.tell(m.last); err != nil {
		s.t.Error(err)
	}
}

// values makes what can be emitted of what has come.
func values(args []socketio.Arg) []any {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a
	}
	return values
}

func integers(args []socketio.Arg) ([]int, error) {
	numbers := make([]int, len(args))
	for i, a := range args {
		if err := a.Decode(&numbers[i]); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}
