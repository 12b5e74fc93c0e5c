package projectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley/domain"
)

func testPeople(t *testing.T, s *story) {
	s.happen(domain.About("ann"), domain.Profiled{Username: "ann", Name: "old"}, domain.Profiled{Username: "ann", Name: "Ünal", Avatar: "a.png"})
	s.happen(domain.About("Ann"), domain.Profiled{Username: "Annabel", Name: "B"})
	s.happen(domain.About("x"), domain.Profiled{Name: "Anton"}) // of another application's
	s.happen(domain.About("y"), domain.Profiled{Username: "元宝", Name: "50%_\\"})
	s.fold()
	ann, err := s.Person(t.Context(), "ann")
	s.equal("the latest profile", ann, err, `{"id":"ann","username":"ann","name":"Ünal","avatar":"a.png"}`)
	_, err = s.Person(t.Context(), "ANN")
	s.refused("another case", err, domain.NotFound)
	for query, want := range map[string]string{
		"an": "x ann Ann", "AN": "x ann Ann", "ann": "ann Ann", "annA": "Ann", "ü": "ann", "Ü": "ann", "元": "y", "50%": "y", "5_": "",
		"%": "", "": "x ann Ann y", "\\": "", "ant": "x", "\xff": "", strings.Repeat("a", 10_000): "",
	} {
		found, err := s.People(t.Context(), query, 10)
		if err != nil {
			t.Errorf("People %q: %v", query, err)
		}
		s.is("People "+query, ids(found, personID), want)
	}
	found, err := s.People(t.Context(), "a", 1)
	s.equal("at most one", len(found), err, "1")
	found, err = s.People(t.Context(), "a", -5)
	s.equal("a limit below one", len(found), err, "1")
}

func testFriends(t *testing.T, s *story) {
	ctx := t.Context()
	s.happen(domain.About("bob"), domain.Profiled{Username: "bob", Name: "Bob"})
	seq := s.happen(ab, domain.FriendRequested{By: "bob", Greeting: json.RawMessage(`{"b": 1,"a":"é"}`)})
	s.fold()
	date := domain.Date(Began.Add(s.at))
	applies, err := s.applies("ann")
	s.equal("the application", applies, err, fmt.Sprintf(
		`[{"type":"friend","from":{"id":"bob","username":"bob","name":"Bob","avatar":""},"data":{"b":1,"a":"é"},"date":%q,"seq":%d}]`, date, seq))
	if len(applies) == 1 && string(applies[0].Data) != `{"b": 1,"a":"é"}` {
		t.Errorf("the greeting came back as %s", applies[0].Data)
	}
	friends, err := s.Friends(ctx, "ann")
	s.equal("no friends yet", len(friends), err, "0")

	cd := domain.Direct("ann", "cid")
	s.happen(ab, domain.FriendAccepted{By: "ann"})
	s.happen(cd, domain.FriendRequested{By: "cid"}, domain.FriendRejected{By: "ann"}, domain.FriendRequested{By: "ann"}, domain.FriendAccepted{By: "cid"})
	s.happen(domain.About("cid"), domain.Profiled{Username: "cid", Name: "an early name"})
	s.happen(domain.Direct("ann", "dora"), domain.FriendRequested{By: "dora"}, domain.FriendBlocked{By: "ann"})
	s.fold()
	applies, err = s.applies("ann")
	s.equal("all are answered", len(applies), err, "0")
	friends, err = s.Friends(ctx, "ann")
	s.equal("by name", ids(friends, friendID), err, `"cid bob"`)

	s.happen(ab, domain.FriendRemoved{By: "bob"})
	s.happen(cd, domain.FriendBlocked{By: "cid"})
	s.fold()
	for _, me := range []domain.UserID{"ann", "bob", "cid"} {
		friends, err = s.Friends(ctx, me)
		s.equal("no friends any more", len(friends), err, "0")
	}
}

