package socketio_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/edge/socketio"
)

// hold has a writer wait for its client, who does not read.
func hold(m *member) {
	m.socket.Emit("news")
	synctest.Wait()
}

// However a connection ends, a client that lets it wait keeps neither a goroutine nor the WebSocket for longer than it is given.
func TestSlowReadersAreCutOff(t *testing.T) {
	for _, test := range []struct {
		name   string
		end    func(s *site) // what ends a connection whose client is not there, or not quite
		within time.Duration
	}{
		{"too much for it", func(s *site) {
			_, m := s.join()
			hold(m)
			for m.socket.Emit("news") == nil {
			}
		}, time.Second},
		{"its own fault", func(s *site) {
			c, m := s.join()
			hold(m)
			c.send("x")
		}, time.Second},
		{"last words", func(s *site) {
			_, m := s.join()
			hold(m)
			m.socket.Disconnect(true)
		}, 10 * time.Second},
		{"last words after an upgrade", func(s *site) {
			p, m := s.joinPolling()
			c := p.upgrade()
			c.send("2probe")
			c.expect("3probe")
			m.socket.Disconnect(true)
			c.send("5")
		}, 10 * time.Second},
		{"shutdown", func(s *site) {
			_, m := s.join()
			hold(m)
			go s.server.Load().Shutdown(context.Background())
		}, 3 * time.Second},
		{"an answer to the close frame", func(s *site) {
			c, m := s.join()
			go io.Copy(io.Discard, c.NetConn())
			m.socket.Disconnect(true)
		}, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStillSite(t, socketio.Options{MaxQueue: 10_000})
				test.end(s)
				time.Sleep(test.within - time.Nanosecond)
				synctest.Wait()
				if n := socketio.Inside(s.server.Load()); n != 1 {
					t.Errorf("%d connections are left before the time is over, want 1", n)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if n := socketio.Inside(s.server.Load()); n != 0 {
					t.Errorf("%d connections are left when the time is over", n)
				}
			})
		})
	}
}

// What waited for a client that is cut off is given back.
func TestMemoryOfASlowReader(t *testing.T) {
	const most = 16 << 20
	s := newSite(t, socketio.Options{MaxQueue: most})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	slow, m := s.join()
	defer slow.Close()
	held := uint64(0)
	for sent := 0; m.socket.Emit("news", strings.Repeat("x", 1<<20)) == nil; sent++ {
		if sent == most>>21 {
			held = heap() - before
		}
	}
	m.expectReason(t, "slow reader")
	if held < most/4 {
		t.Errorf("half-way %d bytes are held", held)
	}
	for end := time.Now().Add(limit); heap() > before+most/8; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are held", heap()-before)
		}
	}
}
