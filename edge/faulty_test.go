package edge_test

import (
	"context"
	"errors"
	"sync"

	"parley/domain"
	"parley/edge"
)

// faulty is a world's log in which a test can hold up reads, or let them fail, and keep live copies from coming.
type faulty struct {
	edge.Log

	mu      sync.Mutex
	fail    error
	gate    chan struct{} // while it is open, reads wait; nil for none
	drop    func(domain.Record) bool
	reads   int
	deliver func(domain.Record)
	lost    func()
	tells   bool                   // the edge is told of what is lost, by a call of lost that is to come
	missing bool                   // copies were lost, and the edge was not told yet, though it will be
	telling func()                 // is called before the edge is told of a loss; nil: nothing
	groups  map[domain.GroupID]int // followed, how often
	people  map[domain.UserID]int

	entering    func(domain.UserID) error // is asked before a person is followed; nil: nothing
	failAppends int                       // so many from now on fail
	following   func(domain.GroupID)      // is called before a group is followed; nil: nothing
}

var errAway = domain.Refuse(domain.Unavailable, "the log is away")

func newFaulty(w *world) *faulty {
	return &faulty{Log: w.journal, groups: map[domain.GroupID]int{}, people: map[domain.UserID]int{}}
}

// into makes an edge use it.
func (f *faulty) into(w *world) func(*edge.Options) {
	return func(o *edge.Options) {
		o.Log = f
		o.Follow = func(deliver func(domain.Record), lost func()) (edge.Live, error) {
			var feed sync.Mutex // the tests call them, too
			f.deliver = func(r domain.Record) { feed.Lock(); defer feed.Unlock(); deliver(r) }
			f.lost = func() { feed.Lock(); defer feed.Unlock(); lost(); f.set(func() { f.missing = false }) }
			live, err := w.journal.Live(func(r domain.Record) {
				f.mu.Lock()
				dropped := f.drop != nil && f.drop(r)
				f.missing = f.missing || dropped && f.tells
				f.mu.Unlock()
				if !dropped {
					f.deliver(r)
				}
			}, func() {
				f.mu.Lock()
				telling := f.telling
				f.mu.Unlock()
				if telling != nil {
					telling()
				}
				f.lost()
			})
			return &counted{live, f}, err
		}
	}
}

// set changes it under its lock.
func (f *faulty) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// hold keeps reads waiting until release is called.
func (f *faulty) hold() (release func()) {
	gate := make(chan struct{})
	f.set(func() { f.gate = gate })
	return sync.OnceFunc(func() {
		f.set(func() { f.gate = nil })
		close(gate)
	})
}

func (f *faulty) pass(ctx context.Context) error {
	f.mu.Lock()
	gate := f.gate
	f.reads++
	f.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fail
}

func (f *faulty) Append(ctx context.Context, d domain.Draft) (domain.Stored, error) {
	f.mu.Lock()
	fails := f.failAppends > 0
	f.failAppends -= min(f.failAppends, 1)
	f.mu.Unlock()
	if fails {
		return domain.Stored{}, errAway
	}
	return f.Log.Append(ctx, d)
}

func (f *faulty) State(ctx context.Context, t domain.Topic, before uint64) ([]domain.Record, error) {
	if err := f.pass(ctx); err != nil {
		return nil, err
	}
	return f.Log.State(ctx, t, before)
}

func (f *faulty) Since(ctx context.Context, t domain.Topic, after uint64) ([]domain.Record, error) {
	if err := f.pass(ctx); err != nil {
		return nil, err
	}
	return f.Log.Since(ctx, t, after)
}

// counted counts who is followed.
type counted struct {
	edge.Live
	*faulty
}

// Fence cannot be had while copies are missing: the feed would tell of them first.
func (c *counted) Fence(ctx context.Context) error {
	c.mu.Lock()
	missing := c.missing
	c.mu.Unlock()
	if missing {
		return errAway
	}
	return c.Live.Fence(ctx)
}

func (c *counted) FollowGroup(g domain.GroupID) error {
	c.mu.Lock()
	following := c.following
	c.mu.Unlock()
	if following != nil {
		following(g)
	}
	err := c.Live.FollowGroup(g)
	if err == nil {
		c.set(func() { c.groups[g]++ })
	}
	return err
}

func (c *counted) UnfollowGroup(g domain.GroupID) {
	c.set(func() { c.groups[g]-- })
	c.Live.UnfollowGroup(g)
}

func (c *counted) FollowPerson(u domain.UserID) error {
	c.mu.Lock()
	entering := c.entering
	c.mu.Unlock()
	if entering != nil {
		if err := entering(u); err != nil {
			return err
		}
	}
	err := c.Live.FollowPerson(u)
	if err == nil {
		c.set(func() { c.people[u]++ })
	}
	return err
}

func (c *counted) UnfollowPerson(u domain.UserID) {
	c.set(func() { c.people[u]-- })
	c.Live.UnfollowPerson(u)
}

// balance says who is followed still, or was unfollowed too often.
func (f *faulty) balance() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for g, n := range f.groups {
		if n != 0 {
			errs = append(errs, errors.New("group "+string(g)))
		}
	}
	for u, n := range f.people {
		if n != 0 {
			errs = append(errs, errors.New("person "+string(u)))
		}
	}
	return errors.Join(errs...)
}
