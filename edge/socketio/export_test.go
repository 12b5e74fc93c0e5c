package socketio

import "fmt"

// UnitCost is what a packet takes up in a queue beside its frame, in bytes.
const UnitCost = unitCost

// Inside counts the connections that a server's limits know of.
func Inside(s *Server) int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return s.gate.open
}

// Conn is a connection, for tests that look behind its sockets.
type Conn = conn

// ConnOf gives the connection that a socket is of.
func ConnOf(s *Socket) *Conn { return s.conn }

// Conns gives the connections that a server knows.
func Conns(s *Server) []*Conn { return s.all() }

// WaitingPolls counts the long polls that wait in a server, for tests that depend on one being there.
func WaitingPolls(s *Server) int {
	n := 0
	for _, c := range s.all() {
		c.mu.Lock()
		if c.poll != nil {
			n++
		}
		c.mu.Unlock()
	}
	return n
}

// DecodePayload gives the packets of a long poll's body. Binary ones have a b in front.
func DecodePayload(protocol int, body []byte, binary bool) (packets []string, err error) {
	var c codec = codec4{}
	if protocol == 3 {
		c = codec3{}
	}
	for p, err := range c.decode(body, binary) {
		switch {
		case err != nil:
			return nil, err
		case p.binary:
			packets = append(packets, "b"+string(p.data))
		default:
			packets = append(packets, string(p.data))
		}
	}
	return packets, nil
}

// Miscount says what is wrong with a connection's account of the bytes that wait in it, at a moment when nothing moves.
func Miscount(c *Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing {
		return nil // what is being written counts, and is nowhere to be seen
	}
	sum := 0
	for _, u := range c.queue {
		sum += u.cost()
	}
	for _, s := range c.sockets {
		for _, u := range s.pending {
			sum += u.cost()
		}
	}
	if c.queued != sum {
		return fmt.Errorf("%d bytes are counted and %d wait", c.queued, sum)
	}
	return nil
}

// Leftovers says what is left in a server, and in connections that it once had, when Shutdown has returned. It is nil if that is nothing.
func Leftovers(s *Server, once []*Conn) error {
	s.gate.mu.Lock()
	open, addresses := s.gate.open, len(s.gate.perAddress)
	s.gate.mu.Unlock()
	s.clock.mu.Lock()
	deadlines := len(s.clock.heap)
	s.clock.mu.Unlock()
	if n := len(s.all()); n > 0 || open > 0 || addresses > 0 || deadlines > 0 {
		return fmt.Errorf("%d connections, %d in the gate from %d addresses, %d deadlines", n, open, addresses, deadlines)
	}
	for _, c := range once {
		if err := c.leftovers(); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) leftovers() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queued != 0 || len(c.queue) > 0 || c.writing || c.poll != nil || c.probe != nil || c.refs != 0 || c.ctx.Err() == nil {
		return fmt.Errorf("in a connection closed for %q: %d bytes, %d units; writing %t, polling %t, probing %t, %d references, context %v",
			c.reason, c.queued, len(c.queue), c.writing, c.poll != nil, c.probe != nil, c.refs, c.ctx.Err())
	}
	for _, s := range c.sockets {
		if s.presence != left || len(s.calls) > 0 || len(s.pending) > 0 {
			return fmt.Errorf("in a connection closed for %q: a socket in %s, presence %d, with %d calls and %d units", c.reason, s.namespace, s.presence, len(s.calls), len(s.pending))
		}
	}
	return nil
}

// Waiting counts the bytes that wait for a socket's client, those that are being written included.
func Waiting(s *Socket) int {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.conn.queued
}
