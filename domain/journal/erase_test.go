package journal_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// byA is what a said and read.
func byA(e domain.Event) bool { return domain.Erasable(e, "a") }

// erase takes a's out of a topic, however often it takes: servers on a machine that stands still for a moment do not answer in time. It gives up to where.
func erase(t *testing.T, j *journal.Journal, topic domain.Topic, upTo uint64) uint64 {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		var err error
		if upTo, err = j.Erase(within(t), topic, upTo, 0, byA); err == nil {
			return upTo
		}
		if !isUnavailable(err) || time.Now().After(end) {
			t.Errorf("erase %s after %d: %v", topic, upTo, err)
			return upTo
		}
	}
}

// talked puts the talk of a and b into a topic, with marks and decisions of both, and gives what is left when a's is erased.
func talked(t *testing.T, j *journal.Journal, topic domain.Topic, n int) (left []domain.Record) {
	t.Helper()
	for i := range n {
		for _, u := range []domain.UserID{"a", "b"} {
			store(t, j, say(topic, u, fmt.Sprintf("%s-said-%s-%d", u, topic.Key(), i)))
		}
	}
	store(t, j, domain.Draft{Topic: topic, Event: domain.FriendRequested{By: "a", Greeting: []byte(`{"greeting":"a-greets"}`)}})
	store(t, j, domain.Draft{Topic: topic, Event: domain.FriendAccepted{By: "b"}})
	store(t, j, mark(topic, "a", 1))
	store(t, j, mark(topic, "b", 1))
	return remaining(t, j, topic)
}

func remaining(t *testing.T, j *journal.Journal, topic domain.Topic) []domain.Record {
	t.Helper()
	return slices.DeleteFunc(since(t, j, topic), func(r domain.Record) bool { return byA(r.Event) })
}

func since(t *testing.T, j *journal.Journal, topic domain.Topic) []domain.Record {
	t.Helper()
	all, err := j.Since(within(t), topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What somebody said goes from all lanes of a topic; what others said there stays as it is, and so does all else.
func TestErase(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		left, elsewhere := talked(t, j, ab, 20), talked(t, j, domain.Direct("a", "c"), 5)
		whole := since(t, j, domain.Direct("a", "c"))
		end := since(t, j, ab)
		upTo := erase(t, j, ab, 0)
		if upTo != end[len(end)-1].Seq {
			t.Fatalf("erased up to %d, want %d", upTo, end[len(end)-1].Seq)
		}
		until(t, "all servers have erased it", func() bool { return same(since(t, j, ab), left) })
		if got := since(t, j, domain.Direct("a", "c")); !same(got, whole) {
			t.Errorf("another topic has %d events, want %d", len(got), len(whole))
		}
		if len(left) != 22 || len(elsewhere) != 7 {
			t.Errorf("%d and %d are left", len(left), len(elsewhere))
		}
		if again := erase(t, j, ab, 0); again != left[len(left)-1].Seq {
			t.Errorf("again: up to %d", again)
		}
		if at, err := j.Erase(within(t), ab, 0, left[1].Seq, func(domain.Event) bool { return true }); err != nil || at != left[1].Seq-1 {
			t.Errorf("before the second: up to %d, %v", at, err)
		}
		left = left[1:]
		store(t, j, say(ab, "a", "late"))
		erase(t, j, ab, upTo)
		until(t, "what came later is erased", func() bool { return same(since(t, j, ab), left) })
		if at, err := j.Erase(within(t), domain.Direct("x", "y"), 7, 0, byA); err != nil || at != 7 {
			t.Errorf("a topic without events: %d, %v", at, err)
		}
	})
}

func same(a, b []domain.Record) bool {
	return slices.EqualFunc(a, b, func(x, y domain.Record) bool { return x.Seq == y.Seq && x.Event.EventName() == y.Event.EventName() })
}

// It ends where it is told to, and goes on from there; what it has done by then is done.
func TestEraseGoesOn(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		left := talked(t, j, ab, 30)
		picked := 0
		ctx, cancel := context.WithCancel(within(t))
		upTo, err := j.Erase(ctx, ab, 0, 0, func(e domain.Event) bool {
			if byA(e) {
				picked++
			}
			if picked == 10 {
				cancel()
			}
			return byA(e)
		})
		if !isUnavailable(err) || upTo == 0 {
			t.Fatalf("broken off at %d with %v", upTo, err)
		}
		if got := len(since(t, j, ab)); got >= 64 || got <= len(left) {
			t.Fatalf("%d are there after it was broken off", got)
		}
		first := uint64(0)
		_, err = j.Erase(within(t), ab, upTo, 0, func(e domain.Event) bool {
			if m, ok := e.(domain.Message); ok && first == 0 {
				fmt.Sscanf(m.ID, "a-said-user.a.b-%d", &first)
			}
			return byA(e)
		})
		if err != nil || !same(since(t, j, ab), left) {
			t.Errorf("%d are left, %v; want %d", len(since(t, j, ab)), err, len(left))
		}
		if first < 8 {
			t.Errorf("it began anew, with message %d", first)
		}
	})
}

// A history is gone through in parts, of which none is large.
func TestEraseALargeTopic(t *testing.T) {
	j := openOne(t)
	large := strings.Repeat("x", 200<<10)
	var mine []uint64
	for i := range 60 { // 12 MB
		d := say(ab, domain.UserID([]string{"a", "b", "b"}[i%3]), fmt.Sprint(i))
		d.Event = domain.Message{From: d.Event.(domain.Message).From, ID: fmt.Sprint(i), Msg: []byte(`"` + large + `"`)}
		if at := store(t, j, d); i%3 > 0 {
			mine = append(mine, at.Seq)
		}
	}
	erase(t, j, ab, 0)
	var left []uint64
	for _, r := range since(t, j, ab) {
		left = append(left, r.Seq)
	}
	if !slices.Equal(left, mine) {
		t.Errorf("left are %v, want %v", left, mine)
	}
}

