package edge

import (
	"context"
	"maps"
	"slices"
	"sync"

	"parley/domain"
)

// A hole is where live copies may be missing: the feed lost its connection, or was too slow.

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
	h.rechecks.run(h.edge.spawn, h.recheck)
	h.resettle(append(reached{}, h.reached...), people...)
}

// recheck asks the log what everyone's status is who is here and, where the read models are behind, who is still a friend of theirs: none of that
// can wait for those.
func (h *hub) recheck() {
	h.mu.RLock()
	people := slices.Collect(maps.Values(h.people))
	h.mu.RUnlock()
	for _, p := range people {
		<-p.settled // within patience
	}
	h.each(people, func(ctx context.Context, p *person) error { return h.readStatus(ctx, p.id) })
	if h.edge.fresh(h.edge.ctx) == "" {
		return
	}
	h.each(people, h.unfriend)
}

// again runs something that may be asked for while it runs: then once more when it has ended.
type again struct {
	mu             sync.Mutex
	running, asked bool
}

func (a *again) run(spawn func(func()), fn func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = true
	if a.running {
		return
	}
	a.running = true
	spawn(func() {
		for a.next() {
			fn()
		}
	})
}

// next says whether it was asked for since it began last.
func (a *again) next() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running, a.asked = a.asked, false
	return a.running
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

// recent is how many of a person's conversations and applications are looked through for what did not come.
const recent = 100

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
	applies, _, err := h.edge.Views.Applies(ctx, p.id, []domain.ApplyType{domain.ApplyFriend, domain.ApplyInvite}, "", recent)
	if err != nil {
		return nil, err
	}
	for _, a := range applies {
		switch {
		case !h.later(p, hole, a.Seq):
		case a.Type == domain.ApplyFriend:
			topics = append(topics, domain.Direct(p.id, a.From.ID))
		default:
			state, err := h.edge.Log.State(ctx, domain.InGroup(a.Group.ID), a.Seq+1)
			if err != nil {
				return nil, err
			}
			if last := len(state) - 1; last >= 0 && state[last].Seq > h.since(p, hole, state[last].Shard) {
				h.take(state[last])
			}
		}
	}
	return topics, nil
}

// later says whether something may have been stored since a person came, and in a hole or later.
func (h *hub) later(p *person, hole reached, seq uint64) bool {
	for shard := range p.from { // which is settled, and stays as it is
		if seq > h.since(p, hole, shard) {
			return true
		}
	}
	return false
}

// since gives up to where a person has been told all that is stored in a shard.
func (h *hub) since(p *person, hole reached, shard int) uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return max(p.from[shard].Seq, hole.at(shard), p.mended.at(shard))
}

// at gives how far a shard has come; 0 where nothing has of it.
func (r reached) at(shard int) uint64 {
	if shard < len(r) {
		return r[shard]
	}
	return 0
}

// mend notes that what was stored up to some ends has been told to a person: the next hole begins there at the earliest.
func (h *hub) mend(p *person, ends []domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.mended = make(reached, len(ends))
	for shard, end := range ends {
		p.mended[shard] = end.Seq
	}
}
