package socketio

import (
	"io"
	"time"

	"github.com/gorilla/websocket"
)

// upgrade opens a WebSocket beside long-polling. Requests that come too late, or a second time, are answered by closing it.
func (s *Server) upgrade(q *request) {
	c := q.conn
	ws, err := c.accept(q)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.ws != nil || c.probe != nil {
		ws.Close()
		return
	}
	c.probe = ws
	c.setDue(dueUpgrade, s.clock.now()+s.options.UpgradeTimeout)
	c.refs++
	go c.readProbe(ws, q.textOnly())
}

// readProbe waits for the WebSocket to take over, and then reads from it. If it does not, only the WebSocket is closed.
func (c *conn) readProbe(ws *websocket.Conn, textOnly bool) {
	if c.probing(ws, textOnly) {
		c.read(ws)
		return
	}
	ws.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probe == ws {
		c.dropProbe()
	}
	c.unrefLocked()
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

// dropProbe gives up the WebSocket beside polling, if there is one. c.mu is held.
func (c *conn) dropProbe() {
	if c.probe != nil {
		c.probe.Close()
		c.probe, c.probed = nil, false
		c.setDue(dueUpgrade, 0)
	}
}
