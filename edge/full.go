package edge

import (
	"context"
	"time"

	"parley/domain"
)

// people is a set of some.
type people map[domain.UserID]bool

// apart takes those who are in the set from some people and puts them to others.
func (p people) apart(from, to []domain.UserID) (rest, others []domain.UserID) {
	for _, u := range from {
		if p[u] {
			to = append(to, u)
		} else {
			rest = append(rest, u)
		}
	}
	return rest, to
}

// countWithin is how long it may take to count what people have. Where the read models do not say by then, nobody has too much: a command that
// waits for them, or is refused for their sake, would be worse.
const countWithin = 2 * time.Second

// haveFriends gives those of some people who have as many friends as one may have.
func (e *Edge) haveFriends(ctx context.Context, of ...domain.UserID) people {
	return e.atLimit(ctx, e.Settings.Friends, e.Views.CountFriends, of)
}

// haveGroups gives those of some people who are in as many groups as one may be.
func (e *Edge) haveGroups(ctx context.Context, of ...domain.UserID) people {
	return e.atLimit(ctx, e.Settings.Groups, e.Views.CountGroups, of)
}

func (e *Edge) atLimit(ctx context.Context, limit int, count func(context.Context, []domain.UserID) (map[domain.UserID]int, error), of []domain.UserID) people {
	if limit == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	counts, err := count(ctx, of)
	if err != nil {
		e.logger.Debug("cannot count how many friends or groups people have", "error", err) // that the read models are away is reported elsewhere
	}
	full := people{}
	for u, n := range counts {
		full[u] = n >= limit
	}
	return full
}

// roomForFriend refuses an event that would give somebody more friends than one may have, or bring them an application that nobody could accept.
// Of another's friends no more is said than that.
func (e *Edge) roomForFriend(event domain.Event, full people) error {
	switch event := event.(type) {
	case domain.FriendRequested:
		if full[event.By] {
			return domain.Refuse(domain.TooLarge, "you have as many friends as one may have: %d", e.Settings.Friends)
		}
	case domain.FriendAccepted:
		for _, is := range full {
			if is {
				return domain.Refuse(domain.TooLarge, "one of you two has as many friends as one may have: %d", e.Settings.Friends)
			}
		}
	}
	return nil
}

// roomForGroup refuses an event of me's that would put somebody into more groups than one may be in, or is an application of theirs.
func (e *Edge) roomForGroup(me domain.UserID, event domain.Event, full people) error {
	var who domain.UserID
	switch event := event.(type) {
	case domain.GroupJoined:
		who = event.UID
	case domain.GroupApplied:
		who = event.UID
	}
	switch {
	case !full[who]:
		return nil
	case who == me:
		return e.errOwnGroups()
	}
	return domain.Refuse(domain.TooLarge, "this person is in as many groups as one may be: %d", e.Settings.Groups)
}

func (e *Edge) errOwnGroups() error {
	return domain.Refuse(domain.TooLarge, "you are in as many groups as one may be: %d; leave one first", e.Settings.Groups)
}
