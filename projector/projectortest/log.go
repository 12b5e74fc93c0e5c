// Package projectortest is what both stores must do: one contract, a log to fold from, random histories, and a plain recount of a log
// to hold the answers against.
//
// It is for tests only. The one thing to know: Log keeps of a reader's marks and of a person's statuses only the latest, as the real log does.
package projectortest

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"parley/domain"
)

// Log is a log in memory.
type Log struct {
	// Split, if set, says how many of n waiting events are handed on at once.
	Split func(n int) int
	// Repeat, if set, says how many events before the position are handed on once more.
	Repeat func(n int) int

	mu     sync.Mutex
	epoch  string
	shards []shardLog
	grown  chan struct{} // closed when something is appended, and replaced
	states int
}

type shardLog struct {
	records []domain.Record
	last    uint64
}

// NewLog makes an empty log.
func NewLog(shards int) *Log {
	return &Log{epoch: "first", shards: make([]shardLog, shards), grown: make(chan struct{})}
}

// Shard gives the shard that a topic is in.
func (l *Log) Shard(t domain.Topic) int {
	h := fnv.New32a()
	h.Write([]byte(t.Key()))
	return int(h.Sum32() % uint32(len(l.shards)))
}

// Began is the instant at which the log's time begins.
var Began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Append stores an event some time after Began and gives its place.
func (l *Log) Append(t domain.Topic, e domain.Event, after time.Duration) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	shard := l.Shard(t)
	s := &l.shards[shard]
	s.last++
	if replaced := replacedBy(e); replaced != nil {
		s.records = slices.DeleteFunc(slices.Clone(s.records), func(r domain.Record) bool { return r.Topic == t && replaced(r.Event) })
	}
	s.records = append(s.records, domain.Record{Topic: t, Shard: shard, Seq: s.last, Time: Began.Add(after), Event: e})
	close(l.grown)
	l.grown = make(chan struct{})
	return s.last
}

// replacedBy gives which events of the same topic an event takes the place of; nil for none.
func replacedBy(e domain.Event) func(earlier domain.Event) bool {
	switch e := e.(type) {
	case domain.ReadMarked:
		return func(earlier domain.Event) bool { was, ok := earlier.(domain.ReadMarked); return ok && was.By == e.By }
	case domain.StatusSet:
		return func(earlier domain.Event) bool { _, ok := earlier.(domain.StatusSet); return ok }
	}
	return nil
}

// Remove takes events out, as an erasure does. Their places stay empty.
func (l *Log) Remove(which func(domain.Record) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.shards {
		l.shards[i].records = slices.DeleteFunc(slices.Clone(l.shards[i].records), which)
	}
}

// Remake empties the log and begins another life of it.
func (l *Log) Remake(epoch string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch, l.shards = epoch, make([]shardLog, len(l.shards))
	close(l.grown)
	l.grown = make(chan struct{})
}

// Records gives all that is in a shard.
func (l *Log) Records(shard int) []domain.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.shards[shard].records)
}

// States is how often a state lane has been read.
func (l *Log) States() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.states
}

// Shards is how many shards there are.
func (l *Log) Shards() int { return len(l.shards) }

// Epoch names this life of the log.
func (l *Log) Epoch(int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch
}

// State gives the state lane of a topic before a place.
func (l *Log) State(_ context.Context, t domain.Topic, before uint64) (state []domain.Record, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states++
	for _, r := range l.shards[l.Shard(t)].records {
		if r.Topic == t && r.Seq < before && r.Event != nil && r.Event.Lane() == domain.LaneState {
			state = append(state, r)
		}
	}
	return state, nil
}

// Ends gives the position of each shard's last event.
func (l *Log) Ends(context.Context) ([]domain.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := make([]domain.Position, len(l.shards))
	for i, s := range l.shards {
		ends[i] = domain.Position{Epoch: l.epoch}
		if n := len(s.records); n > 0 {
			ends[i].Seq = s.records[n-1].Seq
		}
	}
	return ends, nil
}

// Follow hands on what comes after a position.
func (l *Log) Follow(ctx context.Context, shard int, after domain.Position, batch int, fn func([]domain.Record) error) error {
	if after.Epoch == "" {
		after.Epoch = l.Epoch(shard)
	}
	for repeat := l.Repeat; ; repeat = nil {
		some, grown, err := l.next(shard, after, batch, repeat)
		if err != nil {
			return err
		}
		if len(some) == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-grown:
			}
			continue
		}
		if err := fn(some); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if last := some[len(some)-1]; last.Seq > after.Seq {
			after.Seq, after.Time = last.Seq, last.Time.UnixNano()
		}
	}
}

// ReadTo hands on what comes after a position and not after end.
func (l *Log) ReadTo(ctx context.Context, shard int, after domain.Position, end uint64, batch int, fn func([]domain.Record) error) error {
	if after.Epoch == "" {
		after.Epoch = l.Epoch(shard)
	}
	for {
		some, _, err := l.next(shard, after, batch, nil)
		if err != nil || ctx.Err() != nil {
			return cmp.Or(ctx.Err(), err)
		}
		some = slices.DeleteFunc(some, func(r domain.Record) bool { return r.Seq > end })
		if len(some) == 0 {
			return nil
		}
		if err := fn(some); err != nil {
			return err
		}
		last := some[len(some)-1]
		after.Seq, after.Time = last.Seq, last.Time.UnixNano()
	}
}

func (l *Log) next(shard int, after domain.Position, batch int, repeat func(int) int) ([]domain.Record, chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shards[shard]
	other := slices.ContainsFunc(s.records, func(r domain.Record) bool {
		return after.Time != 0 && r.Seq == after.Seq && r.Time.UnixNano() != after.Time
	})
	if after.Epoch != l.epoch || after.Seq > s.last || other {
		return nil, nil, fmt.Errorf("shard %d, position %v: %w", shard, after, domain.ErrGone)
	}
	first := slices.IndexFunc(s.records, func(r domain.Record) bool { return r.Seq > after.Seq })
	if first < 0 {
		return nil, l.grown, nil
	}
	if repeat != nil {
		first -= repeat(first)
	}
	some := s.records[first:]
	some = some[:min(len(some), batch)]
	if l.Split != nil {
		some = some[:l.Split(len(some))]
	}
	return slices.Clone(some), l.grown, nil
}

// add appends without rolling up, which takes a pass over the log.
func (l *Log) add(t domain.Topic, e domain.Event) {
	s := &l.shards[0]
	s.last++
	s.records = append(s.records, domain.Record{Topic: t, Seq: s.last, Time: Began.Add(time.Duration(s.last) * time.Millisecond), Event: e})
}
