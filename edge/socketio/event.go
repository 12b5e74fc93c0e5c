package socketio

import (
	"fmt"
	"sync/atomic"
)

// Event is something that a client emitted.
type Event struct {
	Name string // never one that the libraries reserve; a number is given as it was written
	Args []Arg  // without the name, at most 1023

	socket   *Socket
	id       uint64
	wantsAck bool
	answered atomic.Bool
}

// Decode puts argument i, counted from zero, into v; see Arg. It is an error if there is no such argument.
func (e *Event) Decode(i int, v any) error {
	if i < 0 || i >= len(e.Args) {
		return fmt.Errorf("argument %d of %q is missing", i, e.Name)
	}
	if err := e.Args[i].Decode(v); err != nil {
		return fmt.Errorf("argument %d of %q: %w", i, e.Name, err)
	}
	return nil
}

// WantsAck says whether the client waits for an acknowledgement.
func (e *Event) WantsAck() bool { return e.wantsAck }

// Ack answers the event, at once or later, from any goroutine. The first answer counts: it does nothing if the event has been
// answered or if the client wants no answer. It is an error if the arguments do not encode as JSON, which leaves
// the event unanswered, or if the socket is gone.
func (e *Event) Ack(args ...any) error {
	if !e.wantsAck || e.answered.Load() {
		return nil
	}
	if args == nil {
		args = []any{}
	}
	u, err := encodePacket(kindAck, e.socket.namespace, int64(e.id), args)
	if err != nil {
		return err
	}
	if !e.answered.CompareAndSwap(false, true) {
		return nil
	}
	return e.socket.conn.emit(e.socket, u, 1)
}
