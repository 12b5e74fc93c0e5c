package projector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/domain"
)

// Rebuilder is a store that can have fresh tables beside those that serve.
type Rebuilder interface {
	Store
	// Beside makes fresh and empty tables. What an earlier one has left that was interrupted is dropped. It answers ErrBusy where somebody has such
	// tables already, until their Close.
	Beside(ctx context.Context) (Fresh, error)
}

// Fresh are tables beside those that serve; the Store is theirs.
type Fresh interface {
	Store
	// Serving gives the checkpoints of the tables that serve, by shard. It fails with ErrNoTables where they are not whole, and with ErrReplaced where they
	// are of another version; then the checkpoints may be there nevertheless.
	Serving(ctx context.Context) ([]domain.Position, error)
	// Snapshot holds on to the tables that serve as they are now.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Settle gives those of the differences that are still there: rows that are not the same by now, and of which the log has said nothing newer to the
	// fresh tables since.
	Settle(ctx context.Context, list []Difference) ([]Difference, error)
	// Swap puts the fresh tables in the place of those that serve, all at once, and drops those. Right before it calls catchUp, while nothing is committed
	// into the tables that serve.
	Swap(ctx context.Context, catchUp func(context.Context) error) error
	// Close drops the tables, unless they were swapped in.
	Close()
}

// Snapshot is the tables that serve as they were at one moment.
type Snapshot interface {
	// At is how far they were folded, by shard.
	At() []domain.Position
	// Compare holds them against the fresh tables and tells report how many rows of a table it has compared.
	Compare(ctx context.Context, report func(table string, rows uint64)) (Comparison, error)
	Close()
}

// Comparison is what came of comparing the tables that serve with what the log says.
type Comparison struct {
	Nothing     string // why nothing was compared; "" if it was
	Tables      []Compared
	Differences []Difference // at most MaxDifferences
	More        int          // differences beyond those, which nobody has looked at twice
}

// MaxDifferences is how many differences are kept one by one.
const MaxDifferences = 10_000

// Add notes a difference.
func (c *Comparison) Add(d Difference) {
	if len(c.Differences) == MaxDifferences {
		c.More++
		return
	}
	c.Differences = append(c.Differences, d)
}

// Compared is a table: how many rows it has by the log, and their checksum, which depends on nothing but what is in them.
type Compared struct {
	Table      string
	Comparable bool // else the tables that serve have none, or one with another key
	Rows       uint64
	Checksum   string
}

// Difference is a row that is not as the log says.
type Difference struct {
	Table            string
	Key              []Field
	Missing, Surplus bool // it is not there, or should not be
	Columns          []Changed
}

// Field is a column and its value.
type Field struct{ Name, Value string }

// Changed is a column that differs.
type Changed struct {
	Name       string
	Log, Table string // what it is by the log, and in the table; a hash stands for what is long
	Text       bool   // may be what people have written
}

// String names the row and what is wrong with it, without what people have written.
func (d Difference) String() string {
	key := make([]string, len(d.Key))
	for i, f := range d.Key {
		key[i] = f.Name + "=" + f.Value
	}
	at := d.Table + " " + strings.Join(key, " ")
	switch {
	case d.Missing:
		return at + ": the row is missing"
	case d.Surplus:
		return at + ": the row is there, and the log knows nothing of it"
	}
	columns := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		if columns[i] = c.Name + " differs"; !c.Text {
			columns[i] = fmt.Sprintf("%s is %s, by the log %s", c.Name, c.Table, c.Log)
		}
	}
	return at + ": " + strings.Join(columns, ", ")
}

// ErrBusy says that somebody has tables beside already.
var ErrBusy = errors.New("another parley rebuild, parley verify or projector that makes the read models anew is at work in this database; wait for it to end")

// Progress is how far a rebuild or a verification has got.
type Progress struct {
	Step    Step
	Events  uint64 // read from the log and folded
	At, End uint64 // places in the log, summed over the shards: up to where is folded, and is to be
	Table   string // that is being compared
	Rows    uint64 // of it, compared
}

