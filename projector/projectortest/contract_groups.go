package projectortest

import (
	"fmt"
	"strings"
	"testing"

	"parley/domain"
)

func testGroups(t *testing.T, s *story) {
	ctx := t.Context()
	s.happen(g, domain.GroupCreated{By: "ann", Name: "Grüße", Members: []domain.UserID{"bob", "ann"}, Invited: []domain.UserID{"cid", "dora", "bob"}})
	joined := domain.Date(Began.Add(s.at))
	s.fold()
	v, err := s.Group(ctx, "ann", "g")
	s.equal("the owner's view", v, err, `{"id":"g","name":"Grüße","avatar":"","description":"","history":"all","owner":"ann","members":2,"role":"owner"}`)
	v, err = s.Group(ctx, "cid", "g")
	s.equal("an invited one's view", v, err, `{"id":"g","name":"Grüße","avatar":"","description":"","history":"all","owner":"ann","members":2}`)
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
	applies, err := s.applies("cid")
	s.equal("an invitation", applies[0].Group, err, `{"id":"g","name":"Grüße","avatar":"","description":"","history":"all","owner":"ann","members":2}`)
	applies, err = s.applies("bob")
	s.equal("no invitation for members", len(applies), err, "0")

	s.happen(g, domain.GroupJoined{By: "cid", UID: "cid"}, domain.GroupDeclined{UID: "dora"}, domain.GroupInvited{By: "bob", UID: "eve"})
	s.happen(g, domain.GroupLeft{UID: "ann", Owner: "bob"}, domain.GroupRemoved{By: "bob", UID: "cid"})
	s.fold()
	v, err = s.Group(ctx, "bob", "g")
	s.equal("the heir's view", v, err, `{"id":"g","name":"Grüße","avatar":"","description":"","history":"all","owner":"bob","members":1,"role":"owner"}`)
	members, err = s.Members(ctx, "bob", "g", "", 10)
	s.equal("the heir has been there since", members, err, fmt.Sprintf(`[{"id":"bob","name":"","avatar":"","role":"owner","joined":%q}]`, joined))
	for who, want := range map[domain.UserID]int{"ann": 0, "bob": 1, "cid": 0, "dora": 0, "eve": 0} {
		groups, err := s.Groups(ctx, who)
		s.equal("groups of "+string(who), len(groups), err, fmt.Sprint(want))
	}
	s.happen(g, domain.GroupLeft{UID: "bob"})
	s.fold()
	applies, err = s.applies("eve")
	s.equal("no invitation to what has ended", len(applies), err, "0")
	_, err = s.Group(ctx, "bob", "g")
	s.refused("a group that has ended", err, domain.Forbidden)
}

func testDescribed(t *testing.T, s *story) {
	ctx := t.Context()
	s.happen(g, domain.GroupCreated{By: "ann", Name: "old", Members: []domain.UserID{"bob"}, Invited: []domain.UserID{"cid"}})
	s.happen(g, domain.GroupDescribed{By: "ann", Name: "new", Avatar: "g.png", Description: "what\nwe \\do 🙂", History: domain.HistoryJoined})
	s.happen(g, domain.GroupJoined{By: "ann", UID: "dora"})
	s.fold()
	const looks = `{"id":"g","name":"new","avatar":"g.png","description":"what\nwe \\do 🙂","history":"joined","owner":"ann","members":3`
	v, err := s.Group(ctx, "bob", "g")
	s.equal("a member's view", v, err, looks+`,"role":"member"}`)
	groups, err := s.Groups(ctx, "ann")
	s.equal("in a list", groups, err, "["+looks+`,"role":"owner"}]`)
	applies, err := s.applies("cid")
	s.equal("to somebody invited", applies[0].Group, err, looks+"}")
	list, _, err := s.Conversations(ctx, "bob", "", 10)
	s.equal("in the list of conversations", list, err, `[{"id":"g:g","name":"new","avatar":"g.png","unread":0,"read":1}]`)

	s.happen(g, domain.GroupDescribed{By: "ann", Name: "third", History: domain.HistoryAll})
	s.fold()
	v, err = s.Group(ctx, "bob", "g")
	s.equal("whole, each time", v, err, `{"id":"g","name":"third","avatar":"","description":"","history":"all","owner":"ann","members":3,"role":"member"}`)
	s.happen(g, domain.GroupDescribed{
		By: "ann", Name: strings.Repeat("n", 999), Avatar: strings.Repeat("é", 9999), Description: strings.Repeat("元", 9999), History: domain.History(strings.Repeat("x", 99)),
	})
	s.fold()
	v, err = s.Group(ctx, "bob", "g")
	s.equal("what the edge would not let in", []any{len(v.Name), len(v.Avatar), len(v.Description), v.History}, err,
		fmt.Sprintf(`[%d,%d,%d,"all"]`, domain.MaxName, 2*domain.MaxAvatar, 3*domain.MaxDescription))
}

