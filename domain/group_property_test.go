package domain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var everybody = []UserID{ann, bob, cat, dan, eve}

var anyone = rapid.SampledFrom(everybody)

var anyRole = rapid.SampledFrom([]Role{RoleOwner, RoleAdmin, RoleMember, "king", ""})

// hour is when the log stored the n-th event of a history, and when the command after it is given, by a clock that may be wrong.
func hour(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

var anyPause = rapid.Custom(func(t *rapid.T) Pause {
	return Pause{hour(rapid.IntRange(-2, 40).Draw(t, "now")), rapid.SampledFrom([]time.Duration{0, time.Hour, 5 * time.Hour}).Draw(t, "wait")}
})

// groupOver is folded from a history.
func groupOver(history []Event) *Group {
	g := new(Group)
	for i, e := range history {
		g.Evolve(e, hour(i))
	}
	return g
}

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
		func() GroupCommand { return ApplyToJoin{UID: uid, Pause: anyPause.Draw(t, "pause")} },
		func() GroupCommand { return AcceptApplication{by, uid} },
		func() GroupCommand { return RefuseApplication{by, uid} },
		func() GroupCommand { return SetRole{by, uid, anyRole.Draw(t, "role")} },
		func() GroupCommand {
			part := rapid.SampledFrom([]*string{nil, to("a"), to("b"), to("all"), to("joined")})
			return DescribeGroup{by, part.Draw(t, "name"), part.Draw(t, "avatar"), part.Draw(t, "description"), part.Draw(t, "history")}
		},
		func() GroupCommand {
			if rapid.IntRange(0, 9).Draw(t, "seldom") > 0 {
				return ApplyToJoin{UID: uid, Pause: anyPause.Draw(t, "pause")}
			}
			return DissolveGroup{by}
		},
	}).Draw(t, "command")()
})

// everyCommand is all that can be asked of a group, once. What an applicant is told says when the last no was.
var everyCommand = func() (all []GroupCommand) {
	for _, u := range everybody {
		all = append(all, CreateGroup{By: u, Name: "team"}, AcceptInvitation{u}, DeclineInvitation{u}, Leave{u}, DissolveGroup{u},
			ApplyToJoin{UID: u, Pause: Pause{hour(100), 1000 * time.Hour}}, DescribeGroup{By: u, Name: to("x")}, DescribeGroup{By: u, Avatar: to("x"), History: to("all")})
		for _, v := range everybody {
			all = append(all, Invite{u, v, true}, Invite{u, v, false}, RemoveMember{u, v}, AcceptApplication{u, v}, RefuseApplication{u, v},
				SetRole{u, v, RoleOwner}, SetRole{u, v, RoleAdmin}, SetRole{u, v, RoleMember}, SetRole{u, v, "king"})
		}
	}
	return all
}()

// answers is all that a group says when asked, in one text: two groups with the same answers cannot be told apart.
func answers(g *Group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %t %q %d %q\n", g.About(), g.Exists(), g.Owner(), g.Size(), slices.Sorted(slices.Values(g.Members())))
	for _, u := range everybody {
		fmt.Fprintln(&b, u, g.Role(u), g.Invited(u), g.Applied(u), g.MayAnswer(u), g.MaySend(u))
	}
	for i, c := range everyCommand {
		e, err := g.Decide(c)
		if err != nil {
			fmt.Fprintln(&b, i, err)
		} else {
			fmt.Fprintf(&b, "%d %T%q\n", i, e, e)
		}
	}
	return b.String()
}

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
		}
		return false, false
	})
}

