//go:build linux

package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFaults has two hundred devices talk over an installation of three NATS servers, MariaDB, two projectors, and three edges behind HAProxy, while at
// random each of them, and the clients, are killed, stopped, stand still, or are off the network. In the end all is well again, and what the clients have
// told is checked. make test-faults has it go on for longer; SEED repeats a run, as far as chance lets it.
func TestFaults(t *testing.T) {
	t.Parallel()
	in := apart3(t)
	c := gather(t, in.dir, in.secret, in.rnd, 200, 4, func(process string) string { return "http://" + in.wire(process, "haproxy", in.door) })
	in.suffers(c, 12*time.Second, 3*time.Second, in.settings)
}

// TestFaultsOfOneProcess does the same to all in one process, which keeps its folder.
func TestFaultsOfOneProcess(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.door = in.address()
	ops, data := in.address(), filepath.Join(in.dir, "data")
	in.ops, in.edges = []string{"http://" + ops}, []string{"http://" + in.door}
	in.keep("parley", append([]string{in.parley, "--listen", in.door, "--ops.addr", ops, "--data", data, "--auth.secret", in.secret,
		"--log.sync", "100ms"}, quick...)...)
	in.serves()
	c := gather(t, in.dir, in.secret, in.rnd, 60, 2, func(process string) string { return "http://" + in.wire(process, "parley", in.door) })
	in.suffers(c, 8*time.Second, 2*time.Second, nil)
}

// seed is what the test's random numbers come from.
func seed(tb testing.TB) (n uint64) {
	tb.Helper()
	n = uint64(time.Now().UnixNano() % 1e9)
	if s := os.Getenv("SEED"); s != "" {
		var err error
		n, err = strconv.ParseUint(s, 10, 64)
		must(tb, err)
	}
	tb.Logf("SEED=%d", n)
	return n
}

// misfortune is a fault that is to come.
type misfortune struct {
	at, lasts time.Duration
	process   string
	how       string
}

func (m misfortune) String() string {
	return fmt.Sprintf("%6.2fs %-7s %-12s for %v", m.at.Seconds(), m.how, m.process, m.lasts.Round(10*time.Millisecond))
}

// misfortunes are those of so long a time: one in every two seconds, each of a process that has none at that time, and never more than three at once.
func misfortunes(rnd *rand.Rand, processes []string, long time.Duration) (all []misfortune) {
	until := map[string]time.Duration{}
	for at := time.Second; at < long; at += time.Duration(500+rnd.IntN(3000)) * time.Millisecond {
		how := []string{"kill", "kill", "stop", "freeze", "cut", "stall"}[rnd.IntN(6)]
		lasts := time.Duration(200+rnd.IntN(4000)) * time.Millisecond
		if rnd.IntN(5) == 0 {
			lasts += 8 * time.Second // longer than heartbeats and leases allow
		}
		lasts = min(lasts, long-at+2*time.Second)
		name := processes[rnd.IntN(len(processes))]
		busy := 0
		for _, end := range until {
			if end > at {
				busy++
			}
		}
		if until[name] > at || busy >= 3 {
			continue
		}
		until[name] = at + lasts + time.Second
		all = append(all, misfortune{at, lasts, name, how})
	}
	return all
}

// suffers has the crowd talk while faults come, and checks it all when they are over. verify are the settings of parley verify; nil where that has
// nothing to look at.
func (in *installation) suffers(c *crowd, long, every time.Duration, verify []string) {
	asked := os.Getenv("FAULTS")
	if asked != "" {
		var err error
		long, err = time.ParseDuration(asked)
		must(in.T, err)
	}
	begun := time.Now()
	before := in.figures()
	c.meet()
	var names []string
	for _, k := range in.processes {
		names = append(names, k.name, k.name) // twice as often as the clients
	}
	if in.db != nil {
		names = append(names, "mariadb", "mariadb")
	}
	for _, n := range c.nodes {
		names, in.processes = append(names, n.name), append(in.processes, n.kept)
	}
	in.Logf("%d people with %d devices have come, are friends and in %d groups after %v", len(c.ids), len(c.story.devices), len(c.circles),
		time.Since(begun).Round(time.Millisecond))
	c.story.starts()
	c.act(every)
	in.befall(misfortunes(in.rnd, names, long))
	in.Logf("%6.2fs all is healed", time.Since(c.story.begun).Seconds())
	in.serves()
	in.Logf("%6.2fs all processes are ready", time.Since(c.story.begun).Seconds())
	c.all(2*time.Minute, "calm")
	in.Logf("%6.2fs all clients are calm", time.Since(c.story.begun).Seconds())
	c.all(2*time.Minute, "words")
	in.Logf("%6.2fs all have said a last word", time.Since(c.story.begun).Seconds())
	in.check(c)
	in.Logf("%6.2fs all is checked", time.Since(c.story.begun).Seconds())
	if verify != nil {
		if out, code := in.command(in.T, append([]string{"verify"}, verify...)...); code != exitOK || !strings.Contains(out, "no difference") {
			in.Errorf("verify: exit code %d\n%s", code, out)
		}
	}
	c.all(limit, "close")
	in.nothingLeft(before, asked != "")
	for _, k := range in.processes {
		for _, complaint := range k.complaints() {
			in.Error(complaint)
		}
	}
	s := c.story
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		in.Error(f)
	}
	for _, what := range slices.Sorted(maps.Keys(s.counts)) {
		in.Logf("%6d %s", s.counts[what], what)
	}
	in.Logf("%6d events heard in %d conversations; all took %v", s.heard, len(s.stored), time.Since(begun).Round(time.Second))
}

// befall has the misfortunes come, and returns when all of them are over.
func (in *installation) befall(all []misfortune) {
	begun := time.Now()
	var wg sync.WaitGroup
	for _, m := range all {
		time.Sleep(time.Until(begun.Add(m.at))) // the moment and the length of each are what was drawn by lot
		in.Log(m)
		heal := in.breaks(m.process, m.how)
		wg.Go(func() {
			time.Sleep(m.lasts)
			heal()
		})
	}
	wg.Wait()
}
