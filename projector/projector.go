package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"parley/domain"
)

// Options are what a projector may be told. Zero values stand for the defaults.
type Options struct {
	Logger   *slog.Logger  // where it says what happens to it; by default slog.Default()
	Batch    int           // how many events one transaction holds at most; 10,000
	Rebuild  int           // and while tables are made anew beside others; 10,000
	Cache    int           // how many topics, and members of groups, each shard's fold keeps in memory; 200,000
	Patience time.Duration // how long nobody must have folded what there is before a projector that stands by takes over; 2 s
	Pause    time.Duration // after the first failure; it doubles up to 50 times that; 100 ms
	Watch    time.Duration // how often it is checked that the tables are still there; 1 s
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Batch <= 0 {
		o.Batch = 10_000
	}
	if o.Cache <= 0 {
		o.Cache = 200_000
	}
	if o.Patience <= 0 {
		o.Patience = 2 * time.Second
	}
	if o.Pause <= 0 {
		o.Pause = 100 * time.Millisecond
	}
	if o.Watch <= 0 {
		o.Watch = time.Second
	}
	return o
}

// Projector keeps a store up to date with a log.
type Projector struct {
	log     Log
	store   Store
	options Options
	folded  atomic.Uint64

	mu      sync.Mutex
	trouble map[int]error // by shard; of allShards where it concerns them all
}

// allShards stands for trouble that is not one shard's.
const allShards = -1

// New makes a projector; Run sets it to work.
func New(log Log, store Store, o Options) *Projector {
	return &Projector{
		log: log, store: store, options: o.withDefaults(),
		trouble: map[int]error{allShards: errors.New("the read models are being made")},
	}
}

// Ready says nil while every shard is being followed and the store takes what it is given, else what is the matter. Standing by
// for another projector is no trouble.
func (p *Projector) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for shard, err := range p.trouble {
		if shard == allShards {
			return err
		}
		return fmt.Errorf("shard %d: %w", shard, err)
	}
	return nil
}

// Folded is how many events this projector has folded and committed since it was made.
func (p *Projector) Folded() uint64 { return p.folded.Load() }

// report sets what Ready says of a shard, and tells the operators when it gets worse.
func (p *Projector) report(shard int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		delete(p.trouble, shard)
		return
	}
	if was := p.trouble[shard]; was == nil || was.Error() != err.Error() {
		p.options.Logger.Warn("projector: will try again", "shard", shard, "error", err)
	}
	p.trouble[shard] = err
}

// state sets what Ready says of a shard, where that is no trouble.
func (p *Projector) state(shard int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble[shard] = err
}

// Run folds until ctx ends, then answers nil. It waits for a store or log that is away, however long, and makes missing tables. It
// fails at an event that it does not know or cannot read: the error names the event and its position and wraps
// *domain.UnknownEventError or domain.ErrUnreadable. Where it finds tables of another version when it begins, it makes its own beside them, which
// serve meanwhile, and swaps; where another version replaces its own later, it fails with ErrReplaced.
func (p *Projector) Run(ctx context.Context) error {
	for first := true; ; first = false {
		err := p.prepare(ctx, first)
		if first && errors.Is(err, ErrReplaced) {
			err = p.renew(ctx)
		}
		if err == nil {
			err = p.follow(ctx)
		}
		switch {
		case err == nil || ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrSwapped):
			p.options.Logger.Info("projector: going on with the tables that were made anew")
		case errors.Is(err, ErrNoTables):
			p.options.Logger.Warn("projector: the read models were lost; they are made anew", "error", err)
			p.report(allShards, err)
		default:
			p.report(allShards, err)
			return fmt.Errorf("projector: stopped: %w", err)
		}
	}
}

