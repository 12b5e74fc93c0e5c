package edge

import (
	"slices"

	"parley/domain"
)

// watched is somebody who is a friend of people here, who are told of their coming and going. The id stands here once, whoever's friend it is,
// and lists take the place of sets: friendships are by far the most that an edge knows of.
type watched struct {
	id domain.UserID
	by []*person
}

// befriend keeps who watches whom in step with friendships, for the two of a direct conversation.
func (h *hub) befriend(t domain.Topic, friends bool) {
	lo, hi, _ := t.Pair() // it is a direct conversation
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, pair := range [][2]domain.UserID{{lo, hi}, {hi, lo}} {
		if p := h.people[pair[0]]; p != nil {
			h.watch(p, pair[1], friends)
		}
	}
}

// befriended takes over who a person's friends are by the read models, but for those friendships that have changed meanwhile.
func (h *hub) befriended(p *person, friends []domain.FriendView) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.people[p.id] == p {
		are := make(map[domain.UserID]bool, len(friends))
		for _, f := range friends {
			are[f.ID] = true
		}
		for _, w := range p.friends {
			if are[w.id] {
				delete(are, w.id) // as before
			} else {
				are[w.id] = false
			}
		}
		for u, friend := range are {
			if _, newer := p.changed[u]; !newer {
				h.watch(p, u, friend)
			}
		}
	}
	p.changed = nil
}

// watch notes that u is, or is not, a friend of p's. The caller holds h.mu.
func (h *hub) watch(p *person, u domain.UserID, friend bool) {
	if p.changed != nil {
		p.changed[u] = friend
	}
	w := h.watched[u]
	at := slices.Index(p.friends, w)
	switch {
	case friend && w == nil:
		w = &watched{id: u}
		h.watched[u] = w
		fallthrough
	case friend && at < 0:
		p.friends, w.by = append(p.friends, w), append(w.by, p)
	case !friend && at >= 0:
		p.friends = slices.Delete(p.friends, at, at+1)
		h.unwatch(p, w)
	}
}

// unwatch takes p from those who watch w. The caller holds h.mu.
func (h *hub) unwatch(p *person, w *watched) {
	last := len(w.by) - 1
	at := slices.Index(w.by, p)
	w.by[at], w.by[last] = w.by[last], nil
	if w.by = w.by[:last]; last == 0 {
		delete(h.watched, w.id)
	}
}

// friendsOf gives the friends of somebody who is connected here.
func (h *hub) friendsOf(p *person) []domain.UserID {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]domain.UserID, len(p.friends))
	for i, w := range p.friends {
		all[i] = w.id
	}
	return all
}
