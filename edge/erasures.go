package edge

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"parley/domain"
)

// erasures are those whom this edge is erasing from the log. Another may be at it too: each step can be repeated, and done by several at once.
type erasures struct {
	mu sync.Mutex
	m  map[domain.UserID]chan struct{} // closed when all concerned have been told, or it has failed before
}

// begin sees to it that somebody is erased whose PersonErased is in the log, if that is not under way here. What it gives is closed when nobody can
// sign in as them any more and all concerned have been told, or it has failed before: then it is gone on with later (resumeErasing).
func (s *erasures) begin(e *Edge, u domain.UserID) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if told, under := s.m[u]; under {
		return told
	}
	if s.m == nil {
		s.m = map[domain.UserID]chan struct{}{}
	}
	told := make(chan struct{})
	s.m[u] = told
	e.spawn(func() {
		tell := sync.OnceFunc(func() { close(told) })
		err := e.eraseFromLog(e.ctx, u, tell)
		if err != nil && e.ctx.Err() == nil {
			e.logger.Warn("what somebody has said who was erased is not out of the log yet; trying again later", "user", u, "error", err)
		}
		tell()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.m, u)
	})
	return told
}

// resumed is how many erasures an edge goes on with at a time; the rest waits until it looks again.
const resumed = 16

// resumeErasing goes on with erasures that an edge has begun which is no more, or has failed with. All edges do: none knows of the others, and it
// does no harm.
func (e *Edge) resumeErasing() {
	for {
		people, err := e.Views.Erasing(e.ctx)
		if err != nil && e.ctx.Err() == nil {
			e.logger.Debug("cannot look for erasures to go on with", "error", err) // that the read models are away is reported elsewhere
		}
		rand.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
		for _, u := range people[:min(len(people), resumed)] {
			e.erasures.begin(e, u)
		}
		every := e.Settings.Resume
		select {
		case <-e.ctx.Done():
			return
		case <-time.After(every - every/8 + rand.N(every/4+1)):
		}
	}
}

// eraseFromLog takes out of the log all that somebody has said, and says there when that is done. Once all concerned have been told, it calls told. It
// goes over everything twice: what was on its way to the log when they were cut off is there by the second time.
func (e *Edge) eraseFromLog(ctx context.Context, u domain.UserID, told func()) error {
	last, found, err := e.Log.Last(ctx, domain.About(u), domain.LaneState, "")
	if begun, ok := last.Event.(domain.PersonErased); err != nil || !found || !ok || begun.Done {
		return err
	}
	if err := e.eraseAccount(ctx, u); err != nil {
		return err
	}
	upTo := map[domain.Topic]uint64{}
	if err := e.eraseSaid(ctx, u, upTo, told); err != nil {
		return err
	}
	select {
	case <-time.After(e.Settings.Linger):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := e.eraseSaid(ctx, u, upTo, told); err != nil {
		return err
	}
	if _, err := e.Log.Erase(ctx, domain.About(u), 0, 0, func(said domain.Event) bool { return domain.Erasable(said, u) }); err != nil {
		return err
	}
	_, err = e.Log.Append(ctx, domain.Draft{Topic: domain.About(u), Event: domain.PersonErased{Done: true}, Expect: &last.Seq})
	if errors.Is(err, domain.ErrRaced) { // another edge has said so
		return nil
	}
	return err
}

// eraseAccount takes the account away, by the names that the log knows the person by.
func (e *Edge) eraseAccount(ctx context.Context, u domain.UserID) error {
	records, err := e.Log.State(ctx, domain.About(u), 0)
	if err != nil {
		return err
	}
	for _, r := range records {
		if p, ok := r.Event.(domain.Profiled); ok && p.Username != "" {
			if err := e.Accounts.EraseAccount(ctx, p.Username, u); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseSaid ends what there is between somebody and others, and takes out of the log what they have said there, but for what it has gone through before:
// upTo says how far that is.
func (e *Edge) eraseSaid(ctx context.Context, u domain.UserID, upTo map[domain.Topic]uint64, told func()) error {
	if err := e.caughtUp(ctx); err != nil {
		return err
	}
	topics, err := e.Views.Topics(ctx, u)
	if err != nil {
		return err
	}
	rand.Shuffle(len(topics), func(i, j int) { topics[i], topics[j] = topics[j], topics[i] }) // where several edges are at it, they share the work
	var failed atomic.Pointer[error]
	inTurns(topics, func(t domain.Topic) {
		if failed.Load() != nil {
			return
		}
		if err := e.part(ctx, t, u); err != nil {
			failed.Store(&err)
		}
	})
	if err := failed.Load(); err != nil {
		return *err
	}
	told()
	for _, t := range topics {
		if upTo[t], err = e.eraseTopic(ctx, t, u, upTo[t]); err != nil {
			return err
		}
	}
	return nil
}

// part decides that somebody is gone from a conversation or a group for good.
func (e *Edge) part(ctx context.Context, t domain.Topic, u domain.UserID) error {
	return e.decide(ctx, t, func(s standing) (domain.Event, error) {
		if g, isGroup := s.(group); isGroup {
			return g.Decide(domain.EraseMember{UID: u})
		}
		return s.(*friendship).Decide(domain.EraseFriend{By: u})
	})
}

// eraseTopic takes out of a topic what somebody has said there who is gone from it, after a sequence, and gives up to where it has. Only what came before
// it was said that they are gone is taken out; where something came later, it is said once more, for the read models have put it down, and would not if
// they were made anew.
func (e *Edge) eraseTopic(ctx context.Context, t domain.Topic, u domain.UserID, after uint64) (upTo uint64, err error) {
	theirs := func(said domain.Event) bool { return domain.Erasable(said, u) }
	for {
		last, gone, err := e.goneFrom(ctx, t, u)
		if err != nil || gone.Event == nil { // they never were there
			return after, err
		}
		if after < gone.Seq {
			if after, err = e.Log.Erase(ctx, t, after, gone.Seq, theirs); err != nil {
				return after, err
			}
			after = gone.Seq
		}
		late := false
		if _, err := e.Log.Erase(ctx, t, gone.Seq, 0, func(said domain.Event) bool { // it only looks
			late = late || theirs(said)
			return false
		}); err != nil || !late {
			return after, err
		}
		if again, ok := gone.Event.(domain.GroupErased); ok {
			again.Owner = "" // who may not be there any more
			gone.Event = again
		}
		_, err = e.Log.Append(ctx, domain.Draft{Topic: t, Event: gone.Event, Expect: &last})
		if err != nil && !errors.Is(err, domain.ErrRaced) {
			return after, err
		}
	}
}

// goneFrom gives the last event of a topic's state, and the last one that says that somebody is gone from there; the zero Record where none does.
func (e *Edge) goneFrom(ctx context.Context, t domain.Topic, u domain.UserID) (last uint64, gone domain.Record, err error) {
	records, err := e.Log.State(ctx, t, 0)
	for _, r := range records {
		last = r.Seq
		switch said := r.Event.(type) {
		case domain.FriendErased:
			if said.By == u {
				gone = r
			}
		case domain.GroupErased:
			if said.UID == u {
				gone = r
			}
		}
	}
	return last, gone, err
}
