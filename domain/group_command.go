package domain

import "encoding/json"

// GroupCommand is what somebody would like to be so in a group.
type GroupCommand interface{ decide(*Group) (Event, error) }

// The commands of a group. By is who gives it.
type (
	// CreateGroup makes it; By becomes the owner.
	CreateGroup struct {
		By      UserID
		Name    string
		Members []UserID // in at once: By's friends, which the edge has looked up
		Invited []UserID
	}
	// DescribeGroup changes what is given; nil leaves as it is. Where that changes nothing, nothing follows.
	DescribeGroup struct {
		By                                 UserID
		Name, Avatar, Description, History *string
	}
	// Invite lets a member bring somebody in: Friend says that UID is By's friend and so in at once, as is who has applied; others may accept, and so
	// may whoever is Full, in as many groups as one may be.
	Invite struct {
		By, UID      UserID
		Friend, Full bool
	}
	// AcceptInvitation is UID's yes.
	AcceptInvitation struct{ UID UserID }
	// DeclineInvitation is UID's no.
	DeclineInvitation struct{ UID UserID }
	// ApplyToJoin asks to be let in; who was invited is in at once. Who was turned down may apply again when Pause has gone by since.
	ApplyToJoin struct {
		UID      UserID
		Greeting json.RawMessage // a JSON object of at most MaxGreeting bytes, or nil
		Pause
	}
	// AcceptApplication is By's yes to UID, who has applied.
	AcceptApplication struct{ By, UID UserID }
	// RefuseApplication is By's no.
	RefuseApplication struct{ By, UID UserID }
	// Leave takes UID out at its own wish. An owner's place goes to the admin, else the member, who has been there longest.
	Leave struct{ UID UserID }
	// RemoveMember puts UID out: the owner may put anyone out, an admin plain members.
	RemoveMember struct{ By, UID UserID }
	// SetRole makes UID an admin or a plain member, or hands the ownership on.
	SetRole struct {
		By, UID UserID
		Role    Role
	}
	// DissolveGroup ends it for all.
	DissolveGroup struct{ By UserID }
	// EraseMember takes UID away for good, member or not, also from a group that has ended. Where it is gone already, nothing follows.
	EraseMember struct{ UID UserID }
)

// Decide says what follows from a command: the event to append, nil where all is so already, or an *Error that says why not. It changes nothing.
func (g *Group) Decide(c GroupCommand) (Event, error) { return c.decide(g) }

func (c CreateGroup) decide(g *Group) (Event, error) {
	if g.exists || g.joins > 0 {
		return nil, Refuse(Conflict, "this group has been made already")
	}
	if _, err := ParseName(c.Name); err != nil {
		return nil, err
	}
	if 1+len(c.Members)+len(c.Invited) > MaxMembers {
		return nil, errFull
	}
	return GroupCreated(c), nil
}

// errFull is never changed.
var errFull = Refuse(TooLarge, "a group holds at most %d people", MaxMembers)

// full says whether nobody more has a place. Whoever is invited has one already.
func (g *Group) full(u UserID) bool {
	return len(g.members)+len(g.invited) >= MaxMembers && !g.Invited(u)
}

func (c DescribeGroup) decide(g *Group) (Event, error) {
	if err := g.allow(c.By, toDescribe); err != nil {
		return nil, err
	}
	if c.Name == nil && c.Avatar == nil && c.Description == nil && c.History == nil {
		return nil, Refuse(Malformed, "give a name, an avatar, a description or a history")
	}
	e := g.about
	var history string
	for _, part := range []struct {
		given *string
		to    *string
		parse func(string) (string, error)
	}{
		{c.Name, &e.Name, ParseName}, {c.Avatar, &e.Avatar, ParseAvatar}, {c.Description, &e.Description, ParseDescription},
		{c.History, &history, func(s string) (string, error) { h, err := ParseHistory(s); return string(h), err }},
	} {
		if part.given == nil {
			continue
		}
		var err error
		if *part.to, err = part.parse(*part.given); err != nil {
			return nil, err
		}
	}
	if history != "" {
		e.History = History(history)
	}
	if e == g.about {
		return nil, nil
	}
	e.By = c.By
	return e, nil
}

func (c Invite) decide(g *Group) (Event, error) {
	atOnce := (c.Friend || g.Applied(c.UID)) && !c.Full
	switch {
	case g.Role(c.By) == "":
		return nil, errNoMember
	case g.gone(c.UID):
		return nil, errNoUser
	case g.Role(c.UID) != "":
		return nil, Refuse(Conflict, "this person is a member already")
	case g.Invited(c.UID) && !atOnce:
		return nil, Refuse(Conflict, "this person has been invited already")
	case g.full(c.UID):
		return nil, errFull
	case atOnce:
		return GroupJoined{By: c.By, UID: c.UID}, nil
	}
	return GroupInvited{By: c.By, UID: c.UID}, nil
}

