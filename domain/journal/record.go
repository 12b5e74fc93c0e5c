package journal

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"parley/domain"
)

// Headers by which the server says where a message is stored, in the canonical form in which they lie in a nats.Header.
const (
	headerSubject  = "Nats-Subject"
	headerSequence = "Nats-Sequence"
	headerPrevious = "Nats-Last-Sequence"
	headerTime     = "Nats-Time-Stamp"
)

// record reads an event as it was stored. The error names the event, as far as it could be read, and its position; it wraps
// *domain.UnknownEventError, and then the record has all but the event, or domain.ErrUnreadable.
func (j *Journal) record(subject string, seq uint64, at time.Time, data []byte) (domain.Record, error) {
	a, err := parseSubject(subject, j.Shards())
	if err != nil {
		return domain.Record{}, fmt.Errorf("event %d: %w: %w", seq, domain.ErrUnreadable, err)
	}
	e, err := domain.DecodeEvent(data)
	if err == nil && !a.takes(e) {
		err = fmt.Errorf("a %s does not belong there", e.EventName())
	}
	if err != nil && !isUnknown(err) {
		return domain.Record{}, fmt.Errorf("event %d of %s at %s: %w: %w", seq, streamName(a.shard), subject, domain.ErrUnreadable, err)
	}
	r := domain.Record{Topic: a.topic, Shard: a.shard, Seq: seq, Time: at.UTC(), Event: e}
	if err != nil {
		err = fmt.Errorf("event %d of %s at %s: %w", seq, streamName(a.shard), subject, err)
	}
	return r, err
}

// isUnknown says whether an error is that an event is of a kind that this version does not know: one of a newer version, which runs beside it.
func isUnknown(err error) bool {
	var unknown *domain.UnknownEventError
	return errors.As(err, &unknown)
}

// fromHeaders reads a live copy, or the answer to a direct get.
func (j *Journal) fromHeaders(m *nats.Msg) (domain.Record, error) {
	seq, err1 := headerUint(m.Header, headerSequence)
	prev, err2 := uint64(0), error(nil)
	if m.Header.Get(headerPrevious) != "" {
		prev, err2 = headerUint(m.Header, headerPrevious)
	}
	at, err3 := time.Parse(time.RFC3339Nano, m.Header.Get(headerTime))
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return domain.Record{}, fmt.Errorf("message at %s: %w", m.Subject, err)
		}
	}
	r, err := j.record(m.Header.Get(headerSubject), seq, at, m.Data)
	r.Prev = prev
	return r, err
}

func headerUint(h nats.Header, key string) (uint64, error) {
	n, err := strconv.ParseUint(h.Get(key), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("header %s: %w", key, err)
	}
	return n, nil
}
