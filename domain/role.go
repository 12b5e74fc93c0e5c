package domain

// Role is what a member may do in a group.
type Role string

// The roles. "" is nobody's: no member.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// ranks orders the roles: whatever one may do, those above may, too.
var ranks = map[Role]int{RoleMember: 1, RoleAdmin: 2, RoleOwner: 3}

// right is something that takes a role: the least one that has it, and what the others are told.
type right struct {
	least Role
	only  string
}

// The rights. Any member may write, invite and leave. Never changed.
var (
	toDescribe = right{RoleAdmin, "only the owner and admins may change what the group is"}
	toAnswer   = right{RoleAdmin, "only the owner and admins may answer applications"}
	toRemove   = right{RoleAdmin, "only the owner, and admins for plain members, may remove somebody"}
	toRecall   = right{RoleAdmin, "only who has said it, the owner and admins may take a message back"}
	toAppoint  = right{RoleOwner, "only the owner may say who is what"}
	toDissolve = right{RoleOwner, "only the owner may dissolve the group"}
)

// allow refuses with code Forbidden whoever has not got a right.
func (g *Group) allow(u UserID, r right) error {
	switch {
	case g.Role(u) == "":
		return errNoMember
	case !g.has(u, r):
		return Refuse(Forbidden, "%s", r.only)
	}
	return nil
}

func (g *Group) has(u UserID, r right) bool { return ranks[g.Role(u)] >= ranks[r.least] }

// MayAnswer says whether u is one of those who hear of applications to join, and answer them.
func (g *Group) MayAnswer(u UserID) bool { return g.has(u, toAnswer) }

// History says how far back a group's members may read.
type History string

// The histories.
const (
	HistoryAll    History = "all"    // from the beginning
	HistoryJoined History = "joined" // each from when they joined
)

// ParseHistory takes one of the histories, or refuses with code Malformed.
func ParseHistory(s string) (History, error) {
	switch h := History(s); h {
	case HistoryAll, HistoryJoined:
		return h, nil
	}
	return "", Refuse(Malformed, "history must be all or joined")
}
