package domain

import (
	"slices"
	"testing"
	"time"
)

// asked is a team in which bob is an admin; eve has applied.
func asked(more ...Event) []Event {
	return append(team(admin(bob), GroupApplied{UID: eve}), more...)
}

// turnedDown is the team after eve has got a no, at noon.
func turnedDown(more ...Event) []Event {
	return append(asked(GroupRefused{bob, eve}), more...)
}

// besieged is a team to which as many have applied as may wait.
func besieged(more ...Event) []Event {
	all := team(admin(bob))
	for _, u := range crowd(MaxApplications) {
		all = append(all, GroupApplied{UID: u})
	}
	return append(all, more...)
}

var applyRules = []groupRule{
	{rule: "an outsider may apply", given: team(), when: ApplyToJoin{UID: eve}, then: GroupApplied{UID: eve}},
	{rule: "a greeting goes with it", given: team(), when: ApplyToJoin{UID: eve, Greeting: greeting}, then: GroupApplied{eve, greeting}},
	{rule: "the first greeting counts", given: asked(), when: ApplyToJoin{UID: eve, Greeting: greeting}, code: Conflict},
	{rule: "what is wrong with a greeting is said first", given: asked(), when: ApplyToJoin{UID: eve, Greeting: []byte(`[]`)}, code: Malformed},
	{rule: "a greeting may be too large", given: team(), when: ApplyToJoin{UID: eve, Greeting: sizedObject(MaxGreeting + 1)}, code: TooLarge},
	{rule: "the invited are in at once", given: team(), when: ApplyToJoin{UID: dan}, then: GroupJoined{dan, dan}},
	{rule: "the owner need not apply", given: team(), when: ApplyToJoin{UID: ann}, code: Conflict},
	{rule: "nor an admin", given: asked(), when: ApplyToJoin{UID: bob}, code: Conflict},
	{rule: "nor a member", given: team(), when: ApplyToJoin{UID: cat}, code: Conflict},
	{rule: "who declined may apply", given: team(GroupDeclined{dan}), when: ApplyToJoin{UID: dan}, then: GroupApplied{UID: dan}},
	{rule: "who left may apply at once", given: team(GroupLeft{UID: cat}), when: ApplyToJoin{UID: cat, Pause: after(0)}, then: GroupApplied{UID: cat}},
	{rule: "so may who was removed", given: team(GroupRemoved{ann, cat}), when: ApplyToJoin{UID: cat, Pause: after(0)}, then: GroupApplied{UID: cat}},
	{rule: "nobody applies to what was never made", when: ApplyToJoin{UID: eve}, code: NotFound},
	{rule: "nobody applies to what has ended", given: ended, when: ApplyToJoin{UID: eve}, code: NotFound},
	{rule: "not even who was invited to it", given: ended, when: ApplyToJoin{UID: dan}, code: NotFound},
	{rule: "nobody applies to what was dissolved", given: dissolved, when: ApplyToJoin{UID: eve}, code: NotFound},
	{rule: "not even its owner", given: dissolved, when: ApplyToJoin{UID: ann}, code: NotFound},

	{rule: "who was turned down waits", given: turnedDown(), when: ApplyToJoin{UID: eve, Pause: after(0)}, code: TooMany},
	{rule: "until the last moment", given: turnedDown(), when: ApplyToJoin{UID: eve, Pause: after(day - 1)}, code: TooMany},
	{rule: "a second before the end", given: turnedDown(), when: ApplyToJoin{UID: eve, Pause: after(day - time.Second)}, code: TooMany},
	{rule: "when the pause is over they may apply", given: turnedDown(), when: ApplyToJoin{UID: eve, Pause: after(day)}, then: GroupApplied{UID: eve}},
	{rule: "and ever after", given: turnedDown(), when: ApplyToJoin{UID: eve, Pause: after(1000 * day)}, then: GroupApplied{UID: eve}},
	{rule: "a clock behind the log's makes nobody apply sooner", given: turnedDown(), when: ApplyToJoin{UID: eve, Pause: after(-time.Hour)}, code: TooMany},
	{rule: "without a pause nobody waits", given: turnedDown(), when: ApplyToJoin{UID: eve, Pause: Pause{Now: noon}}, then: GroupApplied{UID: eve}},
	{rule: "also where the clock is behind the log's", given: turnedDown(), when: ApplyToJoin{UID: eve, Pause: Pause{Now: noon.Add(-time.Hour)}}, then: GroupApplied{UID: eve}},
	{rule: "others do not wait", given: turnedDown(), when: ApplyToJoin{UID: "fay", Pause: after(0)}, then: GroupApplied{UID: "fay"}},
	{rule: "who was turned down may be invited", given: turnedDown(), when: Invite{cat, eve, false, false}, then: GroupInvited{cat, eve}},
	{rule: "and may accept at once", given: turnedDown(GroupInvited{cat, eve}), when: AcceptInvitation{eve}, then: GroupJoined{eve, eve}},
	{rule: "by applying, too", given: turnedDown(GroupInvited{cat, eve}), when: ApplyToJoin{UID: eve, Pause: after(0)}, then: GroupJoined{eve, eve}},
	{rule: "a friend brings them in", given: turnedDown(), when: Invite{cat, eve, true, false}, then: GroupJoined{cat, eve}},
	{rule: "an invitation declined does not end the pause", given: turnedDown(GroupInvited{cat, eve}, GroupDeclined{eve}), when: ApplyToJoin{UID: eve, Pause: after(0)}, code: TooMany},
	{rule: "to have been in ends it", given: turnedDown(GroupJoined{cat, eve}, GroupLeft{UID: eve}), when: ApplyToJoin{UID: eve, Pause: after(0)}, then: GroupApplied{UID: eve}},
	{rule: "who was turned down is accepted no more", given: turnedDown(), when: AcceptApplication{ann, eve}, code: Conflict},
	{rule: "nor turned down again", given: turnedDown(), when: RefuseApplication{ann, eve}, code: Conflict},

	{rule: "the owner lets in", given: asked(), when: AcceptApplication{ann, eve}, then: GroupJoined{ann, eve}},
	{rule: "so does an admin", given: asked(), when: AcceptApplication{bob, eve}, then: GroupJoined{bob, eve}},
	{rule: "a member answers nobody", given: asked(), when: AcceptApplication{cat, eve}, code: Forbidden},
	{rule: "nor the applicant", given: asked(), when: AcceptApplication{eve, eve}, code: Forbidden},
	{rule: "nor the invited", given: asked(), when: AcceptApplication{dan, eve}, code: Forbidden},
	{rule: "the owner turns down", given: asked(), when: RefuseApplication{ann, eve}, then: GroupRefused{ann, eve}},
	{rule: "so does an admin, too", given: asked(), when: RefuseApplication{bob, eve}, then: GroupRefused{bob, eve}},
	{rule: "a member turns nobody down", given: asked(), when: RefuseApplication{cat, eve}, code: Forbidden},
	{rule: "applicants do not take back", given: asked(), when: RefuseApplication{eve, eve}, code: Forbidden},
	{rule: "who has not applied cannot be accepted", given: team(), when: AcceptApplication{ann, eve}, code: Conflict},
	{rule: "nor be turned down", given: team(), when: RefuseApplication{ann, eve}, code: Conflict},
	{rule: "an invitation is no application", given: team(), when: RefuseApplication{ann, dan}, code: Conflict},
	{rule: "who is in cannot be accepted", given: asked(GroupJoined{ann, eve}), when: AcceptApplication{ann, eve}, code: Conflict},
	{rule: "nor be turned down any more", given: asked(GroupJoined{ann, eve}), when: RefuseApplication{ann, eve}, code: Conflict},
	{rule: "applications outlive the owner's leaving", given: asked(GroupLeft{ann, bob}), when: AcceptApplication{bob, eve}, then: GroupJoined{bob, eve}},
	{rule: "a member brings an applicant in", given: asked(), when: Invite{cat, eve, false, false}, then: GroupJoined{cat, eve}},
	{rule: "and so does an applicant's friend", given: asked(), when: Invite{cat, eve, true, false}, then: GroupJoined{cat, eve}},
	{rule: "an applicant who is in as many groups as one may be is invited", given: asked(), when: Invite{cat, eve, true, true}, then: GroupInvited{cat, eve}},
	{rule: "and may accept later", given: asked(GroupInvited{cat, eve}), when: AcceptInvitation{eve}, then: GroupJoined{eve, eve}},
	{rule: "an application is no invitation", given: asked(), when: AcceptInvitation{eve}, code: Forbidden},
	{rule: "there is nothing to decline", given: asked(), when: DeclineInvitation{eve}, code: Forbidden},
	{rule: "applications end with the group", given: asked(GroupDissolved{ann}), when: AcceptApplication{ann, eve}, code: Forbidden},

	{rule: "nobody applies to a full group", given: full, when: ApplyToJoin{UID: eve}, code: TooLarge},
	{rule: "but for who was invited", given: full, when: ApplyToJoin{UID: dan}, then: GroupJoined{dan, dan}},
	{rule: "who waits for a full group is told so", given: fullWith(GroupApplied{UID: eve}), when: ApplyToJoin{UID: eve}, code: Conflict},
	{rule: "a full group lets nobody in", given: fullWith(GroupApplied{UID: eve}), when: AcceptApplication{ann, eve}, code: TooLarge},
	{rule: "but turns down", given: fullWith(GroupApplied{UID: eve}), when: RefuseApplication{ann, eve}, then: GroupRefused{ann, eve}},
	{rule: "and lets in when somebody has left", given: fullWith(GroupApplied{UID: eve}, GroupDeclined{dan}), when: AcceptApplication{ann, eve}, then: GroupJoined{ann, eve}},
	{rule: "too many applications wait", given: besieged(), when: ApplyToJoin{UID: eve}, code: TooLarge},
	{rule: "whose wait is no longer than before", given: besieged(), when: ApplyToJoin{UID: crowd(1)[0]}, code: Conflict},
	{rule: "the invited pass them by", given: besieged(), when: ApplyToJoin{UID: dan}, then: GroupJoined{dan, dan}},
	{rule: "one yes makes room for another", given: besieged(GroupJoined{ann, crowd(1)[0]}), when: ApplyToJoin{UID: eve}, then: GroupApplied{UID: eve}},
	{rule: "and so does one no", given: besieged(GroupRefused{ann, crowd(1)[0]}), when: ApplyToJoin{UID: eve}, then: GroupApplied{UID: eve}},
	{rule: "and one invitation", given: besieged(GroupInvited{ann, crowd(1)[0]}), when: ApplyToJoin{UID: eve}, then: GroupApplied{UID: eve}},
}

