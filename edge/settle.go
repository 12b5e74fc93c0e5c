package edge

import (
	"cmp"
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
// the log now. Where live copies may be missing, hole is where that begins, else nil.
func (h *hub) resettle(hole reached, people ...*person) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range people {
		if earlier := h.unsettled[p]; h.people[p.id] == p && earlier == nil {
			h.unsettled[p] = hole
		}
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
		people := maps.Clone(h.unsettled)
		clear(h.unsettled)
		h.settling = len(people) > 0
		h.mu.Unlock()
		if len(people) == 0 {
			return
		}
		h.settleAgain(people)
		if h.edge.ctx.Err() != nil {
			return
		}
	}
}

var errBehind = errors.New("the read models are behind") // never changed

// settleAgain waits for the read models and goes by them, for those of some people who are still here then.
func (h *hub) settleAgain(people map[*person]reached) {
	everyone := slices.Collect(maps.Keys(people))
	for _, p := range everyone {
		<-p.settled // within patience
	}
	h.mu.Lock()
	for p := range people {
		p.changed = map[domain.UserID]bool{} // what changes from now on is newer than what will be read
	}
	h.mu.Unlock()
	var ends []domain.Position
	caughtUp := h.until(everyone, func(ctx context.Context) (err error) {
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
	h.each(everyone, func(ctx context.Context, p *person) error {
		err := h.reenter(ctx, p, people[p])
		if err == nil && people[p] != nil {
			h.mend(p, ends)
		}
		return err
	})
}

// each tries something for each of some people until it succeeds, for several at the same time.
func (h *hub) each(people []*person, try func(context.Context, *person) error) {
	inTurns(people, func(p *person) {
		h.until([]*person{p}, func(ctx context.Context) error { return try(ctx, p) })
	})
}

// friendsYet gives those of some people who are me's friends by the log.
func (h *hub) friendsYet(ctx context.Context, me domain.UserID, people []domain.UserID) (map[domain.UserID]bool, error) {
	var mu sync.Mutex
	var failed error
	yet := make(map[domain.UserID]bool, len(people))
	inTurns(people, func(u domain.UserID) {
		var friends bool
		err := h.stand(ctx, domain.Direct(me, u), false, func(s standing, _ uint64) { friends = s.(*friendship).Friends() })
		mu.Lock()
		defer mu.Unlock()
		yet[u] = friends
		failed = cmp.Or(failed, err)
	})
	return yet, failed
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

// reenter goes by the read models once more: who a person's friends are, which groups they are in, and, where live copies may be missing, what has come
// to them in conversations that nobody here has kept.
func (h *hub) reenter(ctx context.Context, p *person, hole reached) error {
	friends, err := h.edge.Views.Friends(ctx, p.id)
	if err != nil {
		return err
	}
	groups, err := h.edge.Views.Groups(ctx, p.id)
	if err != nil {
		return err
	}
	if err := h.admitAll(ctx, p, groups); err != nil {
		return err
	}
	if hole == nil {
		h.befriended(p, friends)
		return nil
	}
	topics, err := h.news(ctx, p, hole)
	if err != nil {
		return err
	}
	for _, u := range h.befriended(p, friends) {
		topics = append(topics, domain.Direct(p.id, u))
	}
	for _, t := range topics {
		if h.kept(t) != nil { // it has reread the log
			continue
		}
		if c := h.conversation(t); c.lose() {
			c.catchUp()
		}
	}
	return nil
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
