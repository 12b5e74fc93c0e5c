package projectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/domain"
	"parley/projector"
)

// Contract is what every store must do. open makes an empty one, which it closes when the test ends.
func Contract(t *testing.T, open func(testing.TB) Store) {
	for name, test := range map[string]func(*testing.T, *story){
		"people":           testPeople,
		"friends":          testFriends,
		"groups":           testGroups,
		"what counts":      testWhatCounts,
		"history":          testHistory,
		"who may read":     testWhoMayRead,
		"unread":           testUnread,
		"conversations":    testConversations,
		"large":            testLarge,
		"waiting":          testWaiting,
		"commit":           testCommit,
		"look-ups":         testLookUps,
		"another log":      testAnotherLog,
		"emptied":          testEmptied,
		"two projectors":   testTwoProjectors,
		"unknown event":    testUnknownEvent,
		"odd but possible": testOdd,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, &story{T: t, Store: open(t), log: NewLog(3)})
		})
	}
	t.Run("random histories", func(t *testing.T) { testRandom(t, open(t)) })
}

// story is a log and the store that it is folded into.
type story struct {
	*testing.T
	Store
	log *Log
	at  time.Duration
}

// happen appends events of a topic, a second apart, and gives the place of the last.
func (s *story) happen(t domain.Topic, events ...domain.Event) (seq uint64) {
	for _, e := range events {
		s.at += time.Second
		seq = s.log.Append(t, e, s.at)
	}
	return seq
}

func (s *story) fold() {
	s.Helper()
	Fold(s.T, s.log, s.Store, Quick())
}

func say(from domain.UserID, id string) domain.Message {
	return domain.Message{From: from, ID: id, Msg: json.RawMessage(`"` + id + `"`)}
}

// equal fails where an answer, as JSON, is not what is wanted.
func (s *story) equal(what string, got any, err error, want string) {
	s.Helper()
	if err != nil {
		s.Errorf("%s: %v", what, err)
		return
	}
	b, err := json.Marshal(got)
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	if string(b) != want {
		s.Errorf("%s\n got  %s\n want %s", what, b, want)
	}
}

// refused fails where the answer is not a refusal with a code.
func (s *story) refused(what string, err error, code domain.Code) {
	s.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Code != code {
		s.Errorf("%s: %v; want a refusal with code %d", what, err, code)
	}
}

func ids[V any](views []V, id func(V) string) string {
	all := make([]string, len(views))
	for i, v := range views {
		all[i] = id(v)
	}
	return strings.Join(all, " ")
}

func personID(p domain.PersonView) string     { return string(p.ID) }
func messageID(m domain.MessageView) string   { return m.ID }
func talkID(c domain.ConversationView) string { return c.ID }
func (s *story) is(what, got string, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s: %q, want %q", what, got, want)
	}
}

var (
	ab = domain.Direct("ann", "bob")
	g  = domain.InGroup("g")
)

