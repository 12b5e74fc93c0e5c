package projector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
	"parley/projector"
	"parley/projector/memory"
	"parley/projector/mysql"
	"parley/projector/mysql/mysqltest"
)

// What the benchmarks say: a million messages in a thousand conversations; with -short fewer, to see that it works.
const (
	conversations = 1000
	rate          = 10_000 // messages a second of the live one
)

func size() (messages int, live time.Duration) {
	if testing.Short() {
		return 20_000, time.Second
	}
	return 1_000_000, 15 * time.Second
}

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

// From the log on the disk to the last row, everything between: reading, decoding, folding, writing.
func BenchmarkRebuild(b *testing.B) {
	messages, _ := size()
	j := journaltest.Open(b, quietly)
	made := newTalk(j)
	made.begin(b)
	for made.said < messages {
		made.next(b)
	}
	made.wait()
	b.Run("memory", func(b *testing.B) {
		defer debug.SetGCPercent(debug.SetGCPercent(300)) // as the program does when it makes read models
		for b.Loop() {
			catchUp(b, j, memory.New())
		}
		report(b, made)
	})
	b.Run("mysql", func(b *testing.B) {
		defer debug.SetGCPercent(debug.SetGCPercent(300))
		s := open(b)
		for b.Loop() {
			if _, err := projector.Rebuild(b.Context(), j, s, projector.RebuildOptions{Force: true}); err != nil {
				b.Fatal(err)
			}
		}
		report(b, made)
	})
	b.Run("mysql/by=run", func(b *testing.B) { // as when a projector finds no tables: in transactions that may be read meanwhile
		for b.Loop() {
			b.StopTimer()
			s := open(b)
			b.StartTimer()
			catchUp(b, j, s)
		}
		report(b, made)
	})
}

func report(b *testing.B, made *talk) {
	b.ReportMetric(float64(b.N)*float64(made.begun+made.said)/b.Elapsed().Seconds(), "events/s") // less marks that were replaced
	b.ReportMetric(0, "ns/op")
}

