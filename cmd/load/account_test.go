package main

import (
	"math"
	"slices"
	"testing"
)

func TestMessageInText(t *testing.T) {
	for _, m := range []message{{}, {sender: maxSenders - 1, slot: maxWindow - 1, seq: 1<<32 - 1, due: 1<<56 - 1}, {sender: 17, slot: 3, seq: 1234567, due: 987654321}} {
		b := m.append(nil)
		if got, ok := parseMessage(append(b, "....."...)); !ok || got != m || len(b) != headLength {
			t.Errorf("%+v as %q is %+v, %v", m, b, got, ok)
		}
		if _, ok := parseMessage(b[:headLength-1]); ok {
			t.Errorf("%q is cut and parsed", b)
		}
		b[5] = 'g'
		if _, ok := parseMessage(b); ok {
			t.Errorf("%q is garbled and parsed", b)
		}
	}
}

// What a recipient hears of ten messages, of which the fifth was refused.
func TestLedger(t *testing.T) {
	all := []uint64{0, 1, 2, 3, 4, 6, 7, 8, 9}
	without := func(seqs ...uint64) []uint64 {
		return slices.DeleteFunc(slices.Clone(all), func(s uint64) bool { return slices.Contains(seqs, s) })
	}
	for name, c := range map[string]struct {
		heard                     []uint64
		lost, doubled, disordered uint64
	}{
		"all":                          {heard: all},
		"and what was refused":         {heard: []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"nothing":                      {lost: 9},
		"not the first":                {heard: without(0), lost: 1},
		"not the last":                 {heard: without(9), lost: 1},
		"not two in the middle":        {heard: without(3, 6), lost: 2},
		"the first twice":              {heard: append([]uint64{0}, all...), doubled: 1},
		"all twice":                    {heard: append(slices.Clone(all), all...), doubled: 9},
		"two swapped":                  {heard: []uint64{0, 2, 1, 3, 4, 6, 7, 8, 9}, disordered: 1},
		"one late, and then once more": {heard: append(without(2), 2, 2), disordered: 1, doubled: 1},
		"backwards":                    {heard: []uint64{9, 8, 7, 6, 4, 3, 2, 1, 0}, disordered: 8},
	} {
		var l ledger
		fresh := 0
		for _, seq := range c.heard {
			if l.note(seq) {
				fresh++
			}
		}
		if lost := l.lost(10, map[uint64]bool{5: true}); lost != c.lost || l.doubled != c.doubled || l.disordered != c.disordered || fresh != len(c.heard)-int(c.doubled) {
			t.Errorf("%s: %d lost, %d doubled, %d disordered, %d fresh; want %+v", name, lost, l.doubled, l.disordered, fresh, c)
		}
	}
}

func TestFrames(t *testing.T) {
	for frame, want := range map[string]struct {
		id   uint64
		code int
		ok   bool
	}{
		`4317[{"code":0,"message":"ok"}]`: {17, 0, true},
		`430[{"code":8}]`:                 {0, 8, true},
		`43[{"code":0}]`:                  {},
		`43x[{"code":0}]`:                 {},
		`4317[{"code":`:                   {},
		`4317`:                            {},
	} {
		if id, code, ok := parseAck([]byte(frame)); ok != want.ok || ok && (id != want.id || code != want.code) {
			t.Errorf("%s: %d, %d, %v", frame, id, code, ok)
		}
	}
	for frame, want := range map[string]string{
		`42["reply",{"id":"a"},{"msg":"x"},"place"]`: "place",
		`42["cursor","place"]`:                       "place",
		`42["reply",{"id":"a"},{"msg":"x"}]`:         "",
		`42["reset"]`:                                "",
		`42["userin",{},{"id":"a"}]`:                 "",
	} {
		if got, ok := lastString([]byte(frame)); string(got) != want || ok != (want != "") {
			t.Errorf("%s: the offset is %q, %v", frame, got, ok)
		}
	}
}

// What was due before the steady state, or after it, is not timed; what comes in it is counted, whenever it was due.
func TestMeter(t *testing.T) {
	m := newMeter()
	m.came(0, clock(), true)
	early := clock()
	m.open()
	m.came(1, early-1, true)
	due := clock()
	m.came(2, due-2_000_000, true)
	m.came(3, due, true)
	m.came(4, due, false)
	m.acked(5, due)
	m.close()
	m.came(6, due, true)
	m.came(7, clock(), true)
	m.collect(0)
	if m.heard() != 7 || m.total.count != 3 || m.total.latency.TotalCount() != 2 || m.total.acks.TotalCount() != 1 {
		t.Errorf("%d heard, %d counted, %d timed, %d acks; want 7, 3, 2, 1", m.heard(), m.total.count, m.total.latency.TotalCount(), m.total.acks.TotalCount())
	}
}

func TestSpread(t *testing.T) {
	h := newHistogram()
	for i := range 1000 {
		h.RecordValue(int64(i+1) * 1000)
	}
	s := spreadOf(h)
	for name, v := range map[string][2]float64{"p50": {s.P50, 500}, "p90": {s.P90, 900}, "p99": {s.P99, 990}, "max": {s.Max, 1000}, "mean": {s.Mean, 500}} {
		if math.Abs(v[0]-v[1]) > v[1]/50 {
			t.Errorf("%s is %v ms, want %v", name, v[0], v[1])
		}
	}
	points := curve(h)
	if !slices.IsSortedFunc(points, func(a, b [2]float64) int { return int(a[1] - b[1]) }) || len(points) < 20 {
		t.Errorf("the curve is %v", points)
	}
}
