package socketio_test

import (
	"fmt"
	"testing"
)

// BenchmarkEvent is an event's way from a client to its handler, which decodes it, and the acknowledgement's way back. Each client
// has many of them under way. The clients are another process: cpu-ns and allocs are the server's.
func BenchmarkEvent(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("sockets=%d", clients), func(b *testing.B) {
			n := newBench(b, clients, "/")
			c, _ := n.gather(orders{Clients: clients, Protocols: []int{3, 4}, By: byWebSocket, Namespace: "/"})
			b.ResetTimer()
			m := startMeter()
			c.tell(fmt.Sprint("pump ", b.N))
			c.expect("pumped")
			b.StopTimer()
			m.report(b, b.N, "op")
			if got := n.events.Load(); got != int64(b.N) {
				b.Errorf("%d of %d events were handled", got, b.N)
			}
			c.disperse()
		})
	}
}
