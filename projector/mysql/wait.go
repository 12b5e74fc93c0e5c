package mysql

import (
	"context"
	"errors"
	"sync"
	"time"

	"parley/domain"
	"parley/projector"
	"parley/projector/internal/view"
)

// pace is how long the lookout rests between two looks.
const pace = 5 * time.Millisecond

// lookout looks at the checkpoints while anybody waits for them, for all who wait at once.
type lookout struct {
	look  func(context.Context) ([]domain.Position, error)
	wake  chan struct{}
	close func() // ends the lookout and waits for it
	ended chan struct{}

	mu      sync.Mutex
	waiting []chan<- sighting
	last    []domain.Position
}

type sighting struct {
	at  []domain.Position
	err error
}

func newLookout(look func(context.Context) ([]domain.Position, error)) *lookout {
	ctx, cancel := context.WithCancel(context.Background())
	l := &lookout{look: look, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	l.close = func() {
		cancel()
		<-l.ended
	}
	go l.run(ctx)
	return l
}

func (l *lookout) run(ctx context.Context) {
	defer close(l.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		l.mu.Lock()
		waiting := l.waiting
		l.waiting = nil
		l.mu.Unlock()

		at, err := l.look(ctx)
		if errors.Is(err, projector.ErrNoTables) {
			at, err = nil, nil
		}
		if err == nil {
			l.mu.Lock()
			l.last = at
			l.mu.Unlock()
		}
		for _, w := range waiting {
			w <- sighting{at, err} // has room for one
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pace):
		}
	}
}

// next gives what the next look, which begins after this call, will see.
func (l *lookout) next() <-chan sighting {
	w := make(chan sighting, 1)
	l.mu.Lock()
	l.waiting = append(l.waiting, w)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return w
}

func (l *lookout) seen() []domain.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Wait waits until everything up to ends, by shard, is in the answers, or until ctx ends: behind says how many events are still missing.
// However many wait, the database is asked once every few milliseconds. It fails only if the database cannot be asked.
func (s *Store) Wait(ctx context.Context, ends []domain.Position) (behind uint64, err error) {
	for {
		select {
		case <-ctx.Done():
			return view.Behind(s.lookout.seen(), ends), nil
		case <-s.lookout.ended:
			return 0, errors.New("mysql: the store is closed")
		case saw := <-s.lookout.next():
			if saw.err != nil {
				return 0, saw.err
			}
			if behind = view.Behind(saw.at, ends); behind == 0 {
				return 0, nil
			}
		}
	}
}

// Ready says nil if the database answers and the tables are there, whatever their version.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := s.Whole(ctx); !errors.Is(err, projector.ErrReplaced) && !errors.Is(err, projector.ErrSwapped) {
		return err
	}
	return nil
}
