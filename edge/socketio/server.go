package socketio

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Server is an http.Handler that speaks Socket.IO to any number of clients. It is for the path "/socket.io/".
//
// Long polls take as long as Options.PingInterval: they lift the http.Server's read and write timeouts for themselves. A
// http.ResponseWriter that wraps another must let that, Flush and Hijack through, as http.ResponseController does. What comes before a
// handshake is the http.Server's to limit: set its ReadHeaderTimeout, ReadTimeout, and a MaxHeaderBytes of some KiB, since a connection keeps the
// headers of its handshake for as long as it lives.
type Server struct {
	options    Options
	clock      *clock
	upgrader   websocket.Upgrader
	namespaces map[string]Connect

	readBuffers  sync.Pool // of *bytes.Buffer
	writeBuffers sync.Pool // of *bufio.Writer

	gate    *gate
	mu      sync.Mutex
	conns   map[string]*conn // by sid, until all their goroutines have ended
	closing bool
	empty   chan struct{} // gets a value when the last of conns goes
}

// New makes a server. It starts nothing: a server without connections has no goroutine and no timer.
func New(o Options) *Server {
	o = o.withDefaults()
	return &Server{
		options:    o,
		gate:       newGate(o),
		clock:      newClock(),
		upgrader:   newUpgrader(),
		namespaces: make(map[string]Connect),
		readBuffers: sync.Pool{New: func() any {
			return new(bytes.Buffer)
		}},
		writeBuffers: sync.Pool{New: func() any {
			return bufio.NewWriterSize(nil, writeBufferSize)
		}},
		conns: make(map[string]*conn),
		empty: make(chan struct{}, 1),
	}
}

// Namespace says who decides on CONNECTs to the namespace name, which begins with a slash; the main one is "/". All namespaces must be
// named before the server is used. A CONNECT to one that is not gets CONNECT_ERROR "Invalid namespace".
func (s *Server) Namespace(name string, c Connect) {
	s.namespaces[name] = c
}

// Shutdown sends every client away, in such a way that its library comes back by itself (to another server, one hopes), and takes no
// new one: they get 503. What a client has sent before is done and acknowledged first, if that takes no longer than 2 s, and what is queued for it
// is written; many are sent away over a second. It returns when all Disconnects have returned and no
// goroutine of the server is left. When ctx is done before that, it cuts the connections off and returns ctx's error at once;
// handlers that are still running have had their context cancelled, and a second Shutdown can wait for them.
func (s *Server) Shutdown(ctx context.Context) error {
	s.sendAway(ctx, s.close())
	for len(s.all()) > 0 {
		select {
		case <-s.empty:
		case <-ctx.Done():
			for _, c := range s.all() {
				c.abort()
			}
			return ctx.Err()
		}
	}
	s.signal() // for another Shutdown that waits
	s.clock.settle()
	return nil
}

// sendAway begins to send clients away, not all at once as long as ctx lasts.
func (s *Server) sendAway(ctx context.Context, conns []*conn) {
	begun := time.Now()
	for i, c := range conns {
		due := min(time.Duration(i)*spreadGap, spreadTime*time.Duration(i)/time.Duration(len(conns)))
		if early := due - time.Since(begun); early > 0 {
			select {
			case <-time.After(early):
			case <-ctx.Done():
			}
		}
		c.sendAway()
	}
}

// close lets no further connection in and gives those that are there.
func (s *Server) close() []*conn {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	return s.all()
}

func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for _, c := range s.conns {
		all = append(all, c)
	}
	return all
}

// admit takes in a new connection that the gate has let pass, unless the server is shutting down.
func (s *Server) admit(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		c.cancel()
		s.gate.leave(c.handshake.RemoteAddr)
		return false
	}
	s.conns[c.sid] = c
	return true
}

// forget drops a connection that is over. Its mu is held.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.sid)
	s.gate.leave(c.handshake.RemoteAddr)
	if len(s.conns) == 0 {
		s.signal()
	}
}

// signal wakes a Shutdown.
func (s *Server) signal() {
	select {
	case s.empty <- struct{}{}:
	default:
	}
}

// lookup finds the connection that a client means by sid, nil if there is none that it could still use.
func (s *Server) lookup(sid string) *conn {
	s.mu.Lock()
	c := s.conns[sid]
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	c.expire(s.clock.now()) // what is due has happened, even if the timer is late
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed && !c.lingers() {
		return nil
	}
	return c
}

// idLength is how long newID's are.
const idLength = 20

// newID makes 20 characters from 15 random bytes.
func newID() string {
	var b [15]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
