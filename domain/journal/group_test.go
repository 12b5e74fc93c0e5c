package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// answer is what came of a draft.
type answer struct {
	at  domain.Stored
	err error
}

// burst appends all at once and waits for the answers.
func burst(j *journal.Journal, drafts []domain.Draft) []answer {
	answers := make([]answer, len(drafts))
	var wg sync.WaitGroup
	wg.Add(len(drafts))
	for i, d := range drafts {
		j.AppendAsync(d, func(at domain.Stored, err error) {
			answers[i] = answer{at, err}
			wg.Done()
		})
	}
	wg.Wait()
	return answers
}

// listening makes an embedded server that others can reach.
func listening(t *testing.T) (url string, listen func(*journal.Options)) {
	port := journaltest.FreePort(t)
	return fmt.Sprintf("nats://127.0.0.1:%d", port), func(o *journal.Options) { o.Embedded.Listen = fmt.Sprintf("127.0.0.1:%d", port) }
}

// inGroups says how many of a log's messages were stored in groups.
func inGroups(t *testing.T, url string, j *journal.Journal) (n int) {
	t.Helper()
	for shard := range j.Shards() {
		s, err := jetStream(t, url).Stream(within(t), fmt.Sprintf("CHAT-%d", shard))
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
			if m, err := s.GetMsg(within(t), seq); err == nil && m.Header.Get("Nats-Batch-Id") != "" {
				n++
			}
		}
	}
	return n
}

// Hundreds at once, and among them those that cannot be stored: what was said before, lost races, marks and statuses of which only the last is kept, what is expected
// after something else of the same burst. Each has the answer that it would have had alone, and the log holds them in the order of the calls.
func TestGroups(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			url, open := listening(t)
			j := journaltest.Open(t, journaltest.Shards(shards), journaltest.SyncAlways, open)
			h := listen(t, j)
			if err := h.FollowPerson("a"); err != nil {
				t.Fatal(err)
			}
			first := store(t, j, once(say(ab, "a", "first"), "first"))
			applied := store(t, j, expecting(domain.Draft{Topic: ab, Event: domain.FriendRequested{By: "a"}}, 0))

			const n = 3000
			drafts, want := make([]domain.Draft, n), make([]error, n)
			duplicate := map[int]bool{}
			for i := range drafts {
				topic := domain.Direct("a", domain.UserID(fmt.Sprintf("b%d", i%7)))
				drafts[i] = once(say(topic, "a", fmt.Sprint(i)), fmt.Sprint(i))
				switch {
				case i == 700 || i == 2900:
					drafts[i], duplicate[i] = once(say(ab, "a", "again"), "first"), true
				case i == 1300: // within one burst
					drafts[i], duplicate[i] = once(say(domain.Direct("a", domain.UserID(fmt.Sprintf("b%d", 1290%7))), "a", "again"), "1290"), true
				case i == 1500:
					drafts[i], want[i] = expecting(domain.Draft{Topic: ab, Event: domain.FriendAccepted{By: "b"}}, 0), domain.ErrRaced
				case i == 1501:
					drafts[i] = expecting(domain.Draft{Topic: ab, Event: domain.FriendAccepted{By: "b"}}, applied.Seq)
				case i == 1502: // another has come before, in the same burst
					drafts[i], want[i] = expecting(domain.Draft{Topic: ab, Event: domain.FriendRemoved{By: "b"}}, applied.Seq), domain.ErrRaced
				case i%50 == 49:
					drafts[i] = mark(topic, "a", uint64(i))
				}
			}
			var answers []answer
			for some := range slices.Chunk(drafts, n/4) { // as many as even a slow disk takes in time
				answers = append(answers, burst(j, some)...)
			}

			stored := map[domain.Stored]domain.Record{}
			for _, r := range all(t, j) {
				stored[domain.Stored{Shard: r.Shard, Seq: r.Seq}] = r
			}
			last, unsure := make([]uint64, shards), 0 // who was not answered in time, by a slow machine, may be stored or not
			for i, got := range answers {
				if isUnavailable(got.err) || duplicate[i] && i == 1300 && isUnavailable(answers[1290].err) {
					unsure++
					continue
				}
				if !errors.Is(got.err, want[i]) || want[i] == nil && got.err != nil {
					t.Fatalf("draft %d: %v, want %v", i, got.err, want[i])
				}
				if got.err != nil {
					continue
				}
				if got.at.Duplicate != duplicate[i] {
					t.Fatalf("draft %d: %+v, want duplicate %v", i, got.at, duplicate[i])
				}
				if duplicate[i] {
					if was := map[bool]domain.Stored{true: answers[1290].at, false: first}[i == 1300]; got.at.Seq != was.Seq || got.at.Shard != was.Shard {
						t.Errorf("draft %d: at %+v, and the first was at %+v", i, got.at, was)
					}
					continue
				}
				if got.at.Seq <= last[got.at.Shard] {
					t.Fatalf("draft %d is at %d, and one before it at %d", i, got.at.Seq, last[got.at.Shard])
				}
				last[got.at.Shard] = got.at.Seq
				r, there := stored[got.at]
				if _, isMark := drafts[i].Event.(domain.ReadMarked); isMark {
					continue // replaced by later ones
				}
				if !there || r.Topic != drafts[i].Topic || fmt.Sprint(r.Event) != fmt.Sprint(drafts[i].Event) {
					t.Fatalf("draft %d: at %+v stands %+v", i, got.at, r)
				}
			}
			if unsure > n/2 {
				t.Errorf("%d of %d were not answered in time", unsure, n)
			}
			if got := inGroups(t, url, j); got < n/10 {
				t.Errorf("%d of %d were stored in groups", got, n)
			}
			copies := func() (seqs []domain.Stored) {
				previous := map[domain.Topic]uint64{}
				for _, r := range h.all() {
					if _, is := r.Event.(domain.Message); !is {
						continue
					}
					if r.Prev != previous[r.Topic] {
						t.Fatalf("a copy is %+v, and the one before it %d", r, previous[r.Topic])
					}
					previous[r.Topic] = r.Seq
					seqs = append(seqs, domain.Stored{Shard: r.Shard, Seq: r.Seq})
				}
				return seqs
			}
			messages := 0
			for _, r := range stored {
				if _, is := r.Event.(domain.Message); is {
					messages++
				}
			}
			until(t, "the live copies of the messages come", func() bool { return len(copies()) == messages })
		})
	}
}

