package socketio

import (
	"io"
	"time"

	"github.com/gorilla/websocket"
)

// upgrade opens a WebSocket beside long-polling. Requests that come too late, or a second time, are answered by closing it.
func (s *Server) upgrade(q *request) {
	ws, err := q.conn.accept(q)
	if err != nil {
		return
	}
	if !q.conn.startProbe(ws, q.textOnly()) {
		turnDown(ws)
	}
}

// startProbe lets a WebSocket show that it works. It is false if it is not wanted.
func (c *conn) startProbe(ws *websocket.Conn, textOnly bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.ws != nil || c.probe != nil {
		return false
	}
	c.probe = ws
	c.setDue(dueUpgrade, c.server.clock.now()+c.server.options.UpgradeTimeout)
	c.refs++
	go c.readProbe(ws, textOnly)
	return true
}

// turnDown closes a WebSocket that is not to take over, with a close frame. It may take a while.
func turnDown(ws *websocket.Conn) {
	ws.WriteControl(websocket.CloseMessage, nil, time.Now().Add(farewellTime)) // fails if the client has closed it
	ws.Close()
}

// readProbe waits for the WebSocket to take over, and then reads from it. If it does not, only the WebSocket is closed.
func (c *conn) readProbe(ws *websocket.Conn, textOnly bool) {
	if c.probing(ws, textOnly) {
		c.read(ws)
		return
	}
	defer c.unref()
	c.mu.Lock()
	if c.probe == ws {
		c.dropProbe()
	}
	c.mu.Unlock()
	turnDown(ws)
}

// probing answers probes until the client switches over, which is true, or does anything else.
func (c *conn) probing(ws *websocket.Conn, textOnly bool) bool {
	for {
		kind, r, err := ws.NextReader()
		if err != nil || kind != websocket.TextMessage {
			return false
		}
		var packet [16]byte
		n, err := io.ReadFull(r, packet[:])
		if err != io.EOF && err != io.ErrUnexpectedEOF {
			return false // or longer than any packet that may come here
		}
		switch string(packet[:n]) {
		case "2probe":
			if !c.answerProbe(ws) {
				return false
			}
		case "5":
			return c.takeOver(ws, textOnly)
		default:
			return false
		}
	}
}

// answerProbe tells the client that the WebSocket works, and ends long polls from now on so that it can let go of polling.
func (c *conn) answerProbe(ws *websocket.Conn) bool {
	conn := ws.NetConn()
	conn.SetWriteDeadline(time.Now().Add(c.server.options.UpgradeTimeout))
	if _, err := conn.Write(frame(append(make([]byte, headroom), "3probe"...), frameText)); err != nil {
		return false
	}
	conn.SetWriteDeadline(time.Time{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probe != ws {
		return false
	}
	c.probed = true
	c.wake()
	return true
}

// takeOver moves the connection to the WebSocket: from now on the queue is written there.
func (c *conn) takeOver(ws *websocket.Conn, textOnly bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probe != ws {
		return false
	}
	c.wake() // a GET that is still waiting, since this is no polling any more
	c.ws, c.probe, c.probed, c.textOnly = ws, nil, false, textOnly
	c.setDue(dueUpgrade, 0)
	if c.pinged && !c.closed { // the pong may have got lost between the transports
		c.setDue(dueBeat, c.server.clock.now()+c.server.options.PingTimeout)
	}
	switch {
	case c.closed: // in the meantime
		c.endLinger()
		c.finishWriting(flushTime)
	case len(c.queue) > 0:
		c.wake()
	}
	return true
}

// dropProbe gives up the WebSocket beside polling, if there is one. Its reader closes it. c.mu is held.
func (c *conn) dropProbe() {
	if c.probe != nil {
		c.probe.NetConn().SetDeadline(time.Unix(1, 0)) // long past, which ends whatever the reader waits for
		c.probe, c.probed = nil, false
		c.setDue(dueUpgrade, 0)
	}
}
