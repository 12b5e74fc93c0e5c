package socketio

import (
	"bytes"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"
)

// upgradePatience is how long a long poll that begins during an upgrade waits for something to say.
const upgradePatience = 25 * time.Millisecond

// get answers a long poll as soon as there is something to say.
func (c *conn) get(q *request) {
	q.liftDeadlines()
	packets, ok := c.await(q.r)
	if !ok {
		q.refuse(faultRequest)
		return
	}
	body, kind := c.codec.encode(c.packets(packets))
	q.w.Header().Set("Cache-Control", "no-store")
	c.answered(packets, q.deliver(kind, body))
}

// answered is the end of a poll that took these packets. If they have not got there, nothing that follows them may.
func (c *conn) answered(packets []unit, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release(packets)
	if err != nil {
		c.brokenLocked()
	}
}

// broken closes the connection for a request that broke.
func (c *conn) broken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.brokenLocked()
}

// brokenLocked is broken with c.mu held. If the connection is on its WebSocket by then, that has to be told.
func (c *conn) brokenLocked() {
	e := lost
	if c.ws != nil {
		e = drop
	}
	c.closeLocked(reasonTransportError, e)
}

// await gives the packets for a long poll once there are any; they count as queued until the poll is answered. It is false if another
// poll is waiting, which closes the connection, or if polling is over.
func (c *conn) await(r *http.Request) (packets []unit, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.poll != nil {
		c.closeLocked(reasonTransportError, drop)
		return nil, false
	}
	if c.closed && !c.lingers() {
		return nil, false
	}
	wake := make(chan struct{}, 1)
	c.poll = wake
	c.refs++
	defer c.unrefLocked() // the answer may take as long as net/http lets it; it holds up no Shutdown
	// While a WebSocket is taking over, polls end soon although there is nothing to say, so that the client can stop polling.
	// One that came before is woken at once; one that comes now gives the client a moment, else it might go round and round.
	var patience <-chan time.Time
	if c.probed {
		patience = time.After(upgradePatience)
	}
	for woken := false; !c.closed && len(c.queue) == 0 && c.ws == nil && !(c.probed && woken); woken = true {
		c.mu.Unlock()
		select {
		case <-wake:
			c.mu.Lock()
		case <-patience:
			c.mu.Lock()
		case <-r.Context().Done():
			c.mu.Lock()
			if c.ws == nil {
				c.closeLocked(reasonTransportError, lost)
			}
		}
	}
	c.poll = nil
	if c.ws != nil {
		return nil, false // no client polls on after it has switched over
	}
	return c.take(), true
}

// take takes out what is queued for a long poll, or if that is nothing, gives a packet that says so. c.mu is held.
func (c *conn) take() []unit {
	queue := c.queue
	c.queue = nil
	if len(queue) > 0 {
		return queue
	}
	last := byte(packetNoop)
	if c.closed {
		last = c.goodbye
		c.dropRest()
	}
	u := frame([]byte{headroom: last}, frameText)
	c.queued += u.cost()
	return []unit{u}
}

// packets takes the packets out of units again.
func (c *conn) packets(units []unit) iter.Seq[enginePacket] {
	return func(yield func(enginePacket) bool) {
		for _, u := range units {
			for first, data := range u.frames() {
				if first == frameBinary && c.protocol == 3 {
					data = data[1:] // the type
				}
				if !yield(enginePacket{data, first == frameBinary}) {
					return
				}
			}
		}
	}
}

// post handles the packets that a client sends by POST, and answers when their handlers have returned.
func (c *conn) post(q *request) {
	kind, _, _ := mime.ParseMediaType(q.r.Header.Get("Content-Type"))
	binary := kind == contentBinary
	if !c.startPost() {
		q.neglectBody()
		c.close(reasonTransportError, drop)
		q.refuse(faultRequest)
		return
	}
	switch c.takePost(q, binary) {
	case http.StatusOK:
		// A client that does not get this counts its transport as broken, and may have no poll here that would break, too. And a browser
		// sends again, by itself, what it sent on a connection that it had used before: that must not be handled twice.
		if err := q.deliver("text/html", []byte("ok")); err != nil {
			c.broken()
		}
	case http.StatusRequestEntityTooLarge:
		q.w.WriteHeader(http.StatusRequestEntityTooLarge)
	default:
		q.refuse(faultRequest)
	}
}

// takePost reads a POST's body, handles its packets, and says with which status to answer. The client may post again then.
func (c *conn) takePost(q *request, binary bool) int {
	defer c.endPost()
	buffer := c.server.readBuffers.Get().(*bytes.Buffer)
	defer c.server.recycle(buffer)
	ok, err := c.readBody(q, buffer)
	switch {
	case err != nil:
	case !ok:
		return http.StatusRequestEntityTooLarge
	case !c.receivePayload(buffer.Bytes(), binary):
		return http.StatusBadRequest
	default:
		err = q.r.Context().Err() // whether the client has gone while its packets were handled
	}
	if err != nil {
		c.broken()
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// startPost is false if a POST is under way already.
func (c *conn) startPost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.posting {
		return false
	}
	c.posting = true
	return true
}

func (c *conn) endPost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posting = false
}

// readBody reads a POST's body. It is false if that is larger than a payload may be.
func (c *conn) readBody(q *request, buffer *bytes.Buffer) (bool, error) {
	limit := c.server.options.MaxPayload
	if q.r.ContentLength > limit {
		q.neglectBody()
		return false, nil
	}
	// A client that takes longer than this counts as gone anyway.
	control := http.NewResponseController(q.w)
	control.SetReadDeadline(time.Now().Add(c.server.options.PingInterval + c.server.options.PingTimeout))
	n, err := buffer.ReadFrom(io.LimitReader(q.r.Body, limit+1))
	if err != nil || n > limit {
		q.neglectBody()
		return n <= limit, err
	}
	control.SetReadDeadline(time.Time{}) // handlers may take longer
	return true, nil
}

// receivePayload handles the packets of a POST. It is false if they are not what a client may send.
func (c *conn) receivePayload(body []byte, binary bool) bool {
	for packet, err := range c.codec.decode(body, binary) {
		if err != nil {
			c.close(reasonParseError, drop)
			return false
		}
		if !c.receive(packet) {
			return false
		}
	}
	return true
}

// maxRecycled is the largest buffer that is kept for the next message.
const maxRecycled = 64 << 10

// recycle keeps a buffer for the next message.
func (s *Server) recycle(b *bytes.Buffer) {
	if b.Cap() <= maxRecycled {
		b.Reset()
		s.readBuffers.Put(b)
	}
}
