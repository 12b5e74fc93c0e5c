package journal_test

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// What is in the log and cannot be read stops the reader, with its name and its place; it is never passed over.
func TestUnreadableEvents(t *testing.T) {
	for name, c := range map[string]struct {
		subject, data string
		words         []string
	}{
		"unknown event":   {"chat.0.user.a.b.talk", `{"event":"message.v9"}`, []string{"event 3 of CHAT-0", "message.v9"}},
		"no event":        {"chat.0.user.a.b.talk", `[]`, []string{"event 3 of CHAT-0", "not an event"}},
		"nothing":         {"chat.0.user.a.b.talk", ``, []string{"event 3 of CHAT-0", "not an event"}},
		"broken":          {"chat.0.user.a.b.talk", `{"event":"message","from":7}`, []string{"event 3 of CHAT-0", "message"}},
		"wrong lane":      {"chat.0.user.a.b.state", `{"event":"message"}`, []string{"event 3 of CHAT-0", "does not belong there"}},
		"wrong reader":    {"chat.0.user.a.b.read.a", `{"event":"read","by":"b","seq":1}`, []string{"event 3 of CHAT-0", "does not belong there"}},
		"foreign subject": {"chat.0.weather", `{"event":"message"}`, []string{"event 3", "chat.0.weather"}},
	} {
		t.Run(name, func(t *testing.T) {
			servers := journaltest.Start(t, 1)
			j := servers.Open(t)
			h := listen(t, j)
			if err := h.FollowPerson("a"); err != nil {
				t.Fatal(err)
			}
			fill(t, j, 0, 2)
			nc, err := nats.Connect(servers.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			if _, err := nc.RequestWithContext(within(t), c.subject, []byte(c.data)); err != nil {
				t.Fatal(err)
			}
			fill(t, j, 2, 2)
			var taken []uint64
			take := func(records []domain.Record) error {
				for _, r := range records {
					taken = append(taken, r.Seq)
				}
				return nil
			}
			unknown := name == "unknown event"
			at, err := j.Read(within(t), 0, domain.Position{}, take)
			if unknown { // it is left out
				if err != nil || len(taken) != 4 || at.Seq != 5 {
					t.Errorf("read gave %v and ends at %d, %v; want all but the third", taken, at.Seq, err)
				}
			} else if says(t, err, c.words...); len(taken) != 2 || at.Seq != 2 {
				t.Errorf("read gave %v and ends at %d, want what came before", taken, at.Seq)
			}
			err = j.Follow(within(t), 0, domain.Position{}, 10, take)
			says(t, err, c.words...)
			if errors.Is(err, domain.ErrUnreadable) == unknown || errors.As(err, new(*domain.UnknownEventError)) != unknown {
				t.Errorf("what kind of error it is cannot be told: %v", err)
			}
			until(t, "live copies go on", func() bool { return len(h.all()) == 4 })
		})
	}
}

func TestSince(t *testing.T) {
	alone(t, func(t *testing.T, j *journal.Journal) {
		var want []uint64
		for i := range 30 {
			store(t, j, say(domain.Direct("a", "c"), "a", "elsewhere"))
			want = append(want, store(t, j, say(ab, "a", fmt.Sprint(i))).Seq, store(t, j, domain.Draft{Topic: ab, Event: domain.FriendRequested{By: "a"}}).Seq)
		}
		last := store(t, j, mark(ab, "a", 1)).Seq
		for _, after := range []uint64{0, want[0], want[30], last - 1, last, last + 10} {
			got, err := j.Since(within(t), ab, after)
			if err != nil {
				t.Fatal(err)
			}
			i := 0
			for _, seq := range append(want, last) {
				if seq <= after {
					continue
				}
				if i >= len(got) || got[i].Seq != seq || got[i].Topic != ab {
					t.Fatalf("since %d: event %d is not %d", after, i, seq)
				}
				i++
			}
			if i != len(got) {
				t.Errorf("since %d: %d events, want %d", after, len(got), i)
			}
		}
	})
}

// What a caller has stored lies before the ends that it then asks for, also when many ask at once.
func TestEndsSeeWhatCameBefore(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		var wg sync.WaitGroup
		for w := range 16 {
			wg.Go(func() {
				for i := range 20 {
					u := domain.UserID(fmt.Sprintf("u%d", w))
					at := store(t, j, say(domain.Direct(u, "z"), u, fmt.Sprint(i)))
					ends, err := j.Ends(within(t))
					if err != nil || ends[at.Shard].Seq < at.Seq || ends[at.Shard].Epoch != j.Epoch(at.Shard) {
						t.Errorf("stored at %d of shard %d, which ends at %v, %v", at.Seq, at.Shard, ends, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// wire carries connections to a server, and can stand still: what is written then goes nowhere, but nothing breaks.
type wire struct {
	net.Listener
	to    string
	ends  sync.WaitGroup
	mu    sync.Mutex
	flows chan struct{} // closed while it does not stand still
	conns []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to, flows: make(chan struct{})}
	w.flow()
	w.ends.Go(w.serve)
	t.Cleanup(func() {
		l.Close()
		w.flow()
		w.mu.Lock()
		for _, c := range w.conns {
			c.Close()
		}
		w.mu.Unlock()
		w.ends.Wait()
	})
	return w
}

// hold makes the wire stand still until flow is called.
func (w *wire) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flows = make(chan struct{})
}

func (w *wire) flow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.flows:
	default:
		close(w.flows)
	}
}

func (w *wire) flowing() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flows
}

func (w *wire) serve() {
	for {
		near, err := w.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil {
			near.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, near, far)
		w.mu.Unlock()
		w.ends.Go(func() { w.carry(near, far) })
		w.ends.Go(func() { w.carry(far, near) })
	}
}

func (w *wire) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		<-w.flowing()
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// A server that stands still without hanging up holds nobody: appends return at once and are answered in five seconds, however many.
func TestStandstill(t *testing.T) {
	servers := journaltest.Start(t, 1)
	w := newWire(t, servers.URL()[len("nats://"):])
	j, err := journal.Open(within(t), journal.Options{Remote: &journal.Remote{URL: "nats://" + w.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journaltest.Close(t, j) })
	store(t, j, say(ab, "a", "before"))

	w.hold()
	const n = 300 // of 100 KiB: more than the system's buffers take
	large := make([]byte, 100<<10)
	for i := range large {
		large[i] = 'x'
	}
	type answer struct {
		err  error
		took time.Duration
	}
	answers := make(chan answer, n)
	for i := range n {
		d := say(ab, "a", fmt.Sprint(i))
		d.Event = domain.Message{From: "a", ID: fmt.Sprint(i), Msg: []byte(`"` + string(large) + `"`)}
		begun := time.Now()
		j.AppendAsync(d, func(_ domain.Stored, err error) { answers <- answer{err, time.Since(begun)} })
		if took := time.Since(begun); took > 4*time.Second { // a write that gets stuck takes five
			t.Fatalf("AppendAsync held its caller for %v", took)
		}
	}
	for range n {
		select {
		case a := <-answers:
			unavailable(t, "append", a.err)
			if a.took > late {
				t.Errorf("an append was answered after %v", a.took)
			}
		case <-time.After(patience):
			t.Fatal("not all appends are answered")
		}
	}
	w.flow()
	until(t, "the log can be written again", func() bool { _, err := j.Append(within(t), say(ab, "a", "after")); return err == nil })
	if err := j.Ready(within(t)); err != nil {
		t.Errorf("ready: %v", err)
	}
}
