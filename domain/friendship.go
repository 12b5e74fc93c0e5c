package domain

import (
	"encoding/json"
	"time"
)

// Limits of what goes with an application for friendship.
const (
	MaxGreeting = 4096 // bytes of JSON
	MaxReply    = 256  // characters
)

// Friendship is how two people stand to one another, folded from the state lane of their topic. The zero value, with the Pair set by
// NewFriendship, is strangers.
type Friendship struct {
	lo, hi    UserID
	friends   bool
	requested UserID // who has asked and waits for an answer
	blockedBy [2]bool
	erased    [2]bool      // who is gone for good
	applied   [2]time.Time // when each one applied or was rejected last; zero for never, or since they were friends
}

// NewFriendship is that of two who never met. It panics where the topic is not a direct conversation of two different people,
// which the parsers of ids have refused before.
func NewFriendship(t Topic) Friendship {
	lo, hi, ok := t.Pair()
	if !ok || lo == hi {
		panic("domain: no friendship in " + t.Key())
	}
	return Friendship{lo: lo, hi: hi}
}

// Friends says whether the two are friends.
func (f Friendship) Friends() bool { return f.friends }

// Requested gives who has applied and not yet been answered; "" for nobody.
func (f Friendship) Requested() UserID { return f.requested }

// Blocked says whether by blocks the other.
func (f Friendship) Blocked(by UserID) bool { return f.between(by) && f.blockedBy[f.side(by)] }

func (f Friendship) between(u UserID) bool { return u == f.lo || u == f.hi }

// gone says whether one of the two is gone for good.
func (f Friendship) gone() bool { return f.erased[0] || f.erased[1] }

func (f Friendship) side(u UserID) int {
	if u == f.hi {
		return 1
	}
	return 0
}

func (f Friendship) other(u UserID) UserID {
	if u == f.lo {
		return f.hi
	}
	return f.lo
}

// FriendCommand is what one of the two would like to be so.
type FriendCommand interface {
	by() UserID
	decide(Friendship) (Event, error)
}

// The commands of a friendship. By is who gives it.
type (
	// RequestFriend applies for friendship. Where the other has applied already, it accepts. Whose application was not accepted, however it ended,
	// may apply again when Pause has gone by since it was made, or rejected.
	RequestFriend struct {
		By       UserID
		Greeting json.RawMessage // a JSON object of at most MaxGreeting bytes, or nil
		Pause
	}
	// AcceptFriend says yes to the other's application.
	AcceptFriend struct{ By UserID }
	// RejectFriend says no to the other's application.
	RejectFriend struct {
		By    UserID
		Reply string // at most MaxReply characters
	}
	// RemoveFriend ends the friendship.
	RemoveFriend struct{ By UserID }
	// BlockFriend ends what there is between the two and keeps the other from writing and applying.
	BlockFriend struct{ By UserID }
	// UnblockFriend takes By's block back.
	UnblockFriend struct{ By UserID }
	// EraseFriend takes By away for good, also where the other is gone already. Where By is, nothing follows.
	EraseFriend struct{ By UserID }
)

func (c RequestFriend) by() UserID { return c.By }
func (c AcceptFriend) by() UserID  { return c.By }
func (c RejectFriend) by() UserID  { return c.By }
func (c RemoveFriend) by() UserID  { return c.By }
func (c BlockFriend) by() UserID   { return c.By }
func (c UnblockFriend) by() UserID { return c.By }
func (c EraseFriend) by() UserID   { return c.By }

// Decide says what follows from a command: the event to append, nil where all is so already, or an *Error that says why not, for anyone but the
// two with code Forbidden. It changes nothing.
func (f Friendship) Decide(c FriendCommand) (Event, error) {
	_, erase := c.(EraseFriend)
	switch {
	case !f.between(c.by()):
		return nil, Refuse(Forbidden, "this is between two others")
	case f.gone() && !erase:
		return nil, errNoUser
	}
	return c.decide(f)
}

// errNoUser is never changed.
var errNoUser = Refuse(NotFound, "no such user")

func (c RequestFriend) decide(f Friendship) (Event, error) {
	if err := checkGreeting(c.Greeting); err != nil {
		return nil, err
	}
	switch {
	case f.friends:
		return nil, Refuse(Conflict, "you are friends already")
	case f.Blocked(c.By):
		return nil, Refuse(Conflict, "you have blocked this person; unblock first")
	case f.Blocked(f.other(c.By)):
		return nil, Refuse(Forbidden, "you may not apply to this person")
	case f.requested == c.By:
		return nil, errAppliedAlready
	case f.requested == f.other(c.By):
		return FriendAccepted{By: c.By}, nil
	}
	if err := c.Pause.over(f.applied[f.side(c.By)]); err != nil {
		return nil, err
	}
	return FriendRequested{By: c.By, Greeting: c.Greeting}, nil
}