func open(b *testing.B) *mysql.Store {
	s, err := mysql.Open(b.Context(), mysqltest.Lasting(b), 8, silent)
	if err == nil {
		err = s.Prepare(b.Context(), true)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// catchUp folds all that is in the log.
func catchUp(b *testing.B, j *journal.Journal, s projector.Store) {
	ends, err := j.Ends(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	w := &watched{Store: s, committed: func(to domain.Position) {
		if to.Seq >= ends[0].Seq {
			cancel()
		}
	}}
	if err := projector.New(j, w, projector.Options{Logger: silent}).Run(ctx); err != nil {
		b.Fatal(err)
	}
}

// watched tells what is committed.
type watched struct {
	projector.Store
	committed func(to domain.Position)
}

func (w *watched) Commit(ctx context.Context, b projector.Batch) error {
	err := w.Store.Commit(ctx, b)
	if err == nil {
		w.committed(b.To)
	}
	return err
}

// The lag is from the call that appends an event until it is committed in the read models.
func BenchmarkLive(b *testing.B) {
	_, lasts := size()
	for b.Loop() {
		j := journaltest.Open(b, quietly)
		live := newTalk(j)
		live.begin(b)
		live.wait()
		ends, err := j.Ends(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		var mu sync.Mutex
		var begun []time.Time // of each event after those that are there
		var lags []time.Duration
		done := make(chan struct{}, 1)
		w := &watched{Store: open(b), committed: func(to domain.Position) {
			mu.Lock()
			defer mu.Unlock()
			now := time.Now()
			for len(lags) < len(begun) && ends[0].Seq+uint64(len(lags)) < to.Seq {
				lags = append(lags, now.Sub(begun[len(lags)]))
			}
			select {
			case done <- struct{}{}:
			default:
			}
		}}
		ctx, cancel := context.WithCancel(b.Context())
		var projecting sync.WaitGroup
		projecting.Go(func() {
			if err := projector.New(j, w, projector.Options{Logger: silent}).Run(ctx); err != nil {
				b.Error(err)
			}
		})
		<-done // the beginning is folded
		tick := time.NewTicker(time.Millisecond)
		began, sent := time.Now(), 0
		for now := began; now.Sub(began) < lasts; now = <-tick.C {
			for due := int(now.Sub(began).Seconds() * rate); sent < due; sent++ {
				mu.Lock()
				begun = append(begun, time.Now())
				mu.Unlock()
				live.next(b)
			}
		}
		tick.Stop()
		live.wait()
		for all := false; !all; {
			<-done
			mu.Lock()
			all = len(lags) == sent
			mu.Unlock()
		}
		b.ReportMetric(float64(sent)/time.Since(began).Seconds(), "events/s")
		cancel()
		projecting.Wait()
		slices.Sort(lags)
		for name, lag := range map[string]time.Duration{"p50": lags[len(lags)/2], "p99": lags[len(lags)*99/100], "max": lags[len(lags)-1]} {
			b.ReportMetric(float64(lag.Microseconds())/1000, "ms-lag-"+name)
		}
		b.ReportMetric(0, "ns/op")
	}
}

func quietly(o *journal.Options) { o.Logger = silent }

// talk makes up what people say, the same at each run: texts of 100 to 200 bytes, and a mark for each twenty messages, in groups of five and between two.
type talk struct {
	journal     *journal.Journal
	random      *rand.Rand
	begun, said int
	room        chan struct{} // holds one for each append without an answer
	appends     sync.WaitGroup
}

func newTalk(j *journal.Journal) *talk {
	return &talk{journal: j, random: rand.New(rand.NewPCG(1, 2)), room: make(chan struct{}, 4000)}
}

// begin makes people, and acquaints them.
func (s *talk) begin(b *testing.B) {
	put := func(t domain.Topic, e domain.Event) {
		s.begun++
		s.append(b, domain.Draft{Topic: t, Event: e})
	}
	for i := range conversations {
		u := domain.UserID(fmt.Sprintf("user-%04d", i))
		put(domain.About(u), domain.Profiled{Username: string(u), Name: "User " + string(u)})
	}
	for i := range conversations {
		if t, m := where(i); len(m) == 2 {
			put(t, domain.FriendRequested{By: m[0]})
			put(t, domain.FriendAccepted{By: m[1]})
		} else {
			put(t, domain.GroupCreated{By: m[0], Name: "A group", Members: m[1:]})
		}
	}
}

// where gives a conversation and those who are in it.
func where(i int) (domain.Topic, []domain.UserID) {
	members := make([]domain.UserID, 5-3*(i%2))
	for k := range members {
		members[k] = domain.UserID(fmt.Sprintf("user-%04d", (i*3+k*17)%conversations))
	}
	if len(members) == 2 {
		return domain.Direct(members[0], members[1]), members
	}
	return domain.InGroup(domain.GroupID(fmt.Sprintf("group-%04d", i))), members
}

var words = strings.Repeat("the quick brown fox jumps over a lazy dog and says that it will be late because of the rain in the north ", 4)

// next lets somebody say something, or have read it.
func (s *talk) next(b *testing.B) {
	t, m := where(s.random.IntN(conversations))
	from := m[s.random.IntN(len(m))]
	if s.random.IntN(21) == 0 {
		s.append(b, domain.Draft{Topic: t, Event: domain.ReadMarked{By: from, Seq: 1 << 60}})
		return
	}
	s.said++
	at := s.random.IntN(100)
	msg, _ := json.Marshal(map[string]string{"txt": words[at : at+100+s.random.IntN(100)], "type": "text"})
	e := domain.Message{From: from, ID: fmt.Sprintf("%016x", s.random.Uint64()), Msg: msg}
	s.append(b, domain.Draft{Topic: t, Event: e, Once: string(from) + "/" + e.ID})
}

func (s *talk) append(b *testing.B, d domain.Draft) {
	s.room <- struct{}{}
	s.appends.Add(1)
	s.journal.AppendAsync(d, func(_ domain.Stored, err error) {
		if err != nil {
			b.Errorf("append: %v", err)
		}
		<-s.room
		s.appends.Done()
	})
}

func (s *talk) wait() { s.appends.Wait() }
