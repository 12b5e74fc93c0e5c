package journal_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// hundred is a message of a hundred bytes.
func hundred(i int) domain.Draft {
	d := domain.Draft{Topic: domain.Direct("alice", domain.UserID(fmt.Sprintf("bob%d", i%1000))), Once: fmt.Sprint("message-", i)}
	d.Event = domain.Message{From: "alice", ID: d.Once, Msg: []byte(`"` + strings.Repeat("x", 98) + `"`)}
	return d
}

// pump appends n messages as fast as they are taken, so many at a time, and waits for all answers.
func pump(b *testing.B, j *journal.Journal, n, atOnce int) {
	room := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	wg.Add(n)
	for i := range n {
		room <- struct{}{}
		j.AppendAsync(hundred(i), func(_ domain.Stored, err error) {
			if err != nil {
				b.Errorf("append %d: %v", i, err)
			}
			<-room
			wg.Done()
		})
	}
	wg.Wait()
}

// One after the other: the time is that of one append with its acknowledgement.
func BenchmarkAppend(b *testing.B) {
	for name, options := range map[string][]func(*journal.Options){"sync=interval": nil, "sync=always": {journaltest.SyncAlways}} {
		b.Run(name, func(b *testing.B) {
			j := journaltest.Open(b, options...)
			i := 0
			for b.Loop() {
				if _, err := j.Append(context.Background(), hundred(i)); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// Many at once: the time is that of one among them, all acknowledged when the clock stops. Each has its answer before the next one of its place is sent.
func BenchmarkAppendAtOnce(b *testing.B) {
	for _, atOnce := range []int{1, 4, 64, 1000, 4000} {
		for name, options := range map[string][]func(*journal.Options){"interval": nil, "always": {journaltest.SyncAlways}} {
			b.Run(fmt.Sprintf("sync=%s/%d", name, atOnce), func(b *testing.B) {
				j := journaltest.Open(b, options...)
				b.ReportAllocs()
				b.ResetTimer()
				pump(b, j, b.N, atOnce)
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			})
		}
	}
}

// The whole log from the start, decoded.
func BenchmarkRead(b *testing.B) {
	j := journaltest.Open(b)
	const n = 200_000
	pump(b, j, n, 4000)
	runtime.GC()
	read := 0
	for b.Loop() {
		_, err := j.Read(context.Background(), 0, domain.Position{}, func(batch []domain.Record) error {
			read += len(batch)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if read != n*b.N {
		b.Fatalf("read %d events, want %d", read, n*b.N)
	}
	b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "events/s")
}

// A group of ten thousand who joined one by one.
func BenchmarkState(b *testing.B) {
	j := journaltest.Open(b)
	const n = 10_000
	var wg sync.WaitGroup
	wg.Add(n)
	for i := range n {
		if i%4000 == 3999 { // the log takes some thousands at once
			j.AppendAsync(joined("g", i), func(domain.Stored, error) { wg.Done() })
			if _, err := j.Append(context.Background(), say(domain.InGroup("g"), "u0", "x")); err != nil {
				b.Fatal(err)
			}
			continue
		}
		j.AppendAsync(joined("g", i), func(domain.Stored, error) { wg.Done() })
	}
	wg.Wait()
	for b.Loop() {
		if events, err := j.State(context.Background(), domain.InGroup("g"), 0); err != nil || len(events) != n {
			b.Fatalf("%d events, %v", len(events), err)
		}
	}
}