func testRoles(t *testing.T, s *story) {
	ctx := t.Context()
	roles := func(want string) {
		t.Helper()
		s.fold()
		members, err := s.Members(ctx, "bob", "g", "", 10)
		s.equal("roles", ids(members, func(m domain.MemberView) string { return fmt.Sprint(m.ID, ":", m.Role) }), err, fmt.Sprintf("%q", want))
		v, err := s.Group(ctx, "bob", "g")
		owner, _, _ := strings.Cut(want, ":owner")
		s.equal("owner", v.Owner, err, fmt.Sprintf("%q", owner[strings.LastIndex(owner, " ")+1:]))
	}
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "cid"}})
	joined := domain.Date(Began.Add(s.at))
	s.happen(g, say("ann", "1"))
	s.happen(g, domain.GroupRoleSet{By: "ann", UID: "bob", Role: domain.RoleAdmin})
	roles("ann:owner bob:admin cid:member")
	s.happen(g, domain.GroupRoleSet{By: "ann", UID: "bob", Role: domain.RoleMember})
	roles("ann:owner bob:member cid:member")
	s.happen(g, domain.GroupRoleSet{By: "ann", UID: "cid", Role: domain.RoleOwner})
	roles("ann:admin bob:member cid:owner")
	s.happen(g, domain.GroupLeft{UID: "dora", Owner: "ann"}) // which nobody decides, and Evolve takes
	roles("ann:owner bob:member cid:admin")
	s.happen(g, domain.GroupRoleSet{By: "ann", UID: "cid", Role: domain.RoleOwner})
	s.happen(g, domain.GroupLeft{UID: "ann"}, domain.GroupRoleSet{By: "cid", UID: "dora", Role: domain.RoleAdmin}, domain.GroupLeft{UID: "cid", Owner: "bob"})
	roles("bob:owner")
	members, err := s.Members(ctx, "bob", "g", "", 10)
	s.equal("a new role is no joining", members[0].Joined, err, fmt.Sprintf("%q", joined))
	list, _, err := s.Conversations(ctx, "bob", "", 10)
	s.equal("nor reading", list[0].Unread, err, "1")
}

func testDissolved(t *testing.T, s *story) {
	ctx := t.Context()
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "cid"}, Invited: []domain.UserID{"dora"}})
	s.happen(g, say("ann", "1"), domain.GroupLeft{UID: "cid"}, say("ann", "2"), domain.GroupApplied{UID: "eve"})
	s.fold()
	s.happen(g, domain.GroupApplied{UID: "fay"}, domain.GroupDissolved{By: "ann"})
	s.happen(g, say("ann", "3"), domain.GroupApplied{UID: "gus"}, domain.GroupJoined{By: "ann", UID: "bob"},
		domain.GroupCreated{By: "bob", Name: "again"}, domain.GroupDescribed{By: "ann", Name: "again"})
	s.fold()
	for me, want := range map[domain.UserID]string{"ann": "1 2", "bob": "1 2", "cid": "1"} {
		list, _, err := s.Messages(ctx, me, g, 0, 0, 10)
		s.equal(string(me)+" reads on", ids(list, messageID), err, fmt.Sprintf("%q", want))
	}
	for _, me := range []domain.UserID{"ann", "bob", "cid", "dora", "eve", "fay", "gus"} {
		groups, err := s.Groups(ctx, me)
		s.equal("no groups", len(groups), err, "0")
		applies, err := s.applies(me)
		s.equal("no applications", len(applies), err, "0")
		list, _, err := s.Conversations(ctx, me, "", 10)
		s.equal("no conversations", len(list), err, "0")
		_, err = s.Group(ctx, me, "g")
		s.refused("a group that is dissolved", err, domain.Forbidden)
	}
}

