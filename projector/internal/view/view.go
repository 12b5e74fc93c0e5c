// Package view holds what the stores' queries share: the shapes of answers, their order, cursors and refusals.
//
// It reads no rows. The one thing to know: both stores must answer alike, and what could differ between them is here.
package view

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/domain"
	"parley/projector"
)

// MaxPage is how many items a page has at most.
const MaxPage = 500

// Limit brings the size of a page between 1 and MaxPage.
func Limit(n int) int { return min(max(n, 1), MaxPage) }

// The refusals.
var (
	ErrNoUser      = domain.Refuse(domain.NotFound, "no such user")
	ErrNoGroup     = domain.Refuse(domain.NotFound, "no such group")
	ErrNoMember    = domain.Refuse(domain.Forbidden, "you are no member of this group")
	ErrNotYours    = domain.Refuse(domain.Forbidden, "this is no conversation of yours")
	ErrBadCursor   = domain.Refuse(domain.Malformed, "after must be the next of an earlier answer")
	errUnavailable = "the read models are being made; try again in a moment"
)

// BeingMade is the refusal while there are no tables.
func BeingMade() *domain.Error {
	return &domain.Error{Code: domain.Unavailable, Message: errUnavailable, Cause: projector.ErrNoTables}
}

// Key is what a name is searched and sorted by: its letters without their case.
func Key(name string) string { return strings.Map(unicode.ToLower, name) }

// Prefix gives the keys that begin with what a query asks for, from and up to (not including) to. ok is false where no name is that long.
func Prefix(query string) (from, to string, ok bool) {
	if utf8.RuneCountInString(query) > domain.MaxName {
		return "", "", false
	}
	from = Key(query)
	return from, from + "\xff", true // no UTF-8 holds this byte
}

// erasedName stands for the name of somebody who is gone for good.
const erasedName = "deleted user"

// Person is somebody's profile; of somebody without one there is only the id.
func Person(p projector.PersonRow) domain.PersonView {
	if p.Erased != projector.ErasedNot {
		return domain.PersonView{ID: p.UID, Name: erasedName, Deleted: true}
	}
	return domain.PersonView{ID: p.UID, Username: p.Username, Name: p.Name, Avatar: p.Avatar}
}

// FoundPeople merges the first people by username and by name of a search, and gives at most limit of them by username.
func FoundPeople(byUsername, byName []domain.PersonView, limit int) []domain.PersonView {
	limit = Limit(limit)
	byUsername, byName = byUsername[:min(len(byUsername), limit)], byName[:min(len(byName), limit)]
	found := slices.Concat(byUsername, byName)
	slices.SortFunc(found, ByUsername)
	found = slices.Compact(found)
	return found[:min(len(found), limit)]
}

// ByUsername orders people by username, then id.
func ByUsername(a, b domain.PersonView) int {
	return cmp.Or(strings.Compare(Key(a.Username), Key(b.Username)), cmp.Compare(a.ID, b.ID))
}

// ByName orders people by name, then id.
func ByName(a, b domain.PersonView) int {
	return cmp.Or(strings.Compare(Key(a.Name), Key(b.Name)), cmp.Compare(a.ID, b.ID))
}

// Friend is a friend, who was last seen online at a date, in milliseconds since 1970; 0 for never.
func Friend(p projector.PersonRow, seen int64) domain.FriendView {
	v := domain.FriendView{PersonView: Person(p)}
	if seen != 0 {
		v.Seen = Date(seen)
	}
	return v
}

// FriendsByName orders friends by name, then id.
func FriendsByName(a, b domain.FriendView) int { return ByName(a.PersonView, b.PersonView) }

// Group is a group as one of the given role sees it.
func Group(g projector.GroupRow, role domain.Role) domain.GroupView {
	id, _ := g.Topic.Group()
	return domain.GroupView{
		ID: id, Name: g.Name, Avatar: g.Avatar, Description: g.Description, History: g.History, Owner: g.Owner, Members: g.Size, Role: role,
	}
}

// GroupsByName orders groups by name, then id.
func GroupsByName(a, b domain.GroupView) int {
	return cmp.Or(strings.Compare(Key(a.Name), Key(b.Name)), cmp.Compare(a.ID, b.ID))
}

// Member is somebody in a group.
func Member(m projector.MemberRow, p projector.PersonRow) domain.MemberView {
	return domain.MemberView{PersonView: Person(p), Role: m.Role, Joined: Date(m.Since)}
}

// Date writes milliseconds since 1970 as clients see them.
func Date(ms int64) string { return domain.Date(time.UnixMilli(ms)) }

// Behind gives how many events are missing between what is folded and the ends of the log, by shard. What is folded of another life of
// the log is worth nothing, and as long as it is there something is missing, even where this life is empty.
func Behind(at, ends []domain.Position) (missing uint64) {
	for shard, end := range ends {
		var have domain.Position
		if shard < len(at) {
			have = at[shard]
		}
		switch {
		case have.Epoch == end.Epoch:
			missing += end.Seq - min(end.Seq, have.Seq)
		case have.Epoch != "" && end.Epoch != "":
			missing += max(end.Seq, 1)
		default:
			missing += end.Seq
		}
	}
	return missing
}
