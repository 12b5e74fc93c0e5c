package projector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"parley/domain"
)

// making is fresh tables in the making.
type making struct {
	RebuildOptions
	log   Log
	fresh Fresh
	folds []*fold

	events atomic.Uint64
	mu     sync.Mutex
	at     []uint64 // by shard
	p      Progress
}

func newMaking(ctx context.Context, log Log, store Rebuilder, o RebuildOptions) (*making, error) {
	fresh, err := store.Beside(ctx)
	if err != nil {
		return nil, err
	}
	m := &making{RebuildOptions: o.withDefaults(), log: log, fresh: fresh, at: make([]uint64, log.Shards()), p: Progress{Step: Reading}}
	for shard := range log.Shards() {
		m.folds = append(m.folds, newFold(log, fresh, m.Cache, shard, log.Epoch(shard), domain.Position{}))
	}
	return m, nil
}

// update changes what Progress is told.
func (m *making) update(change func(*Progress)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.p)
	m.p.Events, m.p.At = m.events.Load(), 0
	for _, at := range m.at {
		m.p.At += at
	}
	m.Progress(m.p)
}

// to folds every shard up to a goal, where it is not beyond it.
func (m *making) to(ctx context.Context, goal []domain.Position) error {
	m.update(func(p *Progress) {
		p.End = 0
		for _, at := range goal {
			p.End += at.Seq
		}
	})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for shard, at := range goal {
		if shard < len(m.folds) {
			all.Go(func() {
				if err := m.shardTo(ctx, m.fold(shard), at); err != nil {
					cancel(err)
				}
			})
		}
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

// fold gives a shard's fold. One that is ahead of its checkpoint, for a batch could not be put down, begins anew there.
func (m *making) fold(shard int) *fold {
	if f := m.folds[shard]; f.spoilt {
		m.folds[shard] = newFold(m.log, m.fresh, m.Cache, shard, f.epoch, f.at)
	}
	return m.folds[shard]
}

// maxPending bounds what a batch of a rebuild holds of what people have written, in bytes.
const maxPending = 8 << 20

func (m *making) shardTo(ctx context.Context, f *fold, goal domain.Position) error {
	if goal.Seq <= f.at.Seq {
		return nil
	}
	var pending []domain.Record
	size := 0
	flush := func() error {
		err := f.commit(ctx, pending, true)
		if err == nil {
			m.events.Add(uint64(len(pending)))
			m.update(func(*Progress) { m.at[f.shard] = f.at.Seq })
		}
		pending, size = pending[:0], 0
		return err
	}
	err := m.log.ReadTo(ctx, f.shard, f.at, goal.Seq, m.Batch, func(records []domain.Record) error {
		for _, r := range records {
			switch e := r.Event.(type) {
			case domain.Message:
				size += len(e.Msg)
			case domain.MessageEdited:
				size += len(e.Msg)
			}
			pending = append(pending, r)
			if len(pending) == m.Batch || size > maxPending {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = f.settle(ctx)
	}
	if err == nil && goal.Time != 0 {
		err = f.reach(ctx, goal)
	}
	if err != nil {
		_ = f.land() // so that nothing is written any more
		return fmt.Errorf("shard %d, after event %d: %w", f.shard, f.at.Seq, err)
	}
	return nil
}

// few is how many events are no matter.
const few = 500

// near folds up to a goal that moves away, until it has little left to do or gets no nearer.
func (m *making) near(ctx context.Context, goal func(context.Context) ([]domain.Position, error)) error {
	for last := uint64(0); ; {
		to, err := goal(ctx)
		if err != nil {
			return err
		}
		before := m.events.Load()
		if err := m.to(ctx, to); err != nil {
			return err
		}
		n := m.events.Load() - before
		if n <= few || last > 0 && n >= last {
			return nil
		}
		last = n
	}
}

func (m *making) toEnd(ctx context.Context) error {
	ends, err := m.log.Ends(ctx)
	if err != nil {
		return err
	}
	return m.to(ctx, ends)
}

// compare folds exactly as far as the tables that serve are at some moment, and holds them against the fresh ones. foreign says that they are of another
// log.
func (m *making) compare(ctx context.Context) (c Comparison, foreign bool, err error) {
	nothing := func(why string) (Comparison, bool, error) { return Comparison{Nothing: why}, foreign, nil }
	at, err := m.fresh.Serving(ctx)
	switch {
	case errors.Is(err, ErrNoTables):
		return nothing("there are no tables to compare with")
	case errors.Is(err, ErrReplaced) && at == nil:
		return nothing("the tables are of another version of Parley, and cannot be compared")
	case err != nil && !errors.Is(err, ErrReplaced):
		return c, false, err
	}
	if err := m.check(ctx, at); errors.Is(err, domain.ErrGone) {
		foreign = true
		return nothing(fmt.Sprintf("the tables were made from another log than this one: %v", err))
	} else if err != nil {
		return c, false, err
	}
	err = m.near(ctx, func(ctx context.Context) ([]domain.Position, error) {
		at, err := m.fresh.Serving(ctx)
		if errors.Is(err, ErrReplaced) {
			err = nil
		}
		return at, err
	})
	if err == nil {
		c, err = m.atOnce(ctx)
	}
	if errors.Is(err, ErrNoTables) {
		return nothing("the tables that serve were made anew meanwhile")
	}
	if err == nil {
		c.Differences, err = m.settle(ctx, c.Differences)
	}
	if err == nil && len(c.Differences) > 0 {
		c.Behind, err = m.behind(ctx)
	}
	return c, false, err
}

// behind is how far the tables that serve are behind the fresh ones.
func (m *making) behind(ctx context.Context) (n uint64, err error) {
	at, err := m.fresh.Serving(ctx)
	for _, f := range m.folds {
		if f.shard < len(at) && at[f.shard].Seq < f.at.Seq {
			n += f.at.Seq - at[f.shard].Seq
		}
	}
	if errors.Is(err, ErrReplaced) {
		err = nil
	}
	return n, err
}

// check fails with domain.ErrGone if checkpoints are not of this log.
func (m *making) check(ctx context.Context, at []domain.Position) error {
	for shard, at := range at {
		if at == (domain.Position{}) {
			continue
		}
		if shard >= m.log.Shards() {
			return fmt.Errorf("there is a checkpoint of shard %d, and the log has %d: %w", shard, m.log.Shards(), domain.ErrGone)
		}
		if err := m.log.ReadTo(ctx, shard, at, at.Seq, 1, func([]domain.Record) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// atOnce compares as of one moment.
func (m *making) atOnce(ctx context.Context) (c Comparison, err error) {
	now, err := m.fresh.Snapshot(ctx)
	if err != nil {
		return c, err
	}
	defer now.Close()
	if err := m.to(ctx, now.At()); err != nil {
		return c, err
	}
	for _, f := range m.folds {
		var at domain.Position
		if f.shard < len(now.At()) {
			at = now.At()[f.shard]
		}
		if f.at != at {
			return c, fmt.Errorf("shard %d is at %d, and those that serve at %d: %w", f.shard, f.at.Seq, at.Seq, ErrNoTables)
		}
	}
	return now.Compare(ctx, func(table string, rows uint64) {
		m.update(func(p *Progress) { p.Step, p.Table, p.Rows = Comparing, table, rows })
	})
}

// How often, and how long in between, it is looked again at rows that differ.
const (
	looks     = 10
	lookAgain = 200 * time.Millisecond
)

// settle gives the differences that stay. Of marks and statuses the log keeps the latest alone: what the tables that serve have of them may be gone from the log
// by the time at which the fresh ones get there, and then what replaced it comes later.
func (m *making) settle(ctx context.Context, list []Difference) (_ []Difference, err error) {
	compared := m.events.Load()
	for look := 0; len(list) > 0 && look < looks; look++ {
		if look > 0 && m.events.Load() == compared {
			break // the log has said nothing since, and so has forgotten nothing
		}
		if look > 0 && !sleep(ctx, lookAgain) {
			return nil, ctx.Err()
		}
		if err := m.toEnd(ctx); err != nil {
			return nil, err
		}
		if list, err = m.fresh.Settle(ctx, list); err != nil {
			return nil, err
		}
	}
	return list, nil
}
