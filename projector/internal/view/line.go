package view

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"parley/domain"
	"parley/projector"
)

// Line is a conversation in somebody's list.
type Line struct {
	projector.MemberRow                    // how the reader stands to it
	Group               projector.GroupRow // zero for a direct conversation
	Tail                projector.TailRow  // its Seq is 0 where nothing has been said
	Own, Read           projector.MarkRow
	Uncounted           uint64 // how many of the messages after the mark are not unread: those taken back, and those erased that have a number
}

// Mark is up to where the reader has read.
func (l Line) Mark() uint64 { return max(l.Own.Seq, l.Read.Seq) }

// listed says whether the line is in the list: groups that one is in; friends, and those with whom there is something said.
func (l Line) listed() bool {
	_, _, direct := l.Topic.Pair()
	return l.Present || direct && l.Tail.Seq > 0
}

// Conversation is the line as me sees it. last is what was said last, if anything was, whether or not me may read it; with is the other one
// of a direct conversation.
func (l Line) Conversation(me domain.UserID, last *domain.MessageView, with projector.PersonRow) domain.ConversationView {
	if last != nil && last.Seq <= hidden(l.MemberRow, l.Group) {
		last = nil
	}
	v := domain.ConversationView{
		ID: l.Topic.ConversationID(me), Name: l.Group.Name, Avatar: l.Group.Avatar, Last: last,
		Unread: l.Tail.Number - min(l.Tail.Number, max(l.Own.Number, l.Read.Number)+l.Uncounted),
		Read:   l.Mark(),
	}
	if l.Topic.Peer(me) != "" {
		shown := Person(with)
		v.Name, v.Avatar = shown.Name, shown.Avatar
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
