package domain

import (
	"fmt"
	"maps"
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
	often := []func() GroupCommand{
		func() GroupCommand {
			return Invite{by, uid, rapid.Bool().Draw(t, "friend"), rapid.Bool().Draw(t, "full")}
		},
		func() GroupCommand { return AcceptInvitation{uid} },
		func() GroupCommand { return DeclineInvitation{uid} },
		func() GroupCommand { return RemoveMember{by, uid} },
		func() GroupCommand { return ApplyToJoin{UID: uid, Pause: anyPause.Draw(t, "pause")} },
		func() GroupCommand { return AcceptApplication{by, uid} },
		func() GroupCommand { return RefuseApplication{by, uid} },
		func() GroupCommand { return SetRole{by, uid, anyRole.Draw(t, "role")} },
	}
	seldom := []func() GroupCommand{
		func() GroupCommand {
			few := rapid.SliceOfN(anyone, 0, 3)
			return CreateGroup{by, "team", few.Draw(t, "members"), few.Draw(t, "invited")}
		},
		func() GroupCommand {
			part := rapid.SampledFrom([]*string{nil, to("a"), to("b"), to("all"), to("joined")})
			return DescribeGroup{by, part.Draw(t, "name"), part.Draw(t, "avatar"), part.Draw(t, "description"), part.Draw(t, "history")}
		},
		func() GroupCommand { return Leave{uid} },
		func() GroupCommand { return DissolveGroup{by} },
		func() GroupCommand { return EraseMember{uid} },
	}
	return rapid.SampledFrom(slices.Concat(often, often, often, often, seldom)).Draw(t, "command")()
})

// some draws few or many of a kind; left to itself, nearly every slice is short.
func some[A any](t *rapid.T, of *rapid.Generator[A], most int, label string) []A {
	n := rapid.SampledFrom([]int{most / 10, most / 2, most}).Draw(t, "how many "+label)
	return rapid.SliceOfN(of, n, n).Draw(t, label)
}

// state is all that a group holds, in one text; maps are written in the order of their keys.
func state(g *Group) string { return fmt.Sprint(*g) }

// everyCommand is all that can be asked of a group, once. What an applicant is told says when the last no was.
var everyCommand = func() (all []GroupCommand) {
	for _, u := range everybody {
		all = append(all, CreateGroup{By: u, Name: "team"}, AcceptInvitation{u}, DeclineInvitation{u}, Leave{u}, DissolveGroup{u}, EraseMember{u},
			ApplyToJoin{UID: u, Pause: Pause{hour(100), 1000 * time.Hour}}, DescribeGroup{By: u, Name: to("x")}, DescribeGroup{By: u, Avatar: to("x"), History: to("all")})
		for _, v := range everybody {
			all = append(all, Invite{u, v, true, false}, Invite{u, v, false, false}, Invite{u, v, true, true}, RemoveMember{u, v}, AcceptApplication{u, v}, RefuseApplication{u, v},
				SetRole{u, v, RoleOwner}, SetRole{u, v, RoleAdmin}, SetRole{u, v, RoleMember}, SetRole{u, v, "king"})
		}
	}
	return all
}()

// draw gives any command, or one that the group would carry out: left to chance alone, nearly all is refused.
func draw(t *rapid.T, g *Group) GroupCommand {
	var goes []GroupCommand
	if rapid.Bool().Draw(t, "goes") {
		for _, c := range everyCommand {
			if e, err := g.Decide(c); e != nil && err == nil {
				goes = append(goes, c)
			}
		}
	}
	if goes == nil {
		return anyGroupCommand.Draw(t, "command")
	}
	return rapid.SampledFrom(goes).Draw(t, "command that goes")
}

// steps is how many commands are given: few or many. Left to chance alone, nearly always few.
func steps(t *rapid.T) int { return rapid.SampledFrom([]int{4, 20, 40}).Draw(t, "steps") }

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

// checkPause compares what an applicant is told with when the last no was.
func checkPause(t *rapid.T, history []Event, c ApplyToJoin, e Event, err error) {
	t.Helper()
	at, was := turnedDownAt(history, c.UID)
	early := was && c.Wait > 0 && c.Now.Before(at.Add(c.Wait))
	if _, applied := e.(GroupApplied); applied && early || codeOf(err) == TooMany && !early {
		t.Fatalf("%#v gives %#v, %v; turned down: %t, %v", c, e, err, was, at)
	}
}

