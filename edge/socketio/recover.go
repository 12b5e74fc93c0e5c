package socketio

import (
	"encoding/json"
	"strings"
)

// recovery is what a client's auth payload says when it comes back (connection state recovery, Socket.IO 4.6).
type recovery struct {
	PID    string  `json:"pid"`
	Offset *string `json:"offset"`
}

// Recover makes the socket one that its client can go on from after its connection has broken: here, in another process, or after a crash, for
// this package keeps nothing. It is for Connect to call, once, before anything is emitted.
//
// The client gets a name for what it may come back to, made of key and something random, and remembers the offset of the last packet
// that had one (Packet.WithOffset). When it comes back with both, and the key is the same, then replay is called. It has to emit, oldest
// first, all that the client has missed since that offset, and to fail if it cannot give all: then what it has emitted is dropped.
// Recover is true if replay returned nil, which is what the client's `recovered` will say.
// The socket is a new one in either case, and its ID, too, unlike in the reference implementation: its predecessor may not have been found dead yet.
//
// The key should say whose events they are, a user's id for instance, and which log the offsets are of; the client gets to see it. The offset is
// what the client says it is: check it. What is replayed counts towards Options.MaxQueue. Other goroutines must not emit on the socket before Recover returns.
//
// A client takes the last argument of any event for an offset if that is a string. So where sockets are recoverable, an event
// without an offset must not end in a string. Clients older than 4.6 are never recovered, and those of Engine.IO 3 never see an offset.
func (s *Socket) Recover(key string, replay func(offset string) error) bool {
	c := s.conn
	if c.protocol == 3 {
		return false
	}
	var former recovery
	if json.Unmarshal(s.handshake.Auth, &former) != nil || former.Offset == nil || !madeFor(key, former.PID) {
		s.setPID(key + "." + newID())
		return false
	}
	s.setPID(former.PID)
	c.mu.Lock()
	before := len(s.pending)
	c.mu.Unlock()
	if err := replay(*former.Offset); err == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release(s.pending[before:])
	s.pending = s.pending[:before]
	s.pid = key + "." + newID()
	return false
}

func (s *Socket) setPID(pid string) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.pid = pid
}

// madeFor says whether a pid was made for a key.
func madeFor(key, pid string) bool {
	random, ok := strings.CutPrefix(pid, key+".")
	return ok && len(random) == idLength
}