func hasApplied(history []Event, u UserID) bool {
	return goesOn(history) && latest(history, false, func(e Event) (bool, bool) {
		switch e := e.(type) {
		case GroupApplied:
			return true, e.UID == u
		case GroupJoined:
			return false, e.UID == u
		case GroupRefused:
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
		return isIn(history, e.By) && !isIn(history, e.UID) && !hasApplied(history, e.UID)
	case GroupJoined:
		return !isIn(history, e.UID) && (isIn(history, e.By) || e.By == e.UID && isAsked(history, e.UID))
	case GroupDeclined:
		return isAsked(history, e.UID)
	case GroupApplied:
		return goesOn(history) && !isIn(history, e.UID) && !isAsked(history, e.UID) && !hasApplied(history, e.UID)
	case GroupRefused:
		return rules(e.By) && hasApplied(history, e.UID)
	case GroupLeft:
		others := slices.ContainsFunc(everybody, func(u UserID) bool { return u != e.UID && isIn(history, u) })
		return isIn(history, e.UID) && (e.Owner != "") == (others && role(e.UID) == RoleOwner) && e.Owner != e.UID && (e.Owner == "" || isIn(history, e.Owner))
	case GroupRemoved:
		return e.By != e.UID && (role(e.By) == RoleOwner && isIn(history, e.UID) || role(e.By) == RoleAdmin && role(e.UID) == RoleMember)
	case GroupRoleSet:
		return e.By != e.UID && role(e.By) == RoleOwner && isIn(history, e.UID) && role(e.UID) != e.Role && slices.Contains([]Role{RoleOwner, RoleAdmin, RoleMember}, e.Role)
	case GroupDescribed:
		return rules(e.By)
	case GroupDissolved:
		return role(e.By) == RoleOwner
	}
	return false
}

// checkPause compares what an applicant is told with when the last no was.
func checkPause(t *rapid.T, history []Event, c ApplyToJoin, e Event, err error) {
	t.Helper()
	at, was := turnedDownAt(history, c.UID)
	early := was && c.Wait > 0 && c.Now.Before(at.Add(c.Wait))
	if _, applied := e.(GroupApplied); applied && early || codeOf(err) == TooMany && !early {
		t.Fatalf("%#v gives %#v, %v; turned down: %t, %v", c, e, err, was, at)
	}
}

// checkRepeated puts a command that has been carried out once more: it is refused, but for a description, which says the same again.
func checkRepeated(t *rapid.T, g *Group, c GroupCommand, first Event) {
	t.Helper()
	want := Conflict
	switch c := c.(type) {
	case DescribeGroup:
		if e, err := g.Decide(c); e != first || err != nil {
			t.Fatalf("%#v gives %#v, then %#v, %v", c, first, e, err)
		}
		return
	case Leave:
		want = Forbidden // as for anyone who is not in, or not asked
		if !g.Exists() && g.Size() > 0 {
			t.Fatalf("%d are in what has ended", g.Size())
		}
	case DeclineInvitation, DissolveGroup:
		want = Forbidden
	case SetRole:
		if c.Role == RoleOwner {
			want = Forbidden // for there is another owner
		}
	}
	if e, err := g.Decide(c); e != nil || codeOf(err) != want {
		t.Fatalf("%#v, given again: %v, %v, want code %d", c, e, err, want)
	}
}

func TestNoHistoryOfAGroupLetsAnOutsiderSpeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := new(Group)
		var history []Event
		before := answers(g)
		for _, c := range rapid.SliceOfN(anyGroupCommand, 1, 60).Draw(t, "commands") {
			e, err := g.Decide(c)
			if answers(g) != before { // asks everything, so that a Decide which changed something would be seen in what follows
				t.Fatalf("deciding %#v changed the group", c)
			}
			if apply, ok := c.(ApplyToJoin); ok {
				checkPause(t, history, apply, e, err)
			}
			if err != nil {
				if code := codeOf(err); e != nil || !slices.Contains([]Code{NotFound, Forbidden, Malformed, TooMany, Conflict}, code) {
					t.Fatalf("%#v refused with %v, and gives %v", c, err, e)
				}
				continue
			}
			if !entitled(history, e) {
				t.Fatalf("%#v led to %#v after %v", c, e, history)
			}
			g.Evolve(e, hour(len(history)))
			history = append(history, e)
			checkRepeated(t, g, c, e)
			checkGroup(t, g, history)
			before = answers(g)
		}
		if again := groupOver(history); answers(again) != answers(g) {
			t.Fatalf("folded again:\n%s\nwas\n%s", answers(again), answers(g))
		}
		if fromLog := groupOver(throughTheLog(t, history)); answers(fromLog) != answers(g) {
			t.Fatalf("folded from the log:\n%s\nwas\n%s", answers(fromLog), answers(g))
		}
	})
}

