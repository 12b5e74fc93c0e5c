package domain

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyFriendCommand is a command of one of the two, or of somebody who has no business there.
var anyFriendCommand = rapid.Custom(func(t *rapid.T) FriendCommand {
	by := rapid.SampledFrom([]UserID{ann, bob, eve, ""}).Draw(t, "by")
	pause := anyPause.Draw(t, "pause")
	return rapid.SampledFrom([]FriendCommand{
		RequestFriend{By: by, Pause: pause}, RequestFriend{by, greeting, pause}, AcceptFriend{by}, RejectFriend{By: by},
		RejectFriend{by, "no"}, RemoveFriend{by}, BlockFriend{by}, UnblockFriend{by}, rapid.SampledFrom([]FriendCommand{BlockFriend{by}, UnblockFriend{by}, EraseFriend{by}}).Draw(t, "seldom"),
	}).Draw(t, "command")
})

// lastOf is the latest event in history that is one of those for which is says yes; nil for none.
func lastOf(history []Event, is func(Event) bool) Event {
	for _, e := range slices.Backward(history) {
		if is(e) {
			return e
		}
	}
	return nil
}

// friendshipOver is folded from a history.
func friendshipOver(history []Event) Friendship {
	f := NewFriendship(Direct(ann, bob))
	for i, e := range history {
		f.Evolve(e, hour(i))
	}
	return f
}

// The questions below are answered from the bare history, so that the fold has something to be compared with.

func areFriends(history []Event) bool {
	last := lastOf(history, func(e Event) bool {
		switch e.(type) {
		case FriendAccepted, FriendRemoved, FriendBlocked, FriendErased:
			return true
		}
		return false
	})
	_, ok := last.(FriendAccepted)
	return ok
}

func blocks(history []Event, u UserID) bool {
	last := lastOf(history, func(e Event) bool { return e == FriendBlocked{u} || e == FriendUnblocked{u} || isGone([]Event{e}) })
	return last == FriendBlocked{u}
}

func waitsForAnswer(history []Event) UserID {
	last := lastOf(history, func(e Event) bool {
		switch e.(type) {
		case FriendRequested, FriendAccepted, FriendRejected, FriendBlocked, FriendErased:
			return true
		}
		return false
	})
	asked, _ := last.(FriendRequested)
	return asked.By
}

// isGone says whether one of the two is gone for good.
func isGone(history []Event) bool {
	return slices.ContainsFunc(history, func(e Event) bool { _, gone := e.(FriendErased); return gone })
}

// waitsSince is when one of the two applied or was rejected last, the two having not been friends since; ok is false for never.
func waitsSince(history []Event, u UserID) (at time.Time, ok bool) {
	for i, e := range slices.Backward(history) {
		switch e := e.(type) {
		case FriendRequested:
			if e.By == u {
				return hour(i), true
			}
		case FriendRejected:
			if Direct(ann, bob).Peer(e.By) == u {
				return hour(i), true
			}
		case FriendAccepted, FriendErased:
			return time.Time{}, false
		}
	}
	return time.Time{}, false
}

