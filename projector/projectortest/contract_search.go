package projectortest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/domain"
)

func testSearch(t *testing.T, s *story) {
	ctx := t.Context()
	text := func(from domain.UserID, id, txt string) domain.Message {
		b, _ := json.Marshal(map[string]string{"txt": txt, "note": "needle"})
		return domain.Message{From: from, ID: id, Msg: b}
	}
	s.befriend(ab)
	s.happen(ab, text("ann", "1", "The quick brown Fox"), text("bob", "2", "我们明天去北京吃烤鸭"), say("bob", "jumps over the lazy dog"), text("bob", "sigma", "ο Σίσυφος"), text("ann", "4", "a \"quoted\" \\ \u0001 ünïcode"))
	old := s.happen(ab, text("ann", "5", "a secret fox"))
	back := s.happen(ab, text("ann", "6", "another fox"))
	s.happen(ab, edit("ann", old, "no more than a hare"), domain.MessageRecalled{By: "ann", Seq: back})
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob"}})
	s.happen(g, text("bob", "7", "FOX in the group"), domain.GroupJoined{By: "ann", UID: "cid"})
	joined := domain.HistoryJoined
	s.happen(g, domain.GroupDescribed{By: "ann", Name: "g", History: joined}, text("bob", "8", "fox again"))
	s.fold()
	search := func(me domain.UserID, q string) string {
		t.Helper()
		var all []string
		for next := ""; ; {
			found, following, err := s.Search(ctx, me, q, next, 2)
			if err != nil || len(found) > 2 || len(all) > 10 {
				t.Fatalf("Search %q: %v, %v", q, found, err)
			}
			for _, f := range found {
				all = append(all, f.Conversation+" "+f.ID)
			}
			if next = following; next == "" {
				return strings.Join(all, ", ")
			}
		}
	}
	for _, c := range []struct {
		me      domain.UserID
		q, want string
	}{
		{"ann", "fox", "g:g 8, g:g 7, u:bob 1"}, {"bob", "  FoX ", "g:g 8, g:g 7, u:ann 1"}, {"cid", "fox", "g:g 8"}, {"eve", "fox", ""},
		{"ann", "brown the", "u:bob 1"}, {"ann", "brown cow", ""}, {"ann", "北京", "u:bob 2"}, {"ann", "烤鸭 明天", "u:bob 2"}, {"ann", "lazy", "u:bob jumps over the lazy dog"},
		{"ann", "\"quoted\" \\", "u:bob 4"}, {"ann", "ÜNÏ", "u:bob 4"}, {"ann", "ΣΊΣΥΦΟΣ", "u:bob sigma"}, {"ann", "needle", ""}, {"ann", "hare", "u:bob 5"}, {"ann", "secret", ""}, {"ann", "%", ""},
	} {
		s.is(fmt.Sprint(c.me, " looks for ", c.q), search(c.me, c.q), c.want)
	}
	for _, q := range []string{"", "  ", "a b c d e f g h i", "\xff", strings.Repeat("x", 129)} {
		if _, _, err := s.Search(ctx, "ann", q, "", 2); domain.Refusal(err).Code != domain.Malformed && domain.Refusal(err).Code != domain.TooLarge {
			t.Errorf("Search %q: %v", q, err)
		}
	}
	for _, bad := range []string{"x", "%%%", "MSBub3RhdG9waWMgNQ", strings.Repeat("A", 10_000)} {
		_, _, err := s.Search(ctx, "ann", "fox", bad, 2)
		s.refused("cursor "+bad[:1], err, domain.Malformed)
	}
}

