package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Limits of what waits to be stored. An append beyond them is refused as Unavailable. The server's own queue holds 10,000 messages.
const (
	maxPending      = 8192
	maxPendingBytes = 64 << 20
)

// appendPatience is when a pending append is given up; with the checks' interval it stays below patience.
const (
	appendPatience = patience - time.Second
	appendCheck    = patience / 20
)

var (
	errLost    = errors.New("the connection was lost before the acknowledgement")
	errLate    = errors.New("no acknowledgement in time")
	errClosed  = errors.New("the log is closed")
	errTooMany = errors.New("too many appends are pending")
)

// appender publishes appends in order and matches the acknowledgements. It has two goroutines: one writes, so that a server that stands
// still never blocks a caller; the other answers.
type appender struct {
	conn  *nats.Conn
	inbox string // of the acknowledgements, ending in "."
	sub   *nats.Subscription
	acks  chan *nats.Msg
	saw   func(shard int, seq uint64) // is told what is stored

	mu       sync.Mutex
	lines    []line            // by shard
	sent     map[uint64]*group // written and not answered, by number
	answered []*pending        // done is due
	next     uint64            // the next number
	count    int               // of the pending, answered ones among them
	bytes    int
	closed   bool

	write, answer chan struct{} // there is work
	idle          chan struct{} // closed when closed and nothing is pending
	quit          chan struct{}
	workers       sync.WaitGroup
}

// newAppender makes the appender of a log of which those shards take groups.
func newAppender(j *Journal, grouped []bool) (*appender, error) {
	a := &appender{
		conn: j.conn, saw: j.saw, inbox: j.conn.NewInbox() + ".", acks: make(chan *nats.Msg, 2*maxPending), sent: map[uint64]*group{},
		write: make(chan struct{}, 1), answer: make(chan struct{}, 1), idle: make(chan struct{}), quit: make(chan struct{}),
	}
	for _, g := range grouped {
		a.lines = append(a.lines, newLine(g))
	}
	var err error
	if a.sub, err = j.conn.ChanSubscribe(a.inbox+"*", a.acks); err != nil {
		return nil, err
	}
	a.workers.Go(a.writing)
	a.workers.Go(a.answering)
	return a, nil
}

// enqueue takes an append in, or with an error one that cannot even be tried; false says that it takes no more.
func (a *appender) enqueue(p *pending, err error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.count++
	a.bytes += p.size
	switch {
	case err != nil:
		a.settle(p, err)
	case a.count > maxPending || a.bytes > maxPendingBytes:
		a.settle(p, unavailable(errTooMany))
	default:
		l := &a.lines[p.shard]
		l.queue = append(l.queue, p)
		nudge(a.write)
	}
	return true
}

// settle gives p its answer; the answering goroutine passes it on. a.mu is held.
func (a *appender) settle(p *pending, err error) {
	p.err = err
	a.lines[p.shard].heard(err)
	a.answered = append(a.answered, p)
	nudge(a.answer)
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// writing publishes what is queued, in order.
func (a *appender) writing() {
	for {
		select {
		case <-a.write:
		case <-a.quit:
			return
		}
		for shard := range a.lines {
			for a.publishNext(shard) {
			}
		}
	}
}

// publishNext publishes what is due next of a shard; false says that nothing is.
func (a *appender) publishNext(shard int) bool {
	a.mu.Lock()
	drafts := a.lines[shard].take()
	if drafts == nil {
		a.mu.Unlock()
		return false
	}
	number := a.next
	a.next++
	g := &group{shard: shard, drafts: drafts, sent: time.Now()}
	a.sent[number] = g
	msgs := g.messages(a.inbox + strconv.FormatUint(number, 36))
	a.mu.Unlock()

	for _, m := range msgs {
		if err := a.conn.PublishMsg(m); err != nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.sent[number] == g {
				a.give(number, unavailable(plain(err)))
			}
			return true
		}
	}
	return true
}

// answering passes answers on, and gives up what waits too long.
func (a *appender) answering() {
	check := time.NewTicker(appendCheck)
	defer check.Stop()
	for {
		select {
		case m := <-a.acks:
			a.acknowledged(m)
			for range len(a.acks) { // those that came with it
				a.acknowledged(<-a.acks)
			}
		case <-a.answer:
		case <-check.C:
			a.expire(time.Now().Add(-appendPatience))
		case <-a.quit:
			return
		}
		a.tell()
	}
}

func (a *appender) acknowledged(m *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, a.inbox), 36, 64)
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.sent[number]
	if err != nil || g == nil {
		return // given up before
	}
	delete(a.sent, number)
	at, err := readAck(m, g.shard)
	nudge(a.write)
	if err == nil {
		a.saw(at.Shard, at.Seq)
	}
	if !a.lines[g.shard].answered(g, time.Now(), at, err) {
		return
	}
	for i, p := range g.drafts {
		if p == nil {
			continue
		}
		p.at = at
		p.at.Seq -= uint64(len(g.drafts) - 1 - i) // the server stores a group in one go, and names its last
		a.settle(p, err)
	}
}

// give answers all of what was written under a number. a.mu is held.
func (a *appender) give(number uint64, err error) {
	g := a.sent[number]
	delete(a.sent, number)
	a.lines[g.shard].gone(g)
	nudge(a.write)
	for _, p := range g.drafts {
		if p != nil {
			a.settle(p, err)
		}
	}
}

// lost gives up all that was written before the connection broke: its acknowledgements went with it.
func (a *appender) lost(cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for number := range a.sent {
		a.give(number, unavailable(errors.Join(errLost, cause)))
	}
}

// expire gives up what was begun before the deadline.
func (a *appender) expire(deadline time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	late := func(p *pending) bool {
		if p == nil || p.begun.After(deadline) {
			return false
		}
		a.settle(p, unavailable(errLate))
		return true
	}
	for number, g := range a.sent {
		left := 0
		for i, p := range g.drafts {
			if late(p) {
				g.drafts[i] = nil
			}
			if g.drafts[i] != nil {
				left++
			}
		}
		if left == 0 {
			a.give(number, nil)
		}
	}
	for shard := range a.lines {
		l := &a.lines[shard]
		for len(l.queue) > 0 && late(l.queue[0]) {
			l.queue = l.queue[1:]
		}
	}
}

// tell calls done for all that are answered.
func (a *appender) tell() {
	a.mu.Lock()
	answered := a.answered
	a.answered = nil
	a.mu.Unlock()
	for _, p := range answered {
		p.done(p.at, p.err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range answered {
		a.count--
		a.bytes -= p.size
	}
	if a.closed && a.count == 0 && a.idle != nil {
		close(a.idle)
		a.idle = nil
	}
}

// close takes no more and waits for the pending until ctx ends; what is left then is given up.
func (a *appender) close(ctx context.Context) error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil
	}
	a.closed = true
	idle := a.idle
	nudge(a.answer)
	a.mu.Unlock()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("gave up pending appends: %w", ctx.Err())
	}
	close(a.quit)
	a.workers.Wait()
	a.expire(time.Now())
	a.tell()
	return err
}
