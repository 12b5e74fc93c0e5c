package edge

import (
	"slices"

	"parley/domain"
)

// announced is up to how many members of a group are all told who comes and goes. In a larger one that would be work for each member at every
// change, and a thousand who join at once would get half a million events: there it is told to the owner, the admins and whom it concerns.
const announced = 200

// deliverGroup tells the members here, and whom else it concerns, of a decision on a group. Of applications only those hear who may answer
// them, and the applicant.
func (c *conversation) deliverGroup(r domain.Record) {
	gid, _ := c.topic.Group()
	g := c.standing.(group)
	change := groupChange{GID: gid, Name: g.About().Name, Date: domain.Date(r.Time), Seq: r.Seq}
	tell := func(to []*person, state string, by, uid domain.UserID) {
		change.State, change.By, change.UID = state, by, uid
		c.emit(to, "group", change)
	}
	members := func() []*person { return c.hearing(r.Seq) }
	concerned := func(u domain.UserID) []*person { // by somebody's coming or going, u among them
		if g.Size() > announced {
			return c.running(r.Seq, u)
		}
		return with(members(), c.here(u))
	}
	switch e := r.Event.(type) {
	case domain.GroupCreated:
		c.joined(r.Seq, append(slices.Clone(e.Members), e.By)...)
		tell(members(), "created", e.By, "")
		tell(c.here(e.Invited...), "invited", e.By, "")
	case domain.GroupInvited:
		tell(concerned(e.UID), "invited", e.By, e.UID)
	case domain.GroupDeclined:
		tell(concerned(e.UID), "declined", e.UID, e.UID)
	case domain.GroupApplied:
		tell(c.running(r.Seq, e.UID), "applied", e.UID, e.UID)
		c.deliverApplication(r, c.running(r.Seq, ""), e.UID, e.Greeting) // without an offset: who loses it hears it when they sign
	case domain.GroupRefused:
		tell(c.running(r.Seq, e.UID), "refused", e.By, e.UID)
	case domain.GroupJoined:
		c.joined(r.Seq, e.UID)
		tell(concerned(e.UID), "joined", e.By, e.UID)
	case domain.GroupLeft:
		to := concerned(e.UID)
		if change.Owner = e.Owner; e.Owner != "" { // everyone is to know who the owner is now
			to = with(members(), c.here(e.UID))
		}
		tell(to, "left", e.UID, e.UID)
		c.unhear(c.here(e.UID)...)
	case domain.GroupErased: // who was no member any more as well: others may list them, as invited or turned down
		to := concerned(e.UID)
		if change.Owner = e.Owner; e.Owner != "" {
			to = with(members(), c.here(e.UID))
		}
		tell(to, "erased", e.UID, e.UID)
		c.unhear(c.here(e.UID)...)
	case domain.GroupRemoved:
		tell(concerned(e.UID), "removed", e.By, e.UID)
		c.unhear(c.here(e.UID)...)
	case domain.GroupDescribed:
		change.Name, change.Avatar, change.Description, change.History = e.Name, &e.Avatar, &e.Description, e.History
		tell(members(), "described", e.By, "")
	case domain.GroupRoleSet:
		change.Role = e.Role
		tell(members(), "role", e.By, e.UID)
	case domain.GroupDissolved:
		all := members()
		tell(all, "dissolved", e.By, "")
		c.unhear(all...)
	}
}

// joined lets those of some new members who are here hear the group, from the event at a sequence on.
func (c *conversation) joined(seq uint64, uids ...domain.UserID) {
	for _, p := range c.here(uids...) {
		c.hear(p, seq-1)
	}
}

// running gives those of the audience who may answer applications, and somebody who may be no member; "" for nobody.
func (c *conversation) running(seq uint64, also domain.UserID) []*person {
	who := slices.DeleteFunc(c.here(c.standing.(group).Answering()...), func(p *person) bool {
		after, hears := c.audience[p]
		return !hears || seq <= after
	})
	return with(who, c.here(also))
}

// with adds those who are not among some people yet.
func with(people, also []*person) []*person {
	for _, p := range also {
		if !slices.Contains(people, p) {
			people = append(people, p)
		}
	}
	return people
}

// unhear takes people who are no members any more out of the audience.
func (c *conversation) unhear(people ...*person) {
	for _, p := range people {
		delete(c.audience, p)
		if c.only == nil {
			c.hub.lets(p, c)
		}
	}
	c.retireIfIdle()
}
