package edge

import (
	"context"
	"errors"
	"maps"
	"sync"

	"parley/domain"
)

// seen puts down in the log when people were last seen: when they go, never while they are here. Many may go at once, and what is said matters
// more: so it is a few at a time, and who has come back meanwhile is left out. What cannot be put down is left out, too.
type seen struct {
	mu      sync.Mutex
	due     map[domain.UserID]struct{}
	working int
	quiet   chan struct{} // closed when nobody works any more; nil where nobody has
}

// seenWorkers is how many are put down at the same time.
const seenWorkers = 8

// note has it put down that somebody has gone.
func (s *seen) note(e *Edge, u domain.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due == nil {
		s.due = map[domain.UserID]struct{}{}
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
	for e.ctx.Err() == nil {
		u, ok := s.next()
		if !ok {
			return
		}
		if err := e.putSeen(u); err != nil && e.ctx.Err() == nil {
			e.logger.Debug("cannot put down when somebody was last seen", "user", u, "error", err)
		}
	}
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

// putSeen repeats the status of somebody who has gone: its date is when they were last seen. Where they would not be seen, or have said
// something else in this very moment, it is not for us to say.
func (e *Edge) putSeen(u domain.UserID) error {
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	e.presence.mu.Lock()
	back := e.presence.online(u)
	e.presence.mu.Unlock()
	if back {
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
