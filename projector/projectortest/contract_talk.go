package projectortest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/domain"
)

func testWhatCounts(t *testing.T, s *story) {
	ctx := t.Context()
	s.happen(ab, say("ann", "too early"))
	s.befriend(ab)
	seq := s.happen(ab, say("ann", "1"))
	s.happen(ab, say("ann", "1"), say("cid", "2"), say("bob", "1"))
	s.happen(ab, domain.FriendBlocked{By: "bob"}, say("ann", "3"), say("bob", "4"), domain.Message{From: "ann", ID: "5", Msg: json.RawMessage(`"x"`), Open: true})
	s.fold()
	s.happen(ab, domain.FriendUnblocked{By: "bob"}, say("ann", "1"), say("ann", "6"))
	s.befriend(ab)
	s.happen(ab, say("ann", "1"), say("ann", "3"), say("ann", "too early"), say("ann", "3"))
	s.fold() // as another projector, which has to look up what was there
	list, more, err := s.Messages(ctx, "bob", ab, 0, 0, 10)
	s.equal("those that count", ids(list, messageID), err, `"1 1 3 too early"`)
	s.equal("no more", more, nil, "false")
	shard := s.log.Shard(ab)
	at, err := s.Checkpoint(ctx, shard)
	s.equal("there is a checkpoint", at.Seq > 0, err, "true")
	got, as, err := s.MessageSeq(ctx, shard, ab, "ann", "1")
	s.equal("the first one's place, and up to where that is certain", []any{got, as == at}, err, fmt.Sprintf("[%d,true]", seq))
	got, as, err = s.MessageSeq(ctx, shard, ab, "ann", "5")
	s.equal("what does not count leaves no trace", []any{got, as == at}, err, "[0,true]")

	cd := domain.Direct("cid", "dora")
	s.happen(cd, domain.Message{From: "cid", ID: "1", Msg: json.RawMessage(`"to anyone"`), Open: true})
	s.fold()
	for _, me := range []domain.UserID{"cid", "dora"} {
		list, _, err := s.Conversations(ctx, me, "", 10)
		s.equal("strangers who talk", len(list), err, "1")
	}
}

func testHistory(t *testing.T, s *story) {
	ctx := t.Context()
	s.befriend(ab)
	var seqs []uint64
	for i := range 20 {
		s.happen(ab, say("stranger", "x"))
		seqs = append(seqs, s.happen(ab, say("ann", fmt.Sprint(i))))
	}
	s.fold()
	for _, c := range []struct {
		before, after uint64
		limit         int
		want          string
		more          bool
	}{
		{0, 0, 3, "17 18 19", true},
		{0, 0, 20, ids(seqs, func(uint64) string { return "" }), false},
		{seqs[3], 0, 3, "0 1 2", false},
		{seqs[3], 0, 2, "1 2", true},
		{seqs[0], 0, 2, "", false},
		{0, seqs[3], 2, "4 5", true},
		{0, seqs[17], 2, "18 19", false},
		{0, seqs[19], 2, "", false},
		{seqs[8], seqs[3], 2, "4 5", true},
		{seqs[5], seqs[3], 2, "4", false},
		{seqs[3], seqs[8], 2, "", false},
		{seqs[10] - 1, 0, 1, "9", true},
		{^uint64(0), 0, 1, "19", true},
		{0, ^uint64(0), 1, "", false},
		{0, 0, 0, "19", true},
	} {
		list, more, err := s.Messages(ctx, "bob", ab, c.before, c.after, c.limit)
		if c.limit == 20 {
			s.equal("all", []any{len(list), more}, err, "[20,false]")
			continue
		}
		s.equal(fmt.Sprintf("%+v", c), []any{ids(list, messageID), more}, err, fmt.Sprintf("[%q,%v]", c.want, c.more))
	}
}

