package edge

import (
	"context"

	"parley/domain"
)

// standing is what a conversation's state lane adds up to: a Friendship or a Group.
type standing interface {
	evolve(r domain.Record)
	maySend(e domain.Spoken) error
	// role is what somebody is in a group; "" in a direct conversation.
	role(u domain.UserID) domain.Role
	// hidden is up to where a member may not read what was said.
	hidden(from domain.UserID) uint64
}

type friendship struct{ domain.Friendship }

func (f *friendship) evolve(r domain.Record)           { f.Evolve(r.Event, r.Time) }
func (f *friendship) maySend(e domain.Spoken) error    { return f.MaySend(e.Speaker()) }
func (f *friendship) role(domain.UserID) domain.Role   { return "" }
func (f *friendship) hidden(domain.UserID) (to uint64) { return 0 }

type group struct {
	*domain.Group
	joined map[domain.UserID]uint64 // where those have come in who were not in from the beginning
}

func newGroup() group { return group{&domain.Group{}, map[domain.UserID]uint64{}} }

func (g group) evolve(r domain.Record) {
	switch e := r.Event.(type) {
	case domain.GroupJoined:
		if g.Exists() && g.Role(e.UID) == "" {
			g.joined[e.UID] = r.Seq
		}
	case domain.GroupLeft:
		delete(g.joined, e.UID)
	case domain.GroupRemoved:
		delete(g.joined, e.UID)
	case domain.GroupErased:
		delete(g.joined, e.UID)
	}
	g.Evolve(r.Event, r.Time)
}

func (g group) maySend(e domain.Spoken) error {
	if !g.Exists() {
		return errNoGroup
	}
	by, _ := e.Speaker()
	return g.MaySend(by)
}

func (g group) role(u domain.UserID) domain.Role { return g.Role(u) }

func (g group) hidden(from domain.UserID) uint64 {
	if g.About().History == domain.HistoryJoined {
		return g.joined[from]
	}
	return 0
}

// counts says nil where something counts in a state, else why not. Of a change m is the message that it is about.
func counts(s standing, e domain.Spoken, m domain.Said) error {
	if err := s.maySend(e); err != nil {
		return err
	}
	if change, ok := e.(domain.Change); ok {
		by, _ := e.Speaker()
		return m.May(change, s.role(by))
	}
	return nil
}

var errNoGroup = domain.Refuse(domain.NotFound, "no such group") // never changed

// fold makes the standing of a topic from the log: from the events before a sequence, or all where it is 0.
func (h *hub) fold(ctx context.Context, t domain.Topic, before uint64) (s standing, upTo uint64, err error) {
	records, err := h.edge.Log.State(ctx, t, before)
	if err != nil {
		return nil, 0, err
	}
	if _, ok := t.Group(); ok {
		s = newGroup()
	} else {
		s = &friendship{domain.NewFriendship(t)}
	}
	for _, r := range records {
		s.evolve(r)
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

// may asks a rule how things stand now. A refusal comes from the log; a yes may turn out too hopeful (conversation.settle).
func (h *hub) may(ctx context.Context, t domain.Topic, rule func(standing) error) (err error) {
	if c := h.kept(t); c != nil && c.may(rule) {
		return nil
	}
	failed := h.stand(ctx, t, true, func(s standing, _ uint64) { err = rule(s) })
	if failed != nil {
		return failed
	}
	return err
}

// maySend says whether somebody may say something now, as may does.
func (h *hub) maySend(ctx context.Context, t domain.Topic, e domain.Spoken) error {
	return h.may(ctx, t, func(s standing) error { return s.maySend(e) })
}