// renew makes the tables beside those of another version and swaps them, however often it takes, unless somebody else does it first. Its error is ctx's or
// that of an event that cannot be folded.
func (p *Projector) renew(ctx context.Context) error {
	store, ok := p.store.(Rebuilder)
	if !ok {
		return ErrReplaced
	}
	for wait := newBackoff(p.options.Pause); ; {
		p.options.Logger.Info("projector: the read models are of another version; they are made anew beside those, which go on to serve")
		told := -1
		found, err := Rebuild(ctx, p.log, store, RebuildOptions{Batch: p.options.Rebuild, Cache: p.options.Cache, Force: true, Progress: func(at Progress) {
			p.state(allShards, fmt.Errorf("the read models are being made anew beside the old: %d %%", at.Percent()))
			if now := at.Percent() / 10; at.Step == Reading && now > told {
				told = now
				p.options.Logger.Info("projector: making the read models anew", "percent", at.Percent(), "events", at.Events)
			}
		}})
		var unknown *domain.UnknownEventError
		switch {
		case errors.As(err, &unknown), errors.Is(err, domain.ErrUnreadable):
			return err
		case err == nil:
			p.options.Logger.Info("projector: the read models were made anew and swapped", "not compared", found.Nothing,
				"rows that are not as they were", len(found.Differences)+found.More)
		default:
			p.report(allShards, fmt.Errorf("make the read models anew beside the old: %w", err))
			if !wait.sleep(ctx) {
				return ctx.Err()
			}
		}
		if err := p.prepare(ctx, true); !errors.Is(err, ErrReplaced) {
			return err // nil where it is done, by this one or another
		}
	}
}

// prepare makes the tables, however often it takes. Its error is ctx's or ErrReplaced.
func (p *Projector) prepare(ctx context.Context, replace bool) error {
	for wait := newBackoff(p.options.Pause); ; {
		err := p.store.Prepare(ctx, replace)
		if err == nil {
			p.report(allShards, nil)
			return nil
		}
		if errors.Is(err, ErrReplaced) {
			return err
		}
		p.report(allShards, fmt.Errorf("make the tables: %w", err))
		if !wait.sleep(ctx) {
			return ctx.Err()
		}
	}
}

// follow runs the shards, and the watch over them, until ctx ends (nil) or one of them fails.
func (p *Projector) follow(ctx context.Context) (first error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	var once sync.Once
	start := func(run func(context.Context) error) {
		all.Go(func() {
			if err := run(ctx); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	shards := make([]*shard, p.log.Shards())
	for i := range shards {
		shards[i] = &shard{Projector: p, id: i}
		start(shards[i].run)
	}
	start(func(ctx context.Context) error { return p.watch(ctx, shards) })
	all.Wait()
	return first
}

// watch reports a store that is away while there is nothing to fold, and fails with ErrNoTables when tables are gone, or are not
// those any more into which a shard has folded, with ErrReplaced when they are of another version, and with ErrSwapped.
func (p *Projector) watch(ctx context.Context, shards []*shard) error {
	tick := time.NewTicker(p.options.Watch)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := p.store.Whole(ctx)
		if errors.Is(err, ErrNoTables) || errors.Is(err, ErrReplaced) || errors.Is(err, ErrSwapped) {
			return err
		}
		if ctx.Err() == nil {
			p.report(allShards, err)
		}
		for _, s := range shards {
			folded := s.position() // before the checkpoint is read, which can then only be further
			at, err := p.store.Checkpoint(ctx, s.id)
			if err == nil && (at.Epoch != folded.Epoch || at.Seq < folded.Seq) && folded != (domain.Position{}) {
				if err := p.store.Reset(ctx, s.id, at); err != nil { // what was folded beyond it is there still; whoever has moved it meanwhile, may
					p.options.Logger.Warn("projector: a checkpoint went back, and the read models could not be emptied", "shard", s.id, "error", err)
				}
				return fmt.Errorf("shard %d was folded up to %d, its checkpoint says %d: %w", s.id, folded.Seq, at.Seq, ErrNoTables)
			}
		}
	}
}

// backoff waits longer each time.
type backoff struct{ first, next time.Duration }

func newBackoff(first time.Duration) *backoff { return &backoff{first, first} }

func (b *backoff) reset() { b.next = b.first }

// sleep is false if ctx ended.
func (b *backoff) sleep(ctx context.Context) bool {
	ok := sleep(ctx, b.next)
	b.next = min(2*b.next, 50*b.first)
	return ok
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
