package socketio

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestGate(t *testing.T) {
	const in, out = true, false
	type step struct {
		enters  bool // else it leaves
		address string
		at      instant
		want    *excess
	}
	for _, test := range []struct {
		name    string
		options Options
		steps   []step
		open    int // in the end
	}{
		{"no limits", Options{}, slices.Repeat([]step{{in, "192.0.2.1:1", 1, nil}}, 1000), 1000},
		{"negative limits", Options{MaxConnections: -1, MaxPerAddress: -1, HandshakeRate: -1}, slices.Repeat([]step{{in, "192.0.2.1:1", 1, nil}}, 1000), 1000},
		{"in all", Options{MaxConnections: 2}, []step{
			{in, "192.0.2.1:1", 1, nil}, {in, "192.0.2.2:1", 1, nil}, {in, "192.0.2.3:1", 1, excessTotal},
			{out, "192.0.2.2:1", 0, nil}, {in, "192.0.2.3:1", 1, nil}, {in, "192.0.2.3:2", 1, excessTotal},
		}, 2},
		{"from an address", Options{MaxPerAddress: 2}, []step{
			{in, "192.0.2.1:1", 1, nil}, {in, "192.0.2.1:2", 1, nil}, {in, "192.0.2.1:3", 1, excessAddress}, {in, "192.0.2.2:1", 1, nil},
			{out, "192.0.2.1:1", 0, nil}, {in, "192.0.2.1:4", 1, nil}, {in, "192.0.2.1:5", 1, excessAddress},
		}, 3},
		{"as many a second", Options{HandshakeRate: 2}, []step{
			{in, "192.0.2.1:1", 1, nil}, {in, "192.0.2.2:1", 1, nil}, {in, "192.0.2.3:1", 1, excessRate},
			{out, "192.0.2.1:1", 0, nil}, {in, "192.0.2.3:1", 1, excessRate}, // who leaves makes no room
			{in, "192.0.2.3:1", time.Second / 2, excessRate}, {in, "192.0.2.3:1", time.Second/2 + 1, nil}, {in, "192.0.2.4:1", time.Second/2 + 1, excessRate},
		}, 2},
		{"not more for having waited", Options{HandshakeRate: 2}, []step{
			{in, "192.0.2.1:1", time.Hour, nil}, {in, "192.0.2.2:1", time.Hour, nil}, {in, "192.0.2.3:1", time.Hour, excessRate},
		}, 2},
		{"a third of a second is no whole number", Options{HandshakeRate: 3}, []step{
			{in, "192.0.2.1:1", 1, nil}, {in, "192.0.2.2:1", 333_333_334, nil}, {in, "192.0.2.3:1", 333_333_334, nil},
			{in, "192.0.2.4:1", 333_333_334, excessRate}, {in, "192.0.2.4:1", 333_333_335, nil}, {in, "192.0.2.5:1", 333_333_335, excessRate},
		}, 4},
		{"a moment that is past", Options{HandshakeRate: 2}, []step{
			{in, "192.0.2.1:1", time.Hour, nil}, {in, "192.0.2.2:1", time.Minute, nil}, {in, "192.0.2.3:1", time.Minute, excessRate},
			{in, "192.0.2.3:1", time.Hour + time.Second/2 - 1, excessRate}, {in, "192.0.2.3:1", time.Hour + time.Second/2, nil},
		}, 3},
		{"all of them", Options{MaxConnections: 3, MaxPerAddress: 2, HandshakeRate: 4}, []step{
			{in, "192.0.2.1:1", 1, nil}, {in, "192.0.2.1:2", 1, nil}, {in, "192.0.2.1:3", 1, excessAddress},
			{in, "192.0.2.2:1", 1, nil}, {in, "192.0.2.3:1", 1, excessTotal}, {in, "192.0.2.1:3", 1, excessTotal},
			{out, "192.0.2.1:1", 0, nil}, {in, "192.0.2.3:1", 1, nil}, // for those who were turned away took no token
			{out, "192.0.2.1:2", 0, nil}, {in, "192.0.2.3:2", 1, excessRate},
		}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGate(test.options)
			var inside []string
			for i, s := range test.steps {
				if !s.enters {
					g.leave(s.address)
					inside = slices.DeleteFunc(inside, func(a string) bool { return a == s.address })
					continue
				}
				got := g.enter(s.address, s.at)
				if got != s.want {
					t.Fatalf("step %d, from %s: %+v, want %+v", i, s.address, got, s.want)
				}
				if got == nil {
					inside = append(inside, s.address)
				}
			}
			if g.open != test.open || len(inside) != test.open {
				t.Errorf("%d are open, by the steps %d, want %d", g.open, len(inside), test.open)
			}
			if test.options.MaxPerAddress <= 0 && g.perAddress != nil {
				t.Error("addresses are kept without a limit for them")
			}
			for _, a := range inside {
				g.leave(a)
			}
			if g.open != 0 || len(g.perAddress) != 0 {
				t.Errorf("when all have left, %d are open, from %d addresses", g.open, len(g.perAddress))
			}
		})
	}
}

