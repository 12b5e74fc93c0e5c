package projectortest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"parley/domain"
	"parley/projector"
)

// Benchmark folds a log of busy conversations into a store that empty gives, and tells how many events that is a second.
func Benchmark(b *testing.B, empty func() Store) {
	const conversations, messages = 1000, 100_000
	log := NewLog(1)
	for i := range conversations {
		log.add(domain.InGroup(domain.GroupID(fmt.Sprint("group-", i))), domain.GroupCreated{
			By: "user-0", Name: "A group", Members: []domain.UserID{"user-1", "user-2", "user-3", "user-4"},
		})
	}
	for i := range messages {
		t := domain.InGroup(domain.GroupID(fmt.Sprint("group-", i*7%conversations)))
		from := domain.UserID(fmt.Sprint("user-", i%5))
		log.add(t, domain.Message{From: from, ID: fmt.Sprint("message-", i), Msg: json.RawMessage(`{"txt":"What a message holds on an ordinary day","type":"text"}`)})
		if i%10 == 0 {
			log.add(t, domain.ReadMarked{By: from, Seq: 1 << 60})
		}
	}
	o := Quick()
	o.Batch = 0 // the default
	events := 0
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		s := empty()
		b.StartTimer()
		Fold(b, log, s, o)
		events += int(log.shards[0].last)
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(0, "ns/op")
}

// add appends without rolling up, which takes a pass over the log.
func (l *Log) add(t domain.Topic, e domain.Event) {
	s := &l.shards[0]
	s.last++
	s.records = append(s.records, domain.Record{Topic: t, Seq: s.last, Time: Began.Add(time.Duration(s.last) * time.Millisecond), Event: e})
}

var _ projector.Log = (*Log)(nil)
