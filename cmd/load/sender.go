package main

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// sender says things: in a closed loop the next one when one of those under way is settled, in an open loop each when it is due.
type sender struct {
	stage    *stage
	device   *device
	number   int
	audience int // who are to hear each message
	limit    uint64
	command  string // up to the text
	padding  string // of the text, and what closes the command

	mu          sync.Mutex
	next        uint64 // how many were sent
	answeredAll uint64
	refused     map[uint64]bool
	frame       []byte

	window []flight
	due    chan int64 // of an open loop
}

// flight is a message under way.
type flight struct {
	seq  atomic.Uint64
	left atomic.Int32 // who have not heard it yet, and the ack
	due  atomic.Int64
}

func newSender(s *stage, d *device, number, audience int, command string) *sender {
	window := s.inFlight
	if s.rate > 0 {
		window = openWindow
	}
	return &sender{stage: s, device: d, number: number, audience: audience, command: command,
		padding: strings.Repeat(".", max(s.bytes-minBytes, 0)) + `"]`, window: make([]flight, window)}
}

// openWindow is of how many messages under way a sender of an open loop remembers when they were due, to time the acks.
const openWindow = 64

// send sends the next message.
func (t *sender) send(slot int, due int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limit > 0 && t.next >= t.limit {
		return
	}
	seq := t.next
	t.next++
	f := &t.window[slot]
	f.seq.Store(seq)
	f.due.Store(due)
	f.left.Store(int32(t.audience) + 1)
	b := append(t.frame[:0], "42"...)
	b = strconv.AppendUint(b, seq*uint64(len(t.window))+uint64(slot), 10)
	b = append(b, t.command...)
	b = append(b, '"')
	b = append(b, t.stage.mark...)
	b = message{t.number, slot, seq, due}.append(b)
	b = append(b, t.padding...)
	t.frame = b
	t.stage.meter.sent(t.number, due)
	_ = t.device.write(b) // if it fails, the connection has ended, which its reader says
}

// answered handles the ack of a message.
func (t *sender) answered(id uint64, code int, frame []byte) {
	slot, seq := int(id%uint64(len(t.window))), id/uint64(len(t.window))
	f := &t.window[slot]
	if f.seq.Load() == seq {
		t.stage.meter.acked(t.number, f.due.Load())
	}
	t.mu.Lock()
	t.answeredAll++
	if code != 0 {
		if t.refused == nil {
			t.refused = map[uint64]bool{}
		}
		t.refused[seq] = true
	}
	t.mu.Unlock()
	if code == 0 {
		t.settle(message{slot: slot, seq: seq})
		return
	}
	t.stage.fault(&t.stage.refused, "a message of %s was refused: %.200s", t.device.id, frame)
	if t.closed() {
		time.AfterFunc(100*time.Millisecond, func() { t.again(slot) })
	}
}

// settle notes that a message was heard by one more, or acknowledged.
func (t *sender) settle(m message) {
	if !t.closed() {
		return
	}
	if f := &t.window[m.slot]; f.seq.Load() == m.seq && f.left.Add(-1) == 0 {
		t.again(m.slot)
	}
}

func (t *sender) closed() bool { return t.stage.rate == 0 }

func (t *sender) again(slot int) {
	if !t.stage.stopped.Load() {
		t.send(slot, clock())
	}
}

// begin puts the first messages of a closed loop on their way.
func (t *sender) begin() {
	for slot := range t.window {
		t.again(slot)
	}
}

// keepTime sends what is due, until that ends.
func (t *sender) keepTime() {
	n := 0
	for due := range t.due {
		t.send(n%len(t.window), due)
		n++
	}
}

// lost is how many messages one did not get who was to have them all.
func (t *sender) lost(l *ledger) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return l.lost(t.next, t.refused)
}

// counts gives how many messages were sent, of those how many were answered, and of those how many refused.
func (t *sender) counts() (sent, answered, refused uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next, t.answeredAll, uint64(len(t.refused))
}
