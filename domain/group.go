package domain

// MaxMembers is how many people a group may hold, those invited included.
const MaxMembers = 10_000

// Role is what a member may do in a group.
type Role string

// The roles. "" is nobody's: no member.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Group is who is in a group and what they may do there, folded from the state lane of its topic. The zero value is a group that
// was never made.
type Group struct {
	name    string
	exists  bool // made and not ended
	members map[UserID]member
	invited map[UserID]UserID // who, by whom
	joins   int               // how many have ever joined: gives each its turn
}

type member struct {
	role Role
	turn int
}

// Name is what the group is called.
func (g *Group) Name() string { return g.name }

// Exists says whether the group has been made and not ended.
func (g *Group) Exists() bool { return g.exists }

// Role gives what u is in the group; "" for no member.
func (g *Group) Role(u UserID) Role { return g.members[u].role }

// Invited says whether u has an invitation that waits for an answer.
func (g *Group) Invited(u UserID) bool { return g.invited[u] != "" }

// Members gives everyone who is in, in no order. It costs a pass over them all.
func (g *Group) Members() []UserID {
	all := make([]UserID, 0, len(g.members))
	for u := range g.members {
		all = append(all, u)
	}
	return all
}

// Size is how many are in.
func (g *Group) Size() int { return len(g.members) }

// Clone makes a copy that shares nothing. It costs a pass over members and invitations.
func (g *Group) Clone() *Group {
	c := *g
	c.members, c.invited = make(map[UserID]member, len(g.members)), make(map[UserID]UserID, len(g.invited))
	for u, m := range g.members {
		c.members[u] = m
	}
	for u, by := range g.invited {
		c.invited[u] = by
	}
	return &c
}

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
	// Invite lets a member bring somebody in: Friend says that UID is By's friend and so in at once; others may accept.
	Invite struct {
		By, UID UserID
		Friend  bool
	}
	// AcceptInvitation is UID's yes.
	AcceptInvitation struct{ UID UserID }
	// DeclineInvitation is UID's no.
	DeclineInvitation struct{ UID UserID }
	// Leave takes UID out at its own wish. An owner's place goes to the admin, else the member, who has been there longest.
	Leave struct{ UID UserID }
	// RemoveMember puts UID out: the owner may put anyone out, an admin plain members.
	RemoveMember struct{ By, UID UserID }
)

// Decide says what follows from a command: the event to append, or an *Error that says why not. It changes nothing.
func (g *Group) Decide(c GroupCommand) (Event, error) { return c.decide(g) }

func (c CreateGroup) decide(g *Group) (Event, error) {
	if g.exists || g.joins > 0 {
		return nil, Refuse(Conflict, "this group has been made already")
	}
	if _, err := ParseName(c.Name); err != nil {
		return nil, err
	}
	if 1+len(c.Members)+len(c.Invited) > MaxMembers {
		return nil, Refuse(TooLarge, "a group holds at most %d people", MaxMembers)
	}
	return GroupCreated(c), nil
}

func (c Invite) decide(g *Group) (Event, error) {
	switch {
	case g.Role(c.By) == "":
		return nil, errNoMember
	case g.Role(c.UID) != "":
		return nil, Refuse(Conflict, "this person is a member already")
	case g.Invited(c.UID) && !c.Friend:
		return nil, Refuse(Conflict, "this person has been invited already")
	case len(g.members)+len(g.invited) >= MaxMembers && !g.Invited(c.UID): // whoever is invited has a place already
		return nil, Refuse(TooLarge, "a group holds at most %d people", MaxMembers)
	case c.Friend:
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
		return Refuse(Conflict, "you are a member already")
	case !g.Invited(u):
		return Refuse(Forbidden, "you have not been invited to this group")
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
	rank := map[Role]int{RoleAdmin: 0, RoleMember: 1}
	for u, m := range g.members {
		if m.role == RoleOwner {
			continue
		}
		n := g.members[next]
		if next == "" || rank[m.role] < rank[n.role] || rank[m.role] == rank[n.role] && m.turn < n.turn {
			next = u
		}
	}
	return next
}

func (c RemoveMember) decide(g *Group) (Event, error) {
	by, whom := g.Role(c.By), g.Role(c.UID)
	switch {
	case by == "":
		return nil, errNoMember
	case whom == "":
		return nil, Refuse(Conflict, "this person is no member")
	case c.By == c.UID:
		return nil, Refuse(Malformed, "uid must be another's; to go yourself, leave the group")
	case by == RoleOwner, by == RoleAdmin && whom == RoleMember:
		return GroupRemoved(c), nil
	}
	return nil, Refuse(Forbidden, "only the owner, and admins for plain members, may remove somebody")
}

// MaySend says nil where from may write in the group in this state, else an *Error with code Forbidden.
func (g *Group) MaySend(from UserID) error {
	if g.Role(from) == "" {
		return errNoMember
	}
	return nil
}

// errNoMember is never changed.
var errNoMember = Refuse(Forbidden, "you are no member of this group")

// Evolve folds an event of the state lane into the group. What is not of a group leaves it as it is.
func (g *Group) Evolve(e Event) {
	if made, ok := e.(GroupCreated); ok && g.joins == 0 {
		g.create(made)
	}
	if !g.exists {
		return
	}
	switch e := e.(type) {
	case GroupInvited:
		g.invited[e.UID] = e.By
	case GroupDeclined:
		delete(g.invited, e.UID)
	case GroupJoined:
		g.join(e.UID, RoleMember)
	case GroupLeft:
		delete(g.members, e.UID)
		if m, ok := g.members[e.Owner]; ok {
			g.members[e.Owner] = member{RoleOwner, m.turn}
		}
		if g.exists = len(g.members) > 0; !g.exists {
			clear(g.invited)
		}
	case GroupRemoved:
		delete(g.members, e.UID)
	}
}

func (g *Group) create(e GroupCreated) {
	g.name, g.exists = e.Name, true
	g.members, g.invited = make(map[UserID]member, 1+len(e.Members)), make(map[UserID]UserID, len(e.Invited))
	g.join(e.By, RoleOwner)
	for _, u := range e.Members {
		g.join(u, RoleMember)
	}
	for _, u := range e.Invited {
		if _, in := g.members[u]; !in {
			g.invited[u] = e.By
		}
	}
}

func (g *Group) join(u UserID, r Role) {
	delete(g.invited, u)
	if _, in := g.members[u]; in {
		return
	}
	g.joins++
	g.members[u] = member{r, g.joins}
}
