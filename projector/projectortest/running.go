package projectortest

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/domain"
	"parley/projector"
)

func testAnotherLog(t *testing.T, s *story) {
	s.befriend(ab)
	s.happen(ab, say("ann", "1"), say("ann", "2"))
	_, stop := Start(t, s.log, s.Store, Quick())
	CatchUp(t, s.log, s.Store)
	s.log.Remake("second") // as it runs
	s.befriend(domain.Direct("ann", "cid"))
	CatchUp(t, s.log, s.Store)
	friends, err := s.Friends(t.Context(), "ann")
	s.equal("only what the new log says", ids(friends, friendID), err, `"cid"`)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s.log.Remake("third") // and before it starts
	s.befriend(domain.Direct("ann", "dora"))
	s.fold()
	friends, err = s.Friends(t.Context(), "ann")
	s.equal("only what the newest log says", ids(friends, friendID), err, `"dora"`)
	_, _, err = s.Messages(t.Context(), "ann", ab, 0, 0, 10)
	s.refused("what was in an earlier log", err, domain.Forbidden)

	s.log.Remake("third") // the same epoch, but a shorter log: a backup was restored
	_, stop = Start(t, s.log, s.Store, Quick())
	Until(t, "what is not in the log is gone", func() bool {
		friends, err := s.Friends(t.Context(), "ann")
		return err == nil && len(friends) == 0
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	s.befriend(ab)
	s.fold()
	s.log.Remake("third") // the same epoch and as long, but by other events: it has grown again
	s.happen(ab, domain.FriendRequested{By: "ann"}, domain.FriendRejected{By: "bob"})
	_, stop = Start(t, s.log, s.Store, Quick())
	Until(t, "those who are no friends in this log are none", func() bool {
		friends, err := s.Friends(t.Context(), "ann")
		return err == nil && len(friends) == 0
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func testTwoProjectors(t *testing.T, s *story) {
	s.befriend(ab)
	o := Quick()
	o.Patience = 3 * time.Second // so that nobody takes over just because a test waits for its turn
	one, stopOne := Start(t, s.log, s.Store, o)
	two, stopTwo := Start(t, s.log, s.Store, o)
	said, befriended := 0, uint64(2)
	more := func(n int) {
		t.Helper()
		for range n {
			said++
			s.happen(ab, say("ann", strconv.Itoa(said)))
		}
		CatchUp(t, s.log, s.Store)
		Until(t, "all is counted, once", func() bool { return one.Folded()+two.Folded() == befriended+uint64(said) })
	}
	more(200)
	changes := 0
	for quiet := 0; quiet < 10; quiet++ { // one event at a time: soon it is always the same one who folds it
		before1, before2 := one.Folded(), two.Folded()
		more(1)
		if one.Folded() > before1 && two.Folded() > before2 {
			t.Fatal("both have folded the same")
		}
		if two.Folded() > before2 { // from here on that is the first
			one, two, stopOne, stopTwo, quiet = two, one, stopTwo, stopOne, 0
			if changes++; changes > 3 {
				t.Fatal("the two take turns")
			}
		}
	}
	if err := stopOne(); err != nil {
		t.Errorf("the first: %v", err)
	}
	before := two.Folded()
	more(100)
	if two.Folded() == before {
		t.Error("the second has not taken over")
	}
	if err := two.Ready(); err != nil {
		t.Errorf("the second is not ready: %v", err)
	}
	if err := stopTwo(); err != nil {
		t.Errorf("the second: %v", err)
	}
	tails, err := s.Tails(t.Context(), []domain.Topic{ab})
	s.equal("how many there are", tails[0].Number, err, strconv.Itoa(said))
}

func testEmptied(t *testing.T, s *story) {
	s.befriend(ab)
	s.happen(ab, say("ann", "1"))
	_, stop := Start(t, s.log, s.Store, Quick())
	CatchUp(t, s.log, s.Store)
	for range 3 {
		for shard := range s.log.Shards() { // by another projector, say; there is nothing to fold that would meet it
			at, err := s.Checkpoint(t.Context(), shard)
			if err == nil && at.Seq > 0 {
				err = s.Reset(t.Context(), shard, at)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		CatchUp(t, s.log, s.Store)
		list, _, err := s.Messages(t.Context(), "ann", ab, 0, 0, 10)
		s.equal("folded anew", ids(list, messageID), err, `"1"`)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// strange is an event that no version knows.
type strange struct{}

func (strange) EventName() string { return "strange" }
func (strange) Lane() domain.Lane { return domain.LaneTalk }

func testUnknownEvent(t *testing.T, s *story) {
	s.log = NewLog(1)
	s.befriend(ab)
	s.happen(ab, say("ann", "before"), strange{}, say("ann", "after"))
	for range 2 {
		p := projector.New(s.log, s.Store, Quick())
		err := p.Run(t.Context())
		var unknown *domain.UnknownEventError
		if !errors.As(err, &unknown) || unknown.Event != "strange" || !strings.Contains(err.Error(), "event 4 of user.ann.bob") {
			t.Errorf("Run: %v", err)
		}
		if p.Ready() == nil {
			t.Error("it stopped and says that it is ready")
		}
	}
	list, _, err := s.Messages(t.Context(), "ann", ab, 0, 0, 10)
	s.equal("what came before it", ids(list, messageID), err, `"before"`)
}

func testOdd(t *testing.T, s *story) {
	me := domain.About("ann")
	s.happen(me, say("ann", "1"), domain.ReadMarked{By: "ann", Seq: 1}, domain.FriendRequested{By: "ann"}, domain.GroupCreated{By: "ann", Name: "x"})
	s.happen(ab, domain.GroupCreated{By: "ann", Name: "x"}, domain.Profiled{Name: "x"}, domain.FriendAccepted{By: "ann"})
	s.happen(g, domain.FriendAccepted{By: "ann"}, domain.GroupJoined{By: "ann", UID: "ann"}, domain.GroupLeft{UID: "ann"}, say("ann", "1"))
	s.happen(g, domain.GroupCreated{By: "ann", Name: "first", Invited: []domain.UserID{"cid"}}, domain.GroupDeclined{UID: "cid"},
		domain.GroupCreated{By: "bob", Name: "second", Invited: []domain.UserID{"cid"}}, domain.GroupLeft{UID: "bob", Owner: "bob"})
	s.happen(ab, domain.ReadMarked{By: "stranger", Seq: 5}, domain.FriendRequested{By: "stranger"})
	s.fold()
	friends, err := s.Friends(t.Context(), "ann")
	s.equal("an answer to no question, which Evolve takes", ids(friends, friendID), err, `"bob"`)
	v, err := s.Group(t.Context(), "ann", "g")
	s.equal("a group is made once", v, err, `{"id":"g","name":"first","avatar":"","description":"","history":"all","owner":"ann","members":1,"role":"owner"}`)
	applies, err := s.applies("cid")
	s.equal("and invites once", len(applies), err, "0")
	_, err = s.Person(t.Context(), "ann")
	s.refused("a profile that is nobody's", err, domain.NotFound)
}
