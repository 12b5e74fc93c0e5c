package projectortest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/domain"
)

func edit(by domain.UserID, seq uint64, text string) domain.MessageEdited {
	return domain.MessageEdited{By: by, Seq: seq, Msg: json.RawMessage(`"` + text + `"`)}
}

func react(by domain.UserID, seq uint64, emoji string) domain.MessageReacted {
	return domain.MessageReacted{By: by, Seq: seq, Emoji: emoji, On: true}
}

// said gives the last message of a conversation as somebody sees it, without what does not change.
func (s *story) said(me domain.UserID, t domain.Topic) string {
	s.Helper()
	s.fold()
	list, _, err := s.Messages(s.Context(), me, t, 0, 0, 1)
	if err != nil || len(list) != 1 {
		s.Fatalf("Messages %s: %v, %v", me, list, err)
	}
	m := list[0]
	text := string(m.Msg)
	if m.Edited != "" {
		text += " edited " + m.Edited[17:19]
	}
	if m.Recalled != nil {
		text += fmt.Sprint(" recalled by ", m.Recalled.By, " ", m.Recalled.Date[17:19])
	}
	for _, r := range m.Reactions {
		text += fmt.Sprint(" ", r.Emoji, r.Count)
		if r.Mine {
			text += "!"
		}
	}
	return text
}

func testChanges(t *testing.T, s *story) {
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "cid"}})
	one := s.happen(g, say("bob", "first"))
	s.is("as it was said", s.said("cid", g), `"first"`)
	s.happen(g, edit("bob", one, "second"), edit("bob", one, "third"), edit("ann", one, "forged"), edit("bob", one+1, "beyond"), edit("bob", 0, "none"))
	s.is("the last edit counts, and nobody else's", s.said("cid", g), `"third" edited 09`)
	s.happen(g, react("bob", one, "b"), react("cid", one, "a"), react("ann", one, "a"), react("ann", one, "a"), react("eve", one, "a"))
	s.happen(g, domain.MessageReacted{By: "cid", Seq: one, Emoji: "none"})
	s.is("reactions are counted", s.said("cid", g), `"third" edited 09 a2! b1`)
	s.happen(g, domain.MessageReacted{By: "cid", Seq: one, Emoji: "a"})
	s.is("one is taken back", s.said("cid", g), `"third" edited 09 a1 b1`)
	s.happen(g, domain.MessageRecalled{By: "cid", Seq: one}, domain.GroupLeft{UID: "bob"}, domain.MessageRecalled{By: "bob", Seq: one}, edit("bob", one, "from outside"))
	s.is("nobody may whose it is not, nor who has left", s.said("cid", g), `"third" edited 09 a1 b1`)
	s.happen(g, domain.MessageRecalled{By: "ann", Seq: one})
	s.is("the owner may", s.said("cid", g), fmt.Sprintf(`"" recalled by ann %02d`, Began.Add(s.at).Second()))
	s.happen(g, domain.GroupJoined{By: "ann", UID: "bob"}, edit("bob", one, "late"), react("ann", one, "late"), domain.MessageRecalled{By: "bob", Seq: one})
	if got := s.said("cid", g); !strings.HasPrefix(got, `"" recalled by ann`) || strings.Contains(got, "late") {
		t.Errorf("what was taken back stays so: %s", got)
	}
	s.happen(ab, domain.FriendRequested{By: "ann"}, domain.FriendAccepted{By: "bob"})
	two := s.happen(ab, say("ann", "x"))
	s.happen(ab, react("bob", two, strings.Repeat("é", 99)), react("cid", two, "o"), edit("bob", two, "y"), domain.MessageRecalled{By: "bob", Seq: two})
	s.is("of two, each may change their own", s.said("ann", ab), `"x" `+strings.Repeat("é", 32)+"1")
}

