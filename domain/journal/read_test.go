package journal_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

func openOne(t *testing.T) *journal.Journal { return journaltest.Open(t) }

// all reads the whole log, shard by shard.
func all(t *testing.T, j *journal.Journal) (records []domain.Record) {
	t.Helper()
	for shard := range j.Shards() {
		_, err := j.Read(within(t), shard, domain.Position{}, func(batch []domain.Record) error {
			records = append(records, batch...)
			return nil
		})
		if err != nil {
			t.Fatalf("read shard %d: %v", shard, err)
		}
	}
	return records
}

// atOnce is how many appends a test has under way: each must be answered in time, on a slow machine too.
const atOnce = 500

// fill stores n messages, numbered by their text, in conversations of all shards.
func fill(t *testing.T, j *journal.Journal, from, n int) {
	t.Helper()
	for ; n > atOnce; from, n = from+atOnce, n-atOnce {
		fill(t, j, from, atOnce)
	}
	var wg sync.WaitGroup
	late := make(chan domain.Draft, n)
	for i := range n {
		wg.Add(1)
		topic := domain.Direct("a", domain.UserID(fmt.Sprintf("b%d", i%20)))
		d := once(say(topic, "a", fmt.Sprint(from+i)), rand.Text())
		j.AppendAsync(d, func(_ domain.Stored, err error) {
			if isUnavailable(err) {
				late <- d
			} else if err != nil {
				t.Errorf("append %d: %v", i, err)
			}
			wg.Done()
		})
	}
	wg.Wait()
	for range len(late) {
		store(t, j, <-late)
	}
}

func TestState(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		const n = 5 * atOnce // more than one answer holds
		topic := domain.InGroup("g")
		places := make([]domain.Stored, n)
		for start := 0; start < n; start += atOnce {
			var wg sync.WaitGroup
			wg.Add(atOnce)
			for i := start; i < start+atOnce; i++ {
				j.AppendAsync(joined("g", i), func(at domain.Stored, err error) {
					if places[i] = at; err != nil {
						t.Errorf("append %d: %v", i, err)
					}
					wg.Done()
				})
				if i%100 == 0 { // something else between them
					j.AppendAsync(say(topic, "u1", fmt.Sprint(i)), func(domain.Stored, error) {})
				}
			}
			wg.Wait()
		}
		for _, c := range []struct {
			before uint64
			want   int
		}{{0, n}, {1, 0}, {places[0].Seq, 0}, {places[1].Seq, 1}, {places[1000].Seq, 1000}, {places[1000].Seq + 1, 1001}, {places[n-1].Seq, n - 1}, {1 << 60, n}} {
			events, err := j.State(within(t), topic, c.before)
			if err != nil || len(events) != c.want {
				t.Errorf("before %d: %d events, %v; want %d", c.before, len(events), err, c.want)
				continue
			}
			for i, r := range events {
				if r.Event != joined("g", i).Event || r.Seq != places[i].Seq || r.Topic != topic || r.Shard != places[i].Shard {
					t.Fatalf("before %d: event %d is %+v", c.before, i, r)
				}
			}
		}
		if events, err := j.State(within(t), domain.InGroup("other"), 0); err != nil || len(events) != 0 {
			t.Errorf("an unknown group has %d events, %v", len(events), err)
		}
	})
}

func TestReadFromPositions(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		fill(t, j, 0, 3000)
		ends, err := j.Ends(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for shard, end := range ends {
			for _, after := range []uint64{0, 1, 2, end.Seq / 2, end.Seq - 1, end.Seq} {
				want := after
				at, err := j.Read(within(t), shard, domain.Position{Epoch: j.Epoch(shard), Seq: after}, func(batch []domain.Record) error {
					for _, r := range batch {
						if want++; r.Seq != want || r.Shard != shard {
							return fmt.Errorf("%d of shard %d came where %d was due", r.Seq, r.Shard, want)
						}
					}
					return nil
				})
				if err != nil || want != end.Seq || at.Epoch != end.Epoch || at.Seq != end.Seq {
					t.Errorf("after %d of %d: read up to %d, position %v, %v", after, end.Seq, want, at, err)
				}
			}
		}
	})
}

