package domain

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// noon is when the log stored the events of the tests.
var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// The people of the tests. In their topic ann is the lower id and bob the higher; eve is in no friendship of theirs.
const (
	ann = UserID("ann")
	bob = UserID("bob")
	eve = UserID("eve")
)

func friendshipAfter(given []Event) Friendship {
	f := NewFriendship(Direct(ann, bob))
	for _, e := range given {
		f.Evolve(e, noon)
	}
	return f
}

// codeOf is the code of a refusal, OK for none; any other error is Internal.
func codeOf(err error) Code {
	if err == nil {
		return OK
	}
	return Refusal(err).Code
}

// Pasts that several rules begin with.
var (
	strangers = []Event{}
	askedAnn  = []Event{FriendRequested{By: ann}}
	askedBob  = []Event{FriendRequested{By: bob}}
	friends   = []Event{FriendRequested{By: ann}, FriendAccepted{By: bob}}
	rejected  = []Event{FriendRequested{By: ann}, FriendRejected{By: bob}}
	removed   = []Event{FriendRequested{By: ann}, FriendAccepted{By: bob}, FriendRemoved{By: bob}}
	blockedA  = []Event{FriendBlocked{By: ann}}
	blockedB  = []Event{FriendBlocked{By: bob}}
	mutual    = []Event{FriendBlocked{By: ann}, FriendBlocked{By: bob}}
	fellOut   = []Event{FriendRequested{By: ann}, FriendAccepted{By: bob}, FriendBlocked{By: ann}}
	madeUp    = []Event{FriendRequested{By: ann}, FriendAccepted{By: bob}, FriendBlocked{By: ann}, FriendUnblocked{By: ann}}
	annGone   = []Event{FriendRequested{By: ann}, FriendAccepted{By: bob}, FriendErased{By: ann}}
	bothGone  = []Event{FriendRequested{By: ann}, FriendErased{By: ann}, FriendErased{By: bob}}
)

// friendRule says what follows from a command: an event, or a refusal with a code.
type friendRule struct {
	rule  string
	given []Event
	when  FriendCommand
	then  Event // or
	code  Code
}

// What goes with an application and its answer.
var (
	greeting = json.RawMessage(`{"txt":"it is I"}`)
	longest  = strings.Repeat("语", MaxReply)
)

