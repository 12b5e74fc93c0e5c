package domain

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var everybody = []UserID{ann, bob, cat, dan, eve}

var anyone = rapid.SampledFrom(everybody)

var anyGroupCommand = rapid.Custom(func(t *rapid.T) GroupCommand {
	by, uid := anyone.Draw(t, "by"), anyone.Draw(t, "uid")
	return rapid.SampledFrom([]func() GroupCommand{
		func() GroupCommand {
			some := rapid.SliceOfN(anyone, 0, 3)
			return CreateGroup{by, "team", some.Draw(t, "members"), some.Draw(t, "invited")}
		},
		func() GroupCommand { return Invite{by, uid, rapid.Bool().Draw(t, "friend")} },
		func() GroupCommand { return AcceptInvitation{uid} },
		func() GroupCommand { return DeclineInvitation{uid} },
		func() GroupCommand { return Leave{uid} },
		func() GroupCommand { return RemoveMember{by, uid} },
	}).Draw(t, "command")()
})

// everyCommand is all that can be asked of a group, once.
var everyCommand = func() (all []GroupCommand) {
	for _, u := range everybody {
		all = append(all, CreateGroup{By: u, Name: "team"}, AcceptInvitation{u}, DeclineInvitation{u}, Leave{u})
		for _, v := range everybody {
			all = append(all, Invite{u, v, true}, Invite{u, v, false}, RemoveMember{u, v})
		}
	}
	return all
}()

// answers is all that a group says when asked, in one text: two groups with the same answers cannot be told apart.
func answers(g *Group) string {
	var b strings.Builder
	fmt.Fprintln(&b, g.About(), g.Exists(), g.Owner(), g.Size(), slices.Sorted(slices.Values(g.Members())))
	for _, u := range everybody {
		fmt.Fprintln(&b, u, g.Role(u), g.Invited(u), g.MaySend(u))
	}
	for _, c := range everyCommand {
		e, err := g.Decide(c)
		fmt.Fprintf(&b, "%#v: %#v %v\n", c, e, err)
	}
	return b.String()
}

// The questions below are answered from the bare history, so that the fold has something to be compared with.

func isIn(history []Event, u UserID) bool {
	for _, e := range slices.Backward(history) {
		switch e := e.(type) {
		case GroupCreated:
			return e.By == u || slices.Contains(e.Members, u)
		case GroupJoined:
			if e.UID == u {
				return true
			}
		case GroupLeft:
			if e.UID == u {
				return false
			}
		case GroupRemoved:
			if e.UID == u {
				return false
			}
		}
	}
	return false
}

func isAsked(history []Event, u UserID) bool {
	for _, e := range slices.Backward(history) {
		switch e := e.(type) {
		case GroupCreated:
			return slices.Contains(e.Invited, u) && !isIn([]Event{e}, u)
		case GroupInvited:
			if e.UID == u {
				return true
			}
		case GroupJoined:
			if e.UID == u {
				return false
			}
		case GroupDeclined:
			if e.UID == u {
				return false
			}
		}
	}
	return false
}

// entitled says whether an event may follow on a history: whoever brings it about is in, or was asked.
func entitled(history []Event, e Event) bool {
	switch e := e.(type) {
	case GroupCreated:
		return len(history) == 0
	case GroupInvited:
		return isIn(history, e.By) && !isIn(history, e.UID)
	case GroupJoined:
		return !isIn(history, e.UID) && (isIn(history, e.By) || e.By == e.UID && isAsked(history, e.UID))
	case GroupDeclined:
		return isAsked(history, e.UID)
	case GroupLeft:
		return isIn(history, e.UID) && (e.Owner == "" || e.Owner != e.UID && isIn(history, e.Owner))
	case GroupRemoved:
		return isIn(history, e.By) && isIn(history, e.UID) && e.By != e.UID
	}
	return false
}

// repeated is what a command is told that has been done already.
func repeated(c GroupCommand) Code {
	switch c.(type) {
	case Leave, DeclineInvitation:
		return Forbidden // as for anyone who is not in, or not asked
	}
	return Conflict
}