func (s *story) befriend(t domain.Topic) {
	lo, hi, _ := t.Pair()
	s.happen(t, domain.FriendRequested{By: lo}, domain.FriendAccepted{By: hi})
}

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
	all, err := s.Persons(t.Context(), nil)
	s.equal("nobody asked for", len(all), err, "0")
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
	got, found, err := s.MessageSeq(ctx, ab, "ann", "1")
	s.equal("the first one's place", []any{got, found}, err, fmt.Sprintf("[%d,true]", seq))
	_, found, err = s.MessageSeq(ctx, ab, "ann", "5")
	s.equal("what does not count leaves no trace", found, err, "false")

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
	s.happen(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob"}})
	check("before anything is said", "ann", 0, 0)
	one := s.happen(g, say("ann", "1"))
	check("one's own", "ann", 0, one)
	check("another's", "bob", 1, 0)
	two := s.happen(g, say("ann", "2"))
	three := s.happen(g, say("ann", "3"))
	s.happen(g, domain.ReadMarked{By: "bob", Seq: two})
	check("a mark", "bob", 1, two)
	s.happen(g, domain.GroupJoined{By: "ann", UID: "cid"})
	check("who joins starts at zero", "cid", 0, three)
	four := s.happen(g, say("ann", "4"))
	check("who joined", "cid", 1, three)
	end := s.happen(g, domain.ReadMarked{By: "bob", Seq: 1 << 60})
	check("a mark beyond the end", "bob", 0, end)
	s.happen(g, say("ann", "5"))
	check("what comes after such a mark", "bob", 1, end)
	last := s.happen(g, say("bob", "6"))
	check("sending is reading", "bob", 0, last)
	s.happen(g, domain.ReadMarked{By: "bob", Seq: one})
	check("an early mark after sending", "bob", 0, last)
	s.happen(g, domain.ReadMarked{By: "cid", Seq: 0})
	check("a mark at zero after joining", "cid", 3, three)
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
	s.fold()
	all, next, err := s.Conversations(ctx, "me", "", 10)
	s.equal("newest first", ids(all, talkID)+next, err, `"u:b g:g u:a u:c u:d u:e"`)
	s.equal("a line", all[0], nil, fmt.Sprintf(
		`{"id":"u:b","name":"Name b","avatar":"b.png","last":{"seq":%d,"id":"newest","from":"b","date":%q,"msg":"newest"},"unread":1,"read":0}`, seq, domain.Date(Began.Add(s.at))))
	s.equal("a friend who never said anything", all[5], nil, `{"id":"u:e","name":"Name e","avatar":"e.png","unread":0,"read":0}`)
	s.is("a group's name", all[1].Name, "a group")
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
	s.is("pages", strings.Join(pages, "|"), "u:b g:g u:a u:c|u:d u:e")
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

func testWaiting(t *testing.T, s *story) {
	s.befriend(ab)
	ends, _ := s.log.Ends(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	behind, err := s.Wait(ctx, ends)
	s.equal("nothing folded", behind, err, "2")
	soon := make(chan string, 20)
	for range cap(soon) {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), Patience)
			defer cancel()
			behind, err := s.Wait(ctx, ends)
			soon <- fmt.Sprint(behind, err)
		}()
	}
	s.fold()
	for range cap(soon) {
		s.is("many who wait", <-soon, "0 <nil>")
	}
	other := []domain.Position{{Epoch: "another", Seq: 5}}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	behind, err = s.Wait(ctx, other)
	s.equal("another log", behind, err, "5")
	behind, err = s.Wait(t.Context(), make([]domain.Position, 3))
	s.equal("zero positions", behind, err, "0")
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
}