func testSeen(t *testing.T, s *story) {
	ctx := t.Context()
	s.befriend(ab)
	s.befriend(domain.Direct("ann", "cid"))
	s.happen(domain.About("ann"), domain.StatusSet{Status: domain.StatusOnline})
	s.happen(domain.About("bob"), domain.Profiled{Name: "Bob"}, domain.StatusSet{Status: domain.StatusOnline})
	s.happen(domain.About("cid"), domain.Profiled{Name: "Cid"})
	s.happen(domain.About("dora"), domain.StatusSet{Status: domain.StatusOnline})
	s.happen(ab, domain.StatusSet{Status: domain.StatusOnline}) // nobody's
	s.fold()
	s.happen(domain.About("bob"), domain.StatusSet{Status: domain.StatusInvisible})
	seen := domain.Date(Began.Add(s.at))
	s.happen(domain.About("bob"), domain.Profiled{Name: "Bobby"})
	s.fold()
	friends, err := s.Friends(ctx, "ann")
	s.equal("friends", friends, err, fmt.Sprintf(
		`[{"id":"bob","name":"Bobby","avatar":"","seen":%q},{"id":"cid","name":"Cid","avatar":""}]`, seen))
	bob, err := s.Person(ctx, "bob")
	s.equal("what anybody sees", bob, err, `{"id":"bob","name":"Bobby","avatar":""}`)
	friends, err = s.Friends(ctx, "bob")
	s.equal("a friend without a profile", len(friends[0].Seen) > 0, err, "true")
	_, err = s.Person(ctx, "dora")
	s.refused("whose status alone is known", err, domain.NotFound)
}

// Whoever has left, been put out or fallen out is counted no more, and who has only been asked is not yet. Any number may be asked of at once.
func testCounted(t *testing.T, s *story) {
	ctx := t.Context()
	counted := func(want string) {
		t.Helper()
		s.fold()
		for name, count := range map[string]func(context.Context, []domain.UserID) (map[domain.UserID]int, error){"friends": s.CountFriends, "groups": s.CountGroups} {
			counts, err := count(ctx, nil)
			s.equal(name+" of nobody", len(counts), err, "0")
		}
		people := []domain.UserID{"ann", "bob", "cid", "none"}
		friends, err := s.CountFriends(ctx, people)
		groups, errGroups := s.CountGroups(ctx, people)
		var got []int
		for _, u := range people {
			got = append(got, friends[u], groups[u])
		}
		s.equal("friends and groups", got, errors.Join(err, errGroups), want)
	}
	counted("[0,0,0,0,0,0,0,0]")
	s.happen(ab, domain.FriendRequested{By: "bob"})
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Invited: []domain.UserID{"bob"}})
	s.happen(g, domain.GroupApplied{UID: "cid"})
	counted("[0,1,0,0,0,0,0,0]")
	s.happen(ab, domain.FriendAccepted{By: "ann"})
	s.befriend(domain.Direct("ann", "cid"))
	s.happen(g, domain.GroupJoined{By: "bob", UID: "bob"}, domain.GroupJoined{By: "ann", UID: "cid"})
	s.happen(domain.InGroup("h"), domain.GroupCreated{By: "ann", Name: "h"})
	s.happen(ab, say("ann", "hi"))
	counted("[2,2,1,1,1,1,0,0]")
	s.happen(ab, domain.FriendBlocked{By: "bob"})
	s.happen(domain.Direct("ann", "cid"), domain.FriendRemoved{By: "ann"})
	s.happen(g, domain.GroupLeft{UID: "bob"}, domain.GroupRemoved{By: "ann", UID: "cid"})
	counted("[0,2,0,0,0,0,0,0]")
	s.happen(domain.InGroup("h"), domain.GroupDissolved{By: "ann"})
	counted("[0,1,0,0,0,0,0,0]")

	many := make([]domain.UserID, 1200) // more than one statement asks of
	for i := range many {
		many[i] = domain.UserID(fmt.Sprint("u", i))
	}
	s.happen(domain.InGroup("all"), domain.GroupCreated{By: "ann", Name: "all", Members: many})
	s.fold()
	groups, err := s.CountGroups(ctx, append(many, "ann"))
	for _, u := range many {
		if groups[u] != 1 {
			t.Fatalf("%s is in %d groups, want 1", u, groups[u])
		}
	}
	s.equal("groups of many", groups["ann"], err, "2")
}
