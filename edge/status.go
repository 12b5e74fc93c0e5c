package edge

import (
	"context"

	"parley/domain"
)

// shownAs is what a person's devices are told of the person's status.
type shownAs struct {
	Status domain.Status `json:"status"`
}

// setStatus says how the caller would like to be seen. It holds for all devices, and until it is said otherwise. What is so already is not put down
// again: its date is when friends have seen the caller last, and clients may say at every start that they are invisible.
func (q *request) setStatus(ctx context.Context) (any, error) {
	s, err := q.str(0)
	if err != nil {
		return nil, err
	}
	status, err := domain.ParseStatus(s)
	if err != nil {
		return nil, err
	}
	seq, was, err := q.edge.status(ctx, q.me)
	if err == nil && was != status {
		var stored domain.Stored
		stored, err = q.edge.Log.Append(ctx, domain.Draft{Topic: domain.About(q.me), Event: domain.StatusSet{Status: status}})
		seq = stored.Seq
	}
	if err != nil {
		return nil, err
	}
	q.edge.hub.setStatus(q.me, status, seq) // the live copy comes, too, and finds it done
	return nil, nil
}

// setStatus goes by what the log says of somebody's status, where it is later than what is known.
func (h *hub) setStatus(u domain.UserID, status domain.Status, seq uint64) {
	h.mu.Lock()
	p := h.people[u]
	if p == nil || seq <= p.statusSeq {
		h.mu.Unlock()
		return
	}
	changed := p.entered && p.status != status // else it is told when a device signs
	p.status, p.statusSeq = status, seq
	h.mu.Unlock()
	if changed {
		h.emit([]*person{p}, "status", shownAs{status})
	}
	h.edge.presence.update(u)
}

// readStatus goes by what the log says now.
func (h *hub) readStatus(ctx context.Context, u domain.UserID) error {
	seq, status, err := h.edge.status(ctx, u)
	if err == nil {
		h.setStatus(u, status, seq)
	}
	return err
}

// statusOf gives how somebody who is connected here would like to be seen.
func (h *hub) statusOf(p *person) domain.Status {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return p.status
}
