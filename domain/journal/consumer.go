package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
)

// A consumer that has nothing to bring says so each heartbeat; one that is silent for quietLimit is dead.
const (
	heartbeat     = time.Second
	watchInterval = time.Second
	quietLimit    = 3 * heartbeat
	aheadBytes    = 16 << 20 // how much of events is decoded before they are taken, whatever their number
)

// consumer brings the events of one shard from a sequence on. It lives no longer than nothing goes wrong: then broken is closed,
// and the reader makes another. The server sends ahead what flow control allows, 32 MiB at most.
type consumer struct {
	j       *Journal
	stream  string
	name    string
	sub     *nats.Subscription
	lenient bool          // brings records without their events where those are of a kind that this version does not know
	limit   int           // how many events are decoded before they are taken
	came    chan struct{} // holds one when there are some to take
	room    chan struct{} // holds one when they were taken
	broken  chan struct{} // closed when cause is set
	cause   error
	done    chan struct{} // closed by close
	closed  chan struct{} // closed when no callback runs any more
	count   uint64        // how many messages came; used by the callback alone

	mu      sync.Mutex
	ahead   []domain.Record // decoded and not taken
	bytes   int             // of what they were decoded from
	heard   time.Time
	last    uint64 // the sequence of the last event that came
	pending uint64 // how many more there were then
}

// consume makes a consumer that begins with sequence from and has at most limit events ready.
func (j *Journal) consume(ctx context.Context, shard int, from uint64, limit int, lenient bool) (*consumer, error) {
	c := &consumer{
		j: j, stream: streamName(shard), name: nats.NewInbox()[len(nats.InboxPrefix):], last: from - 1, heard: time.Now(),
		limit: limit, lenient: lenient, came: make(chan struct{}, 1), room: make(chan struct{}, 1),
		broken: make(chan struct{}), done: make(chan struct{}), closed: make(chan struct{}),
	}
	inbox := j.reads.NewInbox()
	var err error
	if c.sub, err = j.reads.Subscribe(inbox, c.receive); err != nil {
		return nil, err
	}
	c.sub.SetClosedHandler(func(string) { close(c.closed) })
	err = c.sub.SetPendingLimits(-1, -1) // the server's flow control is the limit
	if err == nil {
		err = c.create(ctx, inbox, from)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("consumer on %s: %w", c.stream, err)
	}
	return c, nil
}

func (c *consumer) create(ctx context.Context, inbox string, from uint64) error {
	wish, err := json.Marshal(map[string]any{
		"stream_name": c.stream,
		"action":      "create",
		"config": map[string]any{
			"name": c.name, "deliver_subject": inbox, "deliver_policy": "by_start_sequence", "opt_start_seq": from,
			"ack_policy": "none", "replay_policy": "instant", "max_deliver": 1, "mem_storage": true, "num_replicas": 1,
			"flow_control": true, "idle_heartbeat": heartbeat, "inactive_threshold": 2 * quietLimit,
		},
	})
	if err != nil {
		return err
	}
	m, err := persist(ctx, func(ctx context.Context) (*nats.Msg, error) {
		return c.j.reads.RequestWithContext(ctx, "$JS.API.CONSUMER.CREATE."+c.stream+"."+c.name, wish)
	})
	if err != nil {
		return err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Pending uint64              `json:"num_pending"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return answer.Error
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == from-1 { // nothing came yet
		c.pending = answer.Pending
	}
	return nil
}

// close ends the consumer and waits for its callback.
func (c *consumer) close() {
	close(c.done)
	if c.sub.Unsubscribe() == nil {
		<-c.closed
	}
	// The server deletes it by itself when this does not reach it.
	_ = c.j.reads.PublishRequest("$JS.API.CONSUMER.DELETE."+c.stream+"."+c.name, c.j.reads.NewInbox(), nil)
}

// receive takes what the server sends.
func (c *consumer) receive(m *nats.Msg) {
	select {
	case <-c.broken:
		return
	default:
	}
	if len(m.Data) == 0 && m.Header.Get("Status") != "" {
		c.control(m)
		return
	}
	at, err := m.Metadata()
	if err != nil {
		c.fail(errAgain{err})
		return
	}
	if c.count++; at.Sequence.Consumer != c.count {
		c.fail(errAgain{fmt.Errorf("message %d came where %d was due", at.Sequence.Consumer, c.count)})
		return
	}
	r, err := c.j.record(m.Subject, at.Sequence.Stream, at.Timestamp, m.Data)
	if err != nil && !(c.lenient && isUnknown(err)) {
		c.fail(err)
		return
	}
	for !c.keep(r, len(m.Data), at.NumPending) {
		select {
		case <-c.room:
		case <-c.done:
			return
		}
	}
}

// keep has an event ready to be taken; false says that there is no room.
func (c *consumer) keep(r domain.Record, bytes int, pending uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ahead) >= c.limit || c.bytes >= aheadBytes {
		return false
	}
	c.ahead, c.bytes = append(c.ahead, r), c.bytes+bytes
	c.last, c.pending, c.heard = r.Seq, pending, time.Now()
	if len(c.ahead) == 1 {
		nudge(c.came)
	}
	return true
}

// take gives the events that are ready, limit at most, in exchange for a slice that is used no more.
func (c *consumer) take(used []domain.Record) []domain.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(used) // of what they refer to
	ready := c.ahead
	c.ahead, c.bytes = used[:0], 0
	nudge(c.room)
	return ready
}

// some says whether events are ready.
func (c *consumer) some() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ahead) > 0
}

// control answers flow control and checks at heartbeats that nothing was lost before them.
func (c *consumer) control(m *nats.Msg) {
	if m.Header.Get("Status") != "100" {
		c.fail(errAgain{fmt.Errorf("server says %s %s", m.Header.Get("Status"), m.Header.Get("Description"))})
		return
	}
	c.note()
	answer := m.Reply
	if answer == "" {
		answer = m.Header.Get("Nats-Consumer-Stalled")
	}
	if answer != "" {
		if err := c.j.reads.Publish(answer, nil); err != nil {
			c.fail(errAgain{err})
			return
		}
	}
	if s := m.Header.Get("Nats-Last-Consumer"); s != "" {
		if n, err := strconv.ParseUint(s, 10, 64); err != nil || n != c.count {
			c.fail(errAgain{fmt.Errorf("%s messages were sent, %d came", s, c.count)})
		}
	}
}

func (c *consumer) note() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = time.Now()
}

// fail breaks the consumer; the callback alone calls it.
func (c *consumer) fail(cause error) {
	c.cause = cause
	close(c.broken)
}

// quiet says for how long nothing was heard.
func (c *consumer) quiet() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.heard)
}

// nothingLeft says whether, when it last spoke, there was nothing after seq.
func (c *consumer) nothingLeft(seq uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last == seq && c.pending == 0
}
