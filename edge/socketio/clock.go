package socketio

import (
	"container/heap"
	"sync"
	"time"
)

// clock calls connections back when their deadlines have come. It keeps all of them in one heap behind one timer, so
// that a connection has no timer of its own and an idle server no goroutine.
type clock struct {
	start time.Time

	ringing sync.Mutex // held while connections are called back

	mu    sync.Mutex
	heap  deadlines
	timer *time.Timer // nil before there was any deadline
	armed instant     // what the timer is set for, zero for nothing
}

// instant is a moment as the time since the clock was made. Zero means never.
type instant = time.Duration

// deadline is a connection's place in the heap.
type deadline struct {
	at    instant
	place int // index in the heap plus one; zero when it is in none
	conn  *conn
}

func newClock() *clock { return &clock{start: time.Now()} }

// now is always later than zero, which means never.
func (k *clock) now() instant { return time.Since(k.start) + 1 }

// set moves d to the moment at, or takes it out if at is zero.
func (k *clock) set(d *deadline, at instant) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d.at = at
	switch {
	case at == 0 && d.place > 0:
		heap.Remove(&k.heap, d.place-1)
	case at == 0:
	case d.place > 0:
		heap.Fix(&k.heap, d.place-1)
	default:
		heap.Push(&k.heap, d)
	}
	k.arm()
}

// arm sets the timer for the first deadline.
func (k *clock) arm() {
	first := instant(0)
	if len(k.heap) > 0 {
		first = k.heap[0].at
	}
	if first == k.armed {
		return
	}
	k.armed = first
	switch {
	case first == 0:
		k.timer.Stop()
	case k.timer == nil:
		k.timer = time.AfterFunc(first-k.now(), k.ring)
	default:
		k.timer.Reset(first - k.now())
	}
}

// ring calls back every connection whose deadline has come. A deadline leaves the heap before its connection is called, and the
// connection sets the next one; so one that was moved in between is called once too often, which connections allow for.
func (k *clock) ring() {
	k.ringing.Lock()
	defer k.ringing.Unlock()
	for {
		k.mu.Lock()
		now := k.now()
		if len(k.heap) == 0 || k.heap[0].at > now {
			k.armed = 0
			k.arm()
			k.mu.Unlock()
			return
		}
		c := heap.Pop(&k.heap).(*deadline).conn
		k.mu.Unlock()
		c.expire(now)
	}
}

// settle waits until connections that are being called back have returned.
func (k *clock) settle() {
	k.ringing.Lock()
	defer k.ringing.Unlock()
}

// deadlines is the heap, the earliest first.
type deadlines []*deadline

func (h deadlines) Len() int           { return len(h) }
func (h deadlines) Less(i, j int) bool { return h[i].at < h[j].at }

func (h deadlines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *deadlines) Push(x any) {
	d := x.(*deadline)
	*h = append(*h, d)
	d.place = len(*h)
}

func (h *deadlines) Pop() any {
	old := *h
	last := len(old) - 1
	d := old[last]
	old[last] = nil
	*h = old[:last]
	d.place = 0
	return d
}
