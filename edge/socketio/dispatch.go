package socketio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// maxNamespaces is how many namespaces one connection may have joined.
const maxNamespaces = 32

// receive handles one Engine.IO packet of the client's; on a closed connection only its goodbye counts. It is false if the packet
// was none that a client may send, which closes the connection.
func (c *conn) receive(packet []byte) bool {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(packet) == 0 {
		c.close(reasonParseError, drop)
		return false
	}
	if c.ctx.Err() != nil && packet[0] != packetClose {
		return true
	}
	switch packet[0] {
	case packetMessage:
		c.server.message(c, packet[1:])
	case packetPong:
		c.pong()
	case packetClose:
		c.farewell()
	case packetOpen, packetUpgrade, packetNoop: // mean nothing here, nor in the reference implementation
	case packetPing: // heartbeats go the other way
		c.close(reasonTransportError, drop)
		return false
	default:
		c.close(reasonParseError, drop)
		return false
	}
	return true
}

// farewell is the client's end of polling. On a WebSocket its own close frame counts.
func (c *conn) farewell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		c.dropRest()
	case c.ws == nil:
		c.goodbye = packetNoop
		c.closeLocked(reasonTransportClose, lost)
	}
}

// message handles one Socket.IO packet. c.reading is held.
func (c *conn) message(text []byte) {
	p, err := parsePacket(text)
	if err != nil {
		c.close(reasonParseError, flush)
		return
	}
	p.data = bytes.Clone(p.data) // the buffer that it is part of is used again
	s, fits := c.addressee(p)
	switch {
	case !fits:
		c.close(reasonForcedClose, flush)
	case p.kind == kindConnect:
		c.join(p, s)
	case p.kind == kindDisconnect:
		c.leave(s)
	case p.kind == kindEvent:
		c.event(s, p)
	case p.kind == kindAck:
		c.acknowledge(s, p)
	}
}

// addressee finds the socket that a packet is for, nil if it has none yet, and says whether the packet is one that it may get.
func (c *conn) addressee(p packet) (s *Socket, fits bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s = c.find(p.namespace)
	switch p.kind {
	case kindConnect:
		return s, s == nil || s.presence == left
	case kindConnectError:
		return s, false
	default:
		return s, s != nil
	}
}

// join lets the application decide on a CONNECT. Former is the socket that was in the namespace before, or nil.
func (c *conn) join(p packet, former *Socket) {
	s := &Socket{conn: c, namespace: p.namespace, id: newID(), handshake: c.handshake}
	s.handshake.Auth = p.data
	connect, known := c.server.namespaces[p.namespace]
	c.mu.Lock()
	c.remove(former)
	var refused error
	switch {
	case !known:
		refused = &ConnectError{Message: "Invalid namespace"}
	case len(c.sockets) >= maxNamespaces:
		refused = &ConnectError{Message: "too many namespaces"}
	default:
		c.sockets = append(c.sockets, s)
	}
	c.mu.Unlock()

	var session Session
	if refused == nil {
		refused = guard(func() (err error) {
			session, err = connect(c.ctx, s)
			return err
		})
	}
	if refused != nil {
		u := c.refuse(p.namespace, refused)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.release(s.pending)
		s.leave()
		c.remove(s)
		c.enqueue(u)
		return
	}
	c.welcome(s, session)
}

// refusal is the payload of a CONNECT_ERROR.
type refusal struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// refuse makes the CONNECT_ERROR that tells a client about err.
func (c *conn) refuse(namespace string, err error) unit {
	answer := refusal{Message: "internal error"}
	if ours := (*ConnectError)(nil); errors.As(err, &ours) {
		answer = refusal{ours.Message, ours.Data}
	} else {
		c.report(err, "connect failed", "namespace", namespace)
	}
	u, err := encodePacket(kindConnectError, namespace, noID, answer)
	if err != nil {
		c.report(err, "the data of a ConnectError was left out", "namespace", namespace)
		u, _ = encodePacket(kindConnectError, namespace, noID, refusal{Message: answer.Message}) // a string always encodes
	}
	return u
}

// welcome answers a CONNECT that was accepted, and lets go what the socket emitted in the meantime.
func (c *conn) welcome(s *Socket, session Session) {
	u, _ := encodePacket(kindConnect, s.namespace, noID, map[string]string{"sid": s.id}) // strings always encode
	c.mu.Lock()
	if c.reserve(u) {
		c.setDue(dueConnect, 0)
		c.queue = append(append(c.queue, u), s.pending...)
		c.wake()
	}
	s.session, s.pending = session, nil
	if c.closed { // it was over before it began
		c.mu.Unlock()
		c.ended(s, c.reason)
		return
	}
	expelled := s.presence == expelled
	s.presence = joined
	if expelled {
		c.disconnect(s, s.expelConn)
	}
	c.mu.Unlock()
}

// leave handles a client's DISCONNECT. The connection stays.
func (c *conn) leave(s *Socket) {
	c.mu.Lock()
	wasJoined := s.presence == joined
	s.leave()
	c.remove(s)
	c.mu.Unlock()
	if wasJoined {
		c.ended(s, reasonClientDisconnect)
	}
}

// event hands an event to its session.
func (c *conn) event(s *Socket, p packet) {
	if c.hasLeft(s) {
		return // we took the client out of the namespace; it may not know that yet
	}
	name, args, err := parseEvent(p.data)
	if err != nil {
		c.close(reasonParseError, flush)
		return
	}
	e := &Event{Name: name, Args: args, socket: s, id: p.id, wantsAck: p.hasID}
	if err := guard(func() error { return s.session.Event(c.ctx, e) }); err != nil {
		c.report(err, "event failed", "event", name, "namespace", s.namespace, "socket", s.id)
	}
}

// hasLeft says whether a socket's membership is over.
func (c *conn) hasLeft(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.presence == left
}

// acknowledge hands an answer to the Call that waits for it. One that nobody waits for is dropped.
func (c *conn) acknowledge(s *Socket, p packet) {
	args, err := splitArray(p.data)
	if err != nil {
		c.close(reasonParseError, flush)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, ok := s.calls[p.id]; ok {
		delete(s.calls, p.id)
		answer <- args // has room for one
	}
}

// ended tells a socket's session that it is over. c.reading is held.
func (c *conn) ended(s *Socket, reason string) {
	err := guard(func() error {
		s.session.Disconnect(reason)
		return nil
	})
	if err != nil {
		c.report(err, "disconnect failed", "namespace", s.namespace, "socket", s.id)
	}
}

// report logs a handler's fault. That it found its client gone is none.
func (c *conn) report(err error, what string, about ...any) {
	if errors.Is(err, errGone) || c.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return
	}
	c.server.options.Logger.Error("socketio: "+what, append(about, "err", err)...)
}

// guard turns a handler's panic into an error, so that one fault does not take every client's connection down.
func guard(handler func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return handler()
}
