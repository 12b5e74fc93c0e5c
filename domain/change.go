package domain

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Spoken is an event of the talk lane. It counts only if its speaker may write there at its place in the log.
type Spoken interface {
	Event
	// Speaker says whose it is, and whether it was made where anyone may write to anyone.
	Speaker() (by UserID, open bool)
}

// Change is an event that changes what was said.
type Change interface {
	Spoken
	// Of is where the message stands that it changes.
	Of() uint64
	may(m Said, by Role) error
}

func (e Message) Speaker() (UserID, bool)         { return e.From, e.Open }
func (e MessageEdited) Speaker() (UserID, bool)   { return e.By, e.Open }
func (e MessageRecalled) Speaker() (UserID, bool) { return e.By, e.Open }
func (e MessageReacted) Speaker() (UserID, bool)  { return e.By, e.Open }

func (e MessageEdited) Of() uint64   { return e.Seq }
func (e MessageRecalled) Of() uint64 { return e.Seq }
func (e MessageReacted) Of() uint64  { return e.Seq }

// Said is a message that counts, as those see it who would change it.
type Said struct {
	From     UserID
	Recalled bool
}

// May says nil where a change of this message counts, by somebody of a role ("" in direct conversations) who may write there, else an *Error:
// Conflict where the message has been recalled, Forbidden where it is another's. How late a change may come is asked before it is in the log, and
// not again: a setting that changes later must not change what was said.
func (m Said) May(c Change, by Role) error {
	if m.Recalled {
		return errRecalled
	}
	return c.may(m, by)
}

// errRecalled is never changed.
var errRecalled = Refuse(Conflict, "this message has been taken back")

func (e MessageEdited) may(m Said, _ Role) error {
	if e.By != m.From {
		return Refuse(Forbidden, "only who has said it may edit a message")
	}
	return nil
}

func (e MessageRecalled) may(m Said, by Role) error {
	if e.By != m.From && ranks[by] < ranks[toRecall.least] {
		return Refuse(Forbidden, "%s", toRecall.only)
	}
	return nil
}

func (e MessageReacted) may(Said, Role) error { return nil }

// InTime says nil where something said at an instant may still be changed, else an *Error with code Forbidden. A limit of 0 is none.
func InTime(said, now time.Time, limit time.Duration) error {
	if limit > 0 && now.Sub(said) > limit {
		return Refuse(Forbidden, "this message is older than %v and can no longer be changed", limit)
	}
	return nil
}

// Limits of reactions.
const (
	MaxEmoji     = 64 // bytes: the longest families of emoji have some 40
	MaxReactions = 20 // of one person to one message
	MaxKinds     = 50 // of emoji that a message is answered with, by all
)

// ParseEmoji checks what somebody reacts with: 1 to MaxEmoji bytes of something to be seen, without spaces, control characters and what turns the text
// around it. It refuses with code Malformed, or TooLarge. Which of the signs that there are an emoji is, is not asked: new ones come each year.
func ParseEmoji(s string) (string, error) {
	if len(s) > MaxEmoji {
		return "", Refuse(TooLarge, "emoji must be at most %d bytes", MaxEmoji)
	}
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return "", errEmoji
		}
	}
	if !utf8.ValidString(s) || !seen(s) || strings.ContainsAny(s, turning) {
		return "", errEmoji
	}
	return s, nil
}

// errEmoji is never changed.
var errEmoji = Refuse(Malformed, "emoji must be 1 to %d bytes of UTF-8 that show something, without spaces", MaxEmoji)

// Erasable says whether an event is what somebody who is gone for good has said, and can be taken out of the log once the FriendErased, GroupErased
// or PersonErased of that person is in it: what else is in the log adds up to the same without it. What others decided by, such as who was let in by
// whom, stays; so do the places at which the person took others' messages back.
func Erasable(e Event, u UserID) bool {
	switch e := e.(type) {
	case Message:
		return e.From == u
	case MessageEdited:
		return e.By == u
	case MessageReacted:
		return e.By == u
	case ReadMarked:
		return e.By == u
	case FriendRequested:
		return e.By == u
	case FriendRejected:
		return e.By == u
	case GroupApplied:
		return e.UID == u
	case Profiled, StatusSet: // in the person's own topic; nobody else has any there
		return true
	}
	return false
}