func TestReadStopsWhereFnFails(t *testing.T) {
	j := openOne(t)
	fill(t, j, 0, 2000)
	broken := errors.New("no more")
	batches, taken := 0, domain.Position{}
	at, err := j.Read(within(t), 0, domain.Position{}, func(batch []domain.Record) error {
		if batches++; batches == 3 {
			return broken
		}
		last := batch[len(batch)-1]
		taken = domain.Position{Epoch: j.Epoch(0), Seq: last.Seq, Time: last.Time.UnixNano()}
		return nil
	})
	if !errors.Is(err, broken) || at != taken {
		t.Errorf("read gives %v, %v; want %v and fn's error", at, err, taken)
	}
}

// An empty log, and one whose last events were replaced, end too.
func TestReadEnds(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		if got := all(t, j); len(got) != 0 {
			t.Errorf("an empty log gives %d events", len(got))
		}
		for seq := range uint64(5) {
			store(t, j, mark(ab, "a", seq))
		}
		if got := all(t, j); len(got) != 1 {
			t.Errorf("five marks of one reader read as %d", len(got))
		}
	})
}

func TestGone(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		fill(t, j, 0, 100)
		ends, err := j.Ends(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for name, after := range map[string]domain.Position{
			"another epoch":   {Epoch: "another", Seq: 1},
			"no epoch":        {Seq: 1},
			"beyond the end":  {Epoch: ends[0].Epoch, Seq: ends[0].Seq + 1},
			"only of another": {Epoch: "another"},
		} {
			nothing := func([]domain.Record) error { return errors.New("called") }
			if _, err := j.Read(within(t), 0, after, nothing); !errors.Is(err, domain.ErrGone) {
				t.Errorf("read after %s: %v, want ErrGone", name, err)
			}
			if err := j.Follow(within(t), 0, after, 10, nothing); !errors.Is(err, domain.ErrGone) {
				t.Errorf("follow after %s: %v, want ErrGone", name, err)
			}
		}
	})
}

// following collects what Follow gives, of all shards, until the test ends.
type following struct {
	mu      sync.Mutex
	records []domain.Record
	largest int
}

func follow(t *testing.T, j *journal.Journal, after []domain.Position, batch int) *following {
	f := &following{}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for shard := range j.Shards() {
		wg.Go(func() {
			err := j.Follow(ctx, shard, after[shard], batch, func(records []domain.Record) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.records = append(f.records, records...)
				f.largest = max(f.largest, len(records))
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("follow shard %d ended: %v", shard, err)
			}
		})
	}
	t.Cleanup(func() { stop(); wg.Wait() })
	return f
}

func (f *following) len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.records)
}

// check compares what came with what the log holds after the positions.
func (f *following) check(t *testing.T, j *journal.Journal, after []domain.Position) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for shard := range j.Shards() {
		var got, want []uint64
		for _, r := range f.records {
			if r.Shard == shard {
				got = append(got, r.Seq)
			}
		}
		_, err := j.Read(within(t), shard, after[shard], func(records []domain.Record) error {
			for _, r := range records {
				want = append(want, r.Seq)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("shard %d: %d events came, the log has %d (%v); or their order differs", shard, len(got), len(want), err)
		}
	}
}

func TestFollow(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		fill(t, j, 0, 500)
		after, err := j.Ends(within(t))
		if err != nil {
			t.Fatal(err)
		}
		fill(t, j, 500, 700)
		f := follow(t, j, after, 50)
		until(t, "what is there comes", func() bool { return f.len() == 700 })
		store(t, j, say(ab, "a", "alone"))
		until(t, "a single event comes", func() bool { return f.len() == 701 })
		fill(t, j, 1200, 700)
		until(t, "what follows comes", func() bool { return f.len() == 1401 })
		f.check(t, j, after)
		if f.largest > 50 {
			t.Errorf("%d at once, want at most 50", f.largest)
		}
	})
}

