package projector

import (
	"context"
	"errors"
	"fmt"

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
	Batch    int            // how many events one transaction holds at most; 20,000
	Cache    int            // as in Options
	Progress func(Progress) // is told how far it is, by one goroutine at a time, and must not take long
	Force    bool           // Rebuild swaps whatever differs
}

func (o RebuildOptions) withDefaults() RebuildOptions {
	if o.Batch <= 0 {
		o.Batch = 20_000
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