// waits says whether u was turned down and has to wait.
func waits(g *Group, u UserID) bool {
	_, err := g.Decide(ApplyToJoin{UID: u, Pause: Pause{Now: noon, Wait: 1000 * day}})
	return codeOf(err) == TooMany
}

// Each is remembered with their own time, and the latest one counts.
func TestWhoIsTurnedDownTwiceWaitsFromTheSecondTime(t *testing.T) {
	g := groupAfter(team()...)
	for _, h := range []struct {
		at time.Duration
		e  Event
	}{
		{0, GroupApplied{UID: eve}}, {time.Hour, GroupRefused{ann, eve}},
		{2 * time.Hour, GroupApplied{UID: "fay"}}, {3 * time.Hour, GroupRefused{ann, "fay"}},
		{30 * time.Hour, GroupApplied{UID: eve}}, {31 * time.Hour, GroupRefused{ann, eve}},
	} {
		g.Evolve(h.e, noon.Add(h.at))
	}
	for _, c := range []struct {
		uid        UserID
		since      time.Duration
		retryAfter time.Duration
	}{
		{eve, 32 * time.Hour, 23 * time.Hour}, {eve, 55 * time.Hour, 0}, {"fay", 26 * time.Hour, time.Hour}, {"fay", 27 * time.Hour, 0},
	} {
		_, err := g.Decide(ApplyToJoin{UID: c.uid, Pause: after(c.since)})
		var wait time.Duration
		if err != nil {
			wait = Refusal(err).RetryAfter
		}
		if wait != c.retryAfter {
			t.Errorf("%s, after %v: %v, want to wait %v", c.uid, c.since, err, c.retryAfter)
		}
	}
}

