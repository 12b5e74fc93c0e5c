package socketio

import (
	"context"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// The deadlines that a connection may have.
const (
	dueBeat    = iota // the next ping, or the end of waiting for a pong
	dueConnect        // a namespace must have been joined
	dueUpgrade        // the WebSocket beside long-polling must have taken over
	dueLinger         // what is left is thrown away
	dueAway           // it goes, as the whole server does, whether or not all is done
	dues
)

// conn is one client's Engine.IO session across its transports: first HTTP requests and then perhaps a WebSocket, or a WebSocket
// from the start. While open it has one goroutine if it is on a WebSocket, its reader, and none if it is polling.
type conn struct {
	server    *Server
	sid       string    // a secret between this client and us
	protocol  int       // the handshake's
	codec     codec     // for polling
	handshake Handshake // without Auth
	ctx       context.Context
	cancel    context.CancelFunc

	// reading is held while a packet of the client's is handled, so that handlers never overlap. It comes before mu, and guards these:
	reading    sync.Mutex
	incomplete *packet // it waits for its attachments
	allowance  allowance

	mu      sync.Mutex
	refs    int    // goroutines at work on it, plus one while it is open, plus one while it lingers
	closed  bool   // no packet is taken in or queued any more
	reason  string // why it was closed
	owed    int    // events that are being handled, plus acknowledgements that the client waits for
	leaving bool   // the whole server closes: no event is taken in any more
	queue   []unit
	queued  int // bytes in the queue, being written, and pending in sockets, each unit with its cost
	sockets []*Socket

	due    [dues]instant
	timing deadline
	pinged bool // a ping has been sent since the last pong

	ws       *websocket.Conn // nil while polling
	textOnly bool            // the WebSocket is to get no binary frames
	writing  bool            // the writer is at work

	probe   *websocket.Conn // the WebSocket that is to take over from polling
	probed  bool            // it has been answered: long polls now end at once
	poll    chan struct{}   // wakes the GET that is waiting; nil if there is none
	posting bool
	goodbye byte // the packet that ends polling
}

// newConn makes a connection with two references: one for being open, and one for its handshake.
func newConn(s *Server, textOnly bool, h Handshake) *conn {
	ctx, cancel := context.WithCancel(context.Background())
	c := &conn{server: s, sid: newID(), protocol: h.Protocol, handshake: h, ctx: ctx, cancel: cancel, refs: 2, goodbye: packetClose, textOnly: textOnly}
	c.codec = codec4{}
	if h.Protocol == 3 {
		c.codec = codec3{textOnly}
	}
	c.timing.conn = c
	return c
}

// open starts the connection's life with the packet that tells the client its terms.
func (c *conn) open(first unit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // by Shutdown
		return
	}
	now := c.server.clock.now()
	c.due[dueConnect] = now + c.server.options.ConnectTimeout
	c.setDue(dueBeat, now+c.firstBeat())
	c.enqueue(first)
}

// unref ends a goroutine's work on the connection, or its being open or lingering.
func (c *conn) unref() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unrefLocked()
}

func (c *conn) unrefLocked() {
	if c.refs--; c.refs == 0 {
		c.server.forget(c)
	}
}

// enqueue queues a unit for the client, and closes the connection if that is too much. c.mu is held.
func (c *conn) enqueue(u unit) {
	if c.reserve(u) {
		c.queue = append(c.queue, u)
		c.wake()
	}
}

// reserve makes room for a unit, or closes the connection. c.mu is held.
func (c *conn) reserve(u unit) bool {
	if c.closed {
		return false
	}
	if c.queued+u.cost() > c.server.options.MaxQueue {
		c.closeLocked(SlowReader, drop)
		return false
	}
	c.queued += u.cost()
	return true
}

// release gives back the room of units that were written or dropped. c.mu is held.
func (c *conn) release(units []unit) {
	for _, u := range units {
		c.queued -= u.cost()
	}
}

// dropQueue forgets what is queued. c.mu is held.
func (c *conn) dropQueue() {
	c.release(c.queue)
	c.queue = nil
}

// wake sees to it that the queue is looked at. c.mu is held.
func (c *conn) wake() {
	switch {
	case c.ws != nil && !c.writing:
		c.writing = true
		c.refs++
		go c.write()
	case c.poll != nil:
		select {
		case c.poll <- struct{}{}:
		default: // it has been woken already
		}
	}
}

// setDue sets one of the deadlines, or clears it if at is zero. c.mu is held.
func (c *conn) setDue(which int, at instant) {
	c.due[which] = at
	first := instant(0)
	for _, at := range c.due {
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	c.server.clock.set(&c.timing, first)
}

// expire does what is due.
func (c *conn) expire(now instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	isDue := func(which int) bool { return c.due[which] != 0 && c.due[which] <= now }
	if isDue(dueUpgrade) {
		c.dropProbe()
	}
	if isDue(dueConnect) {
		c.closeLocked(reasonForcedClose, flush)
	}
	if isDue(dueAway) {
		c.goAway(sendAwayTime - finishTime)
	}
	if isDue(dueBeat) {
		c.beat()
	}
	if isDue(dueLinger) {
		c.dropRest()
	}
}

// firstBeat is the time from a sign of life to the next ping; in Engine.IO 3, where it is the client who sends pings, to the end.
func (c *conn) firstBeat() time.Duration {
	if c.protocol == 3 {
		return c.server.options.PingInterval + c.server.options.PingTimeout
	}
	return c.server.options.PingInterval
}

// beat sends the ping that is due, or gives the client up if it has sent none or not answered the last one. c.mu is held.
func (c *conn) beat() {
	if c.pinged || c.protocol == 3 {
		c.closeLocked(reasonPingTimeout, drop)
		return
	}
	c.pinged = true
	// The time to answer runs from when the ping was due, so that a timer's lateness does not add up. But a server that was stopped for
	// long leaves its clients most of theirs.
	timeout := c.server.options.PingTimeout
	c.setDue(dueBeat, max(c.due[dueBeat], c.server.clock.now()-timeout/10)+timeout)
	c.enqueue(ping)
}

// heartbeat takes a ping or pong of the client's as the sign of life that it is. It is false if that goes in the wrong direction, or
// holds what we could not send back.
func (c *conn) heartbeat(kind byte, data []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if (kind == packetPing) != (c.protocol == 3) || !utf8.Valid(data) {
		return false
	}
	if c.closed {
		return true
	}
	c.pinged = false
	c.setDue(dueBeat, c.server.clock.now()+c.firstBeat())
	if kind == packetPing {
		c.enqueue(frame(append(append(make([]byte, headroom), packetPong), data...), frameText))
	}
	return true
}

// find gives the socket of a namespace, nil if there is none. c.mu is held.
func (c *conn) find(namespace string) *Socket {
	for _, s := range c.sockets {
		if s.namespace == namespace {
			return s
		}
	}
	return nil
}

// remove forgets a socket. c.mu is held.
func (c *conn) remove(s *Socket) {
	if i := slices.Index(c.sockets, s); i >= 0 {
		c.sockets = slices.Delete(c.sockets, i, i+1)
	}
}