// What is read up to a place ends there, whatever comes after it and whether something stands there or not.
func TestReadTo(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		first := store(t, j, say(ab, "a", "first"))
		for i := range 1200 {
			store(t, j, say(ab, "a", fmt.Sprint(i)))
		}
		marked := store(t, j, mark(ab, "a", first.Seq))
		last := store(t, j, mark(ab, "a", marked.Seq)) // replaces the other
		for name, c := range map[string]struct {
			after, end uint64
			want       int
		}{
			"nothing":                            {0, 0, 0},
			"one":                                {0, first.Seq, 1},
			"the middle":                         {first.Seq, first.Seq + 1100, 1100},
			"up to a place where nothing stands": {0, marked.Seq, 1201},
			"only such a place":                  {marked.Seq - 1, marked.Seq, 0},
			"the end":                            {marked.Seq, last.Seq, 1},
			"beyond the end":                     {marked.Seq, last.Seq + 7, 1},
			"what is behind":                     {last.Seq, first.Seq, 0},
		} {
			after, n := domain.Position{}, 0
			if c.after > 0 {
				after = domain.Position{Epoch: j.Epoch(first.Shard), Seq: c.after}
			}
			err := j.ReadTo(within(t), first.Shard, after, c.end, 500, func(batch []domain.Record) error {
				if n += len(batch); len(batch) > 500 || batch[0].Seq <= c.after || batch[len(batch)-1].Seq > c.end {
					t.Errorf("%s: %d events from %d to %d", name, len(batch), batch[0].Seq, batch[len(batch)-1].Seq)
				}
				return nil
			})
			if err != nil || n != c.want {
				t.Errorf("%s: %d events, want %d; %v", name, n, c.want, err)
			}
		}
		gone := domain.Position{Epoch: "another", Seq: first.Seq}
		if err := j.ReadTo(within(t), first.Shard, gone, last.Seq, 500, nil); !errors.Is(err, domain.ErrGone) {
			t.Errorf("after a place of another life of the log: %v", err)
		}
	})
}

// A place at which something else stands is gone; one whose event was replaced or erased is still good.
func TestPositionsWithTimes(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		first := store(t, j, say(ab, "a", "first"))
		marked := store(t, j, mark(ab, "a", first.Seq))
		var times []int64
		_, err := j.Read(within(t), first.Shard, domain.Position{}, func(batch []domain.Record) error {
			for _, r := range batch {
				times = append(times, r.Time.UnixNano())
			}
			return nil
		})
		if err != nil || len(times) != 2 {
			t.Fatalf("%d events, %v", len(times), err)
		}
		store(t, j, mark(ab, "a", marked.Seq)) // replaces the other
		for name, c := range map[string]struct {
			seq  uint64
			time int64
			gone bool
		}{
			"as it is":             {first.Seq, times[0], false},
			"unknown":              {first.Seq, 0, false},
			"older":                {first.Seq, times[0] - 1, true},
			"newer":                {first.Seq, times[0] + 1, true},
			"replaced":             {marked.Seq, times[1], false},
			"replaced, as before":  {marked.Seq, times[0], false},
			"older than what is":   {marked.Seq, times[0] - 1, true},
			"the end, and another": {marked.Seq + 1, times[1], true},
		} {
			after := domain.Position{Epoch: j.Epoch(first.Shard), Seq: c.seq, Time: c.time}
			at, err := j.Read(within(t), first.Shard, after, func([]domain.Record) error { return nil })
			if errors.Is(err, domain.ErrGone) != c.gone || err != nil && !c.gone {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil && (at.Seq != marked.Seq+1 || at.Time <= times[1]) {
				t.Errorf("%s: read up to %v", name, at)
			}
		}
	})
}

func TestAt(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		g := domain.InGroup("a") // the beginning of another's name
		first, other := store(t, j, say(ab, "a", "hello")), store(t, j, say(domain.Direct("a", "bc"), "a", "another's"))
		decided := store(t, j, joined("a", 1))
		end := store(t, j, say(g, "a", "end"))
		for _, c := range []struct {
			what  string
			topic domain.Topic
			seq   uint64
			found bool
		}{
			{"a message", ab, first.Seq, true},
			{"a decision", g, decided.Seq, true},
			{"the last one", g, end.Seq, true},
			{"another's, whose name begins alike", ab, other.Seq, first.Seq == other.Seq},
			{"of a group that begins so", domain.InGroup("ab"), end.Seq, false},
			{"before the first", ab, 0, false},
			{"beyond the end", g, end.Seq + 1, false},
			{"far beyond it", g, 1 << 62, false},
			{"where no sequence is", g, 1<<64 - 1, false},
		} {
			r, found, err := j.At(within(t), c.topic, c.seq)
			if err != nil || found != c.found || found && (r.Topic != c.topic || r.Seq != c.seq || r.Event == nil || r.Time.IsZero()) {
				t.Errorf("%s: %+v, %v, %v", c.what, r, found, err)
			}
		}
	})
}
