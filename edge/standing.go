package edge

import (
	"context"
	"time"

	"parley/domain"
)

// standing is what a conversation's state lane adds up to: a Friendship or a Group.
type standing interface {
	Evolve(e domain.Event, at time.Time)
	maySend(m domain.Message) error
}

type friendship struct{ domain.Friendship }

func (f *friendship) maySend(m domain.Message) error { return f.MaySend(m.From, m.Open) }

type group struct{ *domain.Group }

func (g group) maySend(m domain.Message) error {
	if !g.Exists() {
		return errNoGroup
	}
	return g.MaySend(m.From)
}

var errNoGroup = domain.Refuse(domain.NotFound, "no such group") // never changed

// fold makes the standing of a topic from the log: from the events before a sequence, or all where it is 0.
func (h *hub) fold(ctx context.Context, t domain.Topic, before uint64) (s standing, upTo uint64, err error) {
	records, err := h.edge.Log.State(ctx, t, before)
	if err != nil {
		return nil, 0, err
	}
	if _, ok := t.Group(); ok {
		s = group{&domain.Group{}}
	} else {
		s = &friendship{domain.NewFriendship(t)}
	}
	for _, r := range records {
		s.Evolve(r.Event, r.Time)
		upTo = r.Seq
	}
	return s, upTo, nil
}

// stand shows how a topic stands: as it is known here, where the conversation is kept, else as the log says. certain asks the log whether that
// is all there is. upTo is the last event that it was made from; neither s nor what it holds may be kept.
func (h *hub) stand(ctx context.Context, t domain.Topic, certain bool, use func(s standing, upTo uint64)) error {
	c := h.kept(t)
	var least uint64
	if c != nil && certain {
		last, found, err := h.edge.Log.Last(ctx, t, domain.LaneState, "")
		if err != nil {
			return err
		}
		if found {
			least = last.Seq
		}
	}
	if c != nil && c.look(least, use) {
		return nil
	}
	s, upTo, err := h.fold(ctx, t, 0)
	if err != nil {
		return err
	}
	use(s, upTo)
	if c != nil {
		c.install(s, upTo)
	}
	return nil
}

// maySend says whether a message would count now. A refusal comes from the log; a yes may turn out too hopeful (conversation.settle).
func (h *hub) maySend(ctx context.Context, t domain.Topic, m domain.Message) (err error) {
	if c := h.kept(t); c != nil && c.maySend(m) {
		return nil
	}
	failed := h.stand(ctx, t, true, func(s standing, _ uint64) { err = s.maySend(m) })
	if failed != nil {
		return failed
	}
	return err
}