// Who has left sees what was said until then as it was then; but what was taken back is so for everybody.
func testChangedAfterOneLeft(t *testing.T, s *story) {
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "cid"}})
	one := s.happen(g, say("ann", "first"))
	s.happen(g, edit("ann", one, "second"), react("cid", one, "a"), domain.GroupLeft{UID: "bob"})
	s.happen(g, edit("ann", one, "third"), edit("ann", one, "fourth"), react("ann", one, "b"))
	s.is("who has left", s.said("bob", g), `"second" edited 08 a1`)
	s.is("who has not", s.said("cid", g), `"fourth" edited 12 a1! b1`)
	s.happen(g, domain.GroupJoined{By: "ann", UID: "bob"})
	s.is("who is back", s.said("bob", g), `"fourth" edited 12 a1 b1`)
	two := s.happen(g, say("ann", "unedited"))
	s.happen(g, domain.GroupRemoved{By: "ann", UID: "bob"}, edit("ann", two, "secret"))
	s.is("who was removed", s.said("bob", g), `"unedited"`)
	s.happen(g, domain.MessageRecalled{By: "ann", Seq: two})
	s.is("taken back", s.said("bob", g), fmt.Sprintf(`"" recalled by ann %02d`, Began.Add(s.at).Second()))
}

func testRecalledUnread(t *testing.T, s *story) {
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "cid"}})
	var seqs []uint64
	for i := range 6 {
		seqs = append(seqs, s.happen(g, say("ann", fmt.Sprint(i))))
	}
	check := func(what string, me domain.UserID, want uint64) {
		t.Helper()
		if unread, _ := s.unread(me); unread != want {
			t.Errorf("%s: %s has %d unread, want %d", what, me, unread, want)
		}
	}
	s.happen(g, domain.ReadMarked{By: "cid", Seq: seqs[2]})
	s.happen(g, domain.MessageRecalled{By: "ann", Seq: seqs[1]}, domain.MessageRecalled{By: "ann", Seq: seqs[4]}, domain.MessageRecalled{By: "ann", Seq: seqs[4]})
	check("what was taken back is not unread", "bob", 4)
	check("only what is after the mark", "cid", 2)
	check("one's own", "ann", 0)
	s.happen(g, domain.MessageRecalled{By: "ann", Seq: seqs[5]})
	check("the last one, too", "cid", 1)
	list, _, err := s.Conversations(t.Context(), "cid", "", 10)
	s.equal("the place holder is the last", []any{list[0].Last.Seq, list[0].Last.Msg, list[0].Last.Recalled.By}, err, fmt.Sprintf(`[%d,"","ann"]`, seqs[5]))
	s.happen(g, domain.ReadMarked{By: "bob", Seq: seqs[5]})
	check("all is read", "bob", 0)
}

