package socketio

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// In a synctest bubble time moves only when everyone waits, so deadlines can be held to the nanosecond.
func TestHeartbeatsAreExact(t *testing.T) {
	const interval, timeout = 300 * time.Millisecond, 200 * time.Millisecond
	for protocol, sign := range map[int]byte{3: packetPing, 4: packetPong} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{PingInterval: interval, PingTimeout: timeout, ConnectTimeout: time.Hour})
			const conns = 500
			all := make([]*conn, conns)
			for i := range all {
				time.Sleep(time.Duration(rand.IntN(int(timeout / conns))))
				c := newConn(s, false, Handshake{Protocol: protocol})
				s.admit(c)
				c.open(c.terms())
				c.unref()
				all[i] = c
			}
			opened := time.Now()
			for range 3 {
				time.Sleep(interval)
				synctest.Wait()
				for _, c := range all {
					c.mu.Lock()
					pinged := c.pinged
					c.mu.Unlock()
					if pinged != (protocol == 4) { // else it is the client that pings
						t.Fatalf("EIO %d: sent a ping: %t", protocol, pinged)
					}
					c.heartbeat(sign, nil)
				}
			}
			// From the last signs of life on there are none: pings are due after one interval, and the end one timeout later.
			time.Sleep(interval + timeout - time.Nanosecond)
			synctest.Wait()
			if n := len(s.all()); n != conns {
				t.Fatalf("EIO %d: %d connections are left %v after the last sign of life, want all %d", protocol, n, time.Since(opened)-3*interval, conns)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if n := len(s.all()); n != 0 {
				t.Fatalf("EIO %d: %d connections outlive their ping timeout", protocol, n)
			}
			if len(s.clock.heap) != 0 {
				t.Errorf("EIO %d: %d deadlines are left over", protocol, len(s.clock.heap))
			}
		})
	}
}

// A ping that is sent late does not move the end, unless it is very late, and requests do not find what should be over.
func TestLateTimers(t *testing.T) {
	const interval, timeout = 300 * time.Millisecond, 200 * time.Millisecond
	for _, test := range []struct{ late, end time.Duration }{
		{0, interval + timeout},
		{19 * time.Millisecond, interval + timeout},
		{time.Second, interval + time.Second + timeout - timeout/10},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{PingInterval: interval, PingTimeout: timeout, ConnectTimeout: time.Hour})
			c := newConn(s, false, Handshake{Protocol: 4})
			s.admit(c)
			c.open(c.terms())
			c.unref()
			opened := time.Now()
			s.clock.timer.Stop()
			time.Sleep(interval + test.late)
			c.expire(s.clock.now())
			s.clock.timer.Stop()
			time.Sleep(test.end - time.Since(opened) - time.Nanosecond)
			if s.lookup(c.sid) == nil {
				t.Errorf("with a ping %v late the end is early", test.late)
			}
			time.Sleep(time.Nanosecond)
			if s.lookup(c.sid) != nil {
				t.Errorf("with a ping %v late the end is later than %v", test.late, test.end)
			}
			synctest.Wait()
			if n := len(s.all()); n != 0 {
				t.Errorf("%d connections are left", n)
			}
		})
	}
}

func TestClockKeepsOrder(t *testing.T) {
	k := newClock()
	all := make([]deadline, 200)
	for range 2000 {
		at := instant(0)
		if rand.IntN(4) > 0 {
			at = time.Hour + time.Duration(rand.IntN(1000))
		}
		k.set(&all[rand.IntN(len(all))], at)
		for i, d := range k.heap {
			if d.place != i+1 || k.heap[0].at > d.at {
				t.Fatalf("deadline %d of %d is out of place", i, len(k.heap))
			}
		}
		if len(k.heap) > 0 && k.armed != k.heap[0].at {
			t.Fatal("the timer is not set for the first deadline")
		}
	}
	for i := range all {
		k.set(&all[i], 0)
	}
	if len(k.heap) != 0 || k.armed != 0 {
		t.Errorf("%d deadlines are left, the timer is set for %v", len(k.heap), k.armed)
	}
}
