package projectortest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/domain"
)

// applies gives all that waits for somebody's answer, of some types.
func (s *story) applies(me domain.UserID, types ...domain.ApplyType) ([]domain.ApplyView, error) {
	s.Helper()
	all, next, err := s.Applies(s.Context(), me, types, "", 500)
	if next != "" {
		s.Fatalf("%s has more than a page of applications", me)
	}
	return all, err
}

// applyID is an application in short.
func applyID(a domain.ApplyView) string {
	if a.Group != nil {
		return fmt.Sprint(a.Type, ":", a.From.ID, ":", a.Group.ID)
	}
	return fmt.Sprint(a.Type, ":", a.From.ID)
}

func testApplications(t *testing.T, s *story) {
	ctx := t.Context()
	asked := func(me domain.UserID, want string) {
		t.Helper()
		applies, err := s.applies(me)
		s.equal("what waits for "+string(me), ids(applies, func(a domain.ApplyView) string { return fmt.Sprint(a.Type, ":", a.From.ID) }), err, fmt.Sprintf("%q", want))
	}
	h := domain.InGroup("h")
	s.happen(domain.About("eve"), domain.Profiled{Username: "eve", Name: "Eve"})
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "cid"}, Invited: []domain.UserID{"fay"}})
	s.happen(h, domain.GroupCreated{By: "ann", Name: "h"}, domain.GroupApplied{UID: "cid"})
	s.happen(ab, domain.FriendRequested{By: "bob"})
	seq := s.happen(g, domain.GroupApplied{UID: "eve", Greeting: json.RawMessage(`{"b": 1,"a":"é"}`)})
	date := domain.Date(Began.Add(s.at))
	s.fold()
	applies, err := s.applies("ann")
	s.equal("an application", applies[0], err, fmt.Sprintf(`{"type":"group","from":{"id":"eve","username":"eve","name":"Eve","avatar":""},`+
		`"group":{"id":"g","name":"g","avatar":"","description":"","history":"all","owner":"ann","members":3},"data":{"b":1,"a":"é"},"date":%q,"seq":%d}`, date, seq))
	asked("ann", "group:eve friend:bob group:cid")
	for who, want := range map[domain.UserID]string{"bob": "", "cid": "", "eve": "", "fay": "invite:ann"} {
		asked(who, want)
	}
	v, err := s.Group(ctx, "eve", "g")
	s.equal("an applicant's view", []any{v.Name, v.Role}, err, `["g",""]`)
	_, err = s.Members(ctx, "eve", "g", "", 10)
	s.refused("members, to an applicant", err, domain.Forbidden)
	_, _, err = s.Messages(ctx, "eve", g, 0, 0, 10)
	s.refused("messages, to an applicant", err, domain.Forbidden)
	groups, err := s.Groups(ctx, "eve")
	s.equal("an applicant is in no group", len(groups), err, "0")

	s.happen(g, domain.GroupRoleSet{By: "ann", UID: "bob", Role: domain.RoleAdmin})
	s.fold()
	asked("bob", "group:eve")
	s.happen(g, domain.GroupRoleSet{By: "ann", UID: "bob", Role: domain.RoleMember}, domain.GroupRoleSet{By: "ann", UID: "cid", Role: domain.RoleAdmin})
	s.fold()
	asked("bob", "")
	asked("cid", "group:eve")
	s.happen(g, domain.GroupRemoved{By: "ann", UID: "cid"}, domain.GroupRefused{By: "ann", UID: "eve"}, domain.GroupApplied{UID: "gus"})
	s.fold()
	asked("cid", "")
	asked("ann", "group:gus friend:bob group:cid")
	_, err = s.Group(ctx, "eve", "g")
	s.refused("to who was refused", err, domain.Forbidden)

	s.happen(g, domain.GroupInvited{By: "bob", UID: "gus"}, domain.GroupApplied{UID: "fay"})
	s.fold()
	asked("gus", "invite:bob")
	asked("fay", "")
	asked("ann", "group:fay friend:bob group:cid")
	s.happen(g, domain.GroupJoined{By: "ann", UID: "fay"}, domain.GroupApplied{UID: "eve"})
	s.happen(g, domain.GroupLeft{UID: "ann", Owner: "bob"})
	s.fold()
	asked("ann", "friend:bob group:cid")
	asked("bob", "group:eve")
	s.happen(h, domain.GroupLeft{UID: "ann"})
	s.fold()
	asked("ann", "friend:bob")
	_, err = s.Group(ctx, "cid", "h")
	s.refused("what somebody applied to has ended", err, domain.Forbidden)
}

