package journal_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// hearing collects live copies.
type hearing struct {
	*journal.Live
	mu      sync.Mutex
	records []domain.Record
	lost    int
}

func listen(t *testing.T, j *journal.Journal) *hearing {
	t.Helper()
	h := &hearing{}
	live, err := j.Live(func(r domain.Record) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.records = append(h.records, r)
	}, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.lost++
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Live = live
	t.Cleanup(live.Close)
	return h
}

func (h *hearing) losses() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

func (h *hearing) all() []domain.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.records)
}

// expect stores what must be heard, closing with a profile that everyone hears, and compares.
func (h *hearing) expect(t *testing.T, j *journal.Journal, heard []domain.Draft, unheard []domain.Draft) {
	t.Helper()
	before := len(h.all())
	for _, d := range unheard {
		store(t, j, d)
	}
	var want []string
	for _, d := range heard {
		at := store(t, j, d)
		want = append(want, fmt.Sprintf("%d-%d %s %s", at.Shard, at.Seq, d.Topic, d.Event.EventName()))
	}
	for shard := range j.Shards() { // one in each shard, to know that nothing comes after
		d := domain.Draft{Topic: inShard(j, shard), Event: domain.Profiled{Name: "end"}}
		at := store(t, j, d)
		want = append(want, fmt.Sprintf("%d-%d %s %s", at.Shard, at.Seq, d.Topic, d.Event.EventName()))
	}
	until(t, "all copies come", func() bool { return len(h.all()) >= before+len(want) })
	var got []string
	for _, r := range h.all()[before:] {
		got = append(got, fmt.Sprintf("%d-%d %s %s", r.Shard, r.Seq, r.Topic, r.Event.EventName()))
	}
	slices.Sort(got) // shards have no order among them
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("heard %q\nwant %q", got, want)
	}
}

// inShard finds a person of a shard by trying.
func inShard(j *journal.Journal, shard int) domain.Topic {
	for i := 0; ; i++ {
		topic := domain.About(domain.UserID(fmt.Sprintf("p%d", i)))
		if journal.ShardOf(topic, j.Shards()) == shard {
			return topic
		}
	}
}

func TestLive(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		h := listen(t, j)
		asked := func(x, y domain.UserID) domain.Draft {
			return domain.Draft{Topic: domain.Direct(x, y), Event: domain.FriendRequested{By: x}}
		}
		chat := func(x, y domain.UserID) []domain.Draft {
			return []domain.Draft{asked(x, y), say(domain.Direct(x, y), x, "hello"), mark(domain.Direct(x, y), y, 1)}
		}
		group := func(g domain.GroupID) (state, talk []domain.Draft) {
			return []domain.Draft{joined(g, 1)}, []domain.Draft{say(domain.InGroup(g), "u1", "hello"), mark(domain.InGroup(g), "u1", 1)}
		}
		state, talk := group("g")
		h.expect(t, j, state, slices.Concat(chat("a", "b"), talk))

		for _, err := range []error{h.FollowPerson("b"), h.FollowGroup("g")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		h.expect(t, j, slices.Concat(chat("a", "b"), chat("b", "c"), state, talk), chat("a", "c"))
		if err := h.FollowPerson("a"); err != nil { // both of one conversation: each event once
			t.Fatal(err)
		}
		h.expect(t, j, slices.Concat(chat("a", "b"), chat("b", "c"), chat("a", "c")), nil)
		if err := h.FollowPerson("a"); err != nil { // who follows twice unfollows twice
			t.Fatal(err)
		}
		h.UnfollowPerson("a")
		h.expect(t, j, chat("a", "c"), nil)
		h.UnfollowPerson("a")
		h.UnfollowPerson("b")
		h.UnfollowPerson("stranger")
		h.UnfollowGroup("g")
		h.expect(t, j, state, slices.Concat(chat("a", "b"), talk))
		h.Close()
		h.Close()
		unavailable(t, "follow after close", h.FollowPerson("a"))
	})
}

// A copy says what the log says, with the place of the one before it in its lane.
func TestLiveCopiesEqualTheLog(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		h := listen(t, j)
		if err := h.FollowPerson("a"); err != nil {
			t.Fatal(err)
		}
		const n = 2000
		fill(t, j, 0, n)
		until(t, "all copies come", func() bool { return len(h.all()) == n })
		logged := map[int][]domain.Record{}
		for _, r := range all(t, j) {
			logged[r.Shard] = append(logged[r.Shard], r)
		}
		previous := map[domain.Topic]uint64{}
		for _, r := range h.all() {
			want := logged[r.Shard][0]
			logged[r.Shard] = logged[r.Shard][1:]
			if r.Seq != want.Seq || r.Topic != want.Topic || !r.Time.Equal(want.Time) || text(r) != text(want) || r.Prev != previous[r.Topic] {
				t.Fatalf("a copy is %+v, previous %d; the log has %+v", r, previous[r.Topic], want)
			}
			previous[r.Topic] = r.Seq
		}
	})
}

// On a cluster too, whatever is stored after FollowPerson returned comes, from whichever server's journal.
func TestNothingIsMissedAfterFollow(t *testing.T) {
	servers := journaltest.Start(t, 3)
	writer := servers.Open(t, journaltest.Shards(3))
	reader := servers.Open(t)
	h := listen(t, reader)
	const n = 200
	for i := range n {
		u := domain.UserID(fmt.Sprintf("u%d", i))
		if err := h.FollowPerson(u); err != nil {
			t.Fatal(err)
		}
		store(t, writer, say(domain.Direct(u, "z"), u, "at once"))
	}
	until(t, "all copies come", func() bool { return len(h.all()) == n })
}