func testWhoMayRead(t *testing.T, s *story) {
	ctx := t.Context()
	s.befriend(ab)
	s.befriend(domain.Direct("ann", "cid"))
	s.happen(domain.Direct("ann", "cid"), domain.FriendRemoved{By: "ann"})
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "cid"}, Invited: []domain.UserID{"eve"}})
	s.happen(g, say("ann", "1"), domain.GroupLeft{UID: "bob"}, say("ann", "2"), domain.GroupRemoved{By: "ann", UID: "cid"}, say("ann", "3"))
	s.fold()
	for _, c := range []struct {
		me   domain.UserID
		in   domain.Topic
		want string
	}{
		{"ann", g, "1 2 3"}, {"bob", g, "1"}, {"cid", g, "1 2"}, {"eve", g, "refused"}, {"dora", g, "refused"},
		{"ann", ab, ""}, {"cid", ab, "refused"}, {"ann", domain.Direct("ann", "cid"), "refused"},
		{"ann", domain.Direct("ann", "zoe"), "refused"}, {"ann", domain.InGroup("none"), "refused"},
	} {
		list, _, err := s.Messages(ctx, c.me, c.in, 0, 0, 10)
		if c.want == "refused" {
			s.refused(fmt.Sprintf("%+v", c), err, domain.Forbidden)
			continue
		}
		s.equal(fmt.Sprintf("%+v", c), ids(list, messageID), err, fmt.Sprintf("%q", c.want))
	}
	s.happen(g, domain.GroupJoined{By: "ann", UID: "bob"})
	s.fold()
	list, _, err := s.Messages(ctx, "bob", g, 0, 0, 10)
	s.equal("who comes back reads all", ids(list, messageID), err, `"1 2 3"`)
}

// unread gives unread and read of the only conversation of somebody.
func (s *story) unread(me domain.UserID) (unread, read uint64) {
	s.Helper()
	s.fold()
	list, _, err := s.Conversations(s.Context(), me, "", 10)
	if err != nil || len(list) != 1 {
		s.Fatalf("Conversations %s: %v, %v", me, list, err)
	}
	return list[0].Unread, list[0].Read
}

func testUnread(t *testing.T, s *story) {
	check := func(what string, me domain.UserID, wantUnread, wantRead uint64) {
		t.Helper()
		if unread, read := s.unread(me); unread != wantUnread || read != wantRead {
			t.Errorf("%s: %s has %d unread and has read up to %d, want %d and %d", what, me, unread, read, wantUnread, wantRead)
		}
	}
	made := s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob"}})
	check("before anything is said", "ann", 0, made)
	one := s.happen(g, say("ann", "1"))
	check("one's own", "ann", 0, one)
	check("another's", "bob", 1, made)
	two := s.happen(g, say("ann", "2"))
	s.happen(g, say("ann", "3"))
	s.happen(g, domain.ReadMarked{By: "bob", Seq: two})
	check("a mark", "bob", 1, two)
	joined := s.happen(g, domain.GroupJoined{By: "ann", UID: "cid"})
	check("who joins starts at zero", "cid", 0, joined)
	four := s.happen(g, say("ann", "4"))
	check("who joined", "cid", 1, joined)
	end := s.happen(g, domain.ReadMarked{By: "bob", Seq: 1 << 60})
	check("a mark beyond the end", "bob", 0, end)
	s.happen(g, say("ann", "5"))
	check("what comes after such a mark", "bob", 1, end)
	last := s.happen(g, say("bob", "6"))
	check("sending is reading", "bob", 0, last)
	s.happen(g, domain.ReadMarked{By: "bob", Seq: one})
	check("an early mark after sending", "bob", 0, last)
	s.happen(g, domain.ReadMarked{By: "cid", Seq: 0})
	check("a mark at zero after joining", "cid", 3, joined)
	s.happen(g, domain.GroupLeft{UID: "cid"}, domain.ReadMarked{By: "cid", Seq: four}, say("ann", "7"), domain.GroupJoined{By: "ann", UID: "cid"})
	if unread, _ := s.unread("cid"); unread != 0 {
		t.Errorf("who comes back has %d unread", unread)
	}
}