// Several may do it at once, while others talk on.
func TestEraseAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		talked(t, j, ab, 20)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { erase(t, j, ab, 0) })
		}
		for i := range 20 {
			store(t, j, say(ab, "b", fmt.Sprint("on-", i)))
		}
		wg.Wait()
		until(t, "nothing of a's is left", func() bool { return len(since(t, j, ab)) == 42 && len(remaining(t, j, ab)) == 42 })
	})
}

func TestEraseWhileNATSIsAway(t *testing.T) {
	servers := journaltest.Start(t, 1)
	j := servers.Open(t)
	left := talked(t, j, ab, 2)
	servers.Stop(0)
	if at, err := j.Erase(within(t), ab, 1, 0, byA); !isUnavailable(err) || at != 1 {
		t.Fatalf("without servers: %d, %v", at, err)
	}
	servers.Restart(0)
	until(t, "it can be done again", func() bool { _, err := j.Erase(within(t), ab, 0, 0, byA); return err == nil })
	if got := since(t, j, ab); !same(got, left) {
		t.Errorf("%d are left, want %d", len(got), len(left))
	}
}

// readers go on by what is left: from a checkpoint whose event is erased, and over the end where the last events are.
func TestReadersGoOnOverWhatIsErased(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		store(t, j, say(ab, "b", "first"))
		at := store(t, j, say(ab, "a", "in between"))
		store(t, j, say(ab, "b", "last"))
		store(t, j, say(ab, "a", "the end"))
		var checkpoint domain.Position
		collect := func(after domain.Position) (heard []string) {
			end, err := j.Read(within(t), at.Shard, after, func(records []domain.Record) error {
				for _, r := range records {
					heard = append(heard, text(r))
					if r.Seq == at.Seq {
						checkpoint = domain.Position{Epoch: j.Epoch(at.Shard), Seq: r.Seq, Time: r.Time.UnixNano()}
					}
				}
				return nil
			})
			if ends, e := j.Ends(within(t)); err != nil || e != nil || end.Seq < ends[at.Shard].Seq {
				t.Errorf("read ends at %d, %v; the log at %v, %v", end.Seq, err, ends, e)
			}
			return heard
		}
		collect(domain.Position{})
		erase(t, j, ab, 0)
		until(t, "it is erased everywhere", func() bool { return len(since(t, j, ab)) == 2 })
		if got := collect(checkpoint); !slices.Equal(got, []string{"last"}) {
			t.Errorf("after the checkpoint came %q", got)
		}
		if got := collect(domain.Position{}); !slices.Equal(got, []string{"first", "last"}) {
			t.Errorf("from the beginning came %q", got)
		}
	})
}

// A live copy names the last of its lane that is left, and decisions expect it.
func TestAppendAfterErasing(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		h := listen(t, j)
		if err := h.FollowPerson("a"); err != nil {
			t.Fatal(err)
		}
		left := store(t, j, domain.Draft{Topic: ab, Event: domain.FriendBlocked{By: "b"}})
		store(t, j, domain.Draft{Topic: ab, Event: domain.FriendRequested{By: "a"}})
		erase(t, j, ab, 0)
		store(t, j, expecting(domain.Draft{Topic: ab, Event: domain.FriendUnblocked{By: "b"}}, left.Seq))
		until(t, "the copy comes", func() bool { return len(h.all()) == 3 })
		if got := h.all()[2]; got.Prev != left.Seq {
			t.Errorf("the copy names %d, want %d", got.Prev, left.Seq)
		}
	})
}

// Nothing of what is erased is left in the files of any server's streams, and what others said is.
func TestErasedIsOverwritten(t *testing.T) {
	check := func(t *testing.T, j *journal.Journal, dirs ...string) {
		t.Helper()
		talked(t, j, ab, 50)
		store(t, j, domain.Draft{Topic: domain.About("a"), Event: domain.Profiled{Username: "a-is-the-username", Name: "A"}})
		for _, topic := range []domain.Topic{ab, domain.About("a")} {
			erase(t, j, topic, 0)
		}
		for _, dir := range dirs {
			until(t, "it is overwritten in "+dir, func() bool {
				return !holds(t, dir, "a-said-") && !holds(t, dir, "a-greets") && !holds(t, dir, "a-is-the-username")
			})
			if !holds(t, dir, "b-said-user.a.b-49") {
				t.Errorf("%s does not hold what others said", dir)
			}
		}
	}
	t.Run("one server", func(t *testing.T) {
		dir := t.TempDir()
		check(t, journaltest.Open(t, journaltest.Dir(dir)), dir)
	})
	t.Run("synced", func(t *testing.T) {
		dir := t.TempDir()
		check(t, journaltest.Open(t, journaltest.Dir(dir), journaltest.SyncAlways), dir)
	})
	t.Run("cluster", func(t *testing.T) {
		servers := journaltest.Start(t, 3)
		check(t, servers.Open(t), servers.Dirs()...)
	})
}

// holds says whether a block of a stream in some folder holds a word.
func holds(t *testing.T, dir, word string) (found bool) {
	t.Helper()
	blocks := 0
	walked := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".blk" || !strings.Contains(path, "CHAT-") {
			return nil // a block is put in its own place while it is rewritten
		}
		blocks++
		b, err := os.ReadFile(path)
		found = found || err == nil && strings.Contains(string(b), word)
		return nil
	})
	if walked != nil || blocks == 0 {
		t.Fatalf("%s: %d blocks, %v", dir, blocks, walked)
	}
	return found
}
