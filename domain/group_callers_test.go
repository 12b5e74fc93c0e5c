package domain

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// cast is a group with two of each kind, so that everybody meets somebody else of theirs: the callers below, and those of the same letters.
var cast = []Event{
	GroupCreated{By: ann, Name: "cast", Members: []UserID{bob, "bob2", cat, "cat2", "hal", "hal2", "ida", "ida2"}},
	admin(bob), admin("bob2"),
	GroupInvited{cat, dan}, GroupInvited{bob, "dan2"},
	GroupApplied{UID: "fay"}, GroupApplied{UID: "fay2"},
	GroupApplied{UID: "gus"}, GroupRefused{ann, "gus"}, GroupApplied{UID: "gus2"}, GroupRefused{bob, "gus2"},
	GroupRemoved{ann, "hal"}, GroupRemoved{bob, "hal2"},
	GroupLeft{UID: "ida"}, GroupLeft{UID: "ida2"},
}

// callers are all kinds of people that there are to a group.
var callers = []struct {
	kind string
	uid  UserID
}{
	{"the owner", ann}, {"an admin", bob}, {"a member", cat}, {"the invited", dan}, {"an applicant", "fay"}, {"who was refused", "gus"},
	{"who was removed", "hal"}, {"who left", "ida"}, {"an outsider", eve}, {"nobody", ""},
}

// A callerRule says what each caller is told, by the codes in the callers' order; "-" is not asked, for the edge lets nobody without an id do it.
type callerRule struct {
	what  string
	codes string
	when  func(by UserID) GroupCommand
	then  func(by UserID) Event
}

// joins is whoever comes in by themselves, or else applies.
func joins(by UserID) Event {
	if by == dan {
		return GroupJoined{by, by}
	}
	return GroupApplied{UID: by}
}

func describes(by UserID) Event { return GroupDescribed{by, "crew", "", "", HistoryAll} }

// leaves is a member's going; the owner's place goes to bob, the first of the admins.
func leaves(by UserID) Event {
	if by == ann {
		return GroupLeft{by, bob}
	}
	return GroupLeft{UID: by}
}

// goes is anybody's being gone for good; the owner's place goes to bob.
func goes(by UserID) Event {
	if by == ann {
		return GroupErased{by, bob}
	}
	return GroupErased{UID: by}
}

func invites(uid UserID, friend bool) func(UserID) GroupCommand {
	return func(by UserID) GroupCommand { return Invite{by, uid, friend, false} }
}

func asksIn(uid UserID) func(UserID) Event {
	return func(by UserID) Event { return GroupInvited{by, uid} }
}
func lets(uid UserID) func(UserID) Event {
	return func(by UserID) Event { return GroupJoined{by, uid} }
}

func yesTo(uid UserID) func(UserID) GroupCommand {
	return func(by UserID) GroupCommand { return AcceptApplication{by, uid} }
}

func noTo(uid UserID) func(UserID) GroupCommand {
	return func(by UserID) GroupCommand { return RefuseApplication{by, uid} }
}

func turnsDown(uid UserID) func(UserID) Event {
	return func(by UserID) Event { return GroupRefused{by, uid} }
}

func removes(uid UserID) func(UserID) GroupCommand {
	return func(by UserID) GroupCommand { return RemoveMember{by, uid} }
}

func putsOut(uid UserID) func(UserID) Event {
	return func(by UserID) Event { return GroupRemoved{by, uid} }
}

func makes(uid UserID, r Role) func(UserID) GroupCommand {
	return func(by UserID) GroupCommand { return SetRole{by, uid, r} }
}

func appoints(uid UserID, r Role) func(UserID) Event {
	return func(by UserID) Event { return GroupRoleSet{by, uid, r} }
}

