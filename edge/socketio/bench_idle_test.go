package socketio_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"parley/edge/socketio"
)

// BenchmarkIdle prints what an idle connection costs the server's process: heap, what net and net/http keep for it included, stack, and
// goroutines. The clients are another process. WebSockets have said something and sent a heartbeat, so that their readers'
// stacks are as large as that makes them. Its time means nothing.
//
// A goroutine that has ended leaves some 450 bytes for the next, which the runtime never frees. So all is compared to how it was at first, and
// what has no goroutines is measured first.
func BenchmarkIdle(b *testing.B) {
	const clients = 10_000
	takeFootprint() // collects what other benchmarks have left
	before := takeFootprint()
	for _, by := range []string{byPolling, byWebSocket, byWaitingGET} {
		for _, protocol := range []int{4, 3} {
			b.Run(fmt.Sprintf("EIO=%d/%s", protocol, by), func(b *testing.B) {
				n := newBench(b, clients, "/")
				for b.Loop() {
					c, _ := n.gather(orders{Clients: clients, Protocols: []int{protocol}, By: by, Namespace: "/"})
					n.settle(c)
					after := takeFootprint()
					heap, stack, goroutines := (after.heap-before.heap)/clients, (after.stack-before.stack)/clients, (after.goroutines-before.goroutines)/clients
					b.ReportMetric(heap, "heap-B/conn")
					b.ReportMetric(stack, "stack-B/conn")
					b.ReportMetric(heap+stack, "B/conn")
					b.ReportMetric(goroutines, "goroutines/conn")
					if by == byWebSocket && (heap+stack > 10<<10 || goroutines > 1.01) {
						b.Errorf("an idle connection costs %.0f bytes and %.2f goroutines, more than 10 KiB and its reader", heap+stack, goroutines)
					}
					c.disperse()
					n.end()
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// settle has the clients do what idle ones do, and waits until that is over.
func (n *bench) settle(c *crowd) {
	switch c.orders.By {
	case byWebSocket:
		runtime.GC() // which shrinks the stacks; what a heartbeat needs is then there once more
		before := n.events.Load()
		c.tell("beat")
		n.wait("everyone's sign of life", func() bool { return n.events.Load()-before == int64(c.orders.Clients) })
	case byWaitingGET:
		n.wait("everyone's long poll", func() bool { return socketio.WaitingPolls(n.server.Load()) == c.orders.Clients })
	}
}

// footprint is what is in use, once nothing is under way.
type footprint struct{ heap, stack, goroutines float64 }

func takeFootprint() footprint {
	for running := -1; running != runtime.NumGoroutine(); time.Sleep(50 * time.Millisecond) { // some are about to end
		running = runtime.NumGoroutine()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	stack := m.StackInuse // before it is shrunk
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return footprint{float64(m.HeapAlloc), float64(stack), float64(runtime.NumGoroutine())}
}
