package domain

import (
	"testing"
	"time"
)

const day = 24 * time.Hour

// after is a pause of a day, for a command that is given so long after noon, when the log stored the events of the tests.
func after(d time.Duration) Pause { return Pause{Now: noon.Add(d), Wait: day} }

// More pasts: bob rejected ann, and then …
var (
	askedBack = append(rejected[:2:2], FriendRequested{By: bob})
	cameRound = append(askedBack[:3:3], FriendAccepted{By: ann}, FriendRemoved{By: bob})
	bothSaid  = append(askedBack[:3:3], FriendRejected{By: ann})
	shutOut   = append(rejected[:2:2], FriendBlocked{By: bob})
	letBe     = append(shutOut[:3:3], FriendUnblocked{By: bob})
	tookBack  = append(askedAnn[:1:1], FriendBlocked{By: ann}, FriendUnblocked{By: ann}) // the one way to end an application of one's own
	cutShort  = append(askedAnn[:1:1], FriendBlocked{By: bob}, FriendUnblocked{By: bob})
)

var friendPauseRules = []friendRule{
	{"the rejected wait", rejected, RequestFriend{By: ann, Pause: after(0)}, nil, TooMany},
	{"the higher id waits as well", []Event{FriendRequested{By: bob}, FriendRejected{By: ann}}, RequestFriend{By: bob, Pause: after(0)}, nil, TooMany},
	{"until the last moment", rejected, RequestFriend{By: ann, Pause: after(day - 1)}, nil, TooMany},
	{"when the pause is over they may apply", rejected, RequestFriend{By: ann, Pause: after(day)}, FriendRequested{By: ann}, OK},
	{"and ever after", rejected, RequestFriend{By: ann, Pause: after(1000 * day)}, FriendRequested{By: ann}, OK},
	{"a clock behind the log's makes nobody apply sooner", rejected, RequestFriend{By: ann, Pause: after(-time.Hour)}, nil, TooMany},
	{"without a pause nobody waits", rejected, RequestFriend{By: ann, Pause: Pause{Now: noon}}, FriendRequested{By: ann}, OK},
	{"also where the clock is behind the log's", rejected, RequestFriend{By: ann, Pause: Pause{Now: noon.Add(-time.Hour)}}, FriendRequested{By: ann}, OK},
	{"whoever rejected may apply at once", rejected, RequestFriend{By: bob, Pause: after(0)}, FriendRequested{By: bob}, OK},
	{"the rejected may accept what the other asks, at once", askedBack, AcceptFriend{ann}, FriendAccepted{ann}, OK},
	{"by applying, too", askedBack, RequestFriend{By: ann, Pause: after(0)}, FriendAccepted{ann}, OK},
	{"where both were rejected, the first waits", bothSaid, RequestFriend{By: ann, Pause: after(0)}, nil, TooMany},
	{"and so does the second", bothSaid, RequestFriend{By: bob, Pause: after(0)}, nil, TooMany},
	{"to have been friends ends the pause", cameRound, RequestFriend{By: ann, Pause: after(0)}, FriendRequested{By: ann}, OK},
	{"a block hides the pause", shutOut, RequestFriend{By: ann, Pause: after(0)}, nil, Forbidden},
	{"and does not end it", letBe, RequestFriend{By: ann, Pause: after(0)}, nil, TooMany},
	{"whoever blocked and rejected does not wait", letBe, RequestFriend{By: bob, Pause: after(0)}, FriendRequested{By: bob}, OK},
	{"who blocks and unblocks to apply again waits", tookBack, RequestFriend{By: ann, Pause: after(0)}, nil, TooMany},
	{"the higher id, too", []Event{FriendRequested{By: bob}, FriendBlocked{bob}, FriendUnblocked{bob}}, RequestFriend{By: bob, Pause: after(0)}, nil, TooMany},
	{"until the last moment, too", tookBack, RequestFriend{By: ann, Pause: after(day - 1)}, nil, TooMany},
	{"then they may", tookBack, RequestFriend{By: ann, Pause: after(day)}, FriendRequested{By: ann}, OK},
	{"without a pause at once", tookBack, RequestFriend{By: ann, Pause: Pause{Now: noon}}, FriendRequested{By: ann}, OK},
	{"the other has not applied and need not wait", tookBack, RequestFriend{By: bob, Pause: after(0)}, FriendRequested{By: bob}, OK},
	{"nor whom they ask then", append(tookBack[:3:3], FriendRequested{By: bob}), RequestFriend{By: ann, Pause: after(0)}, FriendAccepted{By: ann}, OK},
	{"whose application a block ended waits as if there had been none", cutShort, RequestFriend{By: ann, Pause: after(0)}, nil, TooMany},
	{"an acceptance ends the wait, whatever follows it", append(tookBack[:3:3], FriendRequested{By: bob}, FriendAccepted{By: ann}, FriendBlocked{By: ann}, FriendUnblocked{By: ann}),
		RequestFriend{By: ann, Pause: after(0)}, FriendRequested{By: ann}, OK},
	{"a block of friends is no application that ended", madeUp, RequestFriend{By: ann, Pause: after(0)}, FriendRequested{By: ann}, OK},
	{"nor is being removed", removed, RequestFriend{By: ann, Pause: after(0)}, FriendRequested{By: ann}, OK},
	{"a third waits for nothing", rejected, RequestFriend{By: eve, Pause: after(day)}, nil, Forbidden},
}

