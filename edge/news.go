package edge

import (
	"encoding/json"
	"maps"
	"slices"

	"parley/domain"
)

// news is whose being online may have changed, and whether each was online before.
type news map[domain.UserID]bool

const (
	inTurn = 64   // how many are told before others may have the lock
	widely = 1000 // of so many changes it is not asked who watches each, but everyone here for whom it is news
)

// spread tells those here which of their friends have come or gone. The first are told at once; where there are more, as when an edge is lost, they
// are told some at a time, each of how things are by then: so who has come back meanwhile has not been away for them. view is how somebody alone
// is shown, nil where it is to be looked up. The caller holds p.mu.
func (p *presence) spread(n news, view *domain.PersonView) {
	maps.DeleteFunc(n, func(u domain.UserID, was bool) bool { return p.online(u) == was })
	if len(n) == 0 {
		return
	}
	who := p.edge.hub.concerned(n)
	now := min(len(who), inTurn)
	p.bring(n, view, who[:now])
	if later := who[now:]; len(later) > 0 {
		p.edge.spawn(func() {
			for some := range slices.Chunk(later, inTurn) {
				p.mu.Lock()
				p.bring(n, view, some)
				p.mu.Unlock()
				if p.edge.ctx.Err() != nil {
					return
				}
			}
		})
	}
}

// bring tells some people what is news for them. The caller holds p.mu.
func (p *presence) bring(n news, view *domain.PersonView, who []*person) {
	for _, w := range who {
		friends := p.edge.hub.friendsOf(w)
		var online json.RawMessage // encoded once for all of it
		for _, u := range friends {
			was, told := n[u]
			is := p.online(u)
			if !told || is == was {
				continue
			}
			if online == nil {
				online, _ = json.Marshal(p.mapOf(w, friends)) // strings always encode
			}
			shown := view
			if shown == nil {
				known := p.edge.hub.profiles.shown(u)
				shown = &known
			}
			event := "userout"
			if is {
				event = "userin"
			}
			p.edge.hub.emit([]*person{w}, event, online, shown)
		}
	}
}

// concerned gives the people here among whose friends may be some that there is news of.
func (h *hub) concerned(n news) (who []*person) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(n) > widely {
		return slices.Collect(maps.Values(h.people))
	}
	for u := range n {
		w := h.watched[u]
		switch {
		case w == nil:
		case len(n) == 1:
			return slices.Clone(w.by)
		default:
			who = append(who, w.by...)
		}
	}
	seen := make(map[*person]bool, len(who))
	return slices.DeleteFunc(who, func(p *person) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
}
