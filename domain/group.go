package domain

import "time"

// Limits of a group.
const (
	MaxMembers      = 10_000 // people, those invited included
	MaxApplications = 1_000  // that wait for an answer; so many turned down are remembered, too
)

// Group is who is in a group and what they may do there, folded from the state lane of its topic. The zero value is a group that
// was never made.
type Group struct {
	about     GroupDescribed
	exists    bool // made and not ended
	owner     UserID
	members   map[UserID]member
	answering map[UserID]struct{}  // those of them who may answer applications
	invited   map[UserID]struct{}  // who has a place and may take it
	applied   map[UserID]struct{}  // who waits for an answer
	refused   map[UserID]time.Time // who got a no, and when
	joins     int                  // how many have ever joined: gives each its turn
	erased    map[UserID]struct{}  // who is gone for good
}

type member struct {
	role Role
	turn int
}

// About is what the group is called, looks like and lets be read. By says who has said so.
func (g *Group) About() GroupDescribed { return g.about }

// Exists says whether the group has been made and not ended.
func (g *Group) Exists() bool { return g.exists }

// Owner gives who owns the group; "" where there is none.
func (g *Group) Owner() UserID { return g.owner }

// Role gives what u is in the group; "" for no member.
func (g *Group) Role(u UserID) Role { return g.members[u].role }

// Invited says whether u has an invitation that waits for an answer.
func (g *Group) Invited(u UserID) bool {
	_, may := g.invited[u]
	return may
}

// Applied says whether u has applied and waits for an answer.
func (g *Group) Applied(u UserID) bool {
	_, waits := g.applied[u]
	return waits
}

// Answering gives those who hear of applications to join, and answer them: the owner and the admins, in no order.
func (g *Group) Answering() []UserID {
	all := make([]UserID, 0, len(g.answering))
	for u := range g.answering {
		all = append(all, u)
	}
	return all
}

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

// MaySend says nil where from may write in the group in this state, else an *Error with code Forbidden.
func (g *Group) MaySend(from UserID) error {
	if g.Role(from) == "" {
		return errNoMember
	}
	return nil
}

// errNoMember is never changed.
var errNoMember = Refuse(Forbidden, "you are no member of this group")

// Evolve folds an event of the state lane, which the log stored at an instant, into the group. What is not of a group leaves it as it is.
func (g *Group) Evolve(e Event, at time.Time) {
	if made, ok := e.(GroupCreated); ok && g.joins == 0 {
		g.create(made)
	}
	if gone, ok := e.(GroupErased); ok {
		g.erase(gone)
	}
	if !g.exists {
		return
	}
	switch e := e.(type) {
	case GroupInvited:
		delete(g.applied, e.UID)
		g.invited[e.UID] = struct{}{}
	case GroupDeclined:
		delete(g.invited, e.UID)
	case GroupApplied:
		delete(g.invited, e.UID)
		g.applied[e.UID] = struct{}{}
	case GroupRefused:
		g.refuse(e.UID, at)
	case GroupJoined:
		g.join(e.UID, RoleMember)
	case GroupLeft:
		g.leave(e.UID)
		g.appoint(e.Owner, RoleOwner)
		if len(g.members) == 0 {
			g.end()
		}
	case GroupErased:
		g.leave(e.UID)
		delete(g.invited, e.UID)
		delete(g.applied, e.UID)
		delete(g.refused, e.UID)
		g.appoint(e.Owner, RoleOwner)
		if len(g.members) == 0 {
			g.end()
		}
	case GroupRemoved:
		g.leave(e.UID)
	case GroupRoleSet:
		g.appoint(e.UID, e.Role)
	case GroupDescribed:
		g.about = e
	case GroupDissolved:
		g.end()
	}
}

func (g *Group) create(e GroupCreated) {
	g.about = GroupDescribed{By: e.By, Name: e.Name, History: HistoryAll}
	g.exists = true
	g.members, g.answering = make(map[UserID]member, 1+len(e.Members)), map[UserID]struct{}{}
	g.invited = make(map[UserID]struct{}, len(e.Invited))
	g.applied, g.refused = map[UserID]struct{}{}, map[UserID]time.Time{}
	g.join(e.By, RoleMember)
	g.appoint(e.By, RoleOwner)
	for _, u := range e.Members {
		g.join(u, RoleMember)
	}
	for _, u := range e.Invited {
		if _, in := g.members[u]; !in {
			g.invited[u] = struct{}{}
		}
	}
}

func (g *Group) join(u UserID, r Role) {
	delete(g.invited, u)
	delete(g.applied, u)
	delete(g.refused, u)
	if _, in := g.members[u]; in {
		return
	}
	g.joins++
	g.put(u, member{r, g.joins})
}

func (g *Group) put(u UserID, m member) {
	g.members[u] = m
	if g.MayAnswer(u) {
		g.answering[u] = struct{}{}
	} else {
		delete(g.answering, u)
	}
}

func (g *Group) leave(u UserID) {
	delete(g.members, u)
	delete(g.answering, u)
	if g.owner == u {
		g.owner = ""
	}
}

// appoint makes a member something else. An owner whose place is taken is an admin.
func (g *Group) appoint(u UserID, r Role) {
	m, in := g.members[u]
	if !in || ranks[r] == 0 {
		return
	}
	if r == RoleOwner {
		if was, in := g.members[g.owner]; in {
			g.put(g.owner, member{RoleAdmin, was.turn})
		}
		g.owner = u
	} else if g.owner == u {
		g.owner = ""
	}
	g.put(u, member{r, m.turn})
}

// refuse turns an application down. Of those who were turned down the latest are remembered.
func (g *Group) refuse(u UserID, at time.Time) {
	delete(g.applied, u)
	if _, again := g.refused[u]; !again && len(g.refused) >= MaxApplications {
		oldest := u
		for v, then := range g.refused {
			if first := g.refused[oldest]; oldest == u || then.Before(first) || then.Equal(first) && v < oldest {
				oldest = v
			}
		}
		delete(g.refused, oldest)
	}
	g.refused[u] = at
}

// gone says whether u is gone for good.
func (g *Group) gone(u UserID) bool {
	_, gone := g.erased[u]
	return gone
}

func (g *Group) erase(e GroupErased) {
	if g.erased == nil {
		g.erased = map[UserID]struct{}{}
	}
	g.erased[e.UID] = struct{}{}
}

func (g *Group) end() {
	g.exists, g.owner = false, ""
	clear(g.members)
	clear(g.answering)
	clear(g.invited)
	clear(g.applied)
	clear(g.refused)
}