func TestNoHistoryOfAGroupLetsAnOutsiderSpeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := new(Group)
		var history []Event
		for _, c := range rapid.SliceOfN(anyGroupCommand, 1, 40).Draw(t, "commands") {
			before := answers(g) // asks everything, so that a Decide which changed something would be seen in what follows
			e, err := g.Decide(c)
			if answers(g) != before {
				t.Fatalf("deciding %#v changed the group", c)
			}
			if err != nil {
				if code := codeOf(err); e != nil || code != Conflict && code != Forbidden && code != Malformed {
					t.Fatalf("%#v refused with %v, and gives %v", c, err, e)
				}
				continue
			}
			if !entitled(history, e) {
				t.Fatalf("%#v led to %#v after %v", c, e, history)
			}
			g.Evolve(e, noon)
			history = append(history, e)
			if _, err := g.Decide(c); codeOf(err) != repeated(c) {
				t.Fatalf("%#v, given again: %v, want code %d", c, err, repeated(c))
			}
			checkGroup(t, g, history)
		}
		if again := groupAfter(history...); answers(again) != answers(g) {
			t.Fatalf("folded again:\n%s\nwas\n%s", answers(again), answers(g))
		}
		if fromLog := groupAfter(throughTheLog(t, history)...); answers(fromLog) != answers(g) {
			t.Fatalf("folded from the log:\n%s\nwas\n%s", answers(fromLog), answers(g))
		}
	})
}

func checkGroup(t *rapid.T, g *Group, history []Event) {
	t.Helper()
	roles, size := map[Role]int{}, 0
	for _, u := range everybody {
		in := isIn(history, u)
		if in {
			size++
		}
		if (g.MaySend(u) == nil) != in || (g.Role(u) != "") != in {
			t.Fatalf("%s is in: %t, and has the role %q, may send: %v, after %v", u, in, g.Role(u), g.MaySend(u), history)
		}
		if want := isAsked(history, u) && g.Exists(); g.Invited(u) != want {
			t.Fatalf("%s invited: %t, want %t after %v", u, g.Invited(u), want, history)
		}
		roles[g.Role(u)]++
	}
	if g.Size() != size || g.Exists() != (size > 0) {
		t.Fatalf("exists %t with %d members, want %d after %v", g.Exists(), g.Size(), size, history)
	}
	checkOwner(t, g)
}

func checkOwner(t *rapid.T, g *Group) {
	t.Helper()
	owners := 0
	for _, u := range g.Members() {
		if g.Role(u) == RoleOwner {
			owners++
		}
	}
	if want := map[bool]int{true: 1}[g.Exists()]; owners != want {
		t.Fatalf("%d owners, want %d: %v", owners, want, g.members)
	}
}

// With admins the owner's place has more ways to go.
func TestAGroupHasOneOwnerWhileItExists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := groupAfter(team()...)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if u := anyone.Draw(t, "admin"); g.Role(u) == RoleMember {
				promote(g, u)
			}
			c := anyGroupCommand.Draw(t, "command")
			e, err := g.Decide(c)
			if put, ok := e.(GroupRemoved); ok && (g.Role(put.UID) == RoleOwner || g.Role(put.By) == RoleMember) {
				t.Fatalf("%s (%s) removed %s (%s)", put.By, g.Role(put.By), put.UID, g.Role(put.UID))
			}
			if err == nil {
				g.Evolve(e, noon)
			}
			checkOwner(t, g)
		}
	})
}

// anyEvent is whatever might stand in a log, whether it makes sense or not.
var anyEvent = rapid.Custom(func(t *rapid.T) Event {
	u, v := anyone.Draw(t, "u"), anyone.Draw(t, "v")
	return rapid.SampledFrom([]Event{
		FriendRequested{By: u}, FriendAccepted{u}, FriendRejected{By: u}, FriendRemoved{u}, FriendBlocked{u}, FriendUnblocked{u},
		GroupCreated{By: u, Name: "a", Members: []UserID{v, v}}, GroupCreated{By: u, Name: "b", Invited: []UserID{u, v}},
		GroupInvited{u, v}, GroupDeclined{u}, GroupJoined{u, v}, GroupLeft{u, v}, GroupLeft{UID: u}, GroupRemoved{u, v},
		Message{From: u}, ReadMarked{By: u}, Profiled{Name: "x"}, nil,
	}).Draw(t, "event")
})

func TestFoldingIsDeterministicWhateverTheLogHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.SliceOfN(anyEvent, 0, 40).Draw(t, "log")
		if x, y := friendshipAfter(log), friendshipAfter(log); x != y {
			t.Fatalf("two folds of a friendship differ: %+v, %+v", x, y)
		}
		if x, y := answers(groupAfter(log...)), answers(groupAfter(log...)); x != y {
			t.Fatalf("two folds of a group differ:\n%s\n%s", x, y)
		}
	})
}