var friendRules = []friendRule{
	{"strangers may apply", strangers, RequestFriend{By: ann}, FriendRequested{By: ann}, OK},
	{"the higher id may apply as well", strangers, RequestFriend{By: bob}, FriendRequested{By: bob}, OK},
	{"a greeting goes with it", strangers, RequestFriend{By: ann, Greeting: greeting}, FriendRequested{ann, greeting}, OK},
	{"an application waits: no second one", askedAnn, RequestFriend{By: ann}, nil, Conflict},
	{"who applies to an applicant accepts", askedAnn, RequestFriend{By: bob}, FriendAccepted{By: bob}, OK},
	{"friends need not apply", friends, RequestFriend{By: ann}, nil, Conflict},
	{"a friend who was asked need not either", friends, RequestFriend{By: bob}, nil, Conflict},
	{"the rejected may apply again", rejected, RequestFriend{By: ann}, FriendRequested{By: ann}, OK},
	{"whoever rejected may apply too", rejected, RequestFriend{By: bob}, FriendRequested{By: bob}, OK},
	{"the removed may apply again", removed, RequestFriend{By: ann}, FriendRequested{By: ann}, OK},
	{"the blocked may not apply", blockedB, RequestFriend{By: ann}, nil, Forbidden},
	{"who blocks must unblock before applying", blockedA, RequestFriend{By: ann}, nil, Conflict},
	{"who blocks and is blocked hears of the own block", mutual, RequestFriend{By: ann}, nil, Conflict},
	{"after a block is taken back, strangers may apply", madeUp, RequestFriend{By: bob}, FriendRequested{By: bob}, OK},
	{"a third may not apply here", strangers, RequestFriend{By: eve}, nil, Forbidden},

	{"the asked may accept", askedAnn, AcceptFriend{bob}, FriendAccepted{bob}, OK},
	{"the lower id may accept as well", askedBob, AcceptFriend{ann}, FriendAccepted{ann}, OK},
	{"nobody accepts their own application", askedAnn, AcceptFriend{ann}, nil, Conflict},
	{"nothing to accept between strangers", strangers, AcceptFriend{bob}, nil, Conflict},
	{"the lower id has nothing to accept between strangers either", strangers, AcceptFriend{ann}, nil, Conflict},
	{"nobody has nothing to accept", strangers, AcceptFriend{""}, nil, Forbidden},
	{"friends have accepted already", friends, AcceptFriend{bob}, nil, Conflict},
	{"what was rejected cannot be accepted", rejected, AcceptFriend{bob}, nil, Conflict},
	{"a block has ended the application", []Event{FriendRequested{By: ann}, FriendBlocked{bob}}, AcceptFriend{bob}, nil, Conflict},
	{"nor does unblocking bring it back", []Event{FriendRequested{By: ann}, FriendBlocked{bob}, FriendUnblocked{bob}}, AcceptFriend{bob}, nil, Conflict},
	{"a third may not accept the lower id's application", askedAnn, AcceptFriend{eve}, nil, Forbidden},
	{"a third may not accept the higher id's application", askedBob, AcceptFriend{eve}, nil, Forbidden},

	{"the asked may reject", askedAnn, RejectFriend{By: bob}, FriendRejected{By: bob}, OK},
	{"a reply goes with it", askedAnn, RejectFriend{bob, "not now"}, FriendRejected{bob, "not now"}, OK},
	{"nobody rejects their own application", askedAnn, RejectFriend{By: ann}, nil, Conflict},
	{"nothing to reject between strangers", strangers, RejectFriend{By: bob}, nil, Conflict},
	{"friends cannot be rejected", friends, RejectFriend{By: bob}, nil, Conflict},
	{"once is enough", rejected, RejectFriend{By: bob}, nil, Conflict},
	{"the longest reply, in characters, not bytes", askedAnn, RejectFriend{bob, longest}, FriendRejected{bob, longest}, OK},
	{"a reply one character longer", askedAnn, RejectFriend{bob, longest + "x"}, nil, TooLarge},
	{"a third may not reject", askedAnn, RejectFriend{By: eve}, nil, Forbidden},

	{"who applied may end the friendship", friends, RemoveFriend{ann}, FriendRemoved{ann}, OK},
	{"who accepted may end it as well", friends, RemoveFriend{bob}, FriendRemoved{bob}, OK},
	{"strangers have nothing to end", strangers, RemoveFriend{ann}, nil, Conflict},
	{"an application is not a friendship", askedAnn, RemoveFriend{ann}, nil, Conflict},
	{"it ends once", removed, RemoveFriend{ann}, nil, Conflict},
	{"a block has ended it", fellOut, RemoveFriend{bob}, nil, Conflict},
	{"a third may not end it", friends, RemoveFriend{eve}, nil, Forbidden},

	{"strangers may block", strangers, BlockFriend{ann}, FriendBlocked{ann}, OK},
	{"friends may block", friends, BlockFriend{bob}, FriendBlocked{bob}, OK},
	{"the asked may block", askedAnn, BlockFriend{bob}, FriendBlocked{bob}, OK},
	{"the blocked may block back", blockedA, BlockFriend{bob}, FriendBlocked{bob}, OK},
	{"once is enough to block", blockedA, BlockFriend{ann}, nil, Conflict},
	{"a third may not block", friends, BlockFriend{eve}, nil, Forbidden},

	{"who blocks may unblock", blockedA, UnblockFriend{ann}, FriendUnblocked{ann}, OK},
	{"the blocked may not unblock themselves", blockedA, UnblockFriend{bob}, nil, Conflict},
	{"each takes back the own block only", mutual, UnblockFriend{bob}, FriendUnblocked{bob}, OK},
	{"no block, nothing to take back", friends, UnblockFriend{ann}, nil, Conflict},
	{"a third may not unblock", blockedA, UnblockFriend{eve}, nil, Forbidden},

	{"a friend may be gone for good", friends, EraseFriend{ann}, FriendErased{ann}, OK},
	{"so may a stranger", strangers, EraseFriend{bob}, FriendErased{bob}, OK},
	{"and who is blocked", blockedA, EraseFriend{bob}, FriendErased{bob}, OK},
	{"once", annGone, EraseFriend{ann}, nil, OK},
	{"the other after that", annGone, EraseFriend{bob}, FriendErased{bob}, OK},
	{"once, too", bothGone, EraseFriend{bob}, nil, OK},
	{"nor the first again", bothGone, EraseFriend{ann}, nil, OK},
	{"a third is not gone here", friends, EraseFriend{eve}, nil, Forbidden},
	{"nobody applies to who is gone", annGone, RequestFriend{By: bob}, nil, NotFound},
	{"nor does who is gone", annGone, RequestFriend{By: ann}, nil, NotFound},
	{"nor can they be blocked", annGone, BlockFriend{bob}, nil, NotFound},
	{"nor unblocked", append(blockedB[:1:1], FriendErased{ann}), UnblockFriend{bob}, nil, NotFound},
	{"nor be removed", annGone, RemoveFriend{bob}, nil, NotFound},
	{"their application cannot be accepted", append(askedAnn[:1:1], FriendErased{ann}), AcceptFriend{bob}, nil, NotFound},
	{"nor rejected", append(askedAnn[:1:1], FriendErased{ann}), RejectFriend{By: bob}, nil, NotFound},
	{"of those who are gone a third hears nothing", annGone, BlockFriend{eve}, nil, Forbidden},
}