// Each step of a group's life, and what its people see of it then.
func testSinceJoined(t *testing.T, s *story) {
	ctx := t.Context()
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob"}})
	describe := func(h domain.History) domain.Event { return domain.GroupDescribed{By: "ann", Name: "g", History: h} }
	for _, step := range []struct {
		events        []domain.Event
		ann, bob, cid string
	}{
		{[]domain.Event{say("ann", "1"), domain.GroupJoined{By: "ann", UID: "cid"}}, "1", "1", "1"},
		{[]domain.Event{describe(domain.HistoryJoined)}, "1", "1", ""},
		{[]domain.Event{say("bob", "2"), say("bob", "3")}, "1 2 3", "1 2 3", "2 3"},
		{[]domain.Event{domain.GroupRemoved{By: "ann", UID: "cid"}, say("ann", "4")}, "1 2 3 4", "1 2 3 4", "2 3"},
		{[]domain.Event{describe(domain.HistoryAll)}, "1 2 3 4", "1 2 3 4", "2 3"}, // who has left sees no more than then
		{[]domain.Event{domain.GroupJoined{By: "ann", UID: "cid"}}, "1 2 3 4", "1 2 3 4", "1 2 3 4"},
		{[]domain.Event{describe(domain.HistoryJoined)}, "1 2 3 4", "1 2 3 4", ""},
		{[]domain.Event{domain.GroupLeft{UID: "bob"}, domain.GroupRoleSet{By: "ann", UID: "cid", Role: domain.RoleOwner}, say("ann", "5")}, "1 2 3 4 5", "1 2 3 4", "5"},
		{[]domain.Event{describe(domain.HistoryAll)}, "1 2 3 4 5", "1 2 3 4", "1 2 3 4 5"},
		{[]domain.Event{domain.GroupLeft{UID: "cid", Owner: "ann"}}, "1 2 3 4 5", "1 2 3 4", "1 2 3 4 5"}, // as long as it is all
		{[]domain.Event{describe(domain.HistoryJoined)}, "1 2 3 4 5", "1 2 3 4", "5"},
		{[]domain.Event{domain.GroupJoined{By: "ann", UID: "bob"}}, "1 2 3 4 5", "", "5"},
		{[]domain.Event{say("ann", "6"), domain.GroupJoined{By: "ann", UID: "cid"}, say("cid", "7")}, "1 2 3 4 5 6 7", "6 7", "7"},
		{[]domain.Event{domain.GroupDissolved{By: "ann"}}, "1 2 3 4 5 6 7", "6 7", "7"},
	} {
		s.happen(g, step.events...)
		s.fold()
		for me, want := range map[domain.UserID]string{"ann": step.ann, "bob": step.bob, "cid": step.cid} {
			what := fmt.Sprintf("%s after %+v", me, step.events)
			list, more, err := s.Messages(ctx, me, g, 0, 0, 10)
			s.equal(what, []any{ids(list, messageID), more}, err, fmt.Sprintf("[%q,false]", want))
			all := strings.Fields(want)
			if len(all) > 0 { // nothing is said to be beyond the first that one sees
				list, more, err = s.Messages(ctx, me, g, 0, 0, len(all))
				s.equal(what+", a page", []any{len(list), more}, err, fmt.Sprintf("[%d,false]", len(all)))
				list, more, err = s.Messages(ctx, me, g, list[0].Seq, 0, 1)
				s.equal(what+", before it", []any{len(list), more}, err, "[0,false]")
				list, more, err = s.Messages(ctx, me, g, 0, 1, len(all))
				s.equal(what+", after what is hidden", []any{len(list), more}, err, fmt.Sprintf("[%d,false]", len(all)))
			}
			talks, _, err := s.Conversations(ctx, me, "", 10)
			for _, c := range talks {
				last := ""
				if c.Last != nil {
					last = c.Last.ID
				}
				s.equal(what+", last", last, err, fmt.Sprintf("%q", want[max(0, len(want)-1):]))
				if last == "" && c.Unread != 0 {
					t.Errorf("%s: %d unread of what cannot be read", what, c.Unread)
				}
			}
		}
	}
}
