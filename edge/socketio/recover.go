package socketio

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// recovery is what a client's auth payload says when it comes back (connection state recovery, Socket.IO 4.6).
type recovery struct {
	PID    string  `json:"pid"`
	Offset *string `json:"offset"`
}

// Recovery lets a client whose connection has broken go on from where it was: here, in another process, or after a crash, for this package keeps nothing.
// It is used within Connect, by one goroutine; others may emit on the socket meanwhile, which waits behind all that Send is given.
type Recovery struct {
	socket *Socket
	former recovery
	at     int    // how much had been emitted before
	units  []unit // what Send was given; guarded by conn.mu
}

// Recover makes the socket one that its client can come back to. It is for Connect to call, once; nil says that the client knows no recovery: that is one
// of Engine.IO 3, which never sees an offset. All other libraries hand offsets to handlers, as one
// argument more; those from 4.6 on come back with them.
//
// The client gets a name for what it may come back to, made of key and something random, and remembers the offset of the last packet
// that had one (Packet.WithOffset). When it comes back with both, and the key is the same, Offset gives the latter. Then all that the client has
// missed since is to be given to Send, oldest first, and Done to be called; or Drop, where not all can be had.
// The socket is a new one in either case, and its ID, too, unlike in the reference implementation: its predecessor may not have been found dead yet.
//
// The key should say whose events they are, a user's id for instance, and which log the offsets are of; the client gets to see it. The offset is
// what the client says it is: check it.
//
// A client takes the last argument of any event for an offset if that is a string. So where sockets are recoverable, an event
// without an offset must not end in a string.
func (s *Socket) Recover(key string) *Recovery {
	if s.conn.protocol == 3 {
		return nil
	}
	r := &Recovery{socket: s}
	switch json.Unmarshal(s.handshake.Auth, &r.former); {
	case r.former.PID == "" || r.former.Offset == nil:
		r.former = recovery{}
	case !madeFor(key, r.former.PID):
		*r.former.Offset = ""
	}
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	s.pid, s.recovery, r.at = key+"."+newID(), r, len(s.pending)
	return r
}

// Offset is the one that the client comes back with, if it comes back: "" where it was given for another key.
func (r *Recovery) Offset() (offset string, back bool) {
	if r.former.Offset == nil {
		return "", false
	}
	return *r.former.Offset, true
}

// ErrTooMuch says that a client would have to be sent too much at once.
var ErrTooMuch = errors.New("socketio: more than half of the queue's limit")

// Send emits a packet behind what was emitted before Recover and before all that is emitted since. It fails with ErrTooMuch, and changes nothing, where that
// would fill more than half of Options.MaxQueue; and as Socket.Send does.
func (r *Recovery) Send(p *Packet) error {
	c, s := r.socket.conn, r.socket
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.presence != joining {
		return errGone
	}
	u := p.in(form{s.namespace, false, true})
	if c.queued+u.cost() > c.server.options.MaxQueue/2 {
		return ErrTooMuch
	}
	if !c.reserve(u) {
		return errGone
	}
	r.units = append(r.units, u)
	return nil
}

// Done says that the client has been sent all that it has missed, which is what its `recovered` will say. It is for who gave an Offset.
func (r *Recovery) Done() {
	c := r.socket.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	r.socket.pid = r.former.PID
}

// Drop takes back all that Send was given: the client is not recovered.
func (r *Recovery) Drop() {
	c := r.socket.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release(r.units)
	r.units = nil
}

// emitted is what waits for the CONNECT answer, in order. c.mu is held.
func (s *Socket) emitted() []unit {
	if s.recovery == nil || len(s.recovery.units) == 0 {
		return s.pending
	}
	return slices.Insert(s.pending, s.recovery.at, s.recovery.units...)
}

// madeFor says whether a pid was made for a key.
func madeFor(key, pid string) bool {
	random, ok := strings.CutPrefix(pid, key+".")
	return ok && len(random) == idLength
}
