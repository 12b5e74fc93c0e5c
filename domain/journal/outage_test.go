package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/domain"
	"parley/domain/journal/journaltest"
)

// unavailable fails unless err is a refusal with code 8.
func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Code != domain.Unavailable {
		t.Errorf("%s gives %v, want Unavailable", what, err)
	}
}

func TestEpochsStayOverARestart(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("shards=%d", n), func(t *testing.T) {
			dir := journaltest.Dir(t.TempDir())
			j := journaltest.Open(t, dir, journaltest.Shards(n))
			fill(t, j, 0, 100)
			before, err := j.Ends(within(t))
			if err != nil {
				t.Fatal(err)
			}
			journaltest.Close(t, j)
			unavailable(t, "append to a closed log", func() error { _, err := j.Append(within(t), say(ab, "a", "x")); return err }())

			j = journaltest.Open(t, dir) // it has the shards it was made with
			after, err := j.Ends(within(t))
			if err != nil || j.Shards() != n || len(all(t, j)) != 100 {
				t.Fatalf("reopened: %d shards, %v", j.Shards(), err)
			}
			seen := map[string]bool{}
			for shard := range n {
				if before[shard] != after[shard] || j.Epoch(shard) != before[shard].Epoch || seen[j.Epoch(shard)] || j.Epoch(shard) == "" {
					t.Errorf("shard %d: ended at %v, reopened at %v", shard, before[shard], after[shard])
				}
				seen[j.Epoch(shard)] = true
			}
		})
	}
}

func TestFollowOverAServersRestart(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("shards=%d", n), func(t *testing.T) {
			servers := journaltest.Start(t, 1)
			j := servers.Open(t, journaltest.Shards(n))
			after := make([]domain.Position, n)
			f := follow(t, j, after, 100)
			fill(t, j, 0, 300)
			until(t, "the first events come", func() bool { return f.len() == 300 })
			for round := range 2 {
				servers.Stop(0)
				servers.Restart(0)
				until(t, "the log can be written again", func() bool { return j.Ready(within(t)) == nil })
				fill(t, j, 1000*round, 300)
				until(t, "what follows comes", func() bool { return f.len() == 600+300*round })
			}
			f.check(t, j, after)
		})
	}
}

func TestFollowOverChangesOfLeader(t *testing.T) {
	servers := journaltest.Start(t, 3)
	j := servers.Open(t, journaltest.Shards(3))
	after := make([]domain.Position, 3)
	f := follow(t, j, after, 100)
	stored := 0
	write := func(n int) {
		for range n {
			stored++
			topic := domain.Direct("a", domain.UserID(fmt.Sprintf("b%d", stored%20)))
			until(t, "an event is stored", func() bool {
				_, err := j.Append(within(t), once(say(topic, "a", fmt.Sprint(stored)), fmt.Sprint(stored)))
				return err == nil
			})
		}
	}
	write(100)
	for shard := range 2 {
		leader := -1
		until(t, "somebody leads", func() bool {
			leader = servers.Leader(fmt.Sprintf("CHAT-%d", shard))
			return leader >= 0
		})
		servers.Stop(leader)
		write(100)
		servers.Restart(leader)
		write(100)
	}
	until(t, "all events come", func() bool { return f.len() >= stored })
	f.check(t, j, after)
	if f.len() != stored {
		t.Errorf("%d events came of %d", f.len(), stored)
	}
}

// late is later than an append may be answered: it is promised in five seconds, and a machine may be slow.
const late = 10 * time.Second

// With the server gone an append is refused in time, and what was refused is not stored later.
func TestUnavailable(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("shards=%d", n), func(t *testing.T) {
			servers := journaltest.Start(t, 1)
			j := servers.Open(t, journaltest.Shards(n))
			fill(t, j, 0, 50)
			servers.Stop(0)
			for i := range 20 {
				begun := time.Now()
				_, err := j.Append(within(t), say(domain.Direct("a", domain.UserID(fmt.Sprintf("c%d", i))), "a", "lost"))
				unavailable(t, "append", err)
				if took := time.Since(begun); took > late {
					t.Errorf("it took %v to say so", took)
				}
			}
			unavailable(t, "ready", j.Ready(within(t)))
			_, err := j.State(within(t), ab, 0)
			unavailable(t, "state", err)
			_, err = j.Ends(within(t))
			unavailable(t, "ends", err)
			unavailable(t, "broadcast", j.Broadcast("x", nil))

			servers.Restart(0)
			until(t, "the log can be written again", func() bool { return j.Ready(within(t)) == nil })
			fill(t, j, 50, 50)
			for _, r := range all(t, j) {
				if text(r) == "lost" {
					t.Fatal("what was refused was stored later")
				}
			}
		})
	}
}

