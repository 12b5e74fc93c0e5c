package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"parley/domain"
)

// batchGet is how many events one request for a lane's history asks for.
const batchGet = 1000

// errShort says that an answer broke off, or came from a replica that is behind: ask again.
var errShort = errors.New("the answer ends early")

// State gives the events of a topic's state lane in order, those with Seq < before; before 0 means all. All that was stored when it was
// called is seen. It costs one request, and one for each thousand events; the error is Unavailable, or names an event that cannot be read.
func (j *Journal) State(ctx context.Context, t domain.Topic, before uint64) ([]domain.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := address{shard: j.Shard(t), topic: t, lane: domain.LaneState}
	return j.history(ctx, history{j: j, stream: streamName(a.shard), subject: a.subject(), before: before})
}

// Since gives the events of all lanes of a topic in order, those with Seq > after, but for kinds that only newer versions know. All that was stored when it was called is seen. It
// costs what State does; so does the error.
func (j *Journal) Since(ctx context.Context, t domain.Topic, after uint64) ([]domain.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	shard := j.Shard(t)
	return j.history(ctx, history{j: j, stream: streamName(shard), subject: topicSubject(shard, t) + ".>", seen: after, lenient: true})
}

// Talk gives the events of a topic's talk lane in order, those with Seq > after, to fn, until it says false or there are no more. All that was stored when
// it was called is given. It costs what State does, and holds no more than a batch of them in memory; so does the error.
func (j *Journal) Talk(ctx context.Context, t domain.Topic, after uint64, fn func(domain.Record) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := address{shard: j.Shard(t), topic: t, lane: domain.LaneTalk}
	_, err := j.history(ctx, history{j: j, stream: streamName(a.shard), subject: a.subject(), seen: after, each: fn})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough says that nobody wants to have any more.
var errEnough = errors.New("enough was read")

// At gives the event of a topic that stands at a place of the log; found is false where another topic's stands there, or nothing. All that was
// stored when it was called is seen. It costs one request; the error is Unavailable, or names an event that cannot be read.
func (j *Journal) At(ctx context.Context, t domain.Topic, seq uint64) (r domain.Record, found bool, err error) {
	if seq == 0 {
		return r, false, nil
	}
	shard := j.Shard(t)
	s, err := j.askLeader(ctx, streamName(shard), lookup{Seq: seq})
	if err != nil {
		return r, false, unavailable(err)
	}
	if s == nil || !strings.HasPrefix(s.Subject, topicSubject(shard, t)+".") {
		return r, false, nil
	}
	r, err = j.record(s.Subject, s.Seq, s.Time, s.Data)
	return r, err == nil, err
}

// FirstSince gives the place of the first event of a shard that was stored at an instant or later; found is false where there is none. All that was stored
// when it was called is seen. It costs one request; the error is Unavailable.
func (j *Journal) FirstSince(ctx context.Context, shard int, at time.Time) (seq uint64, found bool, err error) {
	first, err := j.askLeader(ctx, streamName(shard), lookup{Start: &at, Next: ">"})
	if err != nil {
		return 0, false, unavailable(err)
	}
	if first == nil {
		return 0, false, nil
	}
	return first.Seq, true, nil
}

func (j *Journal) history(ctx context.Context, h history) ([]domain.Record, error) {
	for {
		err := h.read(ctx)
		if err == nil {
			return h.events, nil
		}
		if !errors.Is(err, errShort) {
			return nil, err
		}
		if !pause(ctx, 5*time.Millisecond) {
			return nil, unavailable(fmt.Errorf("read %s: %w", h.subject, err))
		}
	}
}

// history is the events of one subject, or of a topic's lanes, as far as they are read.
type history struct {
	j               *Journal
	stream, subject string
	before          uint64
	lenient         bool   // leaves out what this version does not know
	bytes           int    // how many to ask for at once, roughly; 0: the server's own limit
	seen            uint64 // the last sequence read, also of an event that is not asked for
	events          []domain.Record
	each            func(domain.Record) bool // gets the events instead, until it says false; nil: they are kept
}

// read goes on to where the leader says that the history ends.
func (h *history) read(ctx context.Context) error {
	last, err := h.j.askLeader(ctx, h.stream, lookup{Last: h.subject})
	if err != nil {
		return unavailable(err)
	}
	for last != nil && h.seen < last.Seq && (h.before == 0 || h.seen+1 < h.before) {
		was := h.seen
		if err := h.batch(ctx); err != nil {
			return err
		}
		if h.seen == was {
			return errShort
		}
	}
	return nil
}

// batch asks for the next events and takes those that come without a gap.
func (h *history) batch(ctx context.Context) error {
	question, err := json.Marshal(map[string]any{"seq": h.seen + 1, "next_by_subj": h.subject, "batch": batchGet, "max_bytes": h.bytes})
	if err != nil {
		return err
	}
	nc, answers := h.j.reads, make(chan *nats.Msg, batchGet+1)
	inbox := nc.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, answers)
	if err == nil {
		defer sub.Unsubscribe() //nolint:errcheck // fails only where the connection is closed
		err = nc.PublishRequest("$JS.API.DIRECT.GET."+h.stream, inbox, question)
	}
	if err != nil {
		return unavailable(plain(err))
	}
	silence := time.NewTimer(oneTry)
	defer silence.Stop()
	for previous := uint64(0); ; previous = h.seen {
		select {
		case m := <-answers:
			if more, err := h.take(m, previous); !more {
				return err
			}
			silence.Reset(oneTry)
		case <-silence.C:
			return errShort
		case <-ctx.Done():
			return unavailable(fmt.Errorf("read %s: %w", h.subject, ctx.Err()))
		}
	}
}

// take adds one answer; more is false where it was the last of its batch.
func (h *history) take(m *nats.Msg, previous uint64) (more bool, err error) {
	switch status := m.Header.Get("Status"); status {
	case "":
	case "204", "404": // the end; no more
		return false, nil
	case "503":
		return false, unavailable(nats.ErrNoResponders)
	default:
		return false, unavailable(fmt.Errorf("read %s: %s %s", h.subject, status, m.Header.Get("Description")))
	}
	r, err := h.j.fromHeaders(m)
	newer := isUnknown(err) && h.lenient
	if err != nil && !newer {
		return false, err
	}
	if r.Prev != previous { // one before it did not reach us
		return false, errShort
	}
	if h.seen = r.Seq; newer {
		return true, nil
	}
	r.Prev = 0
	switch {
	case h.each != nil && !h.each(r):
		return false, errEnough
	case h.each == nil && (h.before == 0 || r.Seq < h.before):
		h.events = append(h.events, r)
	}
	return true, nil
}

// Last gives the latest event of a topic's lane; reader says whose, for LaneRead, and is ignored for others. All that was stored when it was
// called is seen: the leader is asked, for a replica may be behind. It costs one request; the error is Unavailable, or names an event that
// cannot be read.
func (j *Journal) Last(ctx context.Context, t domain.Topic, lane domain.Lane, reader domain.UserID) (r domain.Record, found bool, err error) {
	a := address{shard: j.Shard(t), topic: t, lane: lane, reader: reader}
	s, err := j.askLeader(ctx, streamName(a.shard), lookup{Last: a.subject()})
	if err != nil {
		return r, false, unavailable(err)
	}
	if s == nil {
		return r, false, nil
	}
	r, err = j.record(s.Subject, s.Seq, s.Time, s.Data)
	return r, err == nil, err
}
