package socketio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"time"
)

// receive handles one Engine.IO packet of the client's; on a closed connection only its goodbye counts. It is false if the packet
// was none that a client may send, which closes the connection.
func (c *conn) receive(p enginePacket) bool {
	c.reading.Lock()
	defer c.reading.Unlock()
	kind := byte(packetMessage)
	if !p.binary {
		kind, p.data = p.data[0], p.data[1:]
	}
	if kind != packetClose && (c.ctx.Err() != nil || !p.binary && !c.pace()) { // attachments come with the packet that they belong to
		return true
	}
	switch kind {
	case packetMessage:
		c.message(p)
	case packetClose:
		c.farewell()
	case packetOpen, packetUpgrade, packetNoop: // mean nothing here, nor in the reference implementation
	case packetPing, packetPong:
		if !c.heartbeat(kind, p.data) {
			c.close(reasonTransportError, drop)
			return false
		}
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

// message handles what a message holds: a Socket.IO packet, or an attachment of one that came before. c.reading is held.
func (c *conn) message(m enginePacket) {
	p, err := c.assemble(m)
	if err != nil {
		c.close(reasonParseError, flush)
		return
	}
	s, fits := c.addressee(p)
	switch {
	case !fits:
		c.close(reasonForcedClose, flush)
	case p.due > len(p.attachments):
		incomplete := p // a copy, so that only packets of this kind are allocated
		c.incomplete = &incomplete
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

// assemble makes a packet of a message: a new one, or the incomplete one with one attachment more.
func (c *conn) assemble(m enginePacket) (packet, error) {
	former := c.incomplete
	c.incomplete = nil
	switch {
	case m.binary != (former != nil):
		return packet{}, errAttachments // one that does not belong to anything, or one is missing
	case m.binary:
		if former.weight += len(m.data); former.weight > c.server.options.MaxQueue {
			return packet{}, errAttachments
		}
		former.attachments = append(former.attachments, bytes.Clone(m.data))
		return *former, nil
	}
	p, err := parsePacket(m.data, limits{c.server.options.MaxDepth, c.server.options.MaxAttachments})
	p.data = bytes.Clone(p.data) // the buffer that it is part of is used again
	if c.protocol == 4 && p.query != "" {
		p.namespace += "?" + p.query // it means nothing special
	}
	return p, err
}

// pace keeps a client to the rate of packets that is allowed, by taking its time. It is false if the connection ends meanwhile.
func (c *conn) pace() bool {
	wait := c.allowance.take(c.server.options.EventRate, c.server.clock.now())
	if wait <= 0 {
		return true
	}
	select {
	case <-c.ctx.Done():
		return false
	case <-time.After(wait):
		return true
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

// joinMain joins the main namespace for a client of Engine.IO 3, which does not ask for that.
func (c *conn) joinMain() {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.ctx.Err() == nil && c.server.namespaces["/"] != nil { // else it would hear in every namespace that this one is invalid
		c.join(packet{kind: kindConnect, namespace: "/"}, nil)
	}
}

// newSocket makes the socket that asks to join. In Engine.IO 3 its id follows from the connection's, and its auth comes as a query.
func (c *conn) newSocket(p packet) *Socket {
	s := &Socket{conn: c, namespace: p.namespace, handshake: c.handshake}
	s.handshake.Auth = p.data
	switch {
	case c.protocol == 4:
		s.id = newID()
		return s
	case p.namespace == "/":
		s.id = c.sid
	default:
		s.id = p.namespace + "#" + c.sid
	}
	s.handshake.Auth = queryObject(p.query)
	return s
}

// queryObject gives a query as an object, in which a name that comes twice has a list; nil for none.
func queryObject(query string) json.RawMessage {
	values, _ := url.ParseQuery(query) // what can be read of it
	if len(values) == 0 {
		return nil
	}
	o := make(map[string]any, len(values))
	for name, v := range values {
		o[name] = v
		if len(v) == 1 {
			o[name] = v[0]
		}
	}
	text, _ := json.Marshal(o) // strings always encode
	return text
}

// join lets the application decide on a CONNECT. Former is the socket that we took out of the namespace before, or nil: its session
// hears of its end first, so that an application which keeps sessions by id, and that is the same in Engine.IO 3, drops the right one.
func (c *conn) join(p packet, former *Socket) {
	if former != nil {
		c.ended(former, reasonServerDisconnect)
	}
	s := c.newSocket(p)
	connect, known := c.server.namespaces[s.namespace]
	c.mu.Lock()
	c.remove(former)
	var refused error
	switch {
	case !known:
		refused = &ConnectError{Message: "Invalid namespace"}
	case len(c.sockets) >= c.server.options.MaxNamespaces:
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
		u := c.refuse(s.namespace, refused)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.release(s.emitted())
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
	if c.protocol == 3 {
		u, _ := encodePacket(kindConnectError, namespace, noID, answer.Message) // a string always encodes
		return u
	}
	u, err := encodePacket(kindConnectError, namespace, noID, answer)
	if err != nil {
		c.report(err, "the data of a ConnectError was left out", "namespace", namespace)
		u, _ = encodePacket(kindConnectError, namespace, noID, refusal{Message: answer.Message}) // a string always encodes
	}
	return u
}

// welcome is the payload of the answer to a CONNECT. Engine.IO 3 has none.
type welcome struct {
	SID string `json:"sid"`
	PID string `json:"pid,omitempty"`
}

// welcome answers a CONNECT that was accepted, and lets go what the socket emitted in the meantime.
func (c *conn) welcome(s *Socket, session Session) {
	var answer any
	if c.protocol == 4 {
		answer = welcome{s.id, s.pid}
	}
	u, _ := encodePacket(kindConnect, s.namespace, noID, answer) // strings always encode
	c.mu.Lock()
	if c.reserve(u) {
		c.setDue(dueConnect, 0)
		c.queue = append(append(c.queue, u), s.emitted()...)
		c.wake()
	} else {
		c.release(s.emitted())
	}
	s.session, s.pending, s.recovery = session, nil, nil
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
	if !c.begin(s, p.hasID) {
		return
	}
	defer c.end()
	name, values, err := parseEvent(p.data)
	var args []Arg
	if err == nil {
		args, err = newArgs(values, p.attachments)
	}
	if err != nil {
		c.close(reasonParseError, flush)
		return
	}
	e := &Event{Name: name, Args: args, socket: s, id: p.id, wantsAck: p.hasID}
	if err := guard(func() error { return s.session.Event(c.ctx, e) }); err != nil {
		c.report(err, "event failed", "event", name, "namespace", s.namespace, "socket", s.id)
	}
}

// begin notes that an event is under way, until end and its acknowledgement. It is false if the event is not to be handled: we took the client out
// of the namespace, or are about to send it away, which it may not know yet.
func (c *conn) begin(s *Socket, wantsAck bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.presence == left || c.leaving {
		return false
	}
	c.owed++
	if wantsAck {
		c.owed++
	}
	return true
}

// end is that of an event's handler.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done(1)
}

// acknowledge hands an answer to the Call that waits for it. One that nobody waits for is dropped.
func (c *conn) acknowledge(s *Socket, p packet) {
	values, err := splitArray(p.data)
	var args []Arg
	if err == nil {
		args, err = newArgs(values, p.attachments)
	}
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

// ended tells a socket's session that it is over, once. c.reading is held.
func (c *conn) ended(s *Socket, reason string) {
	if s.told {
		return
	}
	s.told = true
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
