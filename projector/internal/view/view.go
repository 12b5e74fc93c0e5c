// Package view holds what the stores' queries share: the shapes of answers, their order, cursors and refusals.
//
// It reads no rows. The one thing to know: both stores must answer alike, and what could differ between them is here.
package view

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
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

// Person is somebody's profile; of somebody without one there is only the id.
func Person(p projector.PersonRow) domain.PersonView {
	return domain.PersonView{ID: p.UID, Username: p.Username, Name: p.Name, Avatar: p.Avatar}
}

// Found merges the first people by username and by name of a search, and gives at most limit of them by username.
func Found(byUsername, byName []domain.PersonView, limit int) []domain.PersonView {
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

// Message is something that was said.
func Message(m projector.MessageRow) domain.MessageView {
	return domain.MessageView{Seq: m.Seq, ID: m.ID, From: m.From, Date: Date(m.Date), Msg: m.Msg}
}

// Date writes milliseconds since 1970 as clients see them.
func Date(ms int64) string { return domain.Date(time.UnixMilli(ms)) }

// Line is a conversation in somebody's list.
type Line struct {
	projector.MemberRow                    // how the reader stands to it
	Group               projector.GroupRow // zero for a direct conversation
	Tail                projector.TailRow  // its Number is 0 where nothing has been said
	Own, Read           projector.MarkRow
}

// listed says whether the line is in the list: groups that one is in; friends, and those with whom there is something said.
func (l Line) listed() bool {
	_, _, direct := l.Topic.Pair()
	return l.Present || direct && l.Tail.Number > 0
}

// Conversation is the line as me sees it. last is what was said last, if anything was, whether or not me may read it; with is the other one
// of a direct conversation.
func (l Line) Conversation(me domain.UserID, last *domain.MessageView, with projector.PersonRow) domain.ConversationView {
	if last != nil && last.Seq <= hidden(l.MemberRow, l.Group) {
		last = nil
	}
	v := domain.ConversationView{
		ID: l.Topic.ConversationID(me), Name: l.Group.Name, Avatar: l.Group.Avatar, Last: last,
		Unread: l.Tail.Number - min(l.Tail.Number, max(l.Own.Number, l.Read.Number)),
		Read:   max(l.Own.Seq, l.Read.Seq),
	}
	if l.Topic.Peer(me) != "" {
		v.Name, v.Avatar = with.Name, with.Avatar
	}
	return v
}

// Page gives the lines of the list, newest first, that come after a cursor, and the cursor of the next page; "" where there is none.
// It refuses what is no cursor with code Malformed.
func Page(lines []Line, after string, limit int) (page []Line, next string, err error) {
	from, err := parseCursor(after)
	if err != nil {
		return nil, "", err
	}
	lines = slices.DeleteFunc(lines, func(l Line) bool { return !l.listed() || after != "" && cursorOf(l).compare(from) <= 0 })
	slices.SortFunc(lines, func(a, b Line) int { return cursorOf(a).compare(cursorOf(b)) })
	if limit = Limit(limit); len(lines) > limit {
		return lines[:limit], cursorOf(lines[limit-1]).String(), nil
	}
	return lines, "", nil
}

// cursor is a place in the list of conversations: that of one with this date, of the last message or, where that is later, of having come to it,
// so that a new friend or group is seen.
type cursor struct {
	date int64
	key  string
}

func cursorOf(l Line) cursor { return cursor{max(l.Tail.Date, l.Since), l.Topic.Key()} }

func (c cursor) compare(d cursor) int {
	return cmp.Or(cmp.Compare(d.date, c.date), strings.Compare(c.key, d.key))
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.date, 10) + " " + c.key))
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return c, ErrBadCursor
	}
	date, key, _ := strings.Cut(string(b), " ")
	if c.date, err = strconv.ParseInt(date, 10, 64); err != nil {
		return c, ErrBadCursor
	}
	if _, err = domain.ParseTopic(key); err != nil {
		return c, ErrBadCursor
	}
	c.key = key
	return c, nil
}

// Readable gives after which seq and up to which somebody may read a conversation of this tail, a group's (or the zero GroupRow); ok is false
// for those who may not at all. in says whether there is a row that ties them to it.
func Readable(m projector.MemberRow, in bool, g projector.GroupRow, tail projector.TailRow) (after, upTo uint64, ok bool) {
	_, _, direct := m.Topic.Pair()
	switch {
	case !in:
		return 0, 0, false
	case m.Present, direct && tail.Number > 0:
		return hidden(m, g), ^uint64(0), true
	}
	return hidden(m, g), m.Left, m.Left > 0
}

// hidden gives up to which seq a conversation is hidden from somebody who may read what comes after it. What the group lets be read now is
// what counts, whatever it did when they joined; but who has left sees no more than when they left.
func hidden(m projector.MemberRow, g projector.GroupRow) (upTo uint64) {
	if g.History == domain.HistoryJoined {
		return m.Joined
	}
	return m.Hidden
}

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