// pages gives what waits for somebody's answer, page by page.
func (s *story) pages(me domain.UserID, types []domain.ApplyType, limit int) (pages [][]domain.ApplyView) {
	s.Helper()
	for next := ""; ; {
		page, following, err := s.Applies(s.Context(), me, types, next, limit)
		if err != nil || len(page) == 0 && len(pages) > 0 || len(pages) > 10_000 {
			s.Fatalf("page %d of at most %d: %v, %v", len(pages), limit, page, err)
		}
		pages = append(pages, page)
		if next = following; next == "" {
			return pages
		}
	}
}

// Whatever the size of the pages and the types asked for, each application is on one page, in the same order; also where many came at one instant.
func testApplyPages(t *testing.T, s *story) {
	ctx := t.Context()
	for i := range 4 {
		h := domain.InGroup(domain.GroupID(fmt.Sprint("h", i)))
		from := domain.UserID(fmt.Sprint("u", i))
		s.happen(h, domain.GroupCreated{By: "me", Name: "h"}, domain.GroupApplied{UID: from})
		for _, at := range []domain.Topic{domain.Direct("me", from), h, domain.InGroup("i" + domain.GroupID(from))} { // the same instant, in shards of their own
			switch _, group := at.Group(); {
			case !group:
				s.log.Append(at, domain.FriendRequested{By: from}, s.at)
			case at == h:
				s.log.Append(at, domain.GroupApplied{UID: "v" + from}, s.at)
			default:
				s.log.Append(at, domain.GroupCreated{By: from, Name: "i", Invited: []domain.UserID{"me", "another"}}, s.at)
			}
		}
	}
	s.fold()
	all, err := s.applies("me")
	if err != nil || len(all) != 16 {
		t.Fatalf("%d applications, %v", len(all), err)
	}
	for i, a := range all[1:] {
		if before := all[i]; a.Date > before.Date || a.Date == before.Date && a.Seq > before.Seq {
			t.Errorf("%v comes after %v", a, before)
		}
	}
	for _, types := range [][]domain.ApplyType{
		nil, {domain.ApplyFriend}, {domain.ApplyInvite}, {domain.ApplyGroup}, {domain.ApplyGroup, domain.ApplyFriend, domain.ApplyGroup},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(a domain.ApplyView) bool { return types != nil && !slices.Contains(types, a.Type) })
		for _, limit := range []int{-1, 0, 1, 2, 3, len(want) - 1, len(want), len(want) + 1} {
			pages := s.pages("me", types, limit)
			limit = max(limit, 1)
			s.is(fmt.Sprintf("%v by %d", types, limit), ids(slices.Concat(pages...), applyID), ids(want, applyID))
			if n := (len(want) + limit - 1) / limit; len(pages) != n {
				t.Errorf("%v by %d: %d pages, want %d", types, limit, len(pages), n)
			}
		}
	}
	_, next, _ := s.Conversations(ctx, "me", "", 1)
	for _, bad := range []string{"x", "%%%", next, strings.Repeat("A", 10_000), "MSAyIG5vdGFwaWM", "MSAtMiB1c2VyLmEuYg", "MDEgMiB1c2VyLmEuYg", "MSAyIHVzZXIuYS5iIGM"} {
		_, _, err := s.Applies(ctx, "me", nil, bad, 4)
		s.refused("cursor "+bad[:1], err, domain.Malformed)
	}
}

