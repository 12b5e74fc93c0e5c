package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
)

// The server's numbers for a lost race: on a single server and on a cluster.
const (
	wrongLast         = 10071
	wrongLastInFlight = 10164
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
