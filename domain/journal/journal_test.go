package journal_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// alone runs a test on an embedded server, with 1 shard and with 3.
func alone(t *testing.T, test func(*testing.T, *journal.Journal)) {
	t.Helper()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("shards=%d", n), func(t *testing.T) { test(t, journaltest.Open(t, journaltest.Shards(n))) })
	}
}

// everywhere runs a test alone and on a cluster of three as well.
func everywhere(t *testing.T, test func(*testing.T, *journal.Journal)) {
	t.Helper()
	alone(t, test)
	t.Run("cluster", func(t *testing.T) { test(t, journaltest.Start(t, 3).Open(t, journaltest.Shards(3))) })
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

func say(topic domain.Topic, from domain.UserID, text string) domain.Draft {
	msg, _ := json.Marshal(text)
	return domain.Draft{Topic: topic, Event: domain.Message{From: from, ID: text, Msg: msg}}
}

func mark(topic domain.Topic, by domain.UserID, seq uint64) domain.Draft {
	return domain.Draft{Topic: topic, Event: domain.ReadMarked{By: by, Seq: seq}}
}

func joined(g domain.GroupID, n int) domain.Draft {
	u := domain.UserID(fmt.Sprintf("u%d", n))
	return domain.Draft{Topic: domain.InGroup(g), Event: domain.GroupJoined{By: u, UID: u}}
}

func expecting(d domain.Draft, seq uint64) domain.Draft {
	d.Expect = &seq
	return d
}

func once(d domain.Draft, name string) domain.Draft {
	d.Once = name
	return d
}

// store stores an event, once, however often it takes: servers on a machine that stands still for a moment do not answer in time.
func store(t *testing.T, j *journal.Journal, d domain.Draft) (at domain.Stored) {
	t.Helper()
	unnamed := d.Once == "" && d.Expect == nil
	if unnamed {
		d.Once = rand.Text()
	}
	until(t, "the event is stored", func() (ok bool) {
		var err error
		if at, err = j.Append(within(t), d); err != nil && !isUnavailable(err) {
			t.Fatalf("append %+v: %v", d, err)
		}
		return err == nil
	})
	at.Duplicate = at.Duplicate && !unnamed
	return at
}

func isUnavailable(err error) bool {
	return err != nil && domain.Refusal(err).Code == domain.Unavailable
}

// text is what a message says.
func text(r domain.Record) string {
	m, _ := r.Event.(domain.Message)
	return m.ID
}
