package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
)

// eraseBatch is how many bytes of events one request asks for while a topic is gone through.
const eraseBatch = 1 << 20

// Erase takes out of a topic's lanes, for good, what was stored after one sequence and before another (0: whatever was stored when it was called) and is to
// go: each such event is overwritten where it lies, on every server. It gives the sequence up to which it has gone through them: with an error, too, to go
// on from there.
// What is gone already does no harm, so that it can be repeated, and done by several at once. It holds a megabyte of events at a time, and rests
// between two as long as the first took, for the server rewrites a whole block of the stream for each and nobody else can use the stream meanwhile.
// The error is ctx's as Unavailable, Unavailable where the servers cannot be reached, or names an event that cannot be read.
func (j *Journal) Erase(ctx context.Context, t domain.Topic, after, before uint64, goes func(domain.Event) bool) (upTo uint64, err error) {
	shard := j.Shard(t)
	h := history{j: j, stream: streamName(shard), subject: topicSubject(shard, t) + ".>", seen: after, bytes: eraseBatch}
	last, err := j.askLeader(ctx, h.stream, lookup{Last: h.subject})
	if err != nil {
		return after, unavailable(err)
	}
	if last == nil {
		return after, nil
	}
	end := last.Seq
	if before > 0 {
		end = min(end, before-1)
	}
	for upTo = after; upTo < end; {
		failed := h.some(ctx, end)
		for _, r := range h.events { // also those that came before it failed
			if r.Seq > end {
				return end, nil
			}
			if goes(r.Event) {
				if err := j.eraseEvent(ctx, h.stream, r.Seq); err != nil {
					return upTo, unavailable(fmt.Errorf("erase %s: %w", h.subject, err))
				}
			}
			upTo = r.Seq
		}
		if failed != nil {
			return upTo, failed
		}
		upTo = h.seen
	}
	return upTo, nil
}

// some reads the next events, up to an end where there are none any more before it.
func (h *history) some(ctx context.Context, end uint64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	h.events = h.events[:0]
	for {
		err := h.batch(ctx)
		if len(h.events) > 0 && (err == nil || errors.Is(err, errShort)) {
			return nil
		}
		if err != nil && !errors.Is(err, errShort) {
			return err
		}
		next, err := h.j.askLeader(ctx, h.stream, lookup{Seq: h.seen + 1, Next: h.subject})
		if err != nil {
			return unavailable(err)
		}
		if next == nil || next.Seq > end { // the last ones have been erased, or replaced
			h.seen = max(h.seen, end)
			return nil
		}
		if !pause(ctx, 5*time.Millisecond) {
			return unavailable(fmt.Errorf("read %s: %w", h.subject, errShort))
		}
	}
}

// eraseEvent erases one, and rests.
func (j *Journal) eraseEvent(ctx context.Context, stream string, seq uint64) error {
	j.erasing.Lock()
	defer j.erasing.Unlock()
	begun := time.Now()
	if err := j.erase(ctx, stream, seq); err != nil {
		return err
	}
	if !pause(ctx, min(time.Since(begun), patience)) {
		return ctx.Err()
	}
	return nil
}

// erase overwrites a message where it lies. That it is gone already is no error.
func (j *Journal) erase(ctx context.Context, stream string, seq uint64) error {
	question, err := json.Marshal(map[string]any{"seq": seq})
	if err != nil {
		return err
	}
	m, err := persist(ctx, func(ctx context.Context) (*nats.Msg, error) {
		return j.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.DELETE."+stream, question)
	})
	if err != nil {
		return err
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return err
	}
	if answer.Error == nil {
		return nil
	}
	if there, err := j.askLeader(ctx, stream, lookup{Seq: seq}); err != nil || there == nil { // else another has erased it, or an earlier try
		return err
	}
	return answer.Error
}
