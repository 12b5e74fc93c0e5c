package socketio_test

import (
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An idle connection has no timer of its own, neither one of package time's nor a deadline of its net.Conn.
func TestIdleConnectionsHaveNoTimers(t *testing.T) {
	const clients = 100
	former := runtime.MemProfileRate
	runtime.MemProfileRate = 1 // so that no timer is missed
	defer func() { runtime.MemProfileRate = former }()
	for _, by := range []string{byWebSocket, byUpgrade, byPolling, byWaitingGET} {
		t.Run(by, func(t *testing.T) {
			n := unstarted(t, clients, "/")
			deadlines := new(atomic.Int64)
			n.http.Listener = watchedListener{n.http.Listener, deadlines}
			n.http.Start()
			before := timers()
			c, _ := n.gather(orders{Clients: clients, Protocols: []int{3, 4}, By: by, Namespace: "/"})
			n.settle(c)
			n.wait("the deadlines to go", func() bool { return deadlines.Load() == 0 })
			if more := timers() - before; more > clients/10 {
				t.Errorf("%d connections have %d timers", clients, more)
			}
			c.disperse()
		})
	}
}

// timers counts the timers that package time has made and that somebody still holds, from runtime.MemProfileRate 1 on.
func timers() int64 {
	runtime.GC()
	runtime.GC() // the profile is one behind
	var records []runtime.MemProfileRecord
	for n, ok := runtime.MemProfile(nil, false); !ok; {
		records = make([]runtime.MemProfileRecord, n+100)
		n, ok = runtime.MemProfile(records, false)
		records = records[:min(n, len(records))]
	}
	var count int64
	for _, r := range records {
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			if strings.HasPrefix(f.Function, "time.") {
				count += r.InUseObjects()
				break
			}
		}
	}
	return count
}

// watchedListener counts the deadlines that are set on its connections.
type watchedListener struct {
	net.Listener
	deadlines *atomic.Int64
}

func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &watchedConn{Conn: c, deadlines: l.deadlines}, err
}

type watchedConn struct {
	net.Conn
	deadlines   *atomic.Int64
	read, write atomic.Bool
}

func (c *watchedConn) note(is *atomic.Bool, set bool) {
	switch was := is.Swap(set); {
	case set && !was:
		c.deadlines.Add(1)
	case was && !set:
		c.deadlines.Add(-1)
	}
}

func (c *watchedConn) SetDeadline(t time.Time) error {
	c.note(&c.read, !t.IsZero())
	c.note(&c.write, !t.IsZero())
	return c.Conn.SetDeadline(t)
}

func (c *watchedConn) SetReadDeadline(t time.Time) error {
	c.note(&c.read, !t.IsZero())
	return c.Conn.SetReadDeadline(t)
}

func (c *watchedConn) SetWriteDeadline(t time.Time) error {
	c.note(&c.write, !t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

func (c *watchedConn) Close() error {
	c.note(&c.read, false)
	c.note(&c.write, false)
	return c.Conn.Close()
}