func checkGroup(t *rapid.T, g *Group, history []Event) {
	t.Helper()
	size, owners := 0, 0
	for _, u := range everybody {
		role, asked, applied := roleIn(history, u), isAsked(history, u), hasApplied(history, u)
		if g.Role(u) != role || (g.MaySend(u) == nil) != (role != "") || g.MayAnswer(u) != (role == RoleOwner || role == RoleAdmin) {
			t.Fatalf("%s is %q, want %q, may send: %v, may answer: %t, after %v", u, g.Role(u), role, g.MaySend(u), g.MayAnswer(u), history)
		}
		if g.Invited(u) != asked || g.Applied(u) != applied {
			t.Fatalf("%s invited: %t, want %t, applied: %t, want %t after %v", u, g.Invited(u), asked, g.Applied(u), applied, history)
		}
		if role != "" && (asked || applied) || asked && applied {
			t.Fatalf("%s is %q, invited %t, applied %t after %v", u, role, asked, applied, history)
		}
		if role != "" {
			size++
		}
		if role == RoleOwner {
			owners++
		}
		if (g.Owner() == u) != (role == RoleOwner) {
			t.Fatalf("the owner is %q, %s is %q after %v", g.Owner(), u, role, history)
		}
	}
	if g.Size() != size || g.Exists() != (size > 0) {
		t.Fatalf("exists %t with %d members, want %d after %v", g.Exists(), g.Size(), size, history)
	}
	if want := map[bool]int{true: 1}[g.Exists()]; owners != want {
		t.Fatalf("%d owners, want %d after %v", owners, want, history)
	}
}

// checkNothingGoes is for groups that have ended.
func checkNothingGoes(t *rapid.T, g *Group) {
	t.Helper()
	for _, c := range everyCommand {
		if e, err := g.Decide(c); e != nil || err == nil {
			t.Fatalf("a group has ended, and %#v gives %#v, %v", c, e, err)
		}
	}
	for _, u := range everybody {
		if g.MaySend(u) == nil || g.MayAnswer(u) || g.Invited(u) || g.Applied(u) || g.Role(u) != "" {
			t.Fatalf("a group has ended, and %s is something in it: %+v", u, g)
		}
	}
	if g.Exists() || g.Owner() != "" || g.Size() != 0 {
		t.Fatalf("a group has ended, and is %+v", g)
	}
}

func TestWhenAGroupHasEndedNothingGoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := groupAfter(team(admin(bob), GroupApplied{UID: eve})...)
		evolve := func(cs []GroupCommand) {
			for i, c := range cs {
				if e, err := g.Decide(c); err == nil {
					g.Evolve(e, hour(i))
				}
			}
		}
		evolve(rapid.SliceOfN(anyGroupCommand, 0, 20).Draw(t, "commands"))
		if rapid.Bool().Draw(t, "by dissolving") {
			evolve([]GroupCommand{DissolveGroup{g.Owner()}})
		} else {
			for g.Size() > 0 {
				evolve([]GroupCommand{Leave{g.Members()[0]}})
			}
		}
		checkNothingGoes(t, g)
		evolve(rapid.SliceOfN(anyGroupCommand, 0, 20).Draw(t, "more commands"))
		checkNothingGoes(t, g)
		for i, e := range rapid.SliceOfN(anyEvent, 0, 20).Draw(t, "events") {
			g.Evolve(e, hour(i))
		}
		checkNothingGoes(t, g)
	})
}

