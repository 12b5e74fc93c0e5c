package edge

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"parley/domain"
)

// seen puts down in the log when people were last seen: when they go, never while they are here. Many may go at once, and what is said matters
// more: so it is a few at a time, and who has come back meanwhile is left out. While the log cannot be reached it waits, but not for the edge's end.
type seen struct {
	mu       sync.Mutex
	due      map[domain.UserID]struct{}
	working  int
	quiet    chan struct{} // closed when nobody works any more; nil where nobody has
	flushing bool
}

const (
	seenWorkers = 8       // how many are put down at the same time
	maxDue      = 100_000 // how many wait for it; what is more is left out
)

// note has it put down that somebody has gone.
func (s *seen) note(e *Edge, u domain.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due == nil {
		s.due = map[domain.UserID]struct{}{}
	}
	if len(s.due) >= maxDue {
		return
	}
	s.due[u] = struct{}{}
	if s.working == 0 {
		s.quiet = make(chan struct{})
	}
	if s.working < seenWorkers {
		s.working++
		e.spawn(func() { s.work(e) })
	}
}

func (s *seen) work(e *Edge) {
	pause := retryFirst
	for e.ctx.Err() == nil {
		u, ok := s.next()
		if !ok {
			return
		}
		err := e.putSeen(u)
		if err == nil {
			pause = retryFirst
			continue
		}
		e.logger.Debug("cannot put down when somebody was last seen", "user", u, "error", err)
		if !s.again(u, err) {
			continue
		}
		select {
		case <-e.ctx.Done():
		case <-time.After(pause):
			pause = min(2*pause, retryAtMost)
		}
	}
}

// again has it tried again later to put somebody down, where the log was out of reach; at the edge's end all that waits is given up then.
func (s *seen) again(u domain.UserID, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !unreachable(err) {
		return false
	}
	if s.flushing {
		clear(s.due)
		return false
	}
	s.due[u] = struct{}{}
	return true
}

// unreachable says whether the log did not answer, or not in time.
func unreachable(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || domain.Refusal(err).Code == domain.Unavailable
}

func (s *seen) next() (u domain.UserID, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for u = range maps.Keys(s.due) {
		delete(s.due, u)
		return u, true
	}
	if s.working--; s.working == 0 {
		close(s.quiet)
	}
	return "", false
}

// flush waits until all is put down, or ctx ends.
func (s *seen) flush(ctx context.Context) {
	s.mu.Lock()
	s.flushing = true
	quiet := s.quiet
	s.mu.Unlock()
	if quiet == nil {
		return
	}
	select {
	case <-quiet:
	case <-ctx.Done():
	}
}

// putSeen repeats the status of somebody who has gone: its date is when they were last seen. Where they would not be seen, are gone for
// good, or have said something else in this very moment, it is not for us to say.
func (e *Edge) putSeen(u domain.UserID) error {
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	if e.presence.back(u) || e.hub.profiles.shown(u).Deleted {
		return nil
	}
	last, status, err := e.status(ctx, u)
	if err != nil || status == domain.StatusInvisible {
		return err
	}
	_, err = e.Log.Append(ctx, domain.Draft{Topic: domain.About(u), Event: domain.StatusSet{Status: status}, Expect: &last})
	if errors.Is(err, domain.ErrRaced) {
		return nil
	}
	return err
}

// status reads how somebody would like to be seen, and where in the log that is said; 0 where it is not.
func (e *Edge) status(ctx context.Context, u domain.UserID) (seq uint64, status domain.Status, err error) {
	last, found, err := e.Log.Last(ctx, domain.About(u), domain.LaneStatus, "")
	set, ok := last.Event.(domain.StatusSet)
	if err != nil || !found || !ok {
		return 0, domain.StatusOnline, err
	}
	return last.Seq, set.Status, nil
}