// Between pages the one that a page ended with is answered, another too, one is asked anew, and some come: what was on a page or is newer does not come
// again, and nothing is passed over.
func testApplyPagesMove(t *testing.T, s *story) {
	invite := func(i int) domain.Topic { return domain.InGroup(domain.GroupID(fmt.Sprint("i", i))) }
	s.happen(g, domain.GroupCreated{By: "me", Name: "g"})
	for i := range 9 {
		from := domain.UserID(fmt.Sprint("u", i))
		s.happen([]domain.Topic{domain.Direct("me", from), g, invite(i)}[i%3], []domain.Event{
			domain.FriendRequested{By: from}, domain.GroupApplied{UID: from}, domain.GroupCreated{By: from, Name: "i", Invited: []domain.UserID{"me"}},
		}[i%3])
	}
	s.fold()
	page, next, err := s.Applies(t.Context(), "me", nil, "", 3)
	s.equal("the first page", ids(page, applyID), err, `"invite:u8:i8 group:u7:g friend:u6"`)
	s.happen(domain.Direct("me", "u6"), domain.FriendRejected{By: "me"}) // the last of the page
	s.happen(g, domain.GroupRefused{By: "me", UID: "u4"})                // of the next
	s.happen(invite(2), domain.GroupInvited{By: "u2", UID: "me"})        // from further back to the front
	s.happen(domain.Direct("me", "new"), domain.FriendRequested{By: "new"})
	s.fold()
	page, next, err = s.Applies(t.Context(), "me", nil, next, 3)
	s.equal("the second page", ids(page, applyID), err, `"invite:u5:i5 friend:u3 group:u1:g"`)
	page, next, err = s.Applies(t.Context(), "me", nil, next, 3)
	s.equal("the last page", ids(page, applyID)+next, err, `"friend:u0"`)
	page, _, err = s.Applies(t.Context(), "me", nil, "", 3)
	s.equal("the first page now", ids(page, applyID), err, `"friend:new invite:u2:i2 invite:u8:i8"`)
}

// Neither those who apply to many groups nor a stranger's invitations keep anybody's application from being found.
func testManyApply(t *testing.T, s *story) {
	const each, groups, invitations = 600, 4, 1100 // more than a page each
	for i := range groups {
		in := domain.InGroup(domain.GroupID(fmt.Sprint("g", i)))
		s.happen(in, domain.GroupCreated{By: "ann", Name: "many"})
		for j := range each {
			s.happen(in, domain.GroupApplied{UID: domain.UserID(fmt.Sprint("u", i*each+j))})
		}
	}
	s.happen(ab, domain.FriendRequested{By: "bob"})
	for i := range invitations {
		s.happen(domain.InGroup(domain.GroupID(fmt.Sprint("spam", i))), domain.GroupCreated{By: "eve", Name: "spam", Invited: []domain.UserID{"ann"}})
	}
	s.fold()
	all := slices.Concat(s.pages("ann", nil, 9999)...)
	if len(all) != invitations+1+groups*each {
		t.Fatalf("%d applications", len(all))
	}
	for i, a := range all {
		want := domain.UserID(fmt.Sprint("u", invitations+groups*each-i))
		switch {
		case i < invitations:
			want = "eve"
		case i == invitations:
			want = "bob"
		}
		if a.From.ID != want {
			t.Fatalf("at %d there is %s, want %s", i, a.From.ID, want)
		}
	}
	page, next, err := s.Applies(t.Context(), "ann", nil, "", 9999)
	s.equal("the largest page", []any{len(page), next != ""}, err, "[500,true]")
	page, _, err = s.Applies(t.Context(), "ann", []domain.ApplyType{domain.ApplyFriend, domain.ApplyGroup}, "", 2)
	s.equal("without invitations", ids(page, applyID), err, fmt.Sprintf(`"friend:bob group:u%d:g3"`, groups*each-1))
	s.happen(domain.Direct("ann", "eve"), domain.FriendBlocked{By: "ann"})
	s.fold()
	page, _, err = s.Applies(t.Context(), "ann", nil, "", 1)
	s.equal("when eve is blocked", ids(page, applyID), err, `"friend:bob"`)
}

