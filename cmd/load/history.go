package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// history has everybody ask for the list of conversations, the newest page of the one with the friend, and the page before it, by turns.
func history(ctx context.Context, s *stage) error {
	if err := s.enter(ctx, s.people, false); err != nil {
		return err
	}
	if err := s.pairs(ctx); err != nil {
		return err
	}
	rate := s.rate
	s.rate = 0 // what is said, is said in a closed loop
	if err := s.say(ctx, fmt.Sprintf("each says %d messages", s.missed), s.missed); err != nil {
		return err
	}
	s.rate = rate
	r := &readers{stage: s, oldest: make([]atomic.Uint64, len(s.devices)), client: http.Client{Timeout: patience,
		Transport: &http.Transport{MaxIdleConnsPerHost: s.inFlight, MaxConnsPerHost: s.inFlight}}}
	defer r.client.CloseIdleConnections()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	r.begin(reading)
	if err := s.warm(ctx); err != nil {
		return err
	}
	if err := s.steady(ctx, "answered"); err != nil {
		return err
	}
	stop()
	r.all.Wait()
	return nil
}

// readers ask queries, so many at once, or as many a second.
type readers struct {
	*stage
	client http.Client
	all    sync.WaitGroup
	oldest []atomic.Uint64 // by person, the seq of the first message on the newest page that was seen
}

func (r *readers) begin(ctx context.Context) {
	turns := make(chan int64) // when each query is due; 0 for now
	ask := func(_ int, due int64) {
		select {
		case turns <- due:
		case <-ctx.Done():
		}
	}
	r.all.Go(func() {
		defer close(turns)
		if r.rate > 0 {
			pace(ctx, clock(), float64(time.Second)/r.rate, ask)
			return
		}
		for ctx.Err() == nil {
			ask(0, 0)
		}
	})
	var people sync.Mutex
	next := 0
	for range r.inFlight {
		r.all.Go(func() {
			for due := range turns {
				people.Lock()
				i := next
				next++
				people.Unlock()
				if due == 0 {
					due = clock()
				}
				r.query(i, due)
			}
		})
	}
}

// query asks the nth query.
func (r *readers) query(n int, due int64) {
	d := r.devices[n/3%len(r.devices)]
	peer := r.devices[d.number^1]
	page := "/api/conversations/u:" + peer.id + "/messages?limit=50"
	oldest := r.oldest[d.number].Load()
	var path, holds string
	switch {
	case n%3 == 0:
		path, holds = "/api/conversations", `"conversations":[{`
	case n%3 == 1 || oldest == 0:
		path, holds = page, `"messages":[{`
	default:
		path, holds = page+"&before="+strconv.FormatUint(oldest, 10), `"messages":[`
	}
	r.meter.sent(n, due)
	body, err := r.get(d, path)
	switch {
	case err != nil:
		r.fault(&r.refused, "%s: %v", path, err)
	case !bytes.Contains(body, []byte(holds)):
		r.fault(&r.stray, "%s: the answer is empty: %.200s", path, body)
	default:
		r.meter.came(n, due, true)
		if path == page {
			r.oldest[d.number].Store(firstSeq(body))
		}
	}
}

// firstSeq is the first seq in a page of messages.
func firstSeq(body []byte) (seq uint64) {
	_, after, _ := bytes.Cut(body, []byte(`"seq":`))
	for _, c := range after {
		if c < '0' || c > '9' {
			break
		}
		seq = seq*10 + uint64(c-'0')
	}
	return seq
}

func (r *readers) get(d *device, path string) ([]byte, error) {
	req, err := http.NewRequest("GET", r.urls[d.number%len(r.urls)]+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status + ": " + string(body[:min(len(body), 200)]))
	}
	return body, err
}
