package domain

import (
	"slices"
	"time"
)

// The questions below are answered from the bare history, so that the fold has something to be compared with.

// latest is what the latest event says for which says knows an answer; no where there is none, or where the group has been dissolved since.
func latest[A any](history []Event, no A, says func(Event) (A, bool)) A {
	for _, e := range slices.Backward(history) {
		if _, ended := e.(GroupDissolved); ended {
			return no
		}
		if a, known := says(e); known {
			return a
		}
	}
	return no
}

func roleIn(history []Event, u UserID) Role {
	return latest(history, "", func(e Event) (Role, bool) {
		switch e := e.(type) {
		case GroupCreated:
			if e.By == u {
				return RoleOwner, true
			}
			return RoleMember, slices.Contains(e.Members, u)
		case GroupJoined:
			return RoleMember, e.UID == u
		case GroupLeft:
			if e.UID == u {
				return "", true
			}
			return RoleOwner, e.Owner == u
		case GroupErased:
			if e.UID == u {
				return "", true
			}
			return RoleOwner, e.Owner == u
		case GroupRemoved:
			return "", e.UID == u
		case GroupRoleSet:
			if e.UID == u {
				return e.Role, true
			}
			return RoleAdmin, e.By == u && e.Role == RoleOwner
		}
		return "", false
	})
}

func isIn(history []Event, u UserID) bool { return roleIn(history, u) != "" }

// goesOn says whether there is a group with somebody in it.
func goesOn(history []Event) bool {
	return slices.ContainsFunc(everybody, func(u UserID) bool { return isIn(history, u) })
}

func isAsked(history []Event, u UserID) bool {
	return goesOn(history) && latest(history, false, func(e Event) (bool, bool) {
		switch e := e.(type) {
		case GroupCreated:
			return slices.Contains(e.Invited, u) && !isIn([]Event{e}, u), true
		case GroupInvited:
			return true, e.UID == u
		case GroupJoined:
			return false, e.UID == u
		case GroupDeclined:
			return false, e.UID == u
		case GroupErased:
			return false, e.UID == u
		}
		return false, false
	})
}

// hasGone says whether somebody is gone for good.
func hasGone(history []Event, u UserID) bool {
	return slices.ContainsFunc(history, func(e Event) bool { gone, is := e.(GroupErased); return is && gone.UID == u })
}

func hasApplied(history []Event, u UserID) bool {
	return goesOn(history) && latest(history, false, func(e Event) (bool, bool) {
		switch e := e.(type) {
		case GroupApplied:
			return true, e.UID == u
		case GroupJoined:
			return false, e.UID == u
		case GroupInvited:
			return false, e.UID == u
		case GroupRefused:
			return false, e.UID == u
		case GroupErased:
			return false, e.UID == u
		}
		return false, false
	})
}

// turnedDownAt is when u was turned down last, having not been in since; ok is false for never.
func turnedDownAt(history []Event, u UserID) (at time.Time, ok bool) {
	for i, e := range slices.Backward(history) {
		switch e := e.(type) {
		case GroupRefused:
			if e.UID == u {
				return hour(i), true
			}
		case GroupJoined:
			if e.UID == u {
				return time.Time{}, false
			}
		case GroupErased:
			if e.UID == u {
				return time.Time{}, false
			}
		}
	}
	return time.Time{}, false
}

// entitled says whether an event may follow on a history: whoever brings it about is in, was asked, or has the role for it.
func entitled(history []Event, e Event) bool {
	role := func(u UserID) Role { return roleIn(history, u) }
	rules := func(u UserID) bool { return role(u) == RoleOwner || role(u) == RoleAdmin }
	switch e := e.(type) {
	case GroupCreated:
		return len(history) == 0
	case GroupInvited:
		return isIn(history, e.By) && !isIn(history, e.UID) && !isAsked(history, e.UID) && !hasGone(history, e.UID)
	case GroupJoined:
		return !isIn(history, e.UID) && !hasGone(history, e.UID) && (isIn(history, e.By) || e.By == e.UID && isAsked(history, e.UID))
	case GroupDeclined:
		return isAsked(history, e.UID)
	case GroupApplied:
		return goesOn(history) && !hasGone(history, e.UID) && !isIn(history, e.UID) && !isAsked(history, e.UID) && !hasApplied(history, e.UID)
	case GroupRefused:
		return rules(e.By) && hasApplied(history, e.UID)
	case GroupLeft:
		others := slices.ContainsFunc(everybody, func(u UserID) bool { return u != e.UID && isIn(history, u) })
		return isIn(history, e.UID) && (e.Owner != "") == (others && role(e.UID) == RoleOwner) && e.Owner != e.UID && (e.Owner == "" || isIn(history, e.Owner))
	case GroupErased:
		others := slices.ContainsFunc(everybody, func(u UserID) bool { return u != e.UID && isIn(history, u) })
		return len(history) > 0 && !hasGone(history, e.UID) && (e.Owner != "") == (others && role(e.UID) == RoleOwner) && e.Owner != e.UID && (e.Owner == "" || isIn(history, e.Owner))
	case GroupRemoved:
		return e.By != e.UID && (role(e.By) == RoleOwner && isIn(history, e.UID) || role(e.By) == RoleAdmin && role(e.UID) == RoleMember)
	case GroupRoleSet:
		return e.By != e.UID && role(e.By) == RoleOwner && isIn(history, e.UID) && role(e.UID) != e.Role && slices.Contains([]Role{RoleOwner, RoleAdmin, RoleMember}, e.Role)
	case GroupDescribed:
		return rules(e.By) && e != aboutOf(history, e.By)
	case GroupDissolved:
		return role(e.By) == RoleOwner
	}
	return false
}

// aboutOf is what a group's history says of it last, as if by had said so.
func aboutOf(history []Event, by UserID) (about GroupDescribed) {
	for _, e := range history {
		switch e := e.(type) {
		case GroupCreated:
			about = GroupDescribed{Name: e.Name, History: HistoryAll}
		case GroupDescribed:
			about = e
		}
	}
	about.By = by
	return about
}
