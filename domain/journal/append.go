package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
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

// The server's numbers for a lost race: on a single server and on a cluster.
const (
	wrongLast         = 10071
	wrongLastInFlight = 10164
)

var (
	errLost    = errors.New("the connection was lost before the acknowledgement")
	errLate    = errors.New("no acknowledgement in time")
	errClosed  = errors.New("the log is closed")
	errTooMany = errors.New("too many appends are pending")
)

// Append stores an event. The error is ErrRaced where d.Expect did not hold, or a *domain.Error: Unavailable where the log could not say
// within five seconds that it has the event (it may have it: the same Once may be sent again), TooLarge where the event is.
// Where both Once and Expect are given, a repetition is answered as a duplicate or as raced, as the servers happen to check.
func (j *Journal) Append(ctx context.Context, d domain.Draft) (domain.Stored, error) {
	type outcome struct {
		at  domain.Stored
		err error
	}
	said := make(chan outcome, 1)
	j.AppendAsync(d, func(at domain.Stored, err error) { said <- outcome{at, err} })
	select {
	case o := <-said:
		return o.at, o.err
	case <-ctx.Done():
		return domain.Stored{}, unavailable(ctx.Err())
	}
}

// AppendAsync stores an event as Append does and returns at once. Events are stored in the order of the calls. done is called once, within
// five seconds, on a goroutine of the journal's own; it must not block, for others wait behind it. Once Close was called there is no such
// goroutine to count on, and done is called with the refusal before AppendAsync returns.
func (j *Journal) AppendAsync(d domain.Draft, done func(domain.Stored, error)) {
	p := &pending{done: done, begun: time.Now()}
	if !j.appends.enqueue(p, j.encode(d, p)) {
		done(domain.Stored{}, unavailable(errClosed))
	}
}

// pending is an append without an answer.
type pending struct {
	msg   *nats.Msg
	size  int // in bytes
	shard int
	begun time.Time
	done  func(domain.Stored, error)
	at    domain.Stored // the answer
	err   error
}

func (j *Journal) encode(d domain.Draft, p *pending) error {
	a := addressOf(d.Topic, d.Event, j.Shards())
	p.shard, p.msg = a.shard, nats.NewMsg(a.subject())
	if back, err := parseSubject(p.msg.Subject, j.Shards()); err != nil || back != a {
		return fmt.Errorf("append %s: it does not belong at %s", d.Event.EventName(), p.msg.Subject)
	}
	var err error
	if p.msg.Data, err = domain.EncodeEvent(d.Event); err != nil {
		return err
	}
	if d.Once != "" {
		p.msg.Header.Set(jetstream.MsgIDHeader, d.Topic.Key()+"/"+d.Once)
	}
	if d.Expect != nil {
		p.msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(*d.Expect, 10))
	}
	if a.lane == domain.LaneRead || a.lane == domain.LaneStatus {
		p.msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	}
	if p.size = p.msg.Size(); p.size > maxEvent {
		return domain.Refuse(domain.TooLarge, "what is stored at once must be at most %d bytes, this has %d", maxEvent, p.size)
	}
	return nil
}

// appender publishes appends in order and matches the acknowledgements. It has two goroutines: one writes, so that a server that stands
// still never blocks a caller; the other answers.
type appender struct {
	conn  *nats.Conn
	inbox string // of the acknowledgements, ending in "."
	sub   *nats.Subscription
	acks  chan *nats.Msg

	mu       sync.Mutex
	queue    []*pending          // not written yet
	sent     map[uint64]*pending // written, by number
	answered []*pending          // done is due
	oldest   uint64              // no number below it is in sent
	next     uint64              // the next number
	count    int                 // of the pending, answered ones among them
	bytes    int
	closed   bool

	write, answer chan struct{} // there is work
	idle          chan struct{} // closed when closed and nothing is pending
	quit          chan struct{}
	workers       sync.WaitGroup
}

func newAppender(j *Journal) (*appender, error) {
	a := &appender{
		conn: j.conn, inbox: j.conn.NewInbox() + ".", acks: make(chan *nats.Msg, 2*maxPending), sent: map[uint64]*pending{},
		write: make(chan struct{}, 1), answer: make(chan struct{}, 1), idle: make(chan struct{}), quit: make(chan struct{}),
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
		a.queue = append(a.queue, p)
		nudge(a.write)
	}
	return true
}

// settle gives p its answer; the answering goroutine passes it on. a.mu is held.
func (a *appender) settle(p *pending, err error) {
	p.err = err
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
		for a.publishNext() {
		}
	}
}

// publishNext publishes one; false says that there is none.
func (a *appender) publishNext() bool {
	a.mu.Lock()
	if len(a.queue) == 0 {
		a.mu.Unlock()
		return false
	}
	p, number := a.queue[0], a.next
	a.queue = a.queue[1:]
	a.next++
	a.sent[number] = p
	a.mu.Unlock()

	p.msg.Reply = a.inbox + strconv.FormatUint(number, 36)
	if err := a.conn.PublishMsg(p.msg); err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.sent[number] == p {
			delete(a.sent, number)
			a.settle(p, unavailable(plain(err)))
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
	p := a.sent[number]
	if err != nil || p == nil {
		return // given up before
	}
	delete(a.sent, number)
	p.at, err = readAck(m, p.shard)
	a.settle(p, err)
}

func readAck(m *nats.Msg, shard int) (domain.Stored, error) {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return domain.Stored{}, unavailable(nats.ErrNoResponders)
	}
	var ack struct {
		Seq       uint64              `json:"seq"`
		Duplicate bool                `json:"duplicate"`
		Error     *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return domain.Stored{}, unavailable(fmt.Errorf("acknowledgement %q: %w", m.Data, err))
	}
	switch {
	case ack.Error != nil && raced(ack.Error):
		return domain.Stored{}, fmt.Errorf("%w (%w)", domain.ErrRaced, ack.Error)
	case ack.Error != nil:
		return domain.Stored{}, unavailable(ack.Error)
	}
	return domain.Stored{Shard: shard, Seq: ack.Seq, Duplicate: ack.Duplicate}, nil
}

// raced recognizes a lost race.
func raced(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == wrongLast || api.ErrorCode == wrongLastInFlight)
}

// lost gives up all that was written before the connection broke: its acknowledgements went with it.
func (a *appender) lost(cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for number, p := range a.sent {
		delete(a.sent, number)
		a.settle(p, unavailable(errors.Join(errLost, cause)))
	}
}

// expire gives up what was begun before the deadline.
func (a *appender) expire(deadline time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for ; a.oldest < a.next; a.oldest++ {
		p := a.sent[a.oldest]
		if p == nil {
			continue
		}
		if p.begun.After(deadline) {
			break
		}
		delete(a.sent, a.oldest)
		a.settle(p, unavailable(errLate))
	}
	for len(a.queue) > 0 && !a.queue[0].begun.After(deadline) {
		a.settle(a.queue[0], unavailable(errLate))
		a.queue = a.queue[1:]
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
