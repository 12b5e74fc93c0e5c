package projectortest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/domain"
)

// topics gives what somebody has to do with, in order.
func (s *story) topics(u domain.UserID) string {
	s.Helper()
	all, err := s.Topics(s.Context(), u)
	if err != nil {
		s.Errorf("Topics %s: %v", u, err)
	}
	keys := make([]string, len(all))
	for i, t := range all {
		keys[i] = t.Key()
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// Whoever has been in something, has asked, was asked or has merely been said no to has to do with it ever after.
func testTopics(t *testing.T, s *story) {
	with := func(u domain.UserID) domain.Topic { return domain.Direct("eve", u) }
	s.happen(with("asked"), domain.FriendRequested{By: "eve"})
	s.happen(with("asks"), domain.FriendRequested{By: "asks"}, domain.FriendRejected{By: "eve"})
	s.happen(with("blocked"), domain.FriendBlocked{By: "eve"}, domain.FriendUnblocked{By: "eve"})
	s.happen(with("friend"), domain.FriendRequested{By: "eve"}, domain.FriendAccepted{By: "friend"}, domain.FriendRemoved{By: "friend"})
	open := say("eve", "hello")
	open.Open = true
	s.happen(with("written"), open)
	made := func(g domain.GroupID, more ...domain.Event) {
		s.happen(domain.InGroup(g), append([]domain.Event{domain.GroupCreated{By: "ann", Name: "g"}}, more...)...)
	}
	made("applied", domain.GroupApplied{UID: "eve"})
	made("declined", domain.GroupInvited{By: "ann", UID: "eve"}, domain.GroupDeclined{UID: "eve"})
	made("elsewhere", domain.GroupInvited{By: "ann", UID: "bob"})
	made("ended", domain.GroupJoined{By: "ann", UID: "eve"}, domain.GroupDissolved{By: "ann"})
	made("invited", domain.GroupInvited{By: "ann", UID: "eve"})
	made("refused", domain.GroupApplied{UID: "eve"}, domain.GroupRefused{By: "ann", UID: "eve"})
	s.happen(domain.InGroup("asked"), domain.GroupCreated{By: "ann", Name: "g", Invited: []domain.UserID{"eve"}})
	s.happen(domain.InGroup("own"), domain.GroupCreated{By: "eve", Name: "g"}, domain.GroupLeft{UID: "eve"})
	s.fold()
	const want = "group.applied group.asked group.declined group.ended group.invited group.own group.refused " +
		"user.asked.eve user.asks.eve user.blocked.eve user.eve.friend user.eve.written"
	s.is("eve has to do with", s.topics("eve"), want)
	s.is("so has who was asked", s.topics("asked"), "user.asked.eve")
	s.is("nobody has to do with", s.topics("nobody"), "")

	s.happen(domain.About("eve"), domain.PersonErased{})
	for _, topic := range strings.Fields(want) {
		if parsed, err := domain.ParseTopic(topic); err != nil {
			t.Fatal(err)
		} else if _, isGroup := parsed.Group(); isGroup {
			s.happen(parsed, domain.GroupErased{UID: "eve"})
		} else {
			s.happen(parsed, domain.FriendErased{By: "eve"})
		}
	}
	s.fold()
	s.is("whose erasure is gone on with has to do with", s.topics("eve"), want)

	for i := range 700 {
		s.happen(domain.Direct("fay", domain.UserID(fmt.Sprint("u", i))), domain.FriendRequested{By: "fay"})
	}
	s.fold()
	all, err := s.Topics(t.Context(), "fay")
	s.equal("all of many", len(all), err, "700")
}

func testErasing(t *testing.T, s *story) {
	erasing := func(want string) {
		t.Helper()
		s.fold()
		people, err := s.Erasing(t.Context())
		slices.Sort(people)
		s.equal("being erased", people, err, want)
	}
	for _, u := range []domain.UserID{"ann", "bob", "cid"} {
		s.happen(domain.About(u), domain.Profiled{Username: string(u), Name: string(u)}, domain.StatusSet{Status: domain.StatusOnline})
	}
	erasing("null")
	s.happen(domain.About("ann"), domain.PersonErased{})
	s.happen(domain.About("cid"), domain.PersonErased{})
	s.happen(domain.About("unknown"), domain.PersonErased{})
	erasing(`["ann","cid","unknown"]`)
	s.happen(domain.About("cid"), domain.PersonErased{Done: true})
	erasing(`["ann","unknown"]`)
	for _, u := range []domain.UserID{"ann", "cid", "unknown"} {
		p, err := s.Person(t.Context(), u)
		s.equal("what is shown of them", p, err, fmt.Sprintf(`{"id":%q,"name":"deleted user","avatar":"","deleted":true}`, u))
	}
	for query, want := range map[string]string{"a": "", "b": "bob", "c": "", "del": "", "u": ""} {
		found, err := s.People(t.Context(), query, 10)
		s.equal("who is found by "+query, ids(found, personID), err, strconv.Quote(want))
	}
}
