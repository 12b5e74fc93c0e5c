package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parley/domain"
	"parley/domain/journal"
)

var ab = domain.Direct("a", "b")

func TestAppendGivesPlaces(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		first := store(t, j, say(ab, "a", "hello"))
		second := store(t, j, say(ab, "b", "hi"))
		if first.Shard != second.Shard || first.Seq != 1 || second.Seq != 2 || first.Duplicate || second.Duplicate {
			t.Errorf("stored at %+v and %+v, want 1 and 2 of one shard", first, second)
		}
		last, found, err := j.Last(within(t), ab, domain.LaneTalk, "")
		if err != nil || !found || text(last) != "hi" || last.Seq != 2 || last.Topic != ab || last.Time.IsZero() {
			t.Errorf("last = %+v, %v, %v", last, found, err)
		}
		if _, found, err := j.Last(within(t), ab, domain.LaneState, ""); found || err != nil {
			t.Errorf("last of an empty lane: found %v, %v", found, err)
		}
	})
}

func TestExpectation(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		asked := domain.Draft{Topic: ab, Event: domain.FriendRequested{By: "a"}}
		first := store(t, j, expecting(asked, 0))
		store(t, j, say(ab, "a", "another lane does not count"))
		if _, err := j.Append(within(t), expecting(asked, 0)); !errors.Is(err, domain.ErrRaced) {
			t.Errorf("a stale expectation gives %v, want ErrRaced", err)
		}
		store(t, j, expecting(domain.Draft{Topic: ab, Event: domain.FriendAccepted{By: "b"}}, first.Seq))
		events, err := j.State(within(t), ab, 0)
		if err != nil || len(events) != 2 {
			t.Errorf("state holds %d events, %v; want 2", len(events), err)
		}
	})
}

// Many who expect the same: one comes through, and each of the others hears of it as a lost race, by either of the server's two codes.
func TestRace(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		const rounds, racers = 10, 20
		last := uint64(0)
		for round := range rounds {
			var mu sync.Mutex
			var won []uint64
			unsure := 0 // who was not answered in time, but may have won
			var wg sync.WaitGroup
			for n := range racers {
				wg.Go(func() {
					at, err := j.Append(within(t), expecting(joined("g", round*racers+n), last))
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won = append(won, at.Seq)
					} else if isUnavailable(err) {
						unsure++
					} else if !errors.Is(err, domain.ErrRaced) {
						t.Errorf("a lost race gives %v", err)
					}
				})
			}
			wg.Wait()
			if len(won) == 0 && unsure > 0 {
				r, _, err := j.Last(within(t), domain.InGroup("g"), domain.LaneState, "")
				if won = []uint64{r.Seq}; err != nil || r.Seq <= last {
					t.Fatalf("the last one is %+v, %v", r, err)
				}
			}
			if len(won) != 1 {
				t.Fatalf("%d of %d came through, want 1", len(won), racers)
			}
			last = won[0]
		}
		if events, err := j.State(within(t), domain.InGroup("g"), 0); err != nil || len(events) != rounds {
			t.Errorf("state holds %d events, %v; want %d", len(events), err, rounds)
		}
	})
}

func TestOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		id := "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
		first := store(t, j, once(say(ab, "a", "hello"), id))
		again := store(t, j, once(say(ab, "a", "hello again"), id))
		if !again.Duplicate || again.Seq != first.Seq || again.Shard != first.Shard {
			t.Errorf("the second is at %+v, want a duplicate of %+v", again, first)
		}
		other := store(t, j, once(say(domain.Direct("a", "c"), "a", "hello"), id))
		if other.Duplicate {
			t.Errorf("the same name in another topic counts as a duplicate")
		}
	})
}

func TestAsyncKeepsOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		const n = 2 * atOnce
		seqs := make([]uint64, n)
		until(t, "all are answered in time", func() bool {
			var wg sync.WaitGroup
			wg.Add(n)
			var late atomic.Bool
			for i := range n {
				j.AppendAsync(say(ab, "a", fmt.Sprint(i)), func(at domain.Stored, err error) {
					defer wg.Done()
					if isUnavailable(err) {
						late.Store(true)
					} else if err != nil {
						t.Errorf("append %d: %v", i, err)
					}
					seqs[i] = at.Seq
				})
			}
			wg.Wait()
			return !late.Load()
		})
		if !slices.IsSorted(seqs) || seqs[0] == 0 {
			t.Errorf("stored out of order")
		}
	})
}

