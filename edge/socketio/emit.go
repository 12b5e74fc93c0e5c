package socketio

// emit queues a unit for a socket's client, by which so many events are acknowledged.
func (c *conn) emit(s *Socket, u unit, answers int) error {
	if c.protocol == 3 && u.hasBinary() {
		u = u.reform(form{namespace: "/", protocol3: true}, nil) // a namespace is in it already
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.done(answers)
	return c.emitLocked(s, u)
}

// send queues a packet for a socket's client.
func (c *conn) send(s *Socket, p *Packet) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.emitLocked(s, p.in(form{s.namespace, c.protocol == 3, s.pid != ""}))
}

// emitLocked queues a unit behind the CONNECT answer if that is still due. c.mu is held.
func (c *conn) emitLocked(s *Socket, u unit) error {
	switch s.presence {
	case joined:
		c.enqueue(u)
	case joining:
		if c.reserve(u) {
			s.pending = append(s.pending, u)
		}
	default:
		return errGone
	}
	if c.closed {
		return errGone // there was too much in the queue
	}
	return nil
}

// disconnect is Socket.Disconnect. c.mu is held.
func (c *conn) disconnect(s *Socket, close bool) {
	switch {
	case s.presence == joining || s.presence == expelled: // takes effect after the CONNECT answer
		s.presence = expelled
		s.expelConn = s.expelConn || close
	case s.presence == left:
	case close:
		for _, s := range c.sockets {
			c.dismiss(s)
		}
		c.closeLocked(reasonServerDisconnect, flush)
	default:
		c.dismiss(s)
		s.leave() // it stays in c.sockets, so that what its client has sent meanwhile is known for what it is
		c.refs++
		go func() {
			defer c.unref()
			c.reading.Lock()
			defer c.reading.Unlock()
			c.ended(s, reasonServerDisconnect)
		}()
	}
}

// dismiss queues the DISCONNECT of a socket. c.mu is held.
func (c *conn) dismiss(s *Socket) {
	if s.presence == joined {
		u, _ := encodePacket(kindDisconnect, s.namespace, noID, nil) // nothing to encode
		c.enqueue(u)
	}
}

// expectAck makes an ack id and the channel that its answer comes on.
func (c *conn) expectAck(s *Socket) (uint64, <-chan []Arg, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.presence != joining && s.presence != joined {
		return 0, nil, errGone
	}
	id, answer := s.nextCall, make(chan []Arg, 1)
	s.nextCall++
	if s.calls == nil {
		s.calls = make(map[uint64]chan []Arg)
	}
	s.calls[id] = answer
	return id, answer, nil
}

// forgetAck gives up waiting.
func (c *conn) forgetAck(s *Socket, id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(s.calls, id)
}

// leave ends a socket's membership and its calls. The conn's mu is held.
func (s *Socket) leave() {
	s.presence = left
	for id, answer := range s.calls {
		close(answer)
		delete(s.calls, id)
	}
}
