package edge

import (
	"context"

	"parley/domain"
)

// inGroup decides on the group named by the first argument.
func (q *request) inGroup(ctx context.Context, c func() (domain.GroupCommand, error)) (any, error) {
	g, err := q.gid(0)
	if err != nil {
		return nil, err
	}
	command, err := c()
	if err != nil {
		return nil, err
	}
	return nil, q.edge.decide(ctx, domain.InGroup(g), func(s standing) (domain.Event, error) {
		return decideGroup(s, command)
	})
}

func decideGroup(s standing, c domain.GroupCommand) (domain.Event, error) {
	g := s.(group)
	if _, making := c.(domain.CreateGroup); !making && !g.Exists() {
		return nil, errNoGroup
	}
	return g.Decide(c)
}

// createGroup makes a group of the caller's: friends are in at once (or anyone, where anyone may write to anyone), others invited.
func (q *request) createGroup(ctx context.Context) (any, error) {
	var a struct {
		Name    string `json:"name"`
		Members texts  `json:"members"`
	}
	if err := q.object(0, &a); err != nil {
		return nil, err
	}
	if len(a.Members) >= domain.MaxMembers {
		return nil, domain.Refuse(domain.TooLarge, "members must be at most %d", domain.MaxMembers-1)
	}
	c := domain.CreateGroup{By: q.me, Name: a.Name}
	seen := map[string]bool{string(q.me): true}
	for i, m := range a.Members {
		u, err := domain.ParseUserID(m)
		if err == nil {
			err = q.known(ctx, u)
		}
		if err != nil {
			r := domain.Refusal(err)
			return nil, domain.Refuse(r.Code, "members[%d]: %s", i, r.Message)
		}
		if seen[m] {
			continue
		}
		seen[m] = true
		switch friend, err := q.friendOf(ctx, u); {
		case domain.Refusal(err).Code == domain.Forbidden:
			return nil, domain.Refuse(domain.Forbidden, "members[%d]: %s", i, domain.Refusal(err).Message)
		case err != nil:
			return nil, err
		case friend:
			c.Members = append(c.Members, u)
		default:
			c.Invited = append(c.Invited, u)
		}
	}
	g := domain.GroupID(newID())
	err := q.edge.decide(ctx, domain.InGroup(g), func(s standing) (domain.Event, error) { return decideGroup(s, c) })
	if err != nil {
		return nil, err
	}
	return map[string]any{"gid": g}, nil
}

// friendOf says whether the caller may bring u into a group without asking: a friend, or anyone where anyone may write to anyone. Where one
// of the two blocks the other, not even an invitation goes: that is Forbidden.
func (q *request) friendOf(ctx context.Context, u domain.UserID) (bool, error) {
	t, m := domain.Direct(q.me, u), domain.Message{From: q.me, Open: q.edge.Settings.Anyone}
	err := q.edge.hub.maySend(ctx, t, m)
	if domain.Refusal(err).Code != domain.Forbidden {
		return err == nil, err
	}
	s, _, err := q.edge.hub.newest(ctx, t, true)
	if err != nil {
		return false, err
	}
	f := s.(*friendship)
	if f.Blocked(q.me) || f.Blocked(u) {
		return false, domain.Refuse(domain.Forbidden, "you may not invite this person")
	}
	return f.maySend(m) == nil, nil
}

func (q *request) invite(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		u, err := q.uid(1)
		if err != nil {
			return nil, err
		}
		if err := q.known(ctx, u); err != nil {
			return nil, err
		}
		friend, err := q.friendOf(ctx, u)
		return domain.Invite{By: q.me, UID: u, Friend: friend}, err
	})
}

// oneself checks the optional second argument of a command that so far one gives for oneself alone.
func (q *request) oneself() error {
	if len(q.event.Args) < 2 {
		return nil
	}
	if s, err := q.str(1); err != nil || s != string(q.me) {
		return domain.Refuse(domain.Malformed, "uid must be left out or your own: you answer your own invitation")
	}
	return nil
}

func (q *request) acceptGroup(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		return domain.AcceptInvitation{UID: q.me}, q.oneself()
	})
}

func (q *request) rejectGroup(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		return domain.DeclineInvitation{UID: q.me}, q.oneself()
	})
}

func (q *request) leaveGroup(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) { return domain.Leave{UID: q.me}, nil })
}

func (q *request) removeMember(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		s, err := q.str(1)
		if err != nil {
			return nil, err
		}
		u, err := domain.ParseUserID(s)
		return domain.RemoveMember{By: q.me, UID: u}, err
	})
}