func TestFriendshipDecide(t *testing.T) {
	for _, c := range slices.Concat(friendRules, friendPauseRules) {
		t.Run(c.rule, func(t *testing.T) {
			got, err := friendshipAfter(c.given).Decide(c.when)
			if codeOf(err) != c.code || !reflect.DeepEqual(got, c.then) {
				t.Errorf("%T gives %#v, %v; want %#v, code %d", c.when, got, err, c.then, c.code)
			}
		})
	}
}

func TestFriendshipEvolve(t *testing.T) {
	type state struct {
		friends   bool
		requested UserID
		blockedBy string
	}
	for _, c := range []struct {
		rule  string
		given []Event
		then  state
	}{
		{"strangers", strangers, state{}},
		{"an application waits", askedBob, state{requested: bob}},
		{"accepted: friends, nothing waits", friends, state{friends: true}},
		{"rejected: strangers", rejected, state{}},
		{"removed: strangers", removed, state{}},
		{"blocked: no application is left", []Event{FriendRequested{By: bob}, FriendBlocked{ann}}, state{blockedBy: "ann"}},
		{"blocked: no friendship is left", fellOut, state{blockedBy: "ann"}},
		{"both may block", mutual, state{blockedBy: "ann bob"}},
		{"one unblocks, the other's block stays", append(mutual[:2:2], FriendUnblocked{ann}), state{blockedBy: "bob"}},
		{"unblocked: strangers, not friends again", madeUp, state{}},
		{"gone: nothing is between them", annGone, state{}},
		{"nor an application", append(askedBob[:1:1], FriendErased{ann}), state{}},
		{"nor a block, whoever's", append(mutual[:2:2], FriendErased{bob}), state{}},
		{"what is not of a friendship is ignored", append(friends[:2:2], Message{From: eve}, GroupRemoved{ann, bob}, ReadMarked{By: ann}), state{friends: true}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := friendshipAfter(c.given)
			got := state{friends: f.Friends(), requested: f.Requested()}
			var by []string
			for _, u := range []UserID{ann, bob, eve} {
				if f.Blocked(u) {
					by = append(by, string(u))
				}
			}
			if got.blockedBy = strings.Join(by, " "); got != c.then {
				t.Errorf("state is %+v, want %+v", got, c.then)
			}
		})
	}
}

