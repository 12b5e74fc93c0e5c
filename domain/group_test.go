package domain

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// More people, for groups.
const (
	cat = UserID("cat")
	dan = UserID("dan")
)

func groupAfter(given ...Event) *Group {
	g := new(Group)
	for _, e := range given {
		g.Evolve(e, noon)
	}
	return g
}

// team is owned by ann, with bob and cat as members in this order, and dan invited by bob.
func team(more ...Event) []Event {
	return append([]Event{
		GroupCreated{By: ann, Name: "team", Members: []UserID{bob}},
		GroupJoined{ann, cat},
		GroupInvited{bob, dan},
	}, more...)
}

// promote makes an admin, for which there is no event yet.
func promote(g *Group, u UserID) { g.members[u] = member{RoleAdmin, g.members[u].turn} }

// crowd is n different people.
func crowd(n int) []UserID {
	all := make([]UserID, n)
	for i := range all {
		all[i] = UserID(fmt.Sprintf("%0*d", MaxID, i)) // the longest ids
	}
	return all
}

func TestGroupDecide(t *testing.T) {
	ended := []Event{GroupCreated{By: ann, Name: "team"}, GroupLeft{UID: ann}}
	full := []Event{GroupCreated{By: ann, Name: "full", Members: crowd(MaxMembers - 2), Invited: []UserID{dan}}}
	for _, c := range []struct {
		rule   string
		given  []Event
		admins []UserID
		when   GroupCommand
		then   Event // or
		code   Code
	}{
		{rule: "anyone may make a group", when: CreateGroup{By: ann, Name: "team", Members: []UserID{bob}, Invited: []UserID{dan}},
			then: GroupCreated{By: ann, Name: "team", Members: []UserID{bob}, Invited: []UserID{dan}}},
		{rule: "a group of one is a group", when: CreateGroup{By: ann, Name: "team"}, then: GroupCreated{By: ann, Name: "team"}},
		{rule: "a group is made once", given: team(), when: CreateGroup{By: ann, Name: "team"}, code: Conflict},
		{rule: "an ended group is not made again", given: ended, when: CreateGroup{By: bob, Name: "team"}, code: Conflict},
		{rule: "its name is a name", when: CreateGroup{By: ann, Name: " "}, code: Malformed},
		{rule: "one too many", when: CreateGroup{By: ann, Name: "crowd", Members: crowd(MaxMembers - 1), Invited: []UserID{dan}}, code: TooLarge},

		{rule: "the owner brings friends in at once", given: team(), when: Invite{ann, eve, true}, then: GroupJoined{ann, eve}},
		{rule: "so does a member", given: team(), when: Invite{bob, eve, true}, then: GroupJoined{bob, eve}},
		{rule: "others are invited", given: team(), when: Invite{bob, eve, false}, then: GroupInvited{bob, eve}},
		{rule: "once", given: team(), when: Invite{ann, dan, false}, code: Conflict},
		{rule: "a friend who is invited is in at once", given: team(), when: Invite{ann, dan, true}, then: GroupJoined{ann, dan}},
		{rule: "members are in already", given: team(), when: Invite{ann, bob, true}, code: Conflict},
		{rule: "nobody invites themselves", given: team(), when: Invite{bob, bob, false}, code: Conflict},
		{rule: "outsiders invite nobody", given: team(), when: Invite{eve, eve, true}, code: Forbidden},
		{rule: "the invited invite nobody", given: team(), when: Invite{dan, eve, false}, code: Forbidden},
		{rule: "nobody invites to what was never made", when: Invite{ann, bob, true}, code: Forbidden},
		{rule: "nobody invites to what has ended", given: ended, when: Invite{ann, bob, true}, code: Forbidden},
		{rule: "a full group takes no friend", given: full, when: Invite{ann, eve, true}, code: TooLarge},
		{rule: "a full group invites nobody", given: full, when: Invite{ann, eve, false}, code: TooLarge},
		{rule: "whoever was invited has a place in a full group", given: full, when: Invite{ann, dan, true}, then: GroupJoined{ann, dan}},
		{rule: "and is not invited twice", given: full, when: Invite{ann, dan, false}, code: Conflict},

		{rule: "the invited may accept", given: team(), when: AcceptInvitation{dan}, then: GroupJoined{dan, dan}},
		{rule: "even in a full group", given: full, when: AcceptInvitation{dan}, then: GroupJoined{dan, dan}},
		{rule: "members have nothing to accept", given: team(), when: AcceptInvitation{bob}, code: Conflict},
		{rule: "the uninvited may not accept", given: team(), when: AcceptInvitation{eve}, code: Forbidden},
		{rule: "what was declined cannot be accepted", given: team(GroupDeclined{dan}), when: AcceptInvitation{dan}, code: Forbidden},
		{rule: "an ended group has no invitations", given: []Event{GroupCreated{By: ann, Name: "team", Invited: []UserID{dan}}, GroupLeft{UID: ann}},
			when: AcceptInvitation{dan}, code: Forbidden},

		{rule: "the invited may decline", given: team(), when: DeclineInvitation{dan}, then: GroupDeclined{dan}},
		{rule: "members leave instead", given: team(), when: DeclineInvitation{bob}, code: Conflict},
		{rule: "the uninvited have nothing to decline", given: team(), when: DeclineInvitation{eve}, code: Forbidden},

		{rule: "a member may leave", given: team(), when: Leave{bob}, then: GroupLeft{UID: bob}},
		{rule: "an admin may leave", given: team(), admins: []UserID{bob}, when: Leave{bob}, then: GroupLeft{UID: bob}},
		{rule: "the owner's place goes to who is there longest", given: team(), when: Leave{ann}, then: GroupLeft{ann, bob}},
		{rule: "coming back starts anew", given: team(GroupLeft{UID: bob}, GroupJoined{ann, bob}), when: Leave{ann}, then: GroupLeft{ann, cat}},
		{rule: "admins come before members", given: team(), admins: []UserID{cat}, when: Leave{ann}, then: GroupLeft{ann, cat}},
		{rule: "among admins, who is there longest", given: team(), admins: []UserID{cat, bob}, when: Leave{ann}, then: GroupLeft{ann, bob}},
		{rule: "the invited inherit nothing", given: []Event{GroupCreated{By: ann, Name: "team", Invited: []UserID{dan}}}, when: Leave{ann}, then: GroupLeft{UID: ann}},
		{rule: "outsiders cannot leave", given: team(), when: Leave{eve}, code: Forbidden},
		{rule: "the invited decline instead", given: team(), when: Leave{dan}, code: Forbidden},
		{rule: "nobody leaves twice", given: ended, when: Leave{ann}, code: Forbidden},

		{rule: "the owner removes members", given: team(), when: RemoveMember{ann, bob}, then: GroupRemoved{ann, bob}},
		{rule: "the owner removes admins", given: team(), admins: []UserID{bob}, when: RemoveMember{ann, bob}, then: GroupRemoved{ann, bob}},
		{rule: "an admin removes members", given: team(), admins: []UserID{bob}, when: RemoveMember{bob, cat}, then: GroupRemoved{bob, cat}},
		{rule: "an admin does not remove admins", given: team(), admins: []UserID{bob, cat}, when: RemoveMember{bob, cat}, code: Forbidden},
		{rule: "an admin does not remove the owner", given: team(), admins: []UserID{bob}, when: RemoveMember{bob, ann}, code: Forbidden},
		{rule: "a member removes nobody", given: team(), when: RemoveMember{bob, cat}, code: Forbidden},
		{rule: "a member does not remove the owner", given: team(), when: RemoveMember{bob, ann}, code: Forbidden},
		{rule: "outsiders remove nobody", given: team(), when: RemoveMember{eve, bob}, code: Forbidden},
		{rule: "not even outsiders", given: team(), when: RemoveMember{eve, eve}, code: Forbidden},
		{rule: "the owner does not remove themselves", given: team(), when: RemoveMember{ann, ann}, code: Malformed},
		{rule: "nor does a member", given: team(), when: RemoveMember{bob, bob}, code: Malformed},
		{rule: "outsiders cannot be removed", given: team(), when: RemoveMember{ann, eve}, code: Conflict},
		{rule: "the invited are no members yet", given: team(), when: RemoveMember{ann, dan}, code: Conflict},
		{rule: "a new owner may remove", given: team(GroupLeft{ann, bob}), when: RemoveMember{bob, cat}, then: GroupRemoved{bob, cat}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			g := groupAfter(c.given...)
			for _, u := range c.admins {
				promote(g, u)
			}
			got, err := g.Decide(c.when)
			if codeOf(err) != c.code || !reflect.DeepEqual(got, c.then) {
				t.Errorf("%T gives %#v, %v; want %#v, code %d", c.when, got, err, c.then, c.code)
			}
		})
	}
}