var callerRules = []callerRule{
	// callers: owner admin member invited applicant refused removed left outsider nobody
	{"makes it again", "6 6 6 6 6 6 6 6 6 6", func(by UserID) GroupCommand { return CreateGroup{By: by, Name: "x"} }, nil},
	{"describes it", "0 0 3 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return DescribeGroup{By: by, Name: to("crew")} }, describes},
	{"describes nothing", "4 4 3 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return DescribeGroup{By: by} }, nil},
	{"invites an outsider", "0 0 0 3 3 3 3 3 3 3", invites("new", false), asksIn("new")},
	{"invites a friend", "0 0 0 3 3 3 3 3 3 3", invites("new", true), lets("new")},
	{"invites the invited", "6 6 6 3 3 3 3 3 3 3", invites("dan2", false), nil},
	{"invites a friend who is invited", "0 0 0 3 3 3 3 3 3 3", invites("dan2", true), lets("dan2")},
	{"invites an applicant", "0 0 0 3 3 3 3 3 3 3", invites("fay2", false), lets("fay2")},
	{"invites a friend who has applied", "0 0 0 3 3 3 3 3 3 3", invites("fay2", true), lets("fay2")},
	{"invites who was refused", "0 0 0 3 3 3 3 3 3 3", invites("gus2", false), asksIn("gus2")},
	{"invites a friend who was refused", "0 0 0 3 3 3 3 3 3 3", invites("gus2", true), lets("gus2")},
	{"invites who was removed", "0 0 0 3 3 3 3 3 3 3", invites("hal2", false), asksIn("hal2")},
	{"invites who left", "0 0 0 3 3 3 3 3 3 3", invites("ida2", false), asksIn("ida2")},
	{"invites a member", "6 6 6 3 3 3 3 3 3 3", invites("cat2", false), nil},
	{"invites an admin", "6 6 6 3 3 3 3 3 3 3", invites("bob2", true), nil},
	{"invites the owner", "6 6 6 3 3 3 3 3 3 3", invites(ann, true), nil},
	{"invites themselves", "6 6 6 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return Invite{by, by, true, false} }, nil},
	{"accepts an invitation", "6 6 6 0 3 3 3 3 3 3", func(by UserID) GroupCommand { return AcceptInvitation{by} }, func(by UserID) Event { return GroupJoined{by, by} }},
	{"declines an invitation", "6 6 6 0 3 3 3 3 3 3", func(by UserID) GroupCommand { return DeclineInvitation{by} }, func(by UserID) Event { return GroupDeclined{by} }},
	{"applies", "6 6 6 0 6 5 0 0 0 -", func(by UserID) GroupCommand { return ApplyToJoin{UID: by, Pause: after(0)} }, joins},
	{"applies when a pause is over", "6 6 6 0 6 0 0 0 0 -", func(by UserID) GroupCommand { return ApplyToJoin{UID: by, Pause: after(day)} }, joins},
	{"accepts an applicant", "0 0 3 3 3 3 3 3 3 3", yesTo("fay2"), lets("fay2")},
	{"accepts their own application", "6 6 3 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return AcceptApplication{by, by} }, nil},
	{"accepts a member", "6 6 3 3 3 3 3 3 3 3", yesTo("cat2"), nil},
	{"accepts the invited", "6 6 3 3 3 3 3 3 3 3", yesTo("dan2"), nil},
	{"accepts who was refused", "6 6 3 3 3 3 3 3 3 3", yesTo("gus2"), nil},
	{"accepts an outsider", "6 6 3 3 3 3 3 3 3 3", yesTo("new"), nil},
	{"refuses an applicant", "0 0 3 3 3 3 3 3 3 3", noTo("fay2"), turnsDown("fay2")},
	{"refuses their own application", "6 6 3 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return RefuseApplication{by, by} }, nil},
	{"refuses a member", "6 6 3 3 3 3 3 3 3 3", noTo("cat2"), nil},
	{"refuses the invited", "6 6 3 3 3 3 3 3 3 3", noTo("dan2"), nil},
	{"refuses who was refused", "6 6 3 3 3 3 3 3 3 3", noTo("gus2"), nil},
	{"refuses an outsider", "6 6 3 3 3 3 3 3 3 3", noTo("new"), nil},
	{"leaves", "0 0 0 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return Leave{by} }, leaves},
	{"removes a member", "0 0 3 3 3 3 3 3 3 3", removes("cat2"), putsOut("cat2")},
	{"removes another admin", "0 3 3 3 3 3 3 3 3 3", removes("bob2"), putsOut("bob2")},
	{"removes the owner", "4 3 3 3 3 3 3 3 3 3", removes(ann), nil},
	{"removes themselves", "4 4 4 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return RemoveMember{by, by} }, nil},
	{"removes the invited", "6 6 6 3 3 3 3 3 3 3", removes("dan2"), nil},
	{"removes an applicant", "6 6 6 3 3 3 3 3 3 3", removes("fay2"), nil},
	{"removes who was removed", "6 6 6 3 3 3 3 3 3 3", removes("hal2"), nil},
	{"removes an outsider", "6 6 6 3 3 3 3 3 3 3", removes("new"), nil},
	{"makes a member an admin", "0 3 3 3 3 3 3 3 3 3", makes("cat2", RoleAdmin), appoints("cat2", RoleAdmin)},
	{"makes a member the owner", "0 3 3 3 3 3 3 3 3 3", makes("cat2", RoleOwner), appoints("cat2", RoleOwner)},
	{"makes a member a member", "6 3 3 3 3 3 3 3 3 3", makes("cat2", RoleMember), nil},
	{"makes a member a king", "4 3 3 3 3 3 3 3 3 3", makes("cat2", "king"), nil},
	{"makes a member nothing", "4 3 3 3 3 3 3 3 3 3", makes("cat2", ""), nil},
	{"makes another admin a member", "0 3 3 3 3 3 3 3 3 3", makes("bob2", RoleMember), appoints("bob2", RoleMember)},
	{"makes another admin the owner", "0 3 3 3 3 3 3 3 3 3", makes("bob2", RoleOwner), appoints("bob2", RoleOwner)},
	{"makes another admin an admin", "6 3 3 3 3 3 3 3 3 3", makes("bob2", RoleAdmin), nil},
	{"makes the owner a member", "4 3 3 3 3 3 3 3 3 3", makes(ann, RoleMember), nil},
	{"makes themselves the owner", "4 3 3 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return SetRole{by, by, RoleOwner} }, nil},
	{"makes themselves an admin", "4 3 3 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return SetRole{by, by, RoleAdmin} }, nil},
	{"makes the invited an admin", "6 3 3 3 3 3 3 3 3 3", makes("dan2", RoleAdmin), nil},
	{"makes an applicant a member", "6 3 3 3 3 3 3 3 3 3", makes("fay2", RoleMember), nil},
	{"makes who left the owner", "6 3 3 3 3 3 3 3 3 3", makes("ida2", RoleOwner), nil},
	{"makes an outsider a member", "6 3 3 3 3 3 3 3 3 3", makes("new", RoleMember), nil},
	{"is gone for good", "0 0 0 0 0 0 0 0 0 0", func(by UserID) GroupCommand { return EraseMember{by} }, goes},
	{"dissolves it", "0 3 3 3 3 3 3 3 3 3", func(by UserID) GroupCommand { return DissolveGroup{by} }, func(by UserID) Event { return GroupDissolved{by} }},
}

// eachCaller goes through the rules, caller by caller.
func eachCaller(t *testing.T, do func(caller string, by UserID, c callerRule, code Code)) {
	t.Helper()
	for _, c := range callerRules {
		codes := strings.Fields(c.codes)
		if len(codes) != len(callers) {
			t.Fatalf("%q has %d codes for %d callers", c.what, len(codes), len(callers))
		}
		for i, caller := range callers {
			if codes[i] == "-" {
				continue
			}
			code, err := strconv.Atoi(codes[i])
			if err != nil {
				t.Fatal(err)
			}
			do(caller.kind, caller.uid, c, Code(code))
		}
	}
}

func TestWhatEachCallerMayDo(t *testing.T) {
	tried := map[string]bool{}
	eachCaller(t, func(caller string, by UserID, c callerRule, code Code) {
		tried[fmt.Sprintf("%T", c.when(by))] = true
		t.Run(caller+" "+c.what, func(t *testing.T) {
			var want Event
			if code == OK {
				want = c.then(by)
			}
			if got, err := groupAfter(cast...).Decide(c.when(by)); codeOf(err) != code || !reflect.DeepEqual(got, want) {
				t.Errorf("%#v gives %#v, %v; want %#v, code %d", c.when(by), got, err, want, code)
			}
		})
	})
	for _, c := range everyCommand {
		if !tried[fmt.Sprintf("%T", c)] {
			t.Errorf("nobody has tried %T", c)
		}
	}
}

// Where there is no group, there is nothing to be done, whatever one was in it.
func TestWhatEachCallerMayDoWhereThereIsNoGroup(t *testing.T) {
	alone := append(cast[:len(cast):len(cast)], GroupLeft{UID: "bob2"}, GroupLeft{UID: "cat2"}, GroupLeft{UID: cat}, GroupLeft{UID: bob})
	for _, where := range []struct {
		name  string
		given []Event
	}{
		{"never made", nil},
		{"never made, whatever has been said of it", cast[1:]},
		{"dissolved", append(cast[:len(cast):len(cast)], GroupDissolved{ann})},
		{"left by all", append(alone[:len(alone):len(alone)], GroupLeft{UID: ann})},
	} {
		g := groupAfter(where.given...)
		eachCaller(t, func(caller string, by UserID, c callerRule, _ Code) {
			want := Forbidden
			switch c.when(by).(type) {
			case CreateGroup:
				want = map[bool]Code{true: OK, false: Conflict}[g.joins == 0]
			case ApplyToJoin:
				want = NotFound
			case EraseMember: // of what there was of them, if anything
				want = OK
			}
			if _, err := g.Decide(c.when(by)); codeOf(err) != want {
				t.Errorf("%s: %s %s: %v, want code %d", where.name, caller, c.what, err, want)
			}
		})
	}
}