var friendSendRules = []struct {
	rule  string
	given []Event
	from  UserID
	open  bool
	code  Code
}{
	{"friends write", friends, ann, false, OK},
	{"both of them", friends, bob, false, OK},
	{"strangers do not", strangers, ann, false, Forbidden},
	{"strangers do where anyone may", strangers, ann, true, OK},
	{"applying is not enough", askedAnn, ann, false, Forbidden},
	{"nor is being asked", askedAnn, bob, false, Forbidden},
	{"the rejected do not", rejected, ann, false, Forbidden},
	{"the removed do not", removed, ann, false, Forbidden},
	{"nor does who removed", removed, bob, false, Forbidden},
	{"the blocked do not", fellOut, bob, false, Forbidden},
	{"the blocked do not, even where anyone may", blockedA, bob, true, Forbidden},
	{"nor does who blocks", blockedA, ann, true, Forbidden},
	{"unblocked is not befriended", madeUp, bob, false, Forbidden},
	{"unblocked may where anyone may", madeUp, bob, true, OK},
	{"one of two blocks is enough", append(mutual[:2:2], FriendUnblocked{ann}), ann, true, Forbidden},
	{"a third does not", friends, eve, false, Forbidden},
	{"a third does not, even where anyone may", friends, eve, true, Forbidden},
	{"nobody does not", friends, "", true, Forbidden},
	{"nobody writes to who is gone", annGone, bob, true, Forbidden},
	{"nor does who is gone write", annGone, ann, true, Forbidden},
	{"nor between two who are", bothGone, bob, true, Forbidden},
}

func TestFriendshipMaySend(t *testing.T) {
	for _, c := range friendSendRules {
		t.Run(c.rule, func(t *testing.T) {
			if err := friendshipAfter(c.given).MaySend(c.from, c.open); codeOf(err) != c.code {
				t.Errorf("MaySend: %v, want code %d", err, c.code)
			}
		})
	}
}

func TestTheBlockedHearWhatStrangersHear(t *testing.T) {
	stranger, blocked := friendshipAfter(strangers).MaySend(bob, false), friendshipAfter(fellOut).MaySend(bob, false)
	if stranger.Error() != blocked.Error() {
		t.Errorf("a stranger hears %q, the blocked %q: that tells them of the block", stranger, blocked)
	}
}

func sizedObject(n int) json.RawMessage {
	return json.RawMessage(`{"a":"` + strings.Repeat("x", n-8) + `"}`)
}

func nestedObject(levels int) json.RawMessage {
	return json.RawMessage(strings.Repeat(`{"a":`, levels-1) + `{}` + strings.Repeat(`}`, levels-1))
}

// greetingRules are the same for whoever applies: for friendship or to a group.
var greetingRules = []struct {
	rule     string
	greeting json.RawMessage
	code     Code
}{
	{"none", nil, OK},
	{"an empty object", json.RawMessage(`{}`), OK},
	{"the largest", sizedObject(MaxGreeting), OK},
	{"one byte more", sizedObject(MaxGreeting + 1), TooLarge},
	{"the deepest", nestedObject(MaxDepth), OK},
	{"one level more", nestedObject(MaxDepth + 1), Malformed},
	{"empty", json.RawMessage{}, Malformed},
	{"null", json.RawMessage(`null`), Malformed},
	{"a string", json.RawMessage(`"hi"`), Malformed},
	{"an array", json.RawMessage(`[{}]`), Malformed},
	{"a space first", json.RawMessage(` {}`), Malformed},
	{"not closed", json.RawMessage(`{"a":1`), Malformed},
	{"two objects", json.RawMessage(`{}{}`), Malformed},
	{"invalid UTF-8", json.RawMessage("{\"a\":\"\xff\"}"), Malformed},
}

func TestGreeting(t *testing.T) {
	for _, c := range greetingRules {
		t.Run(c.rule, func(t *testing.T) {
			asked, err := friendshipAfter(strangers).Decide(RequestFriend{By: ann, Greeting: c.greeting})
			if codeOf(err) != c.code || err == nil && !reflect.DeepEqual(asked, FriendRequested{ann, c.greeting}) {
				t.Errorf("RequestFriend: %v, %v, want code %d", asked, err, c.code)
			}
			applied, err := groupAfter(team()...).Decide(ApplyToJoin{UID: eve, Greeting: c.greeting})
			if codeOf(err) != c.code || err == nil && !reflect.DeepEqual(applied, GroupApplied{eve, c.greeting}) {
				t.Errorf("ApplyToJoin: %v, %v, want code %d", applied, err, c.code)
			}
		})
	}
}

func TestNewFriendshipPanics(t *testing.T) {
	for _, topic := range []Topic{{}, InGroup("g"), About(ann), Direct(ann, ann)} {
		t.Run(topic.Key(), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("there is a friendship where no two people are")
				}
			}()
			NewFriendship(topic)
		})
	}
}
