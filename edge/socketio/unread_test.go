package socketio_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"parley/edge/socketio"
)

// raw is a connection to a still site that nobody reads from.
func (s *site) raw() net.Conn {
	s.t.Helper()
	raw, err := s.dialer.NetDialContext(s.t.Context(), "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { raw.Close() })
	return raw
}

// rawPoll sends a poll there, and waits until it waits in the server.
func (p *poller) rawPoll() net.Conn {
	p.t.Helper()
	raw := p.raw()
	fmt.Fprintf(raw, "GET /socket.io/?%s HTTP/1.1\r\nHost: x\r\n\r\n", p.query())
	synctest.Wait()
	return raw
}

// What a poll did not carry to its client is lost, and nothing may come behind it as if it were not.
func TestPollResetWhileItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, socketio.Options{})
		p, m := s.joinPolling()
		raw := p.rawPoll()
		if err := m.socket.Emit("news"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(raw, make([]byte, 20)); err != nil {
			t.Fatal(err)
		}
		raw.Close()
		synctest.Wait()
		m.isLost(t)
		if status, body := p.get(); status != 400 || body != `{"code":1,"message":"Session ID unknown"}` {
			t.Errorf("the next poll: %d %s", status, body)
		}
	})
}

// A client whose POST broke is gone, even if it has no poll that would break, too; and if its browser sends the same once more, as
// Chromium does for a connection that it has used before, that is not handled twice.
func TestPostResetBeforeItsAnswer(t *testing.T) {
	for _, test := range []struct {
		name string
		read int // so much of the answer is read before the reset
	}{
		{"while it is handled", 0},
		{"while it is answered", 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStillSite(t, socketio.Options{})
				p, m := s.joinPolling()
				p.send(`42["keep"]`) // the next one waits until this has been received
				raw := p.raw()
				const packet = `42["keep"]`
				fmt.Fprintf(raw, "POST /socket.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", p.query(), len(packet), packet)
				synctest.Wait()
				if test.read == 0 {
					raw.Close()
					synctest.Wait()
				}
				<-s.kept
				<-s.kept
				if _, err := io.ReadFull(raw, make([]byte, test.read)); err != nil {
					t.Fatal(err)
				}
				raw.Close()
				synctest.Wait()
				m.isLost(t)
				if status, body := p.post(packet); status != 400 || body != `{"code":1,"message":"Session ID unknown"}` {
					t.Errorf("the same again: %d %s", status, body)
				}
				if len(s.kept) != 0 {
					t.Error("an event was handled twice")
				}
			})
		})
	}
}

// A poll whose answer nobody reads takes as long as net/http lets it, but holds up no Shutdown.
func TestShutdownDespiteAnUnreadAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, socketio.Options{})
		p, m := s.joinPolling()
		p.rawPoll()
		if err := m.socket.Emit("news"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := s.server.Load().Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		m.expectReason(t, "server shutting down")
	})
}
