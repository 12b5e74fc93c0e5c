package edge

import (
	"cmp"
	"context"
	"errors"
	"time"

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
	return nil, q.decideGroup(ctx, g, command)
}

func (q *request) decideGroup(ctx context.Context, g domain.GroupID, c domain.GroupCommand) error {
	var full people
	switch c := c.(type) {
	case domain.AcceptInvitation:
		full = q.edge.haveGroups(ctx, c.UID)
	case domain.ApplyToJoin:
		full = q.edge.haveGroups(ctx, c.UID)
	case domain.AcceptApplication:
		full = q.edge.haveGroups(ctx, c.UID)
	}
	return q.decide(domain.InGroup(g), func(s standing) (domain.Event, error) {
		g := s.(group)
		if _, making := c.(domain.CreateGroup); !making && !g.Exists() {
			return nil, errNoGroup
		}
		e, err := g.Decide(c)
		if err == nil {
			err = q.edge.roomForGroup(q.me, e, full)
		}
		return e, err
	})
}

// A new group has its price: each member is looked up, and told, and a stranger is bothered by it as by any other invitation.
const (
	membersPerCommand = 100 // so many members count as much as one more command, and as one stranger
	maxStrangers      = 40  // who are invited at once
)

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
	if err := q.pace(deciding, 1+len(a.Members)/membersPerCommand); err != nil {
		return nil, err
	}
	c := domain.CreateGroup{By: q.me, Name: a.Name}
	var err error
	if c.Members, c.Invited, err = q.friendsAmong(ctx, a.Members); err != nil {
		return nil, err
	}
	if len(c.Invited) > maxStrangers {
		return nil, domain.Refuse(domain.TooLarge, "at most %d of the members may be people who are not your friends: they are invited", maxStrangers)
	}
	full := q.edge.haveGroups(ctx, append(c.Members, q.me)...)
	if full[q.me] {
		return nil, q.edge.errOwnGroups()
	}
	c.Members, c.Invited = full.apart(c.Members, c.Invited)
	g := domain.GroupID(newID())
	if err := q.decideGroup(ctx, g, c); err != nil {
		return nil, err
	}
	q.edge.people.owe(string(q.me), deciding, len(c.Invited), time.Now())
	return map[string]any{"gid": g}, nil
}

// friendsAmong tells those who may be brought into a group without asking from those who are to be invited. Some are looked up at the same time, for
// there may be thousands.
func (q *request) friendsAmong(ctx context.Context, names []string) (members, invited []domain.UserID, err error) {
	type asked struct {
		nth    int
		uid    domain.UserID
		friend bool
		err    error
	}
	var people []*asked
	seen := map[string]bool{string(q.me): true}
	for i, name := range names {
		u, err := domain.ParseUserID(name)
		if err != nil {
			return nil, nil, inList("members", i, err)
		}
		if !seen[name] {
			seen[name], people = true, append(people, &asked{nth: i, uid: u})
		}
	}
	inTurns(people, func(p *asked) {
		if p.err = q.known(ctx, p.uid); p.err == nil {
			p.friend, p.err = q.friendOf(ctx, p.uid)
		}
	})
	for _, p := range people {
		switch {
		case p.err != nil:
			return nil, nil, inList("members", p.nth, p.err)
		case p.friend:
			members = append(members, p.uid)
		default:
			invited = append(invited, p.uid)
		}
	}
	return members, invited, nil
}

// inList says of which element of a list a refusal is; what is no refusal stays as it is.
func inList(list string, i int, err error) error {
	var r *domain.Error
	if !errors.As(err, &r) || r.Code == domain.Unavailable {
		return err
	}
	return domain.Refuse(r.Code, "%s[%d]: %s", list, i, r.Message)
}

// friendOf says whether the caller may bring u into a group without asking: a friend, or anyone where anyone may write to anyone. Where one
// of the two blocks the other, not even an invitation goes: that is Forbidden. A yes is as hopeful as that to a message.
func (q *request) friendOf(ctx context.Context, u domain.UserID) (friend bool, err error) {
	t, m := domain.Direct(q.me, u), domain.Message{From: q.me, Open: q.edge.Settings.Anyone}
	if c := q.edge.hub.kept(t); c != nil && c.may(func(s standing) error { return s.maySend(m) }) {
		return true, nil
	}
	failed := q.edge.hub.stand(ctx, t, true, func(s standing, _ uint64) {
		f := s.(*friendship)
		friend = f.maySend(m) == nil
		if f.Blocked(q.me) || f.Blocked(u) {
			err = domain.Refuse(domain.Forbidden, "you may not invite this person")
		}
	})
	return friend, cmp.Or(failed, err)
}

// updateGroup changes what the group is called, looks like and lets be read.
func (q *request) updateGroup(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		var a struct {
			Name        *string `json:"name"`
			Avatar      *string `json:"avatar"`
			Description *string `json:"description"`
			History     *string `json:"history"`
		}
		err := q.object(1, &a)
		return domain.DescribeGroup{By: q.me, Name: a.Name, Avatar: a.Avatar, Description: a.Description, History: a.History}, err
	})
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
		return domain.Invite{By: q.me, UID: u, Friend: friend, Full: q.edge.haveGroups(ctx, u)[u]}, err
	})
}

func (q *request) applyGroup(ctx context.Context) (any, error) {
	g, err := q.gid(0)
	if err != nil {
		return nil, err
	}
	return nil, q.applyTo(ctx, g)
}

func (q *request) applyTo(ctx context.Context, g domain.GroupID) error {
	return q.decideGroup(ctx, g, domain.ApplyToJoin{UID: q.me, Greeting: q.greeting(), Pause: q.edge.pause()})
}

// acceptGroup says yes: to one's own invitation, or to somebody's application.
func (q *request) acceptGroup(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		u, err := q.whose(ctx)
		if u == q.me {
			return domain.AcceptInvitation{UID: u}, err
		}
		return domain.AcceptApplication{By: q.me, UID: u}, err
	})
}

// rejectGroup says no, likewise.
func (q *request) rejectGroup(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		u, err := q.whose(ctx)
		if u == q.me {
			return domain.DeclineInvitation{UID: u}, err
		}
		return domain.RefuseApplication{By: q.me, UID: u}, err
	})
}

// whose decodes the optional second argument, somebody's id; without it, it is one's own.
func (q *request) whose(ctx context.Context) (domain.UserID, error) {
	if len(q.event.Args) < 2 {
		return q.me, nil
	}
	return q.somebody(ctx, 1)
}

func (q *request) leaveGroup(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) { return domain.Leave{UID: q.me}, nil })
}

func (q *request) removeMember(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		u, err := q.somebody(ctx, 1)
		return domain.RemoveMember{By: q.me, UID: u}, err
	})
}

func (q *request) setRole(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) {
		u, err := q.somebody(ctx, 1)
		if err != nil {
			return nil, err
		}
		role, err := q.str(2)
		return domain.SetRole{By: q.me, UID: u, Role: domain.Role(role)}, err
	})
}

func (q *request) dissolveGroup(ctx context.Context) (any, error) {
	return q.inGroup(ctx, func() (domain.GroupCommand, error) { return domain.DissolveGroup{By: q.me}, nil })
}