// A search is of one moment: whatever is said between its pages, and wherever, all that was there at the first is found once, in the same order, and
// nothing else is.
func testSearchGoesOn(t *testing.T, s *story) {
	with := func(other domain.UserID) domain.Topic { return domain.Direct("ann", other) }
	talks := []domain.Topic{with("dora"), with("cid"), g, with("eve"), ab} // the one that has waited longest first
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob"}})
	for _, other := range []domain.UserID{"bob", "cid", "dora", "eve", "quiet"} {
		s.befriend(with(other))
	}
	old := domain.InGroup("old") // holds each word from the beginning, and is joined at the end
	s.happen(old, domain.GroupCreated{By: "bob", Name: "old"},
		domain.Message{From: "bob", ID: "old", Msg: json.RawMessage(`"fox00 fox01 fox02 fox03 fox04 fox05 fox06 fox07 fox08 fox09 fox10"`)})
	said := 0
	search := func(word, after string, limit int) (ids []string, next string) {
		s.fold()
		found, next, err := s.Search(t.Context(), "ann", word, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		return ids, next
	}
	for i, c := range []struct {
		name    string
		between func(page int, more func(domain.Topic, int))
	}{
		{"nothing", func(int, func(domain.Topic, int)) {}},
		{"where a page ended", func(page int, more func(domain.Topic, int)) { more(talks[4-page*2/3%5], 1) }},
		{"in one that was searched", func(_ int, more func(domain.Topic, int)) { more(ab, 1) }},
		{"in the next", func(_ int, more func(domain.Topic, int)) { more(with("eve"), 1) }},
		{"in the last", func(_ int, more func(domain.Topic, int)) { more(with("dora"), 1) }},
		{"a lot in the last but one", func(_ int, more func(domain.Topic, int)) { more(with("cid"), 25) }},
		{"a lot, in turns", func(page int, more func(domain.Topic, int)) { more(talks[page*3%5], 21) }},
		{"in all", func(page int, more func(domain.Topic, int)) {
			for i := range talks {
				more(talks[(i+page)%len(talks)], 1)
			}
		}},
		{"in one that begins", func(page int, more func(domain.Topic, int)) {
			more(with("quiet"), 1)
			friend := with(domain.UserID(fmt.Sprint("new", page)))
			s.befriend(friend)
			more(friend, 1)
		}},
		{"in all, and one is a friend no more, and one anew", func(page int, more func(domain.Topic, int)) {
			if page == 0 {
				s.happen(ab, domain.FriendRemoved{By: "ann"})
				s.happen(with("dora"), domain.FriendRemoved{By: "ann"}, domain.FriendRequested{By: "ann"}, domain.FriendAccepted{By: "dora"})
			}
			if page == 3 {
				s.befriend(ab)
			}
			more(with("dora"), 1)
			more(with("cid"), 1)
		}},
		{"in a group that one joins", func(page int, more func(domain.Topic, int)) {
			if page == 0 {
				s.happen(old, domain.GroupJoined{By: "bob", UID: "ann"})
			}
			joined := domain.InGroup(domain.GroupID(fmt.Sprint("joined", page)))
			s.happen(joined, domain.GroupCreated{By: "bob", Name: "n"}, domain.GroupJoined{By: "bob", UID: "ann"})
			more(joined, 1)
		}},
	} {
		word := fmt.Sprintf("fox%02d", i)
		more := func(to domain.Topic, n int) {
			for range n {
				said++
				s.happen(to, say("ann", fmt.Sprint(word, " ", said)))
			}
		}
		for _, topic := range talks {
			more(topic, 3)
		}
		want, next := search(word, "", 100)
		if len(want) != 3*len(talks) || next != "" {
			t.Fatalf("%s: %v, then %q", c.name, want, next)
		}
		var all []string
		for page := 0; page == 0 || next != ""; page++ {
			if page > len(want) {
				t.Fatalf("%s: it does not end", c.name)
			}
			var ids []string
			ids, next = search(word, next, 2)
			all = append(all, ids...)
			c.between(page, more)
		}
		s.is("said between pages: "+c.name, strings.Join(all, ", "), strings.Join(want, ", "))
	}
}

// What is taken back is still where a conversation stood.
func testSearchTakenBack(t *testing.T, s *story) {
	ac := domain.Direct("ann", "cid")
	s.befriend(ab)
	s.befriend(ac)
	s.happen(ab, say("ann", "fox 1"), say("ann", "fox 2"))
	s.happen(ac, say("ann", "fox 3"), say("ann", "fox 4"))
	last := s.happen(ab, say("ann", "hen"))
	var all []string
	for next, page := "", 0; page == 0 || next != ""; page++ {
		s.fold()
		found, following, err := s.Search(t.Context(), "ann", "fox", next, 3)
		if err != nil || page > 5 {
			t.Fatalf("page %d: %v", page, err)
		}
		for _, f := range found {
			all = append(all, f.ID)
		}
		next = following
		s.happen(ab, domain.MessageRecalled{By: "ann", Seq: last}, say("ann", fmt.Sprint("later ", page)))
	}
	s.is("nothing twice", strings.Join(all, ", "), "fox 2, fox 1, fox 4, fox 3")
}

// A search looks at a bounded number of messages, and goes on where it stopped.
func testSearchBounded(t *testing.T, s *story) {
	s.log = NewLog(1)
	s.befriend(ab)
	s.happen(ab, say("ann", "needle"))
	const many = 60_000
	for i := range many {
		s.log.add(ab, say("bob", fmt.Sprint("hay", i)))
	}
	o := Quick()
	o.Batch = 10_000
	Fold(t, s.log, s.Store, o)
	found, next, err := s.Search(t.Context(), "ann", "needle", "", 10)
	if err != nil || len(found) != 0 || next == "" {
		t.Fatalf("the first answer: %v, %q, %v", found, next, err)
	}
	for pages := 0; err == nil && len(found) == 0 && next != "" && pages < 50; pages++ { // more than one where the machine is slow
		found, next, err = s.Search(t.Context(), "ann", "needle", next, 10)
	}
	s.equal("those that follow", []any{len(found), next}, err, `[1,""]`)
}
