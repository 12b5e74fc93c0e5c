package edge

import (
	"slices"

	"parley/domain"
)

// deliverGroup tells the members here, and whom else it concerns, of a decision on a group. Of applications only those hear who may answer
// them, and the applicant.
func (c *conversation) deliverGroup(r domain.Record) {
	gid, _ := c.topic.Group()
	g := c.standing.(group)
	change := groupChange{GID: gid, Name: g.About().Name, Date: domain.Date(r.Time), Seq: r.Seq}
	tell := func(to []*person, state string, by, uid domain.UserID) {
		change.State, change.By, change.UID = state, by, uid
		c.hub.emit(to, "group", change)
	}
	members := func(also ...domain.UserID) []*person { return append(c.hearing(r.Seq), c.hub.here(also...)...) }
	switch e := r.Event.(type) {
	case domain.GroupCreated:
		c.joined(r.Seq, append(slices.Clone(e.Members), e.By)...)
		tell(members(), "created", e.By, "")
		tell(c.hub.here(e.Invited...), "invited", e.By, "")
	case domain.GroupInvited:
		tell(members(e.UID), "invited", e.By, e.UID)
	case domain.GroupDeclined:
		tell(members(e.UID), "declined", e.UID, e.UID)
	case domain.GroupApplied:
		to := c.answering(r.Seq)
		tell(append(slices.Clone(to), c.hub.here(e.UID)...), "applied", e.UID, e.UID)
		c.deliverApplication(r, to, e.UID, e.Greeting)
	case domain.GroupRefused:
		tell(append(c.answering(r.Seq), c.hub.here(e.UID)...), "refused", e.By, e.UID)
	case domain.GroupJoined:
		c.joined(r.Seq, e.UID)
		tell(members(), "joined", e.By, e.UID)
	case domain.GroupLeft:
		change.Owner = e.Owner
		tell(members(), "left", e.UID, e.UID)
		c.unhear(c.hub.here(e.UID)...)
	case domain.GroupRemoved:
		tell(members(), "removed", e.By, e.UID)
		c.unhear(c.hub.here(e.UID)...)
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
	for _, p := range c.hub.here(uids...) {
		c.hear(p, seq-1)
	}
}

// answering gives those of the audience who may answer applications.
func (c *conversation) answering(seq uint64) []*person {
	g := c.standing.(group)
	return slices.DeleteFunc(c.hearing(seq), func(p *person) bool { return !g.MayAnswer(p.id) })
}

// unhear takes people who are no members any more out of the audience.
func (c *conversation) unhear(people ...*person) {
	for _, p := range people {
		delete(c.audience, p)
		c.hub.lets(p, c)
	}
	c.retireIfIdle()
}
