package socketio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// readBufferSize is small because every idle connection has one. Larger messages are read past it.
	readBufferSize = 512
	// writeBufferSize is for frames that wait together. There are only as many as there are writers at work.
	writeBufferSize = 16 << 10
	// drainSize is how much of what a client goes on sending after an error is read, so that it gets to see the close frame.
	drainSize = 4 << 20
)

// noBuffers is a pool that keeps nothing. Given to gorilla/websocket it says that connections have no write buffer of their own; since all
// frames but close frames are written past it, it is never asked.
type noBuffers struct{}

func (noBuffers) Get() any { return nil }
func (noBuffers) Put(any)  {}

func newUpgrader() websocket.Upgrader {
	return websocket.Upgrader{
		ReadBufferSize:  readBufferSize,
		WriteBufferPool: noBuffers{},
		CheckOrigin:     func(*http.Request) bool { return true }, // it has been checked
		Error: func(w http.ResponseWriter, r *http.Request, _ int, reason error) {
			(&request{w: w, r: r}).abortUpgrade(faultRequest.Message)
		},
	}
}

// accept makes the WebSocket, or answers why not. Of the subprotocols that a client offers it takes the first, as the reference
// implementation does: they mean nothing here, but a browser whose offers are all passed over closes the WebSocket.
func (c *conn) accept(q *request) (*websocket.Conn, error) {
	var subprotocol http.Header
	if offered := websocket.Subprotocols(q.r); len(offered) > 0 {
		subprotocol = http.Header{"Sec-Websocket-Protocol": offered[:1]}
	}
	ws, err := c.server.upgrader.Upgrade(q.w, q.r, subprotocol)
	if err != nil { // mostly the client's doing, but a ResponseWriter that cannot be hijacked is ours
		c.server.options.Logger.Debug("socketio: upgrade failed", "err", err)
		return nil, err
	}
	ws.SetReadLimit(c.server.options.MaxPayload)
	ws.SetPingHandler(func(data string) error {
		c.pongFrame(ws, data)
		return nil
	})
	return ws, nil
}

// openWebSocket starts a connection that is on a WebSocket from its handshake on.
func (s *Server) openWebSocket(q *request, c *conn) {
	ws, err := c.accept(q)
	if err != nil {
		c.close(reasonTransportError, lost)
		return
	}
	c.mu.Lock()
	c.ws = ws
	c.refs++
	if c.closed { // by Shutdown
		ws.Close()
	}
	c.mu.Unlock()
	c.open(c.terms())
	go func() {
		if c.protocol == 3 {
			c.joinMain()
		}
		c.read(ws)
	}()
}

// pongFrame answers a WebSocket's own ping, through the queue so that it cannot get into another frame's way.
func (c *conn) pongFrame(ws *websocket.Conn, data string) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if !c.pace() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws == ws {
		c.enqueue(frame(append(make([]byte, headroom), data...), framePong))
	}
}

// read handles what comes in on the connection's WebSocket until that ends, and closes it.
func (c *conn) read(ws *websocket.Conn) {
	defer c.unref()
	defer ws.Close()
	for {
		if err := c.readMessage(ws); err != nil {
			c.readFailed(ws, err)
			return
		}
	}
}

// readMessage handles one message. On a closed connection it reads on, for the client's close frame.
func (c *conn) readMessage(ws *websocket.Conn) error {
	kind, r, err := ws.NextReader()
	if err != nil {
		return err
	}
	buffer := c.server.readBuffers.Get().(*bytes.Buffer)
	defer c.server.recycle(buffer)
	if _, err := buffer.ReadFrom(r); err != nil {
		return err
	}
	p, err := c.unpack(buffer.Bytes(), kind == websocket.BinaryMessage)
	if err != nil {
		c.close(reasonParseError, drop)
		return nil
	}
	c.receive(p)
	return nil
}

// unpack reads what came in a frame.
func (c *conn) unpack(data []byte, binary bool) (enginePacket, error) {
	switch {
	case !binary:
		return c.codec.text(data)
	case c.protocol == 4:
		return enginePacket{data, true}, nil
	case len(data) > 0 && data[0] == binaryMessage:
		return enginePacket{data[1:], true}, nil
	default:
		return enginePacket{}, errEmptyPacket
	}
}