func testErased(t *testing.T, s *story) {
	ctx := t.Context()
	s.happen(domain.About("ann"), domain.Profiled{Username: "ann", Name: "Ann", Avatar: "a.png"}, domain.StatusSet{Status: domain.StatusOnline})
	s.befriend(ab)
	s.happen(ab, say("ann", "1"), say("bob", "2"), say("ann", "3"))
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "cid"}})
	one := s.happen(g, say("bob", "b1"))
	two := s.happen(g, say("ann", "a2"))
	three := s.happen(g, say("bob", "b3"))
	s.happen(g, say("ann", "a4"), say("bob", "b5"), say("ann", "a6"))
	s.happen(g, domain.ReadMarked{By: "cid", Seq: two}, react("ann", one, "x"), react("cid", one, "x"), react("bob", two, "x"), domain.MessageRecalled{By: "ann", Seq: three})
	s.happen(domain.InGroup("h"), domain.GroupCreated{By: "bob", Name: "h"}, domain.GroupApplied{UID: "ann", Greeting: json.RawMessage(`{}`)})
	s.fold()
	unread, _, err := s.Conversations(ctx, "cid", "", 10)
	s.equal("before", unread[0].Unread, err, "3")

	s.happen(domain.About("ann"), domain.PersonErased{})
	s.happen(ab, domain.FriendErased{By: "ann"})
	s.happen(g, domain.GroupErased{UID: "ann", Owner: "cid"})
	s.happen(domain.InGroup("h"), domain.GroupErased{UID: "ann"})
	s.happen(ab, say("bob", "nobody hears it"))
	s.fold()
	p, err := s.Person(ctx, "ann")
	s.equal("a place holder", p, err, `{"id":"ann","name":"deleted user","avatar":"","deleted":true}`)
	found, err := s.People(ctx, "ann", 10)
	s.equal("not found", len(found), err, "0")
	friends, err := s.Friends(ctx, "bob")
	s.equal("no friend", len(friends), err, "0")
	list, _, err := s.Messages(ctx, "bob", ab, 0, 0, 10)
	s.equal("the other's messages are left", ids(list, messageID), err, `"2"`)
	list, _, err = s.Messages(ctx, "cid", g, 0, 0, 10)
	s.equal("in the group, too", ids(list, messageID), err, `"b1 b3 b5"`)
	s.equal("reactions", list[0].Reactions, nil, `[{"emoji":"x","count":1,"mine":true}]`)
	s.equal("what was taken back stays so", list[1].Recalled.By, nil, `"ann"`)
	applies, err := s.applies("bob")
	s.equal("no application", len(applies), err, "0")
	all, _, err := s.Conversations(ctx, "cid", "", 10)
	s.equal("unread of the others", []any{all[0].Unread, all[0].Read}, err, fmt.Sprintf("[1,%d]", two))
	v, err := s.Group(ctx, "cid", "g")
	s.equal("who follows", []any{v.Owner, v.Members}, err, `["cid",2]`)
	all, _, err = s.Conversations(ctx, "bob", "", 10)
	s.equal("what it is called", all[len(all)-1].Name, err, `"deleted user"`)
	s.happen(g, say("bob", "b7"))
	s.happen(domain.About("ann"), domain.StatusSet{Status: domain.StatusOnline}, domain.PersonErased{Done: true})
	s.fold()
	all, _, err = s.Conversations(ctx, "cid", "", 10)
	s.equal("and it goes on", all[0].Unread, err, "2")
}

func testSearch(t *testing.T, s *story) {
	ctx := t.Context()
	text := func(from domain.UserID, id, txt string) domain.Message {
		b, _ := json.Marshal(map[string]string{"txt": txt, "note": "needle"})
		return domain.Message{From: from, ID: id, Msg: b}
	}
	s.befriend(ab)
	s.happen(ab, text("ann", "1", "The quick brown Fox"), text("bob", "2", "我们明天去北京吃烤鸭"), say("bob", "jumps over the lazy dog"), text("ann", "4", "a \"quoted\" \\ \u0001 ünïcode"))
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
			if err != nil || len(found) > 2 {
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
		{"ann", "\"quoted\" \\", "u:bob 4"}, {"ann", "ÜNÏ", "u:bob 4"}, {"ann", "needle", ""}, {"ann", "hare", "u:bob 5"}, {"ann", "secret", ""}, {"ann", "%", ""},
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

// A search goes on where it stopped, whatever has been said there since.
func testSearchGoesOn(t *testing.T, s *story) {
	s.befriend(ab)
	s.befriend(domain.Direct("ann", "cid"))
	s.happen(domain.Direct("ann", "cid"), say("cid", "fox 0"))
	for i := range 4 {
		s.happen(ab, say("bob", fmt.Sprint("fox ", i+1)))
	}
	var all []string
	for next, page := "", 0; page == 0 || next != ""; page++ {
		s.fold()
		found, following, err := s.Search(t.Context(), "ann", "fox", next, 2)
		if err != nil || page > 5 {
			t.Fatalf("page %d: %v", page, err)
		}
		for _, f := range found {
			all = append(all, f.ID)
		}
		next = following
		s.happen(ab, say("bob", fmt.Sprint("fox, later ", page)))
	}
	s.is("all that was there when it began, and nothing twice", strings.Join(all, ", "), "fox 4, fox 3, fox 2, fox 1, fox 0")
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
	found, next, err = s.Search(t.Context(), "ann", "needle", next, 10)
	s.equal("the second", []any{len(found), next}, err, `[1,""]`)
}
