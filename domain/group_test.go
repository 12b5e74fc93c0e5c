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

// admin is ann's making somebody one.
func admin(u UserID) Event { return GroupRoleSet{ann, u, RoleAdmin} }

// Groups that several rules begin with.
var (
	ended     = []Event{GroupCreated{By: ann, Name: "team", Invited: []UserID{dan}}, GroupLeft{UID: ann}}
	dissolved = team(GroupDissolved{ann})
	full      = fullWith()
)

// fullWith has as many people as a group holds, dan among them, who is invited.
func fullWith(more ...Event) []Event {
	return append([]Event{GroupCreated{By: ann, Name: "full", Members: crowd(MaxMembers - 2), Invited: []UserID{dan}}}, more...)
}

// crowd is n different people.
func crowd(n int) []UserID {
	all := make([]UserID, n)
	for i := range all {
		all[i] = UserID(fmt.Sprintf("%0*d", MaxID, i)) // the longest ids
	}
	return all
}

// groupRule says what follows from a command: an event, or a refusal with a code.
type groupRule struct {
	rule  string
	given []Event
	when  GroupCommand
	then  Event // or
	code  Code
}

// allGroupRules are all that are written down one by one.
func allGroupRules() []groupRule {
	return slices.Concat(groupRules, roleRules, applyRules, goneRules)
}

var groupRules = []groupRule{
	{rule: "anyone may make a group", when: CreateGroup{By: ann, Name: "team", Members: []UserID{bob}, Invited: []UserID{dan}},
		then: GroupCreated{By: ann, Name: "team", Members: []UserID{bob}, Invited: []UserID{dan}}},
	{rule: "a group of one is a group", when: CreateGroup{By: ann, Name: "team"}, then: GroupCreated{By: ann, Name: "team"}},
	{rule: "a group is made once", given: team(), when: CreateGroup{By: ann, Name: "team"}, code: Conflict},
	{rule: "an ended group is not made again", given: ended, when: CreateGroup{By: bob, Name: "team"}, code: Conflict},
	{rule: "nor is a dissolved one, not even by its owner", given: dissolved, when: CreateGroup{By: ann, Name: "team"}, code: Conflict},
	{rule: "its name is a name", when: CreateGroup{By: ann, Name: " "}, code: Malformed},
	{rule: "one too many", when: CreateGroup{By: ann, Name: "crowd", Members: crowd(MaxMembers - 1), Invited: []UserID{dan}}, code: TooLarge},

	{rule: "the owner brings friends in at once", given: team(), when: Invite{ann, eve, true, false}, then: GroupJoined{ann, eve}},
	{rule: "so does a member", given: team(), when: Invite{bob, eve, true, false}, then: GroupJoined{bob, eve}},
	{rule: "others are invited", given: team(), when: Invite{bob, eve, false, false}, then: GroupInvited{bob, eve}},
	{rule: "once", given: team(), when: Invite{ann, dan, false, false}, code: Conflict},
	{rule: "a friend who is invited is in at once", given: team(), when: Invite{ann, dan, true, false}, then: GroupJoined{ann, dan}},
	{rule: "members are in already", given: team(), when: Invite{ann, bob, true, false}, code: Conflict},
	{rule: "nobody invites themselves", given: team(), when: Invite{bob, bob, false, false}, code: Conflict},
	{rule: "outsiders invite nobody", given: team(), when: Invite{eve, eve, true, false}, code: Forbidden},
	{rule: "the invited invite nobody", given: team(), when: Invite{dan, eve, false, false}, code: Forbidden},
	{rule: "nobody invites to what was never made", when: Invite{ann, bob, true, false}, code: Forbidden},
	{rule: "nobody invites to what has ended", given: ended, when: Invite{ann, bob, true, false}, code: Forbidden},
	{rule: "a friend who is in as many groups as one may be is invited", given: team(), when: Invite{bob, eve, true, true}, then: GroupInvited{bob, eve}},
	{rule: "once, too", given: team(GroupInvited{bob, eve}), when: Invite{ann, eve, true, true}, code: Conflict},
	{rule: "so is a stranger", given: team(), when: Invite{bob, eve, false, true}, then: GroupInvited{bob, eve}},
	{rule: "who is so has a place in a full group all the same", given: full, when: Invite{ann, dan, true, true}, code: Conflict},
	{rule: "a full group takes no friend", given: full, when: Invite{ann, eve, true, false}, code: TooLarge},
	{rule: "a full group invites nobody", given: full, when: Invite{ann, eve, false, false}, code: TooLarge},
	{rule: "whoever was invited has a place in a full group", given: full, when: Invite{ann, dan, true, false}, then: GroupJoined{ann, dan}},
	{rule: "and is not invited twice", given: full, when: Invite{ann, dan, false, false}, code: Conflict},
	{rule: "a full group takes no applicant whom a member would bring in", given: fullWith(GroupApplied{UID: eve}), when: Invite{ann, eve, false, false}, code: TooLarge},
	{rule: "who left a full group has made room", given: fullWith(GroupLeft{UID: crowd(1)[0]}), when: Invite{ann, eve, false, false}, then: GroupInvited{ann, eve}},
	{rule: "and so has who declined", given: fullWith(GroupDeclined{dan}), when: Invite{ann, eve, true, false}, then: GroupJoined{ann, eve}},

	{rule: "the invited may accept", given: team(), when: AcceptInvitation{dan}, then: GroupJoined{dan, dan}},
	{rule: "even in a full group", given: full, when: AcceptInvitation{dan}, then: GroupJoined{dan, dan}},
	{rule: "members have nothing to accept", given: team(), when: AcceptInvitation{bob}, code: Conflict},
	{rule: "the uninvited may not accept", given: team(), when: AcceptInvitation{eve}, code: Forbidden},
	{rule: "what was declined cannot be accepted", given: team(GroupDeclined{dan}), when: AcceptInvitation{dan}, code: Forbidden},
	{rule: "an ended group has no invitations", given: ended, when: AcceptInvitation{dan}, code: Forbidden},

	{rule: "the invited may decline", given: team(), when: DeclineInvitation{dan}, then: GroupDeclined{dan}},
	{rule: "members leave instead", given: team(), when: DeclineInvitation{bob}, code: Conflict},
	{rule: "the uninvited have nothing to decline", given: team(), when: DeclineInvitation{eve}, code: Forbidden},

	{rule: "a member may leave", given: team(), when: Leave{bob}, then: GroupLeft{UID: bob}},
	{rule: "an admin may leave", given: team(admin(bob)), when: Leave{bob}, then: GroupLeft{UID: bob}},
	{rule: "the owner's place goes to who is there longest", given: team(), when: Leave{ann}, then: GroupLeft{ann, bob}},
	{rule: "coming back starts anew", given: team(GroupLeft{UID: bob}, GroupJoined{ann, bob}), when: Leave{ann}, then: GroupLeft{ann, cat}},
	{rule: "admins come before members", given: team(admin(cat)), when: Leave{ann}, then: GroupLeft{ann, cat}},
	{rule: "among admins, who is there longest", given: team(admin(cat), admin(bob)), when: Leave{ann}, then: GroupLeft{ann, bob}},
	{rule: "the invited inherit nothing", given: []Event{GroupCreated{By: ann, Name: "team", Invited: []UserID{dan}}}, when: Leave{ann}, then: GroupLeft{UID: ann}},
	{rule: "outsiders cannot leave", given: team(), when: Leave{eve}, code: Forbidden},
	{rule: "the invited decline instead", given: team(), when: Leave{dan}, code: Forbidden},
	{rule: "nobody leaves twice", given: ended, when: Leave{ann}, code: Forbidden},
}