func TestFollowManyAtOnce(t *testing.T) {
	j := openOne(t)
	h := listen(t, j)
	const n = 500
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			u := domain.UserID(fmt.Sprintf("u%d", i))
			if err := h.FollowPerson(u); err != nil {
				t.Errorf("follow: %v", err)
			}
			store(t, j, say(domain.Direct(u, "z"), u, "at once"))
			if i%2 == 0 {
				h.UnfollowPerson(u)
			}
		})
	}
	wg.Wait()
	until(t, "all copies come", func() bool { return len(h.all()) == n })
}

// Asking who has heard stores nothing.
func TestFollowStoresNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		h := listen(t, j)
		if err := h.FollowPerson("a"); err != nil {
			t.Fatal(err)
		}
		ends, err := j.Ends(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for shard, end := range ends {
			if end.Seq != 0 {
				t.Errorf("shard %d ends at %d", shard, end.Seq)
			}
		}
	})
}

func TestSignals(t *testing.T) {
	servers := journaltest.Start(t, 1)
	here, there := servers.Open(t), servers.Open(t)
	var mu sync.Mutex
	heard := map[string]int{}
	count := func(key string) int { mu.Lock(); defer mu.Unlock(); return heard[key] }
	var stops []func()
	for name, j := range map[string]*journal.Journal{"here": here, "there": there} {
		stop, err := j.Hear("presence.*", func(b []byte) { mu.Lock(); defer mu.Unlock(); heard[name+" "+string(b)]++ })
		if err != nil {
			t.Fatal(err)
		}
		stops = append(stops, stop)
	}
	for _, s := range []struct{ subject, text string }{{"presence.a", "in"}, {"other.a", "wrong"}, {"presence.a", "out"}} {
		if err := here.Broadcast(s.subject, []byte(s.text)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "both hear", func() bool { return count("here out") == 1 && count("there out") == 1 })
	if count("here in") != 1 || count("there in") != 1 || count("here wrong")+count("there wrong") != 0 {
		t.Errorf("heard %v", heard)
	}
	for _, stop := range stops {
		stop()
	}
	if got := all(t, here); len(got) != 0 {
		t.Errorf("%d signals were stored", len(got))
	}
}

// After a connection is lost it is told that copies are missing; all that is stored afterwards comes.
func TestLossByReconnecting(t *testing.T) {
	servers := journaltest.Start(t, 1)
	reader, writer := servers.Open(t), servers.Open(t)
	h := listen(t, reader)
	if err := h.FollowPerson("a"); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		servers.Stop(0)
		servers.Restart(0)
		until(t, "the log can be written", func() bool { return writer.Ready(within(t)) == nil })
		early := store(t, writer, say(domain.Direct("a", "b"), "b", "early"))
		until(t, "the loss is told", func() bool { return h.losses() == round+1 })
		if got := h.all(); len(got) > 0 && got[len(got)-1].Seq > early.Seq {
			t.Fatalf("heard %v", got)
		}
		late := store(t, writer, say(domain.Direct("a", "b"), "b", "late"))
		until(t, "what follows comes", func() bool {
			got := h.all()
			return len(got) > 0 && got[len(got)-1].Seq == late.Seq
		})
	}
}

// A copy that cannot be read is told of as lost, in its place.
func TestLossOfWhatCannotBeRead(t *testing.T) {
	servers := journaltest.Start(t, 1)
	j := servers.Open(t)
	h := listen(t, j)
	nc, err := nats.Connect(servers.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if err := nc.Publish("live.chat.0.person.a.state", []byte("no event")); err != nil {
		t.Fatal(err)
	}
	until(t, "the loss is told", func() bool { return h.losses() == 1 })
}

// A listener that is too slow loses copies, is told so before it gets what came after them, and holds nobody else up.
func TestSlowListener(t *testing.T) {
	j := openOne(t)
	wake, quick := make(chan struct{}), listen(t, j)
	var mu sync.Mutex
	var got []domain.Record
	var told []int // how many had come when a loss was told
	slow, err := j.Live(func(r domain.Record) {
		<-wake
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r)
	}, func() {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, len(got))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slow.Close)
	for _, h := range []interface{ FollowPerson(domain.UserID) error }{slow, quick} {
		if err := h.FollowPerson("a"); err != nil {
			t.Fatal(err)
		}
	}
	const n, part = 12_000, 3_000
	for i := 0; i < n; i += part {
		fill(t, j, i, part)
		until(t, "the quick one hears all", func() bool { return len(quick.all()) == i+part })
	}
	close(wake)
	end := store(t, j, say(domain.Direct("a", "b0"), "a", "end"))
	until(t, "the slow one comes to the end", func() bool {
		mu.Lock()
		defer mu.Unlock()
		if len(got) == 0 || got[len(got)-1].Seq < end.Seq {
			end = store(t, j, say(domain.Direct("a", "b0"), "a", "end")) // the last one may be lost too
			return false
		}
		return true
	})
	mu.Lock()
	defer mu.Unlock()
	const queue = 8192 // those that waited before the lost one
	holes, last := 0, map[domain.Topic]uint64{}
	for i, r := range got {
		if r.Prev != last[r.Topic] {
			holes++
			if !slices.ContainsFunc(told, func(at int) bool { return i-queue < at && at <= i }) {
				t.Fatalf("a copy is missing before the %dth, told of only after %v", i, told)
			}
		}
		last[r.Topic] = r.Seq
	}
	if len(got) >= n || holes == 0 {
		t.Errorf("%d copies came with %d holes, want less than %d and some", len(got), holes, n)
	}
}
