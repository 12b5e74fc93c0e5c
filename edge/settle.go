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

// lost is called on the feed's goroutine where live copies may be missing. Each conversation rereads the log before it judges anything
// else, and it is looked for what has come to somebody here meanwhile in others.
func (h *hub) lost() {
	h.profiles.forget()
	h.mu.RLock()
	all, people := slices.Collect(maps.Values(h.conversations)), slices.Collect(maps.Values(h.people))
	h.mu.RUnlock()
	idle := slices.DeleteFunc(all, func(c *conversation) bool { return !c.lose() })
	if len(idle) > 0 {
		h.edge.spawn(func() { inTurns(idle, (*conversation).catchUp) })
	}
	h.resettle(append(reached{}, h.reached...), people...)
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

// settleAgain waits for the read models and goes by them, for those of some people who are still here then. Of those whose live copies may be missing
// it asks the log meanwhile who is invisible and, where the read models are behind, who is still a friend of theirs.
func (h *hub) settleAgain(people map[*person]reached) {
	everyone, holed := slices.Collect(maps.Keys(people)), []*person{}
	for p, hole := range people {
		<-p.settled // within patience
		if hole != nil {
			holed = append(holed, p)
		}
	}
	h.mu.Lock()
	for p := range people {
		p.changed = map[domain.UserID]bool{} // what changes from now on is newer than what will be read
	}
	h.mu.Unlock()
	h.each(holed, func(ctx context.Context, p *person) error { return h.readStatus(ctx, p.id) })
	var ends []domain.Position
	caughtUp := h.until(everyone, func(ctx context.Context) (err error) {
		if ends == nil {
			if ends, err = h.edge.Log.Ends(ctx); err != nil {
				return err
			}
		}
		behind, err := h.edge.await(ctx, ends)
		if err == nil && behind == 0 {
			return nil
		}
		h.each(holed, h.unfriend)
		holed = nil // once will do: from now on the live copies say it
		return errBehind
	})
	if caughtUp {
		h.each(everyone, func(ctx context.Context, p *person) error { return h.reenter(ctx, p, people[p]) })
	}
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

// unfriend lets a person see no more of those who are no friends any more by the log.
func (h *hub) unfriend(ctx context.Context, p *person) error {
	yet, err := h.friendsYet(ctx, p.id, h.friendsOf(p))
	for u, friends := range yet {
		if err == nil && !friends {
			h.befriend(domain.Direct(p.id, u), false)
		}
	}
	return err
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

// recent is how many of a person's conversations and applications are looked through for what did not come.
const recent = 100

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

// news gives the direct conversations in which somebody has written to a person, or applied for friendship, in a hole or later. Invitations in it
// are taken in at once, for nothing keeps a group that one is only invited to.
func (h *hub) news(ctx context.Context, p *person, hole reached) (topics []domain.Topic, err error) {
	conversations, _, err := h.edge.Views.Conversations(ctx, p.id, "", recent)
	if err != nil {
		return nil, err
	}
	for _, v := range conversations {
		t, err := domain.ParseConversationID(p.id, v.ID)
		if _, _, direct := t.Pair(); err == nil && direct && v.Last != nil && h.later(p, hole, v.Last.Seq) {
			topics = append(topics, t)
		}
	}
	applies, err := h.edge.Views.Applies(ctx, p.id)
	if err != nil {
		return nil, err
	}
	for _, a := range applies[:min(len(applies), recent)] {
		switch {
		case !h.later(p, hole, a.Seq):
		case a.Type == "friend":
			topics = append(topics, domain.Direct(p.id, a.From.ID))
		case a.Type == "invite":
			state, err := h.edge.Log.State(ctx, domain.InGroup(a.Group.ID), a.Seq+1)
			if err != nil {
				return nil, err
			}
			if last := len(state) - 1; last >= 0 && state[last].Seq > hole.at(state[last].Shard) {
				h.take(state[last])
			}
		}
	}
	return topics, nil
}

// later says whether something may have been stored since a person came, and in a hole or later.
func (h *hub) later(p *person, hole reached, seq uint64) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for shard, from := range p.from {
		if seq > max(from.Seq, hole.at(shard)) {
			return true
		}
	}
	return false
}

// at gives how far a shard has come; 0 where nothing has of it.
func (r reached) at(shard int) uint64 {
	if shard < len(r) {
		return r[shard]
	}
	return 0
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
