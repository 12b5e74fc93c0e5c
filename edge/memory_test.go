package edge

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"testing"

	"parley/domain"
)

// What it may cost an edge to know who of so many is online.
const (
	crowded      = 100_000
	crowdedBytes = 32 << 20
)

// nowhere are signals that nobody hears.
type nowhere struct{}

func (nowhere) Broadcast(string, []byte) error                     { return nil }
func (nowhere) Hear(string, func([]byte)) (stop func(), err error) { return func() {}, nil }

// A hundred thousand people are online, most of them at four other edges and 10,000 here, each of whom has 20 friends among them all: what the
// edge holds for that, beside the connections, is within bounds.
func TestPresenceOfManyIsSmall(t *testing.T) {
	e := &Edge{Options: Options{Signals: nowhere{}}, logger: slog.New(slog.DiscardHandler)}
	e.hub = newHub(e)
	e.presence = newPresence(e)
	here := make([]*person, crowded/10)
	id := func(i int) domain.UserID { return domain.UserID(fmt.Sprintf("%016d", i)) } // as long as those that are made
	for i := range here {
		p := &person{id: id(i), status: domain.StatusOnline, entered: true}
		p.sessions.Store(&[]*session{{id: fmt.Sprintf("%020d", i)}}) // as long as a socket's
		e.hub.people[p.id], here[i] = p, p
	}
	before := heap()
	const each = crowded * 9 / 10 / 4
	for i := len(here); i < crowded; i++ {
		nth := (i - len(here)) % each
		s := signal{Edge: fmt.Sprint("edge ", (i-len(here))/each), Kind: "in", Count: uint64(nth + 1), UID: id(i), Conn: fmt.Sprintf("%020d", i)}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		e.presence.hear(b)
	}
	others := heap()
	for _, p := range here {
		e.presence.update(p.id)
	}
	for _, p := range here {
		for range 20 {
			e.hub.watch(p, id(rand.IntN(crowded)), true)
		}
	}
	after := heap()
	t.Logf("%.1f MiB for the others, %.1f MiB for those here and their friends", float64(others-before)/(1<<20), float64(after-others)/(1<<20))
	if n := len(e.presence.own); n != len(here) || !e.presence.online(id(crowded-1)) {
		t.Fatalf("%d are online here", n)
	}
	if held := after - before; held > crowdedBytes {
		t.Errorf("it holds %d bytes, want at most %d", held, crowdedBytes)
	}
	runtime.KeepAlive(e)
}

// heap is how much is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