// goneRules are of those who are gone for good.
var goneRules = []groupRule{
	{rule: "a member may be gone for good", given: team(), when: EraseMember{bob}, then: GroupErased{UID: bob}},
	{rule: "the owner, too: the place goes to who is there longest", given: team(), when: EraseMember{ann}, then: GroupErased{ann, bob}},
	{rule: "or to an admin", given: team(admin(cat)), when: EraseMember{ann}, then: GroupErased{ann, cat}},
	{rule: "an owner who is alone", given: []Event{GroupCreated{By: ann, Name: "team", Invited: []UserID{dan}}}, when: EraseMember{ann}, then: GroupErased{UID: ann}},
	{rule: "who is invited", given: team(), when: EraseMember{dan}, then: GroupErased{UID: dan}},
	{rule: "who has left, for what was said", given: team(GroupLeft{UID: bob}), when: EraseMember{bob}, then: GroupErased{UID: bob}},
	{rule: "also where the group has ended", given: ended, when: EraseMember{ann}, then: GroupErased{UID: ann}},
	{rule: "or was dissolved", given: dissolved, when: EraseMember{bob}, then: GroupErased{UID: bob}},
	{rule: "not twice", given: team(GroupErased{UID: bob}), when: EraseMember{bob}},
	{rule: "nor where there never was a group", when: EraseMember{bob}},
	{rule: "who is gone is not brought in", given: team(GroupErased{UID: bob}), when: Invite{ann, bob, true, false}, code: NotFound},
	{rule: "nor invited", given: team(GroupErased{UID: dan}), when: Invite{ann, dan, false, false}, code: NotFound},
	{rule: "and is invited no more", given: team(GroupErased{UID: dan}), when: AcceptInvitation{dan}, code: Forbidden},
	{rule: "who is gone does not apply", given: team(GroupErased{UID: bob}), when: ApplyToJoin{UID: bob}, code: NotFound},
	{rule: "an application of theirs cannot be accepted", given: team(GroupApplied{UID: eve}, GroupErased{UID: eve}), when: AcceptApplication{ann, eve}, code: Conflict},
	{rule: "who is gone has made room", given: fullWith(GroupErased{UID: dan}), when: Invite{ann, eve, false, false}, then: GroupInvited{ann, eve}},
}

func TestGroupDecide(t *testing.T) {
	for _, c := range allGroupRules() {
		t.Run(c.rule, func(t *testing.T) {
			got, err := groupAfter(c.given...).Decide(c.when)
			if codeOf(err) != c.code || !reflect.DeepEqual(got, c.then) {
				t.Errorf("%T gives %#v, %v; want %#v, code %d", c.when, got, err, c.then, c.code)
			}
		})
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
