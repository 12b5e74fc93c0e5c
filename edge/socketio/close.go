package socketio

import "time"

const (
	// lingerTime is how long what was queued for a long-polling client is kept after the server closed its connection.
	lingerTime = 30 * time.Second
	// spreadTime is over how long the clients are sent away at most when the whole server closes, one every spreadGap if there are fewer: they all
	// come back at once elsewhere otherwise.
	spreadTime = time.Second
	spreadGap  = time.Millisecond
	// sendAwayTime is how long any client may take to hear the end when the whole server closes: one that is still there does
	// within a moment, and one that is not should hold nobody up.
	sendAwayTime = 3 * time.Second
	// finishTime is how much of that what is under way for a client may take to be done.
	finishTime = 2 * time.Second
	// crossingTime is how long a client that said goodbye by POST may take to begin the poll that it sent at the same time.
	crossingTime = time.Second
	// flushTime is how long a WebSocket may take to swallow what was queued when the server closed it, close frame included.
	flushTime = 10 * time.Second
	// farewellTime is how long a client may take to answer the close frame.
	farewellTime = time.Second
)

// ending says what a connection that is being closed still does.
type ending byte

const (
	flush ending = iota // writes what is queued, then says goodbye
	drop                // says goodbye
	lost                // nothing: the client said goodbye, or its transport broke
)

// close ends the connection; the first reason counts.
func (c *conn) close(reason string, e ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(reason, e)
}

// closeLocked is close with c.mu held.
func (c *conn) closeLocked(reason string, e ending) {
	if c.closed {
		return
	}
	c.closed, c.reason = true, reason
	c.cancel()
	c.due[dueConnect], c.due[dueAway] = 0, 0
	c.setDue(dueBeat, 0)
	if e != flush {
		c.dropQueue()
		c.dropProbe()
	}
	switch {
	case c.ws != nil && e == lost: // its reader or its writer, which found that out, closes it without holding c.mu
	case c.ws != nil && e == drop:
		c.finishWriting(farewellTime)
	case c.ws != nil:
		c.finishWriting(flushTime)
	default:
		c.linger(e)
		c.wake()
	}
	var ended []*Socket
	for _, s := range c.sockets {
		if s.presence == joined {
			ended = append(ended, s)
		}
		s.leave()
	}
	go c.finish(ended) // with the reference that it had for being open
}

// finish tells the sessions once the last handler has returned.
func (c *conn) finish(ended []*Socket) {
	defer c.unref()
	c.reading.Lock()
	defer c.reading.Unlock()
	for _, s := range ended {
		c.ended(s, c.reason)
	}
}

// finishWriting has the WebSocket's writer write what is queued and the close frame within some time. c.mu is held.
func (c *conn) finishWriting(within time.Duration) {
	c.ws.NetConn().SetWriteDeadline(time.Now().Add(within))
	c.wake()
}

// linger keeps what is queued for a client on polling until it has come for it, and then for the goodbye. That travels alone:
// the client libraries act on the end of the connection before they act on a packet that came with it. A client that is about to switch to
// its WebSocket may have stopped polling and hears of nothing else, so it gets both there. c.mu is held.
func (c *conn) linger(e ending) {
	var wait time.Duration
	switch {
	case c.poll != nil && len(c.queue) == 0 && c.probe == nil:
		return // it is told at once
	case e == flush:
		wait = lingerTime
	case c.goodbye == packetNoop:
		wait = crossingTime
	default:
		return // it learns that it is unknown
	}
	c.refs++
	c.setDue(dueLinger, c.server.clock.now()+wait)
}

// lingers says whether the connection is closed and still has something for its client to fetch. c.mu is held.
func (c *conn) lingers() bool { return c.due[dueLinger] != 0 }

// endLinger is the end of that. c.mu is held.
func (c *conn) endLinger() {
	if c.lingers() {
		c.setDue(dueLinger, 0)
		c.unrefLocked()
	}
}

// dropRest ends lingering without the client having come. c.mu is held.
func (c *conn) dropRest() {
	if c.lingers() {
		c.dropProbe()
		c.dropQueue()
		c.endLinger()
	}
}

// sendAway closes the connection because the whole server closes, once what its client has sent before is done and answered, and gives the client
// a moment to hear of it, however it is connected.
func (c *conn) sendAway() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs == 0 || c.leaving {
		return // it has gone by itself since it was looked up
	}
	c.leaving = true
	if c.closed || c.owed == 0 {
		c.goAway(sendAwayTime)
	} else {
		c.setDue(dueAway, c.server.clock.now()+finishTime)
	}
}

// goAway closes the connection, or has it end sooner if it is closed, because the whole server closes. c.mu is held.
func (c *conn) goAway(within time.Duration) {
	c.closeLocked(reasonShutdown, flush)
	switch {
	case c.lingers():
		c.setDue(dueLinger, min(c.due[dueLinger], c.server.clock.now()+within))
	case c.ws != nil:
		c.finishWriting(within)
	}
}

// done is the end of some of what is under way for the client. c.mu is held.
func (c *conn) done(n int) {
	c.owed -= n
	if c.leaving && !c.closed && c.owed == 0 {
		c.goAway(sendAwayTime - finishTime)
	}
}

// abort lets go of whatever a closed connection is still waiting for, short of handlers.
func (c *conn) abort() {
	c.mu.Lock()
	c.closeLocked(reasonShutdown, drop)
	c.dropRest()
	ws := c.ws
	c.mu.Unlock()
	if ws != nil {
		ws.Close()
	}
}