func testConversations(t *testing.T, s *story) {
	ctx := t.Context()
	for _, u := range []domain.UserID{"a", "b", "c", "d", "e"} {
		s.befriend(domain.Direct("me", u))
		s.happen(domain.About(u), domain.Profiled{Username: string(u), Name: "Name " + string(u), Avatar: string(u) + ".png"})
	}
	s.happen(g, domain.GroupCreated{By: "me", Name: "a group"})
	s.happen(domain.InGroup("left"), domain.GroupCreated{By: "me", Name: "l", Members: []domain.UserID{"a"}}, say("me", "1"), domain.GroupLeft{UID: "me", Owner: "a"})
	for _, to := range []domain.Topic{domain.Direct("me", "c"), g, domain.Direct("me", "a")} {
		s.log.Append(to, say("me", "same time"), s.at) // ties go by topic
	}
	seq := s.happen(domain.Direct("me", "b"), say("b", "newest"))
	said := domain.Date(Began.Add(s.at))
	s.befriend(domain.Direct("me", "new")) // counts from when it began
	s.fold()
	all, next, err := s.Conversations(ctx, "me", "", 10)
	s.equal("newest first", ids(all, talkID)+next, err, `"u:new u:b g:g u:a u:c u:e u:d"`)
	s.equal("a line", all[1], nil, fmt.Sprintf(
		`{"id":"u:b","name":"Name b","avatar":"b.png","last":{"seq":%d,"id":"newest","from":"b","date":%q,"msg":"newest"},"unread":1,"read":0}`, seq, said))
	s.equal("a friend who never said anything", all[5], nil, `{"id":"u:e","name":"Name e","avatar":"e.png","unread":0,"read":0}`)
	s.is("a group's name", all[2].Name, "a group")
	var pages []string
	for next = ""; ; {
		var page []domain.ConversationView
		if page, next, err = s.Conversations(ctx, "me", next, 4); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, ids(page, talkID))
		if next == "" {
			break
		}
	}
	s.is("pages", strings.Join(pages, "|"), "u:new u:b g:g u:a|u:c u:e u:d")
	for _, bad := range []string{"x", "%%%", strings.Repeat("A", 10_000), "MSBub3RhdG9waWM", "bm90IGEgZGF0ZSB1c2VyLmEuYg"} {
		_, _, err := s.Conversations(ctx, "me", bad, 4)
		s.refused("cursor "+bad[:1], err, domain.Malformed)
	}
	none, next, err := s.Conversations(ctx, "nobody", "", 4)
	s.equal("somebody without any", []any{len(none), next}, err, `[0,""]`)
}

func testLarge(t *testing.T, s *story) {
	s.befriend(ab)
	long := strings.Repeat("é'\\\"\x00", domain.MaxMessage/20) // more than half a megabyte as SQL
	msg, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		s.happen(ab, domain.Message{From: "ann", ID: fmt.Sprint(i), Msg: msg})
	}
	members := make([]domain.UserID, 3000)
	for i := range members {
		members[i] = domain.UserID(fmt.Sprintf("user-%d", i))
	}
	s.happen(g, domain.GroupCreated{By: "ann", Name: "many", Members: members})
	s.happen(domain.About("ann"), domain.Profiled{Username: strings.Repeat("ü", 99), Name: strings.Repeat("元", 999), Avatar: strings.Repeat("é", 9999)})
	s.happen(ab, domain.Message{From: "ann", ID: "bad", Msg: json.RawMessage("\"\xff\"")})
	s.fold()
	list, _, err := s.Messages(t.Context(), "bob", ab, 0, 0, 50)
	if err != nil || len(list) != 13 || string(list[0].Msg) != string(msg) || string(list[12].Msg) != `"�"` {
		t.Errorf("Messages: %d of them, %v", len(list), err)
	}
	v, err := s.Group(t.Context(), "ann", "g")
	s.equal("the group", v.Members, err, "3001")
	ann, err := s.Person(t.Context(), "ann")
	s.equal("too long a name", []int{len(ann.Username), len(ann.Name)}, err, fmt.Sprintf("[%d,%d]", 2*domain.MaxUsername, 3*domain.MaxName))
}