// Whom one blocks one can see, with those who are unknown; the invitations of theirs that wait one does not see until one takes the block back.
func testBlocked(t *testing.T, s *story) {
	ctx := t.Context()
	blocked := func(me domain.UserID, want string) {
		t.Helper()
		list, err := s.Blocked(ctx, me)
		s.equal("blocked by "+string(me), ids(list, personID), err, fmt.Sprintf("%q", want))
	}
	asked := func(me domain.UserID, want string) {
		t.Helper()
		applies, err := s.applies(me)
		s.equal("what waits for "+string(me), ids(applies, applyID), err, fmt.Sprintf("%q", want))
	}
	dora, eve := domain.Direct("ann", "dora"), domain.Direct("ann", "eve")
	s.happen(domain.About("bob"), domain.Profiled{Username: "bob", Name: "Zoe"})
	s.happen(domain.About("dora"), domain.Profiled{Username: "dora", Name: "dora"})
	for i, by := range []domain.UserID{"bob", "bob", "dora", "eve"} { // in any shard
		s.happen(domain.InGroup(domain.GroupID(fmt.Sprint("i", i))), domain.GroupCreated{By: by, Name: "i"}, domain.GroupInvited{By: by, UID: "ann"})
	}
	s.happen(domain.InGroup("both"), domain.GroupCreated{By: "bob", Name: "both", Members: []domain.UserID{"dora"}, Invited: []domain.UserID{"ann", "eve"}})
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g"}, domain.GroupApplied{UID: "bob"})
	s.happen(ab, domain.FriendRequested{By: "bob"})
	s.fold()
	asked("ann", "friend:bob group:bob:g invite:bob:both invite:eve:i3 invite:dora:i2 invite:bob:i1 invite:bob:i0")
	blocked("ann", "")

	s.happen(ab, domain.FriendBlocked{By: "ann"}) // ends the application; that to a group is the group's
	s.happen(dora, domain.FriendBlocked{By: "dora"})
	s.happen(eve, domain.FriendBlocked{By: "eve"}, domain.FriendBlocked{By: "ann"})
	s.fold()
	asked("ann", "group:bob:g invite:dora:i2")
	asked("eve", "invite:bob:both")
	blocked("ann", "eve bob") // by name, which eve has none of
	blocked("bob", "")
	blocked("dora", "ann")
	blocked("eve", "ann")
	list, err := s.Blocked(ctx, "ann")
	s.equal("a line", list[1], err, `{"id":"bob","username":"bob","name":"Zoe","avatar":""}`)

	s.happen(domain.InGroup("both"), domain.GroupInvited{By: "dora", UID: "ann"}) // by whom one does not block
	s.fold()
	asked("ann", "invite:dora:both group:bob:g invite:dora:i2")
	s.happen(ab, domain.FriendUnblocked{By: "ann"})
	s.happen(eve, domain.FriendUnblocked{By: "eve"})
	s.fold()
	asked("ann", "invite:dora:both group:bob:g invite:dora:i2 invite:bob:i1 invite:bob:i0")
	blocked("ann", "eve")
	blocked("eve", "")
	s.happen(eve, domain.FriendUnblocked{By: "ann"}, domain.FriendBlocked{By: "ann"}, domain.FriendUnblocked{By: "ann"}) // in one batch
	s.fold()
	blocked("ann", "")
	asked("ann", "invite:dora:both group:bob:g invite:eve:i3 invite:dora:i2 invite:bob:i1 invite:bob:i0")
}
