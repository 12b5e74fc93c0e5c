package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Connect decides on a client's CONNECT to a namespace. A nil error accepts, and from then on the Session, which must
// then not be nil, gets the socket's events. An error refuses with CONNECT_ERROR: a *ConnectError's Message and Data go to
// the client (the Message alone where it speaks Engine.IO 3, which has room for one of them), any other error becomes the message "internal error" and is logged. The client's connection stays in both cases.
//
// Packets emitted on the socket before Connect has returned, also from other goroutines, follow the CONNECT answer in
// order; if Connect refuses, they are dropped. The context is done when the connection is gone. Connect runs on the goroutine
// that reads from the client: it may block, but the client's next packets wait for it.
type Connect func(ctx context.Context, s *Socket) (Session, error)

// Session is what an application does with one Socket that it accepted. Its methods run on the goroutine that reads from the
// client, never two at a time for one connection, so a slow one slows that client alone.
type Session interface {
	// Event handles one event, in the order of arrival. The context is done when the connection is gone. An error
	// is a fault of ours: it is logged, and the connection lives on; so is a panic. What the client did wrong belongs into
	// an Ack. Event must not wait for a Call on the same connection, whose answer would be waiting behind it.
	Event(ctx context.Context, e *Event) error
	// Disconnect is called once, after the last Event has returned, with the reason: "transport close", "transport error",
	// "ping timeout", "parse error", "forced server close", "server shutting down", "client namespace disconnect" and
	// "server namespace disconnect" as in the reference implementation, and "slow reader" for Options.MaxQueue.
	Disconnect(reason string)
}

// Why connections and sockets end.
const (
	reasonTransportClose   = "transport close"
	reasonTransportError   = "transport error"
	reasonPingTimeout      = "ping timeout"
	reasonParseError       = "parse error"
	reasonForcedClose      = "forced server close"
	reasonShutdown         = "server shutting down"
	reasonClientDisconnect = "client namespace disconnect"
	reasonServerDisconnect = "server namespace disconnect"
)

// SlowReader is why a socket ends whose client lets more wait than Options.MaxQueue.
const SlowReader = "slow reader"

// ConnectError is a refusal that the client gets to see: its connect_error event has an error with this message and data.
type ConnectError struct {
	Message string
	Data    any // left out if nil; must encode as JSON
}

// Error gives the message.
func (e *ConnectError) Error() string { return e.Message }

// Handshake is what the first request of a connection said. All sockets of a connection share Query and Header; do
// not change them.
type Handshake struct {
	Protocol   int // the revision of Engine.IO: 3 for clients before 3.0, else 4
	Query      url.Values
	Header     http.Header
	Auth       json.RawMessage // the payload of the socket's CONNECT, or in Engine.IO 3 the query of its namespace, as an object of at most 64 KiB; nil if there was none
	RemoteAddr string          // host and port of the other end of the TCP connection
	Time       time.Time
	URL        string // path and query, as the client sent them
	Secure     bool   // whether the request came over TLS, or has the scheme https in its URL, which whoever terminates TLS may set
}

var errGone = fmt.Errorf("socketio: socket is gone: %w", net.ErrClosed)

// presence says how far a socket is in its life.
type presence byte

const (
	joining  presence = iota // Connect is running
	expelled                 // Connect is running, and Disconnect has been called
	joined
	left
)

// Socket is one client's membership in one namespace. Its methods may be called from any number of goroutines and, but
// for Call, never block. They return an error for which errors.Is(err, net.ErrClosed) holds once the socket is gone.
type Socket struct {
	conn      *conn
	namespace string
	id        string
	handshake Handshake
	told      bool // the session knows that it is over; guarded by conn.reading

	// The rest is guarded by conn.mu.
	presence  presence
	expelConn bool // what Disconnect was asked for while joining
	session   Session
	pending   []unit                // emitted while joining
	calls     map[uint64]chan []Arg // closed without an answer when the socket leaves
	nextCall  uint64
	pid       string    // what its client may come back with; none if Recover was not called
	recovery  *Recovery // while joining, if Recover was called
}

// ID identifies the socket; its client has the same. For clients of Socket.IO 3 and later it is 20 random characters, new for each socket. For older
// ones (Engine.IO 3) it is, by their protocol, the id of the transport's session, with "/namespace#" in front except in the main one:
// who knows that can send in the client's name while it is polling, so do not show it to others.
func (s *Socket) ID() string { return s.id }

// Namespace is what the socket has joined.
func (s *Socket) Namespace() string { return s.namespace }

// Handshake is what the connection's first request and the socket's CONNECT said.
func (s *Socket) Handshake() *Handshake { return &s.handshake }

// Emit sends an event. The arguments are encoded as JSON at once; it is an error if they do not encode or if the name is one
// that the libraries reserve, such as "connect".
func (s *Socket) Emit(event string, args ...any) error {
	u, err := encodeEvent(s.namespace, noID, event, args)
	if err != nil {
		return err
	}
	return s.conn.emit(s, u, 0)
}

// Send sends an event that was encoded before. It copies nothing, and allocates when the queue has to grow.
func (s *Socket) Send(p *Packet) error {
	return s.conn.send(s, p)
}

// Call sends an event and waits for the client's acknowledgement, whose arguments it returns. It ends early with an error if
// ctx is done or if the socket is gone. The answer is read by the goroutine that Connect and Event run on: call it
// from another one.
func (s *Socket) Call(ctx context.Context, event string, args ...any) ([]Arg, error) {
	id, answer, err := s.conn.expectAck(s)
	if err != nil {
		return nil, err
	}
	defer s.conn.forgetAck(s, id)
	u, err := encodeEvent(s.namespace, int64(id), event, args)
	if err != nil {
		return nil, err
	}
	if err := s.conn.emit(s, u, 0); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("socketio: call %q: %w", event, ctx.Err())
	case args, answered := <-answer:
		if !answered {
			return nil, errGone
		}
		return args, nil
	}
}

// Disconnect takes the client out of the namespace, or with close out of every namespace and then closes its connection. What was
// emitted before is still sent. The client's library does not come back by itself. On a socket that is gone it does nothing.
func (s *Socket) Disconnect(close bool) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.conn.disconnect(s, close)
}

// encodeEvent makes a unit of an EVENT packet.
func encodeEvent(namespace string, id int64, event string, args []any) (unit, error) {
	if reserved(event) {
		return nil, fmt.Errorf("socketio: emit %q: %w", event, errReserved)
	}
	return encodePacket(kindEvent, namespace, id, append([]any{event}, args...))
}