func TestNoHistoryOfAFriendshipLetsAStrangerSpeak(t *testing.T) {
	two := Direct(ann, bob)
	rapid.Check(t, func(t *rapid.T) {
		f := NewFriendship(two)
		var history []Event
		for _, c := range some(t, anyFriendCommand, 40, "commands") {
			before := f
			e, err := f.Decide(c)
			again, errAgain := f.Decide(c)
			if f != before || !sameAnswer(e, err, again, errAgain) {
				t.Fatalf("deciding %#v changed the state, or the answer", c)
			}
			if request, ok := c.(RequestFriend); ok {
				at, was := waitsSince(history, request.By)
				early := was && request.Wait > 0 && request.Now.Before(at.Add(request.Wait))
				if _, asks := e.(FriendRequested); asks && early || codeOf(err) == TooMany && !early {
					t.Fatalf("%#v gives %#v, %v; applied: %t, %v", c, e, err, was, at)
				}
			}
			if err != nil {
				if code := codeOf(err); e != nil || code != Conflict && code != Forbidden && code != TooMany && (code != NotFound || !isGone(history)) {
					t.Fatalf("%#v refused with %v, and gives %v", c, err, e)
				}
				continue
			}
			if _, erase := c.(EraseFriend); e == nil && erase && slices.Contains(history, Event(FriendErased{c.by()})) {
				continue
			}
			if by := c.by(); two.Peer(by) == "" {
				t.Fatalf("%q is neither of the two and brought about %#v", by, e)
			} else if _, yes := e.(FriendAccepted); yes && waitsForAnswer(history) != two.Peer(by) {
				t.Fatalf("%s accepted what was not asked: %v", by, history)
			}
			f.Evolve(e, hour(len(history)))
			history = append(history, e)
			want := Conflict
			if _, erase := c.(EraseFriend); erase {
				want = OK // and nothing follows
			}
			if again, err := f.Decide(c); again != nil || codeOf(err) != want {
				t.Fatalf("%#v, given again: %v, %v, want code %d", c, again, err, want)
			}
			checkFriendship(t, f, history)
		}
		if again := friendshipOver(history); again != f {
			t.Fatalf("folded again: %+v, was %+v", again, f)
		}
		if fromLog := friendshipOver(throughTheLog(t, history)); fromLog != f {
			t.Fatalf("folded from the log: %+v, was %+v", fromLog, f)
		}
	})
}

func checkFriendship(t *rapid.T, f Friendship, history []Event) {
	t.Helper()
	quiet := !blocks(history, ann) && !blocks(history, bob) && !isGone(history)
	for _, u := range []UserID{ann, bob, eve, ""} {
		one := u == ann || u == bob
		if may, want := f.MaySend(u, false) == nil, one && quiet && areFriends(history); may != want {
			t.Fatalf("%q may send: %t, want %t after %v", u, may, want, history)
		}
		if may, want := f.MaySend(u, true) == nil, one && quiet; may != want {
			t.Fatalf("%q may send where anyone may: %t, want %t after %v", u, may, want, history)
		}
		if f.Blocked(u) != blocks(history, u) {
			t.Fatalf("%q blocks: %t after %v", u, f.Blocked(u), history)
		}
	}
	if f.Friends() != areFriends(history) || f.Requested() != waitsForAnswer(history) {
		t.Fatalf("friends %t, asked by %q after %v", f.Friends(), f.Requested(), history)
	}
	if f.Friends() && (f.Requested() != "" || !quiet) {
		t.Fatalf("friends, and still asking or blocking: %+v", f)
	}
}

func TestNobodyHasAFriendshipWithThemselves(t *testing.T) {
	id := rapid.StringMatching(`~?[ab]{1,2}`)
	rapid.Check(t, func(t *rapid.T) {
		me, other := UserID(id.Draw(t, "me")), UserID(id.Draw(t, "other"))
		topic, err := ParseConversationID(me, "u:"+string(other))
		if (err != nil) != (me == other) {
			t.Fatalf("%s's conversation with %s: %v, %v", me, other, topic, err)
		}
		if err != nil {
			return
		}
		f := NewFriendship(topic)
		if _, err := f.Decide(RequestFriend{By: me}); err != nil {
			t.Fatal(err)
		}
		f.Evolve(FriendBlocked{By: me}, noon)
		if !f.Blocked(me) || f.Blocked(other) {
			t.Fatalf("%s blocked %s, and it is %+v", me, other, f)
		}
	})
}

// sameAnswer compares two answers of Decide.
func sameAnswer(a Event, errA error, b Event, errB error) bool {
	if errA != nil || errB != nil {
		return errA != nil && errB != nil && errA.Error() == errB.Error()
	}
	if a == nil || b == nil {
		return a == b
	}
	x, errX := EncodeEvent(a)
	y, errY := EncodeEvent(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// throughTheLog is what comes back of events that were written.
func throughTheLog(t *rapid.T, events []Event) []Event {
	t.Helper()
	read := make([]Event, len(events))
	for i, e := range events {
		b, err := EncodeEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		if read[i], err = DecodeEvent(b); err != nil {
			t.Fatal(err)
		}
	}
	return read
}