// Without a majority nothing is stored, and Ready says so; with it, all goes on.
func TestNoMajority(t *testing.T) {
	servers := journaltest.Start(t, 3)
	j := servers.Open(t, journaltest.Shards(1))
	store(t, j, say(ab, "a", "first"))
	servers.Stop(0)
	servers.Stop(1)
	_, err := j.Append(within(t), say(ab, "a", "second"))
	unavailable(t, "append", err)
	until(t, "it is not ready", func() bool { return j.Ready(within(t)) != nil })
	servers.Restart(0)
	until(t, "it is ready again", func() bool { return j.Ready(within(t)) == nil })
	until(t, "an event is stored", func() bool { _, err := j.Append(within(t), say(ab, "a", "third")); return err == nil })
}

// A full log refuses and says so; it does not forget.
func TestFull(t *testing.T) {
	servers := journaltest.Start(t, 1)
	j := servers.Open(t)
	store(t, j, say(ab, "a", "first"))
	limitStream(t, servers.URL(), "CHAT-0", 1)
	_, err := j.Append(within(t), say(ab, "a", "second"))
	unavailable(t, "append to a full log", err)
	unavailable(t, "ready", j.Ready(within(t)))
	if got := all(t, j); len(got) != 1 || text(got[0]) != "first" {
		t.Errorf("the log holds %v", got)
	}
	limitStream(t, servers.URL(), "CHAT-0", -1)
	store(t, j, say(ab, "a", "third"))
	if err := j.Ready(within(t)); err != nil {
		t.Errorf("ready: %v", err)
	}
}

func TestCloseWaitsForAppends(t *testing.T) {
	dir := journaltest.Dir(t.TempDir())
	j := journaltest.Open(t, dir, journaltest.SyncAlways)
	const n = 20 // so few that a slow disk has them in time
	stored := make(chan error, n)
	for i := range n {
		j.AppendAsync(say(ab, "a", fmt.Sprint(i)), func(_ domain.Stored, err error) { stored <- err })
	}
	journaltest.Close(t, j)
	for range n {
		select {
		case err := <-stored:
			if err != nil {
				t.Errorf("append: %v", err)
			}
		default:
			t.Fatal("closed before all appends were answered")
		}
	}
	after := error(nil)
	j.AppendAsync(say(ab, "a", "after"), func(_ domain.Stored, err error) { after = err })
	unavailable(t, "an append after the end, answered at once", after)
	if got := all(t, journaltest.Open(t, dir)); len(got) != n {
		t.Errorf("%d of %d are there", len(got), n)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	servers := journaltest.Start(t, 1)
	journaltest.Close(t, servers.Open(t, journaltest.Shards(3))) // makes the streams, which have goroutines of their own
	before := goleak.IgnoreCurrent()
	j := servers.Open(t, journaltest.Shards(3))
	h := listen(t, j)
	if err := h.FollowPerson("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Hear("x", func([]byte) {}); err != nil {
		t.Fatal(err)
	}
	followed := make(chan error, 1)
	ctx, stop := context.WithCancel(within(t))
	go func() {
		followed <- j.Follow(ctx, 0, domain.Position{}, 10, func([]domain.Record) error { return nil })
	}()
	fill(t, j, 0, 1000)
	if got := all(t, j); len(got) != 1000 {
		t.Errorf("%d events are there", len(got))
	}
	stop()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended: %v", err)
	}
	journaltest.Close(t, j)
	h.Close()
	var left error
	defer func() {
		if left != nil {
			t.Log(left)
		}
	}()
	until(t, "all goroutines have ended", func() bool {
		left = goleak.Find(before)
		return left == nil
	})
}

// Closing ends what goes on, with an answer.
func TestCloseEndsReaders(t *testing.T) {
	j := openOne(t)
	fill(t, j, 0, 10)
	begun, followed := make(chan struct{}), make(chan error, 1)
	begin := sync.OnceFunc(func() { close(begun) })
	go func() {
		followed <- j.Follow(within(t), 0, domain.Position{}, 10, func([]domain.Record) error { begin(); return nil })
	}()
	<-begun
	journaltest.Close(t, j)
	unavailable(t, "follow", <-followed)
	_, err := j.Read(within(t), 0, domain.Position{}, func([]domain.Record) error { return nil })
	unavailable(t, "read", err)
	_, err = j.State(within(t), ab, 0)
	unavailable(t, "state", err)
	_, err = j.Live(func(domain.Record) {}, func() {})
	unavailable(t, "live", err)
	unavailable(t, "an account", j.CreateAccount(within(t), domain.Account{Username: "ann"}))
}
