package edge

import (
	"encoding/json"
	"maps"
	"slices"

	"parley/domain"
)

// news is whose being online may have changed, and whether each was online before.
type news map[domain.UserID]bool

// turns are the people here who wait to be told of many changes, one after another, and all that each of them has not been told yet, the oldest first.
type turns struct {
	next []*person
	owed map[*person][]news
}

const (
	inTurn = 64   // how many are told of many changes before others may have the lock
	widely = 1000 // of so many changes it is not asked who watches each, but everyone here for whom it is news
)

// spread tells those here which of their friends have come or gone: at once where it is about somebody alone, of whom only friends hear, or for a few.
// Where there are more, as when an edge is lost, each is told in turn of how things are by then: so who has come back meanwhile has not been away
// for them. view is how somebody alone is shown, nil where it is to be looked up. The caller holds p.mu.
func (p *presence) spread(n news, view *domain.PersonView) {
	maps.DeleteFunc(n, func(u domain.UserID, was bool) bool { return p.online(u) == was })
	if len(n) == 0 {
		return
	}
	who := p.edge.hub.concerned(n)
	if len(n) == 1 || len(who) <= inTurn {
		for _, w := range who {
			p.bring(w, []news{n}, view)
		}
		return
	}
	t := &p.turns
	if len(t.next) == 0 {
		t.owed = make(map[*person][]news, len(who))
		p.edge.spawn(p.takeTurns)
	}
	for _, w := range who {
		if t.owed[w] == nil {
			t.next = append(t.next, w)
		}
		t.owed[w] = append(t.owed[w], n)
	}
}

// takeTurns tells those who wait what they are owed, until nobody does.
func (p *presence) takeTurns() {
	for p.edge.ctx.Err() == nil {
		if !p.takeTurn() {
			return
		}
	}
}

// takeTurn tells the next few, and says whether others wait.
func (p *presence) takeTurn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.turns
	few := min(len(t.next), inTurn)
	for _, w := range t.next[:few] {
		owed := t.owed[w]
		delete(t.owed, w)
		p.bring(w, owed, nil)
	}
	if t.next = t.next[few:]; len(t.next) == 0 {
		*t = turns{}
	}
	return len(t.next) > 0
}

// bring tells somebody what is news for them, but for the friends of whom they wait to be told: what they believe of those is older, and in their
// turn it is compared with how things are then. The caller holds p.mu.
func (p *presence) bring(w *person, all []news, view *domain.PersonView) {
	friends := p.edge.hub.friendsOf(w)
	owed := p.turns.owed[w]
	var online json.RawMessage // encoded once for all of it
	for _, u := range friends {
		was, told := believed(all, u)
		is := p.online(u)
		if !told || is == was {
			continue
		}
		if _, waits := believed(owed, u); waits {
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

// believed gives whether u was online by the oldest of some news that are about u: what those believe who have been told none of it.
func believed(all []news, u domain.UserID) (was, told bool) {
	for _, n := range all {
		if was, told = n[u]; told {
			break
		}
	}
	return was, told
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