func TestSourceOf(t *testing.T) {
	seen := make(map[source]string)
	for _, same := range [][]string{
		{"192.0.2.1:1", "192.0.2.1:65535", "[::ffff:192.0.2.1]:80", "[::ffff:c000:201%eth0]:80", "192.0.2.1", "::ffff:192.0.2.1"},
		{"192.0.2.2:1"},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:2", "2001:db8:1:2:3::", "[2001:db8:1:2::1%eth0]:1"},
		{"[2001:db8:1:3::1]:1"},
		{"[::1]:1"},
		{"@"}, // of a socket without an address
		{""},
		{"pipe"},
		{"example.org:80"},
		{"192.0.2.256:1"},
	} {
		from := sourceOf(same[0])
		if other, ok := seen[from]; ok {
			t.Errorf("%q counts for the same as %q", same[0], other)
		}
		seen[from] = same[0]
		for _, address := range same[1:] {
			if got := sourceOf(address); got != from {
				t.Errorf("%q counts for %v, want %v", address, got, from)
			}
		}
	}
}

// However many come and go at a time, there are never more than allowed, and in the end none.
func TestGateForMany(t *testing.T) {
	const most, mostPerAddress = 10, 3
	g := newGate(Options{MaxConnections: most, MaxPerAddress: mostPerAddress, HandshakeRate: math.MaxInt})
	var open, turnedAway atomic.Int32
	var from [4]atomic.Int32
	var clients sync.WaitGroup
	for i := range 16 {
		address := fmt.Sprintf("192.0.2.%d:%d", i%len(from), i)
		clients.Go(func() {
			for k := range 1000 {
				if g.enter(address, instant(k+1)) != nil {
					turnedAway.Add(1)
					continue
				}
				if n := open.Add(1); n > most {
					t.Errorf("%d are open", n)
				}
				if n := from[i%len(from)].Add(1); n > mostPerAddress {
					t.Errorf("%d are open from one address", n)
				}
				from[i%len(from)].Add(-1)
				open.Add(-1)
				g.leave(address)
			}
		})
	}
	clients.Wait()
	if g.open != 0 || len(g.perAddress) != 0 || turnedAway.Load() == 16*1000 {
		t.Errorf("%d are open from %d addresses, %d were turned away", g.open, len(g.perAddress), turnedAway.Load())
	}
}

// What an allowance allows is known from the promise alone: an event comes as early as it can without there being more than rate×t + rate
// in any time t that ends with it.
func TestAllowanceIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(rapid.IntRange(1, 10), rapid.SampledFrom([]int{999, 1000, 5000, 999_999_937, maxRate, math.MaxInt})).Draw(t, "rate")
		r := int64(min(rate, maxRate))
		pause := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 2*token/r), rapid.Int64Range(0, 3*token), rapid.Just(int64(365*24*time.Hour)))
		var a allowance
		var handled []int64
		now := 1 + rapid.Int64Range(0, token).Draw(t, "start")
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now += pause.Draw(t, "pause")
			earliest := now
			for i, h := range handled {
				tooMany := int64(len(handled)-i+1) - r // in the time from the event i on, if it were no time at all
				if tooMany > 0 {
					earliest = max(earliest, h+(tooMany*token+r-1)/r)
				}
			}
			now += int64(a.take(rate, instant(now)))
			if now != earliest {
				t.Fatalf("event %d of %d/s is handled at %d, after %v, want at %d", len(handled), rate, now, handled, earliest)
			}
			handled = append(handled, now)
		}
	})
}

// The same for long runs, where rounding would add up: after the burst, event n of a steady stream comes after exactly n/rate seconds.
func TestAllowanceDoesNotDrift(t *testing.T) {
	for _, rate := range []int{1, 3, 7, 999, 5000, 999_983} {
		var a allowance
		now := instant(1)
		for n := range 3*rate + 10_000 {
			now += a.take(rate, now)
			after := int64(max(n-rate+1, 0)) // the burst
			if due := instant(1 + (after*token+int64(rate)-1)/int64(rate)); now != due {
				t.Fatalf("event %d of %d/s is handled at %v, want at %v", n, rate, now, due)
			}
		}
	}
}

func TestAllowanceWithoutALimit(t *testing.T) {
	for _, rate := range []int{0, -1, math.MinInt} {
		var a allowance
		for range 10_000 {
			if wait := a.take(rate, 1); wait != 0 {
				t.Fatalf("waits for %v at a rate of %d", wait, rate)
			}
		}
	}
}

// BenchmarkGate is what the limits cost a handshake and its end, from all CPUs at once.
func BenchmarkGate(b *testing.B) {
	for _, bench := range []struct {
		name, address string
		options       Options
	}{
		{"off", "192.0.2.%d:40000", Options{}},
		{"IPv4", "192.0.2.%d:40000", Options{MaxConnections: 1 << 30, MaxPerAddress: 1 << 30, HandshakeRate: math.MaxInt}},
		{"IPv6", "[2001:db8:%d::1]:40000", Options{MaxConnections: 1 << 30, MaxPerAddress: 1 << 30, HandshakeRate: math.MaxInt}},
		{"text", strings.Repeat("x", 40) + "%d", Options{MaxConnections: 1 << 30, MaxPerAddress: 1 << 30, HandshakeRate: math.MaxInt}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			g := newGate(bench.options)
			k := newClock()
			var clients atomic.Int32
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				address := fmt.Sprintf(bench.address, clients.Add(1))
				for pb.Next() {
					if g.enter(address, k.now()) != nil {
						b.Error("turned away")
						return
					}
					g.leave(address)
				}
			})
			if g.open != 0 {
				b.Errorf("%d are open", g.open)
			}
		})
	}
}