func (c AcceptInvitation) decide(g *Group) (Event, error) {
	if err := g.awaits(c.UID); err != nil {
		return nil, err
	}
	return GroupJoined{By: c.UID, UID: c.UID}, nil
}

func (c DeclineInvitation) decide(g *Group) (Event, error) {
	if err := g.awaits(c.UID); err != nil {
		return nil, err
	}
	return GroupDeclined(c), nil
}

func (g *Group) awaits(u UserID) error {
	switch {
	case g.Role(u) != "":
		return errMemberAlready
	case !g.Invited(u):
		return Refuse(Forbidden, "you have not been invited to this group")
	}
	return nil
}

// errMemberAlready is never changed.
var errMemberAlready = Refuse(Conflict, "you are a member already")

func (c ApplyToJoin) decide(g *Group) (Event, error) {
	if err := checkGreeting(c.Greeting); err != nil {
		return nil, err
	}
	switch {
	case !g.exists:
		return nil, Refuse(NotFound, "no such group")
	case g.gone(c.UID):
		return nil, errNoUser
	case g.Role(c.UID) != "":
		return nil, errMemberAlready
	case g.Invited(c.UID):
		return GroupJoined{By: c.UID, UID: c.UID}, nil
	case g.Applied(c.UID):
		return nil, errAppliedAlready
	case g.full(c.UID):
		return nil, errFull
	case len(g.applied) >= MaxApplications:
		return nil, Refuse(TooLarge, "%d people wait for an answer of this group's already", MaxApplications)
	}
	if err := c.Pause.over(g.refused[c.UID]); err != nil {
		return nil, err
	}
	return GroupApplied{UID: c.UID, Greeting: c.Greeting}, nil
}

func (c AcceptApplication) decide(g *Group) (Event, error) {
	if err := g.answers(c.By, c.UID); err != nil {
		return nil, err
	}
	if g.full(c.UID) {
		return nil, errFull
	}
	return GroupJoined(c), nil
}

func (c RefuseApplication) decide(g *Group) (Event, error) {
	if err := g.answers(c.By, c.UID); err != nil {
		return nil, err
	}
	return GroupRefused(c), nil
}

// answers says whether by may answer an application of u's, which there must be.
func (g *Group) answers(by, u UserID) error {
	if err := g.allow(by, toAnswer); err != nil {
		return err
	}
	if !g.Applied(u) {
		return Refuse(Conflict, "no application of this person's is waiting for an answer")
	}
	return nil
}

func (c Leave) decide(g *Group) (Event, error) {
	switch g.Role(c.UID) {
	case "":
		return nil, errNoMember
	case RoleOwner:
		return GroupLeft{UID: c.UID, Owner: g.heir()}, nil
	}
	return GroupLeft{UID: c.UID}, nil
}

// heir is who follows the owner: admins before members, the longest there first; "" where the owner is alone.
func (g *Group) heir() (next UserID) {
	var best member
	for u, m := range g.members {
		if m.role != RoleOwner && (ranks[m.role] > ranks[best.role] || m.role == best.role && m.turn < best.turn) {
			next, best = u, m
		}
	}
	return next
}

func (c RemoveMember) decide(g *Group) (Event, error) {
	whom := g.Role(c.UID)
	switch {
	case g.Role(c.By) == "":
		return nil, errNoMember
	case whom == "":
		return nil, errNotIn
	case c.By == c.UID:
		return nil, Refuse(Malformed, "uid must be another's; to go yourself, leave the group")
	}
	if err := g.allow(c.By, toRemove); err != nil {
		return nil, err
	}
	if whom != RoleMember && g.Role(c.By) != RoleOwner {
		return nil, Refuse(Forbidden, "%s", toRemove.only)
	}
	return GroupRemoved(c), nil
}

// errNotIn is never changed.
var errNotIn = Refuse(Conflict, "this person is no member")

func (c SetRole) decide(g *Group) (Event, error) {
	if err := g.allow(c.By, toAppoint); err != nil {
		return nil, err
	}
	switch {
	case ranks[c.Role] == 0:
		return nil, Refuse(Malformed, "role must be owner, admin or member")
	case c.By == c.UID:
		return nil, Refuse(Malformed, "uid must be another's; to step down, make another the owner")
	case g.Role(c.UID) == "":
		return nil, errNotIn
	case g.Role(c.UID) == c.Role:
		return nil, Refuse(Conflict, "this person has that role already")
	}
	return GroupRoleSet(c), nil
}

func (c DissolveGroup) decide(g *Group) (Event, error) {
	if err := g.allow(c.By, toDissolve); err != nil {
		return nil, err
	}
	return GroupDissolved(c), nil
}

func (c EraseMember) decide(g *Group) (Event, error) {
	switch {
	case g.gone(c.UID) || g.joins == 0:
		return nil, nil
	case g.Role(c.UID) == RoleOwner:
		return GroupErased{UID: c.UID, Owner: g.heir()}, nil
	}
	return GroupErased{UID: c.UID}, nil
}
