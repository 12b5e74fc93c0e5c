package domain

import (
	"slices"
	"testing"
)

func TestGroupEvolve(t *testing.T) {
	for _, c := range []struct {
		rule    string
		given   []Event
		exists  bool
		owner   UserID
		admins  []UserID
		members []UserID // the others
		invited []UserID
		applied []UserID
	}{
		{rule: "never made"},
		{rule: "events before it was made are ignored", given: []Event{GroupJoined{ann, bob}, GroupInvited{ann, cat}, GroupLeft{UID: ann}, GroupRemoved{ann, bob}, GroupDeclined{cat},
			GroupApplied{UID: eve}, GroupRefused{ann, eve}, GroupRoleSet{ann, bob, RoleOwner}, GroupDescribed{By: ann, Name: "x"}, GroupDissolved{ann}}},
		{rule: "not even a making after them suffers", given: []Event{GroupRoleSet{ann, bob, RoleOwner}, GroupDissolved{ann}, GroupCreated{By: ann, Members: []UserID{bob}}},
			exists: true, owner: ann, members: []UserID{bob}},
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
		{rule: "the last one's leaving ends what waits, too", given: []Event{GroupCreated{By: ann, Invited: []UserID{dan}}, GroupApplied{UID: eve}, GroupLeft{UID: ann}}},
		{rule: "an heir who is not in is ignored", given: team(GroupLeft{bob, eve}), exists: true, owner: ann, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "an application waits", given: asked(), exists: true, owner: ann, admins: []UserID{bob}, members: []UserID{cat}, invited: []UserID{dan}, applied: []UserID{eve}},
		{rule: "a no ends it", given: turnedDown(), exists: true, owner: ann, admins: []UserID{bob}, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "a yes ends it", given: asked(GroupJoined{bob, eve}), exists: true, owner: ann, admins: []UserID{bob}, members: []UserID{cat, eve}, invited: []UserID{dan}},
		{rule: "an invitation takes its place", given: asked(GroupInvited{bob, eve}), exists: true, owner: ann, admins: []UserID{bob}, members: []UserID{cat}, invited: []UserID{dan, eve}},
		{rule: "an application takes an invitation's place", given: team(GroupApplied{UID: dan}), exists: true, owner: ann, members: []UserID{bob, cat}, applied: []UserID{dan}},
		{rule: "two apply, one is refused", given: asked(GroupApplied{UID: dan}, GroupRefused{ann, eve}), exists: true, owner: ann, admins: []UserID{bob}, members: []UserID{cat}, applied: []UserID{dan}},
		{rule: "an admin is made", given: team(admin(cat)), exists: true, owner: ann, admins: []UserID{cat}, members: []UserID{bob}, invited: []UserID{dan}},
		{rule: "and made a member again", given: team(admin(cat), GroupRoleSet{ann, cat, RoleMember}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "the ownership is handed on: an admin is left", given: team(GroupRoleSet{ann, cat, RoleOwner}), exists: true, owner: cat, admins: []UserID{ann}, members: []UserID{bob}, invited: []UserID{dan}},
		{rule: "the owner is made the owner", given: team(GroupRoleSet{ann, ann, RoleOwner}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "a role that does not exist is ignored", given: team(GroupRoleSet{ann, bob, "king"}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "no role is ignored", given: team(GroupRoleSet{ann, bob, ""}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "an outsider's role is ignored", given: team(GroupRoleSet{ann, eve, RoleOwner}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "the role of who is invited is ignored", given: team(GroupRoleSet{ann, dan, RoleAdmin}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "an admin who leaves and comes back is a member", given: team(admin(bob), GroupLeft{UID: bob}, GroupJoined{ann, bob}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "an admin who joins once more stays one", given: team(admin(bob), GroupJoined{ann, bob}), exists: true, owner: ann, admins: []UserID{bob}, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "an owner who leaves to an admin", given: team(admin(cat), GroupLeft{ann, cat}), exists: true, owner: cat, members: []UserID{bob}, invited: []UserID{dan}},
		{rule: "describing changes nobody", given: known(), exists: true, owner: ann, admins: []UserID{bob}, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "an owner who goes without an heir leaves none", given: team(GroupLeft{UID: ann}), exists: true, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "nor does one who is removed", given: team(GroupRemoved{bob, ann}), exists: true, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "until there is another", given: team(GroupRemoved{bob, ann}, GroupRoleSet{bob, cat, RoleOwner}), exists: true, owner: cat, members: []UserID{bob}, invited: []UserID{dan}},
		{rule: "an owner who is made a member owns nothing", given: team(GroupRoleSet{ann, ann, RoleMember}), exists: true, members: []UserID{ann, bob, cat}, invited: []UserID{dan}},
		{rule: "dissolved", given: asked(GroupDissolved{ann})},
		{rule: "what comes after that is ignored", given: team(GroupDissolved{ann}, GroupJoined{ann, bob}, GroupInvited{ann, dan}, GroupApplied{UID: eve}, GroupRoleSet{ann, bob, RoleOwner}, GroupCreated{By: ann})},
		{rule: "a member is gone", given: team(GroupErased{UID: bob}), exists: true, owner: ann, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "the owner is", given: team(GroupErased{ann, bob}), exists: true, owner: bob, members: []UserID{cat}, invited: []UserID{dan}},
		{rule: "who was invited is", given: team(GroupErased{UID: dan}), exists: true, owner: ann, members: []UserID{bob, cat}},
		{rule: "who has applied is", given: team(GroupApplied{UID: eve}, GroupErased{UID: eve}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
		{rule: "the last one's being gone ends it", given: team(GroupErased{ann, bob}, GroupErased{bob, cat}, GroupErased{UID: cat})},
		{rule: "who is gone from what was never made is nobody in it", given: []Event{GroupErased{UID: ann}}},
		{rule: "what is not of a group is ignored", given: team(Message{From: eve}, FriendBlocked{ann}, Profiled{Name: "x"}), exists: true, owner: ann, members: []UserID{bob, cat}, invited: []UserID{dan}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			g := groupAfter(c.given...)
			want := map[UserID]Role{}
			for _, u := range c.admins {
				want[u] = RoleAdmin
			}
			for _, u := range c.members {
				want[u] = RoleMember
			}
			if c.owner != "" {
				want[c.owner] = RoleOwner
			}
			for _, u := range []UserID{ann, bob, cat, dan, eve} {
				if g.Role(u) != want[u] {
					t.Errorf("%s has the role %q, want %q", u, g.Role(u), want[u])
				}
				if in := slices.Contains(c.invited, u); g.Invited(u) != in {
					t.Errorf("%s invited: %t, want %t", u, g.Invited(u), in)
				}
				if waits := slices.Contains(c.applied, u); g.Applied(u) != waits {
					t.Errorf("%s applied: %t, want %t", u, g.Applied(u), waits)
				}
				if may := codeOf(g.MaySend(u)) == OK; may != (want[u] != "") {
					t.Errorf("%s may send: %t", u, may)
				}
			}
			if g.Owner() != c.owner {
				t.Errorf("the owner is %q, want %q", g.Owner(), c.owner)
			}
			if len(g.invited) != len(c.invited) || len(g.applied) != len(c.applied) {
				t.Errorf("%d are invited, %d have applied", len(g.invited), len(g.applied))
			}
			if g.Exists() != c.exists || g.Size() != len(want) || len(g.Members()) != len(want) {
				t.Errorf("exists %t with %d members, want %t with %d", g.Exists(), g.Size(), c.exists, len(want))
			}
		})
	}
}

var groupSendRules = []struct {
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
	{"admins speak", team(admin(bob)), bob, OK},
	{"an owner who has handed it on speaks", team(GroupRoleSet{ann, bob, RoleOwner}), ann, OK},
	{"those who have applied do not", asked(), eve, Forbidden},
	{"those who were turned down do not", turnedDown(), eve, Forbidden},
	{"an applicant who was let in speaks", asked(GroupJoined{bob, eve}), eve, OK},
	{"nobody speaks in what was dissolved", dissolved, bob, Forbidden},
	{"not even who dissolved it", dissolved, ann, Forbidden},
}

func TestGroupMaySend(t *testing.T) {
	for _, c := range groupSendRules {
		t.Run(c.rule, func(t *testing.T) {
			if err := groupAfter(c.given...).MaySend(c.from); codeOf(err) != c.code {
				t.Errorf("MaySend: %v, want code %d", err, c.code)
			}
		})
	}
}

func TestGroupAbout(t *testing.T) {
	asMade := GroupDescribed{By: ann, Name: "team", History: HistoryAll}
	described := GroupDescribed{bob, "crew", "a.png", "who\nwe are", HistoryJoined}
	for _, c := range []struct {
		rule  string
		given []Event
		then  GroupDescribed
	}{
		{"never made", nil, GroupDescribed{}},
		{"described before it was made", []Event{described}, GroupDescribed{}},
		{"as it was made", team(), asMade},
		{"a second making is ignored", team(GroupCreated{By: eve, Name: "mine"}), asMade},
		{"as it was described", known(), described},
		{"whole, whatever it was before", known(GroupDescribed{By: ann, Name: "x", History: HistoryAll}), GroupDescribed{By: ann, Name: "x", History: HistoryAll}},
		{"a new owner describes nothing by that", known(GroupRoleSet{ann, cat, RoleOwner}), described},
		{"dissolved: what it was", known(GroupDissolved{ann}), described},
		{"described after that", known(GroupDissolved{ann}, asMade), described},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := groupAfter(c.given...).About(); got != c.then {
				t.Errorf("it is %+v, want %+v", got, c.then)
			}
		})
	}
}
