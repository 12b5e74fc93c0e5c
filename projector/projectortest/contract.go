package projectortest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/domain"
)

// Contract is what every store must do. open makes an empty one, which it closes when the test ends.
func Contract(t *testing.T, open func(testing.TB) Store) {
	for name, test := range map[string]func(*testing.T, *story){
		"people":           testPeople,
		"friends":          testFriends,
		"seen":             testSeen,
		"counted":          testCounted,
		"groups":           testGroups,
		"described":        testDescribed,
		"roles":            testRoles,
		"applications":     testApplications,
		"pages of them":    testApplyPages,
		"pages that move":  testApplyPagesMove,
		"many apply":       testManyApply,
		"blocked":          testBlocked,
		"dissolved":        testDissolved,
		"what counts":      testWhatCounts,
		"history":          testHistory,
		"who may read":     testWhoMayRead,
		"since one joined": testSinceJoined,
		"unread":           testUnread,
		"conversations":    testConversations,
		"what one is in":   testTopics,
		"being erased":     testErasing,
		"changes":          testChanges,
		"changed later":    testChangedAfterOneLeft,
		"recalled unread":  testRecalledUnread,
		"erased":           testErased,
		"search":           testSearch,
		"search bounded":   testSearchBounded,
		"search goes on":   testSearchGoesOn,
		"search, recalled": testSearchTakenBack,
		"large":            testLarge,
		"waiting":          testWaiting,
		"commit":           testCommit,
		"answered":         testAnswered,
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
func friendID(f domain.FriendView) string     { return string(f.ID) }
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

func testRandom(t *testing.T, s Store) {
	if err := s.Prepare(t.Context(), true); err != nil {
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
			h.Go(rt, Steps(rt, 60))
			Fold(t, log, s, o)
		}
		Recount(t, log, s)
		if t.Failed() {
			rt.FailNow()
		}
	})
}