func TestSize(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		large := say(ab, "a", strings.Repeat("x", 150<<10)) // once as the id, once as the text
		at := store(t, j, large)
		got, found, err := j.Last(within(t), ab, domain.LaneTalk, "")
		if err != nil || !found || got.Seq != at.Seq || text(got) != text(domain.Record{Event: large.Event}) {
			t.Errorf("300 KiB came back as %d bytes, %v", len(text(got)), err)
		}
		_, err = j.Append(within(t), say(ab, "a", strings.Repeat("x", 300<<10)))
		if domain.Refusal(err).Code != domain.TooLarge {
			t.Errorf("600 KiB give %v, want TooLarge", err)
		}
	})
}

func TestAppendRefusesWhatCouldNotBeReadBack(t *testing.T) {
	j := openOne(t)
	for name, d := range map[string]domain.Draft{
		"no topic":               say(domain.Topic{}, "a", "x"),
		"a reader with a dot":    mark(ab, "a.b", 1),
		"a reader with wildcard": mark(ab, ">", 1),
		"talk about a person":    say(domain.About("a"), "a", "x"),
	} {
		if _, err := j.Append(within(t), d); err == nil {
			t.Errorf("%s: stored", name)
		}
	}
	ends, err := j.Ends(within(t))
	if err != nil || ends[0].Seq != 0 {
		t.Errorf("the log ends at %v, %v; want nothing in it", ends, err)
	}
}

func TestRollupKeepsTheLatestMark(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		store(t, j, say(ab, "a", "x"))
		store(t, j, mark(ab, "b", 1))
		for seq := range uint64(10) {
			store(t, j, mark(ab, "a", seq))
		}
		last, found, err := j.Last(within(t), ab, domain.LaneRead, "a")
		if err != nil || !found || last.Event.(domain.ReadMarked).Seq != 9 {
			t.Errorf("last mark = %+v, %v, %v", last, found, err)
		}
		marks := 0
		for _, r := range all(t, j) {
			if _, is := r.Event.(domain.ReadMarked); is {
				marks++
			}
		}
		if marks != 2 {
			t.Errorf("the log holds %d marks, want one for each reader", marks)
		}
	})
}

// Of a person's statuses the latest is kept, and what was decided from another one than the last is refused.
func TestRollupKeepsTheLatestStatus(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		me := domain.About("a")
		store(t, j, domain.Draft{Topic: me, Event: domain.Profiled{Name: "A"}})
		var last domain.Stored
		for range 5 {
			last = store(t, j, domain.Draft{Topic: me, Event: domain.StatusSet{Status: domain.StatusInvisible}})
		}
		for _, expect := range []uint64{0, last.Seq - 1, last.Seq + 1} {
			_, err := j.Append(within(t), domain.Draft{Topic: me, Event: domain.StatusSet{Status: domain.StatusOnline}, Expect: &expect})
			if !errors.Is(err, domain.ErrRaced) {
				t.Errorf("expecting %d where %d is the last: %v, want ErrRaced", expect, last.Seq, err)
			}
		}
		store(t, j, domain.Draft{Topic: me, Event: domain.StatusSet{Status: domain.StatusOnline}, Expect: &last.Seq})
		r, found, err := j.Last(within(t), me, domain.LaneStatus, "")
		if err != nil || !found || r.Event != (domain.StatusSet{Status: domain.StatusOnline}) {
			t.Errorf("last status: %+v, %v, %v", r, found, err)
		}
		if r, found, err = j.Last(within(t), me, domain.LaneState, ""); err != nil || !found || r.Event != (domain.Profiled{Name: "A"}) {
			t.Errorf("the profile: %+v, %v, %v", r, found, err)
		}
		if got := all(t, j); len(got) != 2 {
			t.Errorf("the log holds %d events, want the profile and a status", len(got))
		}
	})
}
