package projectortest

import (
	"encoding/json"
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
	applies, err := s.Applies(ctx, "ann")
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
	applies, err = s.Applies(ctx, "ann")
	s.equal("all are answered", len(applies), err, "0")
	friends, err = s.Friends(ctx, "ann")
	s.equal("by name", ids(friends, personID), err, `"cid bob"`)

	s.happen(ab, domain.FriendRemoved{By: "bob"})
	s.happen(cd, domain.FriendBlocked{By: "cid"})
	s.fold()
	for _, me := range []domain.UserID{"ann", "bob", "cid"} {
		friends, err = s.Friends(ctx, me)
		s.equal("no friends any more", len(friends), err, "0")
	}
}

func testGroups(t *testing.T, s *story) {
	ctx := t.Context()
	s.happen(g, domain.GroupCreated{By: "ann", Name: "Grüße", Members: []domain.UserID{"bob", "ann"}, Invited: []domain.UserID{"cid", "dora", "bob"}})
	joined := domain.Date(Began.Add(s.at))
	s.fold()
	v, err := s.Group(ctx, "ann", "g")
	s.equal("the owner's view", v, err, `{"id":"g","name":"Grüße","avatar":"","owner":"ann","members":2,"role":"owner"}`)
	v, err = s.Group(ctx, "cid", "g")
	s.equal("an invited one's view", v, err, `{"id":"g","name":"Grüße","avatar":"","owner":"ann","members":2}`)
	_, err = s.Group(ctx, "eve", "g")
	s.refused("a stranger's view", err, domain.Forbidden)
	_, err = s.Group(ctx, "ann", "G")
	s.refused("no such group", err, domain.NotFound)
	_, err = s.Members(ctx, "cid", "g", "", 10)
	s.refused("members, to an invited one", err, domain.Forbidden)
	_, err = s.Members(ctx, "ann", "none", "", 10)
	s.refused("members of no group", err, domain.NotFound)
	members, err := s.Members(ctx, "bob", "g", "ann", 10)
	s.equal("members after one", members, err, fmt.Sprintf(`[{"id":"bob","name":"","avatar":"","role":"member","joined":%q}]`, joined))
	applies, err := s.Applies(ctx, "cid")
	s.equal("an invitation", applies[0].Group, err, `{"id":"g","name":"Grüße","avatar":"","owner":"ann","members":2}`)
	applies, err = s.Applies(ctx, "bob")
	s.equal("no invitation for members", len(applies), err, "0")

	s.happen(g, domain.GroupJoined{By: "cid", UID: "cid"}, domain.GroupDeclined{UID: "dora"}, domain.GroupInvited{By: "bob", UID: "eve"})
	s.happen(g, domain.GroupLeft{UID: "ann", Owner: "bob"}, domain.GroupRemoved{By: "bob", UID: "cid"})
	s.fold()
	v, err = s.Group(ctx, "bob", "g")
	s.equal("the heir's view", v, err, `{"id":"g","name":"Grüße","avatar":"","owner":"bob","members":1,"role":"owner"}`)
	members, err = s.Members(ctx, "bob", "g", "", 10)
	s.equal("the heir has been there since", members, err, fmt.Sprintf(`[{"id":"bob","name":"","avatar":"","role":"owner","joined":%q}]`, joined))
	for who, want := range map[domain.UserID]int{"ann": 0, "bob": 1, "cid": 0, "dora": 0, "eve": 0} {
		groups, err := s.Groups(ctx, who)
		s.equal("groups of "+string(who), len(groups), err, fmt.Sprint(want))
	}
	s.happen(g, domain.GroupLeft{UID: "bob"})
	s.fold()
	applies, err = s.Applies(ctx, "eve")
	s.equal("no invitation to what has ended", len(applies), err, "0")
	_, err = s.Group(ctx, "bob", "g")
	s.refused("a group that has ended", err, domain.Forbidden)
}
