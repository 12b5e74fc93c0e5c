package edge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/domain"
)

// inTurns runs fn for each of a list, some at the same time, and returns when all have ended.
func inTurns[T any](all []T, fn func(T)) {
	var wait sync.WaitGroup
	turns := make(chan struct{}, 16)
	for _, x := range all {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			fn(x)
		})
	}
	wait.Wait()
}

// resettle has it read again who the friends of some people are and which conversations they are in, once the read models hold all that is in
// the log now.
func (h *hub) resettle(p *person) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, due := h.unsettled[p]; h.people[p.id] == p && !due {
		h.unsettled[p] = struct{}{}
		p.owed.Add(1)
	}
	if len(h.unsettled) > 0 && !h.settling {
		h.settling = true
		h.edge.spawn(h.settleLate)
	}
}

// settleLate deals with those who are unsettled until nobody is.
func (h *hub) settleLate() {
	for {
		h.mu.Lock()
		people := slices.Collect(maps.Keys(h.unsettled))
		clear(h.unsettled)
		h.settling = len(people) > 0
		h.mu.Unlock()
		if len(people) == 0 {
			return
		}
		h.settleAgain(people)
		for _, p := range people {
			h.pay(p)
		}
		if h.edge.ctx.Err() != nil {
			return
		}
	}
}

var errBehind = errors.New("the read models are behind") // never changed

// settleAgain waits for the read models and goes by them, for those of some people who are still here then.
func (h *hub) settleAgain(people []*person) {
	for _, p := range people {
		<-p.settled // within patience
	}
	h.mu.Lock()
	for _, p := range people {
		p.changed = map[domain.UserID]bool{} // what changes from now on is newer than what will be read
	}
	h.mu.Unlock()
	var ends []domain.Position
	caughtUp := h.until(people, func(ctx context.Context) (err error) {
		if ends == nil {
			if ends, err = h.edge.Log.Ends(ctx); err != nil {
				return err
			}
		}
		behind, err := h.edge.await(ctx, ends)
		if err == nil && behind > 0 {
			err = errBehind
		}
		return err
	})
	if !caughtUp {
		return
	}
	inTurns(people, func(p *person) {
		h.until([]*person{p}, func(ctx context.Context) error { return h.reenter(ctx, p) })
	})
}

// confirmWithin is how long who enters waits to have it confirmed who their friends are.
const confirmWithin = time.Second

// confirm gives those of some people who are me's friends by the log, as far as it says so in time.
func (h *hub) confirm(ctx context.Context, me domain.UserID, people []domain.FriendView) (friends []domain.FriendView) {
	ctx, cancel := context.WithTimeout(ctx, confirmWithin)
	defer cancel()
	var mu sync.Mutex
	inTurns(people, func(f domain.FriendView) {
		_ = h.stand(ctx, domain.Direct(me, f.ID), false, func(s standing, _ uint64) {
			if s.(*friendship).Friends() {
				mu.Lock()
				defer mu.Unlock()
				friends = append(friends, f)
			}
		})
	})
	return friends
}

// until tries something until it succeeds; it says false where all of the people it is for have gone before, or the edge closes.
func (h *hub) until(people []*person, try func(context.Context) error) bool {
	for pause := retryFirst; ; pause = min(2*pause, retryAtMost) {
		if !slices.ContainsFunc(people, h.isHere) {
			return false
		}
		if try(h.edge.ctx) == nil {
			return true
		}
		select {
		case <-h.edge.ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// reenter goes by the read models once more: who a person's friends are, and which groups they are in.
func (h *hub) reenter(ctx context.Context, p *person) error {
	friends, err := h.edge.Views.Friends(ctx, p.id)
	if err != nil {
		return err
	}
	groups, err := h.edge.Views.Groups(ctx, p.id)
	if err != nil {
		return err
	}
	h.befriended(p, friends)
	return h.admitAll(ctx, p, groups)
}

// from gives by shard what had been stored when the first of those came who hear a conversation here; nil for nobody.
func (h *hub) from(t domain.Topic, hearers []*person) (from []domain.Position) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, p := range append(hearers, h.pair(t)...) {
		if from == nil {
			from = slices.Clone(p.from)
		}
		for i, at := range p.from {
			if at.Seq < from[i].Seq {
				from[i] = at
			}
		}
	}
	return from
}