// readFailed closes the connection for an error in reading.
func (c *conn) readFailed(ws *websocket.Conn, err error) {
	closed, network := (*websocket.CloseError)(nil), net.Error(nil)
	switch {
	case errors.As(err, &closed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		c.close(reasonTransportClose, lost)
	case errors.As(err, &network), errors.Is(err, net.ErrClosed):
		c.close(reasonTransportError, lost)
	default:
		// The client broke the WebSocket protocol or its size limit, and gorilla/websocket has sent the close frame that says so.
		// For the client to get to see it, what it goes on sending must be read.
		c.close(reasonTransportError, drop)
		ws.NetConn().SetReadDeadline(time.Now().Add(farewellTime))
		io.CopyN(io.Discard, ws.NetConn(), drainSize)
	}
}

// write writes the queue to the WebSocket until it is empty, and the close frame if the connection is closed. It is the only one that
// writes, and lives no longer than there is something to write.
func (c *conn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.unrefLocked()
	var err error
	for len(c.queue) > 0 && err == nil {
		batch := c.queue
		c.queue = nil
		textOnly := c.textOnly
		c.mu.Unlock()
		frames := batch
		if textOnly {
			frames = c.asText(batch)
		}
		err = c.server.writeFrames(c.ws.NetConn(), frames)
		c.mu.Lock()
		c.release(batch)
	}
	c.writing = false
	if err != nil {
		c.closeLocked(reasonTransportError, lost)
		c.dropQueue() // which it had if it was closed before
	}
	if c.closed {
		goodbye := closeFrames[c.reason]
		c.mu.Unlock()
		hangUp(c.ws, goodbye, err)
		c.mu.Lock()
	}
}

// asText gives units with binary frames as text frames in base64.
func (c *conn) asText(units []unit) []unit {
	texts := slices.Clone(units)
	for i, u := range units {
		if !u.hasBinary() {
			continue
		}
		texts[i] = nil
		for p := range c.packets(units[i : i+1]) {
			if p.binary {
				p.data = c.codec.base64(p.data)
			}
			texts[i] = append(appendHeader(texts[i], frameText, len(p.data)), p.data...)
		}
	}
	return texts
}

// closeFrames are what a WebSocket's close frame says of why it was closed (RFC 6455, 7.4.1), for whoever looks: the libraries show it and make nothing
// of it. As in the reference implementation it says nothing of the other reasons. Never changed.
var closeFrames = map[string][]byte{
	reasonShutdown: websocket.FormatCloseMessage(websocket.CloseGoingAway, reasonShutdown),
	SlowReader:     websocket.FormatCloseMessage(websocket.ClosePolicyViolation, SlowReader),
}

// hangUp sends the close frame and gives the client a moment to answer it, which the reader waits for; or it just closes the WebSocket if
// that is broken.
func hangUp(ws *websocket.Conn, goodbye []byte, err error) {
	now := time.Now()
	if err == nil {
		err = ws.WriteControl(websocket.CloseMessage, goodbye, now.Add(farewellTime))
	}
	if err != nil && !errors.Is(err, websocket.ErrCloseSent) { // which the reader has sent for a client's fault
		ws.Close()
		return
	}
	ws.NetConn().SetReadDeadline(now.Add(farewellTime))
}

// writeFrames writes units, those that fit into one buffer at once. A unit is never split between two writes, so that the close
// frame for a client's fault, which its reader writes, comes between two units.
func (s *Server) writeFrames(conn net.Conn, units []unit) error {
	if len(units) == 1 {
		_, err := conn.Write(units[0])
		return err
	}
	w := s.writeBuffers.Get().(*bufio.Writer)
	w.Reset(conn)
	for _, u := range units {
		if w.Available() < len(u) {
			w.Flush()
		}
		w.Write(u) // an error comes back from the last Flush
	}
	err := w.Flush()
	w.Reset(nil)
	s.writeBuffers.Put(w)
	return err
}