// errAppliedAlready is never changed.
var errAppliedAlready = Refuse(Conflict, "you have applied already; the answer is awaited")

func (c AcceptFriend) decide(f Friendship) (Event, error) {
	if err := f.asked(c.By); err != nil {
		return nil, err
	}
	return FriendAccepted(c), nil
}

func (c RejectFriend) decide(f Friendship) (Event, error) {
	if len([]rune(c.Reply)) > MaxReply {
		return nil, Refuse(TooLarge, "reply must be at most %d characters", MaxReply)
	}
	if err := f.asked(c.By); err != nil {
		return nil, err
	}
	return FriendRejected(c), nil
}

func (f Friendship) asked(by UserID) error {
	switch {
	case f.friends:
		return Refuse(Conflict, "you are friends already")
	case f.requested != f.other(by):
		return Refuse(Conflict, "no application of this person's is waiting for your answer")
	}
	return nil
}

func (c RemoveFriend) decide(f Friendship) (Event, error) {
	if !f.friends {
		return nil, Refuse(Conflict, "you are not friends")
	}
	return FriendRemoved(c), nil
}

func (c BlockFriend) decide(f Friendship) (Event, error) {
	if f.Blocked(c.By) {
		return nil, Refuse(Conflict, "you have blocked this person already")
	}
	return FriendBlocked(c), nil
}

func (c UnblockFriend) decide(f Friendship) (Event, error) {
	if !f.Blocked(c.By) {
		return nil, Refuse(Conflict, "you have not blocked this person")
	}
	return FriendUnblocked(c), nil
}

func (c EraseFriend) decide(f Friendship) (Event, error) {
	if f.erased[f.side(c.By)] {
		return nil, nil
	}
	return FriendErased(c), nil
}

// MaySend says nil where from may write to the other in this state, else an *Error with code Forbidden that is the same for a
// stranger and for the blocked. open is the message's own Open.
func (f Friendship) MaySend(from UserID, open bool) error {
	if (f.friends || open) && !f.gone() && !f.blockedBy[0] && !f.blockedBy[1] && f.between(from) {
		return nil
	}
	if f.Blocked(from) {
		return Refuse(Forbidden, "you have blocked this person; unblock first")
	}
	return Refuse(Forbidden, "you may not write to this person")
}

// Evolve folds an event of the state lane, which the log stored at an instant, into the friendship. What is not of a friendship leaves it as
// it is.
func (f *Friendship) Evolve(e Event, at time.Time) {
	switch e := e.(type) {
	case FriendRequested:
		f.requested = e.By
		f.applied[f.side(e.By)] = at
	case FriendAccepted:
		f.requested, f.friends, f.applied = "", true, [2]time.Time{}
	case FriendRejected:
		f.requested = ""
		f.applied[f.side(f.other(e.By))] = at
	case FriendRemoved:
		f.friends = false
	case FriendBlocked:
		f.requested, f.friends = "", false
		f.blockedBy[f.side(e.By)] = true
	case FriendUnblocked:
		f.blockedBy[f.side(e.By)] = false
	case FriendErased:
		erased := f.erased
		erased[f.side(e.By)] = true
		*f = Friendship{lo: f.lo, hi: f.hi, erased: erased}
	}
}

// Pause is how long somebody whose application was not accepted waits before applying again.
type Pause struct {
	Now  time.Time
	Wait time.Duration // 0: not at all
}

// over refuses with code TooMany before the pause after an instant is over.
func (p Pause) over(since time.Time) error {
	left := p.Wait - p.Now.Sub(since)
	if since.IsZero() || p.Wait <= 0 || left <= 0 {
		return nil
	}
	left = (min(left, p.Wait) + time.Second - 1).Truncate(time.Second) // no more than the whole, also where a clock is behind the log's
	e := Refuse(TooMany, "your last application was not accepted; apply again in %v", left)
	e.RetryAfter = left
	return e
}

func checkGreeting(g json.RawMessage) error {
	if g == nil {
		return nil
	}
	if len(g) > MaxGreeting {
		return Refuse(TooLarge, "data must be at most %d bytes of JSON", MaxGreeting)
	}
	return checkJSON("data", g, '{')
}
