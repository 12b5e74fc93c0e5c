package edge

import (
	"context"

	"parley/domain"
)

// standing is what a conversation's state lane adds up to: a Friendship or a Group.
type standing interface {
	Evolve(e domain.Event)
	maySend(m domain.Message) error
	clone() standing
}

type friendship struct{ domain.Friendship }

func (f *friendship) maySend(m domain.Message) error { return f.MaySend(m.From, m.Open) }
func (f *friendship) clone() standing                { c := *f; return &c }

type group struct{ *domain.Group }

func (g group) maySend(m domain.Message) error {
	if !g.Exists() {
		return errNoGroup
	}
	return g.MaySend(m.From)
}

func (g group) clone() standing { return group{g.Clone()} }

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
		s.Evolve(r.Event)
		upTo = r.Seq
	}
	return s, upTo, nil
}