// A group that is nearly full of members, invitations, applications and those who were turned down, so that each bound is met.
func TestAGroupKeepsItsBounds(t *testing.T) {
	nearly := []Event{GroupCreated{By: ann, Name: "team", Members: append(crowd(MaxMembers-4), bob)}}
	var waiting []UserID
	for i, u := range crowd(2*MaxApplications - 4) {
		u = "a" + u[1:]
		nearly = append(nearly, GroupApplied{UID: u})
		if i%2 == 0 {
			nearly = append(nearly, GroupRefused{ann, u})
		} else {
			waiting = append(waiting, u)
		}
	}
	refuse := rapid.Map(rapid.SampledFrom(waiting), func(u UserID) GroupCommand { return RefuseApplication{ann, u} })
	var met [3]bool
	rapid.Check(t, func(t *rapid.T) {
		g := groupAfter(nearly...)
		for i, c := range rapid.SliceOfN(rapid.OneOf(anyGroupCommand, anyGroupCommand, refuse), 1, 60).Draw(t, "commands") {
			if _, ends := c.(DissolveGroup); ends {
				continue
			}
			e, err := g.Decide(c)
			if err == nil {
				g.Evolve(e, hour(i))
			}
			for j, n := range []struct{ is, most int }{
				{len(g.members) + len(g.invited), MaxMembers}, {len(g.applied), MaxApplications}, {len(g.refused), MaxApplications},
			} {
				if n.is > n.most {
					t.Fatalf("%#v leads to %d, at most %d", c, n.is, n.most)
				}
				met[j] = met[j] || n.is == n.most
			}
		}
	})
	if met != [3]bool{true, true, true} {
		t.Errorf("not every bound was met: %v", met)
	}
}

// anyEvent is whatever might stand in a log, whether it makes sense or not.
var anyEvent = rapid.Custom(func(t *rapid.T) Event {
	someone := rapid.SampledFrom(append([]UserID{""}, everybody...))
	u, v := someone.Draw(t, "u"), someone.Draw(t, "v")
	role := anyRole.Draw(t, "role")
	return rapid.SampledFrom([]Event{
		FriendRequested{By: u}, FriendAccepted{u}, FriendRejected{By: u}, FriendRemoved{u}, FriendBlocked{u}, FriendUnblocked{u},
		GroupCreated{By: u, Name: "a", Members: []UserID{v, v}}, GroupCreated{By: u, Name: "b", Invited: []UserID{u, v}},
		GroupInvited{u, v}, GroupDeclined{u}, GroupJoined{u, v}, GroupLeft{u, v}, GroupLeft{UID: u}, GroupRemoved{u, v},
		GroupApplied{UID: u}, GroupRefused{u, v}, GroupRoleSet{u, v, role}, GroupRoleSet{v, u, RoleOwner}, GroupDescribed{By: u, Name: "c", History: "none"},
		GroupDescribed{}, GroupDissolved{u},
		Message{From: u}, ReadMarked{By: u}, Profiled{Name: "x"}, StatusSet{"gone"}, nil,
	}).Draw(t, "event")
})

func TestFoldingIsDeterministicWhateverTheLogHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.SliceOfN(anyEvent, 0, 60).Draw(t, "log")
		if rapid.Bool().Draw(t, "begun") {
			log = append(team(), log...)
		}
		if x, y := friendshipOver(log), friendshipOver(log); x != y {
			t.Fatalf("two folds of a friendship differ: %+v, %+v", x, y)
		}
		g := groupOver(log)
		if x, y := answers(g), answers(groupOver(log)); x != y {
			t.Fatalf("two folds of a group differ:\n%s\n%s", x, y)
		}
		owners := 0
		for _, u := range g.Members() {
			if g.Role(u) == RoleOwner {
				owners++
			}
			if ranks[g.Role(u)] == 0 {
				t.Fatalf("%q has the role %q", u, g.Role(u))
			}
		}
		if owners > 1 || owners == 1 && g.Role(g.Owner()) != RoleOwner {
			t.Fatalf("%d own it, the owner is %q: %v", owners, g.Owner(), g.members)
		}
	})
}