func TestGroupEvolve(t *testing.T) {
	for _, c := range []struct {
		rule    string
		given   []Event
		exists  bool
		owner   UserID
		members []UserID // the others
		invited []UserID
	}{
		{rule: "never made"},
		{rule: "events before it was made are ignored", given: []Event{GroupJoined{ann, bob}, GroupInvited{ann, cat}, GroupLeft{UID: ann}, GroupRemoved{ann, bob}, GroupDeclined{cat}}},
		{rule: "made, joined, invited", given: team(), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "made with the maker and doubles among the members", given: []Event{GroupCreated{By: ann, Members: []UserID{bob, ann, bob}, Invited: []UserID{bob, ann, dan}}},
			exists: true, owner: ann, members: []UserID{bob}, invited: []UserID{dan}},
		{rule: "a second making is ignored", given: team(GroupCreated{By: eve, Name: "mine"}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "joining ends the invitation", given: team(GroupJoined{dan, dan}), exists: true, owner: ann, members: []UserID{bob, cat, dan}},
		{rule: "joining twice changes nothing", given: team(GroupJoined{bob, ann}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "declining ends the invitation", given: team(GroupDeclined{dan}), exists: true, owner: ann, members: []UserID{bob, cat}},
		{rule: "a member leaves", given: team(GroupLeft{UID: bob}), exists: true, owner: ann, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "the owner leaves", given: team(GroupLeft{ann, bob}), exists: true, owner: bob, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "a member is removed", given: team(GroupRemoved{ann, cat}), exists: true, owner: ann, members: []UserID{bob}, invited: []UserID{dan}},
		{rule: "an invitation outlives who gave it", given: team(GroupRemoved{ann, bob}), exists: true, owner: ann, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "the last one ends it", given: team(GroupLeft{ann, bob}, GroupLeft{bob, cat}, GroupLeft{UID: cat})},
		{rule: "what comes after the end is ignored", given: team(GroupLeft{ann, bob}, GroupLeft{bob, cat}, GroupLeft{UID: cat}, GroupJoined{ann, bob}, GroupInvited{ann, dan}, GroupCreated{By: ann})},
		{rule: "what is not of a group is ignored", given: team(Message{From: eve}, FriendBlocked{ann}, Profiled{Name: "x"}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			g := groupAfter(c.given...)
			want := map[UserID]Role{}
			for _, u := range c.members {
				want[u] = RoleMember
			}
			if c.exists {
				want[c.owner] = RoleOwner
			}
			for _, u := range []UserID{ann, bob, cat, dan, eve} {
				if g.Role(u) != want[u] {
					t.Errorf("%s has the role %q, want %q", u, g.Role(u), want[u])
				}
				if in := slices.Contains(c.invited, u); g.Invited(u) != in {
					t.Errorf("%s invited: %t, want %t", u, g.Invited(u), in)
				}
				if may := codeOf(g.MaySend(u)) == OK; may != (want[u] != "") {
					t.Errorf("%s may send: %t", u, may)
				}
			}
			if g.Exists() != c.exists || g.Size() != len(want) || len(g.Members()) != len(want) {
				t.Errorf("exists %t with %d members, want %t with %d", g.Exists(), g.Size(), c.exists, len(want))
			}
		})
	}
}

func TestGroupMaySend(t *testing.T) {
	for _, c := range []struct {
		rule  string
		given []Event
		from  UserID
		code  Code
	}{
		{"the owner speaks", team(), ann, OK},
		{"members speak", team(), cat, OK},
		{"whoever accepted speaks", team(GroupJoined{dan, dan}), dan, OK},
		{"the invited do not", team(), dan, Forbidden},
		{"outsiders do not", team(), eve, Forbidden},
		{"nobody does not", team(), "", Forbidden},
		{"whoever left does not", team(GroupLeft{UID: cat}), cat, Forbidden},
		{"an owner who left does not", team(GroupLeft{ann, bob}), ann, Forbidden},
		{"the removed do not", team(GroupRemoved{ann, cat}), cat, Forbidden},
		{"whoever is let in again speaks", team(GroupRemoved{ann, cat}, GroupJoined{bob, cat}), cat, OK},
		{"in what was never made nobody speaks", nil, ann, Forbidden},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if err := groupAfter(c.given...).MaySend(c.from); codeOf(err) != c.code {
				t.Errorf("MaySend: %v, want code %d", err, c.code)
			}
		})
	}
}

func TestGroupName(t *testing.T) {
	if got := groupAfter(team()...).About().Name; got != "team" {
		t.Errorf("name is %q", got)
	}
}

// The log takes at most 1 MiB at once, and the largest event is the making of the largest group.
func TestTheLargestGroupFitsIntoTheLog(t *testing.T) {
	e, err := new(Group).Decide(CreateGroup{By: ann, Name: strings.Repeat("\u2028", MaxName-1) + "x", Members: crowd(MaxMembers - 1)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	if room := 1<<20 - 4096; len(b) > room { // what remains is for the record's headers
		t.Errorf("the event has %d bytes, there is room for %d", len(b), room)
	}
	if g := groupAfter(e); g.Size() != MaxMembers {
		t.Errorf("the group has %d members", g.Size())
	}
}
