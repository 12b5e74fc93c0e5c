//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// figures are what processes use: of edges and projectors by their address for operators what /metrics says, and of the NATS servers together what their
// monitors say.
type figures struct {
	of            map[string]map[string]float64
	subscriptions int // of ours
	consumers     int
}

// figures asks for them. What cannot be asked for is missing.
func (in *installation) figures() figures {
	f := figures{of: map[string]map[string]float64{}}
	for _, ops := range in.ops {
		f.of[ops] = map[string]float64{}
		for line := range strings.Lines(page(ops + "/metrics")) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				f.of[ops][name] = n
			}
		}
	}
	for _, monitor := range in.monitors {
		var connz struct {
			Connections []struct{ Subscriptions int }
		}
		var jsz struct{ Consumers int }
		json.Unmarshal([]byte(page(monitor+"/connz?limit=1000")), &connz)
		json.Unmarshal([]byte(page(monitor+"/jsz")), &jsz)
		for _, c := range connz.Connections {
			f.subscriptions += c.Subscriptions
		}
		f.consumers = max(f.consumers, jsz.Consumers)
	}
	return f
}

// What may be there in the end beyond what was there in the beginning.
const (
	moreGoroutines = 20
	moreMemory     = 64 << 20
)

// more tells what is used now beyond what may be.
func (f figures) more(before figures, memory bool) (found []string) {
	most := func(name string) (n float64) { // a projector that stood by may work now
		for _, figures := range before.of {
			n = max(n, figures[name])
		}
		return n
	}
	for ops, now := range f.of {
		complain := func(name string, may float64) {
			if n, is := now[name]; n > may {
				found = append(found, fmt.Sprintf("%s: %s is %v, and may be %v", ops, name, n, may))
			} else if !is && strings.HasPrefix(name, "go_") {
				found = append(found, fmt.Sprintf("%s does not say %s", ops, name))
			}
		}
		complain("go_goroutines", most("go_goroutines")+moreGoroutines)
		for _, name := range []string{"parley_connections", "parley_people", "parley_conversations"} {
			complain(name, 0)
		}
		if memory {
			complain("go_memstats_heap_alloc_bytes", most("go_memstats_heap_alloc_bytes")+moreMemory)
		}
	}
	if f.subscriptions > before.subscriptions {
		found = append(found, fmt.Sprintf("%d subscriptions at NATS, and in the beginning %d", f.subscriptions, before.subscriptions))
	}
	if f.consumers > before.consumers {
		found = append(found, fmt.Sprintf("%d consumers at NATS, and in the beginning %d", f.consumers, before.consumers))
	}
	return found
}

// nothingLeft waits until nothing is used any more that was not in the beginning. With memory it waits until what is not needed has been collected, too,
// which Go does every two minutes where nothing happens.
func (in *installation) nothingLeft(before figures, memory bool) {
	in.Helper()
	within := limit
	if memory {
		within = 6 * time.Minute
	}
	var more []string
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		now := in.figures()
		if more = now.more(before, memory); len(more) == 0 {
			in.Logf("%d subscriptions and %d consumers at NATS, as in the beginning", now.subscriptions, now.consumers)
			for ops, figures := range now.of {
				in.Logf("%s: %v goroutines, %.1f MiB", ops, figures["go_goroutines"], figures["go_memstats_heap_alloc_bytes"]/(1<<20))
			}
			return
		}
	}
	in.Errorf("%v after all have gone something is left:\n%s", within, strings.Join(more, "\n"))
	for _, k := range in.processes {
		if strings.HasPrefix(k.name, "edge") || strings.HasPrefix(k.name, "p") {
			k.down(syscall.SIGQUIT) // it says what its goroutines do
		}
	}
}
