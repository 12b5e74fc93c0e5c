package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// clock is nanoseconds since the process has begun, and never goes back.
func clock() int64 { return int64(time.Since(begun)) }

var begun = time.Now()

// newHistogram takes microseconds up to ten minutes, to a hundredth.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 600e6, 2) }

// meter counts and times. What is measured is what is due, or comes, while its window is open. It is split so that the devices' goroutines seldom
// meet.
type meter struct {
	from, to atomic.Int64 // the window, by the clock
	parts    [16]meterPart
	total    measured // of what was collected; used by whoever collects
	series   []second
}

type meterPart struct {
	mu    sync.Mutex
	heard uint64 // at any time, by whomever
	now   measured
}

// measured is what was measured in a while.
type measured struct {
	count         uint64 // of what came while the window was open
	latency       *hdrhistogram.Histogram
	acks, lateful *hdrhistogram.Histogram // until the ack, and how late the generator itself was to send
}

func newMeasured() measured { return measured{0, newHistogram(), newHistogram(), newHistogram()} }

// second is one of the steady state.
type second struct {
	Rate float64 `json:"rate"`
	P50  float64 `json:"p50"` // milliseconds
	P99  float64 `json:"p99"`
}

func newMeter() *meter {
	m := &meter{total: newMeasured()}
	for i := range m.parts {
		m.parts[i].now = newMeasured()
	}
	m.from.Store(math.MaxInt64)
	m.to.Store(math.MaxInt64)
	return m
}

func (m *meter) open()  { m.from.Store(clock()) }
func (m *meter) close() { m.to.Store(clock()) }

// seconds is for how long the window was open.
func (m *meter) seconds() float64 { return time.Duration(m.to.Load() - m.from.Load()).Seconds() }

func (m *meter) within(at int64) bool { return at >= m.from.Load() && at < m.to.Load() }

// came counts what was due at a time and has come now. counts is false for what must come but is not asked for, such as an echo.
func (m *meter) came(who int, due int64, counts bool) {
	now := clock()
	p := &m.parts[who%len(m.parts)]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard++
	if !counts {
		return
	}
	if m.within(now) {
		p.now.count++
	}
	if m.within(due) {
		p.now.latency.RecordValue(micros(now - due)) // never more than the histogram takes
	}
}

func (m *meter) acked(who int, due int64) {
	if m.within(due) {
		m.time(who, clock()-due, func(n *measured) *hdrhistogram.Histogram { return n.acks })
	}
}

func (m *meter) sent(who int, due int64) {
	if m.within(due) {
		m.time(who, clock()-due, func(n *measured) *hdrhistogram.Histogram { return n.lateful })
	}
}

func (m *meter) time(who int, took int64, of func(*measured) *hdrhistogram.Histogram) {
	p := &m.parts[who%len(m.parts)]
	p.mu.Lock()
	defer p.mu.Unlock()
	of(&p.now).RecordValue(micros(took))
}

func micros(ns int64) int64 { return min(max(ns/1000, 1), 600e6) }

// heard is how much has come in all.
func (m *meter) heard() (n uint64) {
	for i := range m.parts {
		p := &m.parts[i]
		p.mu.Lock()
		n += p.heard
		p.mu.Unlock()
	}
	return n
}

// collect takes what was measured since it was called last to the total; took 0 notes no second.
func (m *meter) collect(took time.Duration) second {
	lately := newHistogram()
	var count uint64
	for i := range m.parts {
		p := &m.parts[i]
		p.mu.Lock()
		count += p.now.count
		lately.Merge(p.now.latency)
		m.total.latency.Merge(p.now.latency)
		m.total.acks.Merge(p.now.acks)
		m.total.lateful.Merge(p.now.lateful)
		p.now.count = 0
		p.now.latency.Reset()
		p.now.acks.Reset()
		p.now.lateful.Reset()
		p.mu.Unlock()
	}
	m.total.count += count
	s := second{P50: millis(lately, 50), P99: millis(lately, 99)}
	if took > 0 {
		s.Rate = float64(count) / took.Seconds()
		m.series = append(m.series, s)
	}
	return s
}

func millis(h *hdrhistogram.Histogram, percentile float64) float64 {
	return float64(h.ValueAtPercentile(percentile)) / 1000
}

// spread is how long things took, in milliseconds.
type spread struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

func spreadOf(h *hdrhistogram.Histogram) spread {
	if h.TotalCount() == 0 {
		return spread{}
	}
	return spread{h.TotalCount(), h.Mean() / 1000, millis(h, 50), millis(h, 90), millis(h, 99), millis(h, 99.9), float64(h.Max()) / 1000}
}

// curve is a latency by percentile, for a plot.
func curve(h *hdrhistogram.Histogram) (points [][2]float64) {
	if h.TotalCount() == 0 {
		return nil
	}
	for rest := 1.0; rest > 1/float64(h.TotalCount()+1) && rest > 1e-6; rest /= 1.25 {
		points = append(points, [2]float64{100 * (1 - rest), millis(h, 100*(1-rest))})
	}
	return points
}

// usage is what a process has spent, and holds.
type usage struct {
	Name string  `json:"name"`
	PID  int     `json:"pid"`
	CPU  float64 `json:"cpu"` // seconds, user and system
	RSS  int64   `json:"rss"` // bytes
}

// ticks are how many of the clock ticks in /proc are a second: on Linux always so many, whatever the kernel counts with.
const ticks = 100

// usageOf reads /proc, which only Linux has.
func usageOf(pid int) (u usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, fmt.Errorf("process %d: %w; --pid wants processes of this machine, on Linux", pid, err)
	}
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:])) // from the third on, the state
	if open < 0 || end < open || len(fields) < 22 {
		return u, fmt.Errorf("process %d: /proc says %q", pid, stat)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	pages, err3 := strconv.ParseInt(fields[21], 10, 64)
	return usage{string(stat[open+1 : end]), pid, float64(user+system) / ticks, pages * int64(os.Getpagesize())}, errors.Join(err1, err2, err3)
}

func usageOfAll(pids []int) (all []usage, err error) {
	for _, pid := range pids {
		u, err := usageOf(pid)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

// since is what was spent after before, and is held now.
func since(before, now []usage) (spent []usage) {
	for i := range now {
		u := now[i]
		u.CPU -= before[i].CPU
		spent = append(spent, u)
	}
	return spent
}

func sum(all []usage) (cpu float64, rss int64) {
	for _, u := range all {
		cpu += u.CPU
		rss += u.RSS
	}
	return cpu, rss
}