func TestPause(t *testing.T) {
	for _, c := range []struct {
		rule        string
		since, wait time.Duration // since noon
		retryAfter  time.Duration // 0: no refusal
	}{
		{"at once: all of it", 0, day, day},
		{"a clock that is behind: no more than that", -time.Hour, day, day},
		{"half of it", day / 2, day, day / 2},
		{"parts of a second are rounded up", day - 1500*time.Millisecond, day, 2 * time.Second},
		{"a second and a bit", day - time.Second - 1, day, 2 * time.Second},
		{"the last second", day - time.Second, day, time.Second},
		{"less than a second", day - time.Millisecond, day, time.Second},
		{"the last moment", day - 1, day, time.Second},
		{"the end", day, day, 0},
		{"later", day + 1, day, 0},
		{"much later", 10_000 * day, day, 0},
		{"a pause of less than a second", 0, time.Millisecond, time.Second},
		{"a short pause and a clock far behind", -day, time.Millisecond, time.Second},
		{"no pause", 0, 0, 0},
		{"no pause and a clock behind", -day, 0, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			err := Pause{Now: noon.Add(c.since), Wait: c.wait}.over(noon)
			if c.retryAfter == 0 {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if codeOf(err) != TooMany || Refusal(err).RetryAfter != c.retryAfter {
				t.Errorf("%v, want code %d and to try again after %v", err, TooMany, c.retryAfter)
			}
			if err := (Pause{Now: noon.Add(max(c.since, 0) + c.retryAfter), Wait: c.wait}).over(noon); err != nil {
				t.Errorf("who does as told hears %v", err)
			}
		})
	}
	for _, now := range []time.Time{noon, {}} {
		if err := (Pause{Now: now, Wait: day}).over(time.Time{}); err != nil {
			t.Errorf("who was never turned down hears %v, at %v", err, now)
		}
	}
}

// Each side has its own pause, from the last time that it was rejected, or applied.
func TestEachOfTwoWaitsFromTheirOwnApplication(t *testing.T) {
	f := NewFriendship(Direct(ann, bob))
	for _, h := range []struct {
		at time.Duration
		e  Event
	}{
		{0, FriendRequested{By: ann}}, {time.Hour, FriendRejected{By: bob}},
		{2 * time.Hour, FriendRequested{By: bob}}, {5 * time.Hour, FriendRejected{By: ann}},
		{30 * time.Hour, FriendRequested{By: ann}}, {31 * time.Hour, FriendRejected{By: bob}},
		{60 * time.Hour, FriendRequested{By: bob}}, {65 * time.Hour, FriendBlocked{By: bob}}, {66 * time.Hour, FriendUnblocked{By: bob}},
	} {
		f.Evolve(h.e, noon.Add(h.at))
	}
	for _, c := range []struct {
		by         UserID
		since      time.Duration
		retryAfter time.Duration
	}{
		{ann, 32 * time.Hour, 23 * time.Hour}, // the second rejection counts
		{ann, 55 * time.Hour, 0},
		{bob, 67 * time.Hour, 17 * time.Hour}, // the application does, not when it ended
		{bob, 84 * time.Hour, 0},
	} {
		_, err := f.Decide(RequestFriend{By: c.by, Pause: after(c.since)})
		var wait time.Duration
		if err != nil {
			wait = Refusal(err).RetryAfter
		}
		if wait != c.retryAfter {
			t.Errorf("%s, after %v: %v, want to wait %v", c.by, c.since, err, c.retryAfter)
		}
	}
}