// Step is what is being done.
type Step string

// The steps.
const (
	Reading   Step = "reading the log"
	Comparing Step = "comparing"
	Swapping  Step = "swapping"
)

// Percent is how much of the log is folded.
func (p Progress) Percent() int {
	if p.End == 0 {
		return 100
	}
	return int(100 * min(p.At, p.End) / p.End)
}

// RebuildOptions are what Rebuild and Verify may be told. Zero values stand for the defaults.
type RebuildOptions struct {
	Batch    int            // how many events one transaction holds at most; 10,000
	Cache    int            // as in Options
	Progress func(Progress) // is told how far it is, by one goroutine at a time, and must not take long
	Force    bool           // Rebuild swaps whatever differs
}

func (o RebuildOptions) withDefaults() RebuildOptions {
	if o.Batch <= 0 {
		o.Batch = 10_000
	}
	o.Cache = Options{Cache: o.Cache}.withDefaults().Cache
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

// ErrDiffers says that the tables that serve are not as the log says.
var ErrDiffers = errors.New("the read models are not what the log says")

// Rebuild makes the read models anew in fresh tables, while others serve and are folded on, and swaps them in when they have caught up. Before that it
// compares the two: where they differ, or the tables that serve are of another log, it changes nothing and fails with ErrDiffers, unless it is forced
// to go on. Whenever it is interrupted the tables that serve are left as they are, or have been swapped. It fails at an event that it does not know or cannot
// read as Run does, and with ErrBusy.
func Rebuild(ctx context.Context, log Log, store Rebuilder, o RebuildOptions) (c Comparison, err error) {
	m, err := newMaking(ctx, log, store, o)
	if err != nil {
		return c, err
	}
	defer m.fresh.Close()
	c, foreign, err := m.compare(ctx)
	switch {
	case err != nil:
		return c, err
	case foreign && !m.Force:
		return c, fmt.Errorf("%w: %s", ErrDiffers, c.Nothing)
	case len(c.Differences) > 0 && !m.Force:
		return c, ErrDiffers
	}
	if err := m.near(ctx, m.log.Ends); err != nil {
		return c, err
	}
	m.update(func(p *Progress) { p.Step = Swapping })
	return c, m.fresh.Swap(ctx, m.toEnd)
}

// Verify folds the log into fresh tables and compares those that serve with them. It changes nothing. Where there is nothing to compare, Nothing says why.
func Verify(ctx context.Context, log Log, store Rebuilder, o RebuildOptions) (c Comparison, err error) {
	m, err := newMaking(ctx, log, store, o)
	if err != nil {
		return c, err
	}
	defer m.fresh.Close()
	c, _, err = m.compare(ctx)
	return c, err
}

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
				if err := m.shardTo(ctx, m.folds[shard], at); err != nil {
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

// maxPending bounds what a batch of a rebuild holds of what people have written, in bytes.
const maxPending = 8 << 20

func (m *making) shardTo(ctx context.Context, f *fold, goal domain.Position) error {
	if goal.Seq <= f.at.Seq {
		return nil
	}
	var pending []domain.Record
	size := 0
	flush := func() error {
		err := f.commit(ctx, pending)
		if err == nil {
			m.events.Add(uint64(len(pending)))
			m.update(func(*Progress) { m.at[f.shard] = f.at.Seq })
		}
		pending, size = pending[:0], 0
		return err
	}
	err := m.log.ReadTo(ctx, f.shard, f.at, goal.Seq, m.Batch, func(records []domain.Record) error {
		for _, r := range records {
			if said, ok := r.Event.(domain.Message); ok {
				size += len(said.Msg)
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
	if err == nil && goal.Time != 0 {
		err = f.reach(ctx, goal)
	}
	if err != nil {
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
	return c, false, err
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
	for look := 0; len(list) > 0 && look < looks; look++ {
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