// A log that was made before there were groups is used as it is.
func TestOldLogHasNoGroups(t *testing.T) {
	servers := journaltest.Start(t, 1)
	journaltest.Close(t, servers.Open(t, journaltest.Shards(1)))
	servers.Stop(0)
	url, open := listening(t)
	j := journaltest.Open(t, journaltest.Dir(servers.Dirs()[0]), journaltest.SyncAlways, open)
	drafts := make([]domain.Draft, 500)
	for i := range drafts {
		drafts[i] = once(say(ab, "a", fmt.Sprint(i)), fmt.Sprint(i))
	}
	for i, got := range burst(j, drafts) {
		if got.err != nil || got.at.Seq != uint64(i+1) {
			t.Fatalf("draft %d: %+v", i, got)
		}
	}
	if got := inGroups(t, url, j); got != 0 {
		t.Errorf("%d were stored in groups", got)
	}
}

// What was stored once, alone or in a group, is known after a restart.
func TestOnceOverARestart(t *testing.T) {
	dir := journaltest.Dir(t.TempDir())
	drafts := make([]domain.Draft, 500)
	for i := range drafts {
		drafts[i] = once(say(domain.Direct("a", domain.UserID(fmt.Sprint("b", i%7))), "a", fmt.Sprint(i)), fmt.Sprint(i))
	}
	j := journaltest.Open(t, dir, journaltest.SyncAlways)
	before := burst(j, drafts)
	journaltest.Close(t, j)
	for i, again := range burst(journaltest.Open(t, dir, journaltest.SyncAlways), drafts) {
		if before[i].err != nil || again.err != nil || !again.at.Duplicate || again.at.Seq != before[i].at.Seq {
			t.Fatalf("draft %d: %+v, and before %+v", i, again, before[i])
		}
	}
}