// As many as may apply are remembered when they are turned down; for one more, whoever was turned down first is forgotten, by id where that is the
// same instant. A map has no order, so that each is tried more than once.
func TestTheLatestRefusalsAreRemembered(t *testing.T) {
	down := crowd(MaxApplications)
	second := func(i int) time.Time { return noon.Add(time.Duration(i) * time.Second) }
	for _, c := range []struct {
		rule      string
		at        func(i int) time.Time // when the i-th is turned down
		then      UserID                // who is turned down last
		forgotten []UserID
	}{
		{"the first one", second, eve, down[:1]},
		{"the first one, whatever the ids", func(i int) time.Time { return second(-i) }, eve, down[MaxApplications-1:]},
		{"at the same instant, the lowest id", func(int) time.Time { return noon }, eve, down[:1]},
		{"the first instant before the lowest id", func(i int) time.Time { return second(-(i % 2)) }, eve, down[1:2]},
		{"whoever is turned down again has a place: the first", second, down[0], nil},
		{"the last", second, down[MaxApplications-1], nil},
		{"one of them", second, down[77], nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			for range 5 {
				g := groupAfter(team()...)
				for i, u := range down {
					g.Evolve(GroupApplied{UID: u}, noon)
					g.Evolve(GroupRefused{ann, u}, c.at(i))
				}
				if n := slices.IndexFunc(down, func(u UserID) bool { return !waits(g, u) }); n >= 0 {
					t.Fatalf("the %d. was forgotten before there were too many", n)
				}
				g.Evolve(GroupApplied{UID: c.then}, noon)
				g.Evolve(GroupRefused{ann, c.then}, second(MaxApplications))
				for _, u := range append(down[:MaxApplications:MaxApplications], c.then) {
					if want := !slices.Contains(c.forgotten, u); waits(g, u) != want {
						t.Errorf("%s waits: %t", u, !want)
					}
				}
				if len(g.refused) != MaxApplications {
					t.Errorf("%d are remembered, want %d", len(g.refused), MaxApplications)
				}
			}
		})
	}
}
