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