// checkRepeated puts a command that has been carried out once more: it is refused, but for a description, or that somebody is gone, which is so already.
func checkRepeated(t *rapid.T, g *Group, c GroupCommand, first Event) {
	t.Helper()
	want := Conflict
	switch c := c.(type) {
	case DescribeGroup, EraseMember:
		if e, err := g.Decide(c); e != nil || err != nil {
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
		var history []Event
		if rapid.Bool().Draw(t, "begun") {
			history = team(admin(bob))
		}
		g := groupOver(history)
		for range steps(t) {
			c := draw(t, g)
			before := state(g)
			e, err := g.Decide(c)
			if again, errAgain := g.Decide(c); state(g) != before || !sameAnswer(e, err, again, errAgain) {
				t.Fatalf("deciding %#v changed the group, or the answer", c)
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
			if e == nil {
				switch c := c.(type) {
				case DescribeGroup:
				case EraseMember:
					if made := len(history) > 0; made && !hasGone(history, c.UID) {
						t.Fatalf("%#v takes nobody away", c)
					}
				default:
					t.Fatalf("nothing follows from %#v", c)
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
		}
		before := state(g)
		if answers(g); state(g) != before {
			t.Fatalf("asking changed the group:\n%s\nwas\n%s", state(g), before)
		}
		if again := groupOver(history); state(again) != state(g) || answers(again) != answers(g) {
			t.Fatalf("folded again:\n%s\nwas\n%s", answers(again), answers(g))
		}
		if fromLog := groupOver(throughTheLog(t, history)); state(fromLog) != state(g) || answers(fromLog) != answers(g) {
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
	may := slices.DeleteFunc(g.Members(), func(u UserID) bool { return !g.MayAnswer(u) })
	if got := g.Answering(); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(may))) {
		t.Fatalf("%q answer, %q may, after %v", got, may, history)
	}
	if want := map[bool]int{true: 1}[g.Exists()]; owners != want {
		t.Fatalf("%d owners, want %d after %v", owners, want, history)
	}
}

// checkNothingGoes is for groups that have ended.
func checkNothingGoes(t *rapid.T, g *Group) {
	t.Helper()
	for _, c := range everyCommand {
		if _, erase := c.(EraseMember); erase { // of what there was of them
			continue
		}
		if e, err := g.Decide(c); e != nil || err == nil {
			t.Fatalf("a group has ended, and %#v gives %#v, %v", c, e, err)
		}
	}
	for _, u := range everybody {
		if g.MaySend(u) == nil || g.MayAnswer(u) || g.Invited(u) || g.Applied(u) || g.Role(u) != "" {
			t.Fatalf("a group has ended, and %s is something in it: %+v", u, g)
		}
	}
	if g.Exists() || g.Owner() != "" || g.Size() != 0 || len(g.invited)+len(g.applied)+len(g.refused) > 0 {
		t.Fatalf("a group has ended, and is %+v", g)
	}
}

func TestWhenAGroupHasEndedNothingGoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := groupAfter(team(admin(bob), GroupApplied{UID: eve})...)
		evolve := func(c GroupCommand) {
			if e, err := g.Decide(c); err == nil {
				g.Evolve(e, noon)
			}
		}
		for range steps(t) {
			evolve(draw(t, g))
		}
		if rapid.Bool().Draw(t, "by dissolving") {
			evolve(DissolveGroup{g.Owner()})
		}
		for g.Size() > 0 {
			evolve(Leave{g.Members()[0]})
		}
		checkNothingGoes(t, g)
		for range steps(t) {
			evolve(anyGroupCommand.Draw(t, "more"))
		}
		checkNothingGoes(t, g)
		for i, e := range rapid.SliceOfN(anyEvent, 0, 20).Draw(t, "events") {
			g.Evolve(e, hour(i))
		}
		checkNothingGoes(t, g)
	})
}

func copied(g *Group) *Group {
	c := *g
	c.members, c.invited, c.applied, c.refused = maps.Clone(g.members), maps.Clone(g.invited), maps.Clone(g.applied), maps.Clone(g.refused)
	c.answering, c.erased = maps.Clone(g.answering), maps.Clone(g.erased)
	return &c
}

// A group that is full but for one, to which as many have applied as may, and as many were turned down as are remembered.
func TestAGroupKeepsItsBounds(t *testing.T) {
	given := []Event{GroupCreated{By: ann, Name: "team", Members: append(crowd(MaxMembers-3), bob)}}
	var waiting []UserID
	for i, u := range crowd(2 * MaxApplications) {
		u = "a" + u[1:]
		given = append(given, GroupApplied{UID: u})
		if i < MaxApplications {
			given = append(given, GroupRefused{ann, u})
		} else {
			waiting = append(waiting, u)
		}
	}
	refuse := rapid.Map(rapid.SampledFrom(waiting), func(u UserID) GroupCommand { return RefuseApplication{ann, u} })
	begun := groupAfter(given...)
	rapid.Check(t, func(t *rapid.T) {
		g := copied(begun)
		for i, c := range some(t, rapid.OneOf(anyGroupCommand, anyGroupCommand, refuse), 40, "commands") {
			if e, err := g.Decide(c); err == nil {
				g.Evolve(e, hour(i))
			}
			if people := len(g.members) + len(g.invited); people > MaxMembers || len(g.applied) > MaxApplications || len(g.refused) > MaxApplications {
				t.Fatalf("%#v leads to %d people, %d applications and %d who were turned down", c, people, len(g.applied), len(g.refused))
			}
		}
	})
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
		GroupDescribed{}, GroupDissolved{u}, GroupErased{u, v}, GroupErased{UID: u}, FriendErased{u},
		Message{From: u}, MessageEdited{By: u}, MessageRecalled{By: u}, MessageReacted{By: u}, ReadMarked{By: u}, Profiled{Name: "x"}, StatusSet{"gone"},
		PersonErased{}, nil,
	}).Draw(t, "event")
})

func TestFoldingIsDeterministicWhateverTheLogHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := some(t, anyEvent, 60, "log")
		if rapid.Bool().Draw(t, "begun") {
			log = append(team(), log...)
		}
		if x, y := friendshipOver(log), friendshipOver(log); x != y {
			t.Fatalf("two folds of a friendship differ: %+v, %+v", x, y)
		}
		g := groupOver(log)
		if x, y := state(g)+answers(g), state(groupOver(log))+answers(groupOver(log)); x != y {
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
