package journal_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// After a fence all copies of what was stored before have been delivered, on one server and on a cluster.
func TestFence(t *testing.T) {
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprintf("servers=%d", servers), func(t *testing.T) {
			s := journaltest.Start(t, servers)
			j := s.Open(t)
			writer := s.Open(t)
			h := listen(t, j)
			if err := h.FollowPerson("a"); err != nil {
				t.Fatal(err)
			}
			for round := 1; round <= 20; round++ {
				fill(t, writer, round*100, 100)
				if err := h.Fence(within(t)); err != nil {
					t.Fatal(err)
				}
				if got := len(h.all()); got != round*100 {
					t.Fatalf("%d copies came before the fence, want %d", got, round*100)
				}
			}
		})
	}
}

// A fence waits for a listener that is slow, and no longer than its context or the feed.
func TestFenceWaitsForTheListener(t *testing.T) {
	j := openOne(t)
	entered, wake := make(chan struct{}, 1), make(chan struct{})
	live, err := j.Live(func(domain.Record) {
		entered <- struct{}{}
		<-wake
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(live.Close)
	store(t, j, domain.Draft{Topic: domain.About("a"), Event: domain.Profiled{Name: "a"}})
	receive(t, entered)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := live.Fence(short); domain.Refusal(err).Code != domain.Unavailable {
		t.Errorf("a fence that waits too long fails with %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- live.Fence(context.Background()) }()
	close(wake)
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	live.Close()
	if err := live.Fence(within(t)); domain.Refusal(err).Code != domain.Unavailable {
		t.Errorf("a fence on a closed feed fails with %v", err)
	}
}

// receive waits for a value.
func receive[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-within(t).Done():
		t.Fatal(errors.New("nothing came"))
	}
	return v
}

// Another leader of a stream of the log is told as a loss, one of any other stream is not.
func TestLossByAnotherLeader(t *testing.T) {
	s := journaltest.Start(t, 3)
	j := s.Open(t, func(o *journal.Options) { o.Replicas = 3 })
	h := listen(t, j)
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	stepDown := func(stream string) {
		t.Helper()
		m, err := nc.RequestWithContext(within(t), "$JS.API.STREAM.LEADER.STEPDOWN."+stream, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s", stream, m.Data)
	}
	stepDown("KV_ACCOUNTS")
	stepDown("CHAT-0")
	until(t, "the loss is told", func() bool { return h.losses() > 0 })
	if err := h.Fence(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := h.losses(); got != 1 {
		t.Errorf("%d losses were told, want 1", got)
	}
}