func testCommit(t *testing.T, s *story) {
	ctx := t.Context()
	if err := s.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	pos := func(seq uint64) domain.Position { return domain.Position{Epoch: "e", Seq: seq} }
	row := func(seq uint64, id string) []projector.MessageRow {
		return []projector.MessageRow{{MessageKey: projector.MessageKey{Topic: ab, From: "ann", ID: id}, Seq: seq, Number: seq, Msg: json.RawMessage(`"x"`)}}
	}
	for _, c := range []struct {
		what  string
		batch projector.Batch
		want  error
		at    domain.Position
	}{
		{"not from the beginning", projector.Batch{Shard: 1, From: pos(1), To: pos(2)}, projector.ErrFenced, domain.Position{}},
		{"the first", projector.Batch{Shard: 1, To: pos(1), Messages: row(1, "1")}, nil, pos(1)},
		{"the first twice", projector.Batch{Shard: 1, To: pos(1), Messages: row(1, "1")}, projector.ErrFenced, pos(1)},
		{"the same id", projector.Batch{Shard: 1, From: pos(1), To: pos(2), Messages: row(2, "1"), People: []projector.PersonRow{{UID: "ann"}}}, projector.ErrDuplicate, pos(1)},
		{"the second", projector.Batch{Shard: 1, From: pos(1), To: pos(2), Messages: row(2, "2")}, nil, pos(2)},
		{"another epoch", projector.Batch{Shard: 1, From: domain.Position{Epoch: "f", Seq: 2}, To: pos(3)}, projector.ErrFenced, pos(2)},
		{"another shard", projector.Batch{Shard: 0, To: pos(9)}, nil, pos(2)},
	} {
		if err := s.Commit(ctx, c.batch); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		at, err := s.Checkpoint(ctx, 1)
		s.equal(c.what, at, err, fmt.Sprintf(`{"epoch":%q,"seq":%d}`, c.at.Epoch, c.at.Seq))
	}
	_, err := s.Person(ctx, "ann")
	s.refused("nothing of a batch that failed", err, domain.NotFound)
	if err := s.Reset(ctx, 1, pos(1)); !errors.Is(err, projector.ErrFenced) {
		t.Errorf("Reset at another checkpoint: %v", err)
	}
	if err := s.Reset(ctx, 1, pos(2)); err != nil {
		t.Errorf("Reset: %v", err)
	}
	_, found, err := s.MessageSeq(ctx, ab, "ann", "1")
	s.equal("nothing after Reset", found, err, "false")
	at, err := s.Checkpoint(ctx, 0)
	s.equal("no checkpoint after Reset", at.Seq, err, "0")
}

func testLookUps(t *testing.T, s *story) {
	ctx := t.Context()
	s.befriend(ab)
	first := s.happen(ab, say("ann", "1"))
	second := s.happen(ab, say("bob", "1"))
	s.fold()
	tails, err := s.Tails(ctx, []domain.Topic{g, ab})
	if err != nil || len(tails) != 1 || tails[0] != (projector.TailRow{Topic: ab, Seq: second, Number: 2, Date: Began.Add(s.at).UnixMilli()}) {
		t.Errorf("Tails: %v, %v", tails, err)
	}
	var places []projector.Place
	var want []uint64
	for range 600 { // more than go into one statement
		places = append(places, projector.Place{Topic: ab, Seq: first - 1}, projector.Place{Topic: ab, Seq: first}, projector.Place{Topic: g, Seq: 9},
			projector.Place{Topic: ab, Seq: second}, projector.Place{Topic: ab, Seq: ^uint64(0)})
		want = append(want, 0, 1, 0, 2, 2)
	}
	numbers, err := s.Numbers(ctx, places)
	if err != nil || !reflect.DeepEqual(numbers, want) {
		t.Errorf("Numbers: %v", err)
	}
	keys := []projector.MessageKey{{Topic: ab, From: "bob", ID: "2"}, {Topic: ab, From: "bob", ID: "1"}, {Topic: g, From: "bob", ID: "1"}}
	known, err := s.Known(ctx, keys)
	if err != nil || !reflect.DeepEqual(known, keys[1:2]) {
		t.Errorf("Known: %v, %v", known, err)
	}
}

func testRandom(t *testing.T, s Store) {
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		Empty(t, s)
		log := NewLog(rapid.SampledFrom([]int{1, 3}).Draw(rt, "shards"))
		repeat := rapid.IntRange(0, 9).Draw(rt, "repeat")
		log.Repeat = func(n int) int { return min(n, repeat) }
		o := Quick()
		o.Batch = rapid.IntRange(1, 20).Draw(rt, "batch")
		o.Cache = rapid.SampledFrom([]int{1, 5, 1000}).Draw(rt, "cache")
		h := NewHistory(log)
		for range rapid.IntRange(1, 3).Draw(rt, "runs") {
			h.Go(rt, rapid.IntRange(0, 60).Draw(rt, "steps"))
			Fold(t, log, s, o)
		}
		Recount(t, log, s)
		if t.Failed() {
			rt.FailNow()
		}
	})
}
