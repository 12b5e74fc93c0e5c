package socketio_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// Whatever a client floods the server with, it is read no faster than EventRate says.
func TestEveryPacketIsPaced(t *testing.T) {
	const rate, flood = 10, 30
	for _, test := range []struct {
		name     string
		protocol int
		send     func(c *socket)
		answer   string
	}{
		{"pongs", 4, func(c *socket) { c.send("3") }, ""},
		{"pings", 3, func(c *socket) { c.send("2") }, "3"},
		{"packets that mean nothing", 4, func(c *socket) { c.send("6") }, ""},
		{"WebSocket's own pings", 4, func(c *socket) { c.WriteMessage(websocket.PingMessage, nil) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStillSite(t, socketio.Options{EventRate: rate})
				open := s.join
				if test.protocol == 3 {
					open = func() (*socket, *member) { return s.open3("") }
				}
				c, _ := open()
				time.Sleep(time.Second) // until joining no longer counts
				begun := time.Now()
				for range flood {
					test.send(c)
				}
				c.send(`42["echo"]`)
				if test.answer != "" {
					c.expect(slices.Repeat([]string{test.answer}, flood)...)
				}
				c.expect(`42["echo"]`)
				if took, want := time.Since(begun), (flood+1-rate)*time.Second/rate; took != want {
					t.Errorf("%d packets and an event are handled within %v, want %v", flood, took, want)
				}
			})
		})
	}
}

// Attachments come with the packet that they belong to, and count with it.
func TestAttachmentsAreNotPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, socketio.Options{EventRate: 1})
		c, _ := s.join()
		time.Sleep(time.Second)
		begun := time.Now()
		c.send(`453-["keep",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]`)
		c.sendBinary("a", "b", "c")
		receive(t, s.kept, "the event")
		if took := time.Since(begun); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}
