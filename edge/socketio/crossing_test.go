package socketio_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"parley/edge/socketio"
)

// A request that breaks off when its client has switched over already ends the WebSocket too.
func TestBrokenRequestAfterTheUpgrade(t *testing.T) {
	for _, test := range []struct {
		name string
		send func(p *poller, m *member) (reset func() error)
	}{
		{"a poll that is being answered", func(p *poller, m *member) func() error {
			raw := p.rawPoll()
			if err := m.socket.Emit("news"); err != nil {
				p.t.Fatal(err)
			}
			return raw.Close
		}},
		{"a POST", func(p *poller, _ *member) func() error {
			raw := p.raw()
			fmt.Fprintf(raw, "POST /socket.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4", p.query())
			return raw.Close
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStillSite(t, socketio.Options{})
				p, m := s.joinPolling()
				reset := test.send(p, m)
				synctest.Wait() // until the server is at it
				ws := p.upgrade()
				ws.send("2probe")
				ws.expect("3probe")
				ws.send("5", `42["echo"]`)
				ws.expect(`42["echo"]`)
				synctest.Wait()
				reset()
				m.expectReason(t, "transport error")
				time.Sleep(time.Second) // to say goodbye
				synctest.Wait()
				if n := socketio.Inside(s.server.Load()); n != 0 {
					t.Errorf("%d connections are left", n)
				}
			})
		})
	}
}
