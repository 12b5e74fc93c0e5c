package socketio_test

import (
	"fmt"
	"testing"
)

// BenchmarkHandshake is a client's way from the TCP connection to the answer to its first event, by WebSocket or through the upgrade, one
// client after the other, until the last one has left. The clients are another process: cpu-ns and allocs are the server's.
func BenchmarkHandshake(b *testing.B) {
	for _, by := range []string{byWebSocket, byUpgrade} {
		for _, protocol := range []int{4, 3} {
			b.Run(fmt.Sprintf("EIO=%d/%s", protocol, by), func(b *testing.B) {
				n := newBench(b, b.N, "/")
				c := startCrowd(b, orders{Address: n.address(), Protocols: []int{protocol}, By: by, Namespace: "/"})
				c.expect("ready")
				b.ResetTimer()
				m := startMeter()
				c.tell(fmt.Sprint("visit ", b.N))
				c.expect("visited")
				n.wait("the last to leave", func() bool { return n.left.Load() == int64(b.N) })
				b.StopTimer()
				m.report(b, b.N, "op")
				c.disperse()
			})
		}
	}
}

// stormy is a crowd that comes back at once, to servers with the limits of the default configuration.
func (n *bench) stormy(clients int, by string) *crowd {
	n.options.MaxConnections, n.options.HandshakeRate = 100_000, 5000
	c, _ := n.gather(orders{Clients: clients, Protocols: []int{3, 4}, By: by, Namespace: "/", Again: true})
	return c
}

// storm has everyone lose the server while another is ready in its place, and waits until they are back, past CONNECT and past
// the upgrade if there is one. It gives how often one of them was refused.
func (n *bench) storm(c *crowd) (refused int) {
	n.tb.Helper()
	n.shutdown(n.renew())
	refused = c.expect("joined")
	for range c.orders.Clients {
		<-n.joined
	}
	return refused
}

// BenchmarkStorm is a server's restart: 2000 clients, half of them of each generation, lose it and come back all at once. It is the time from
// the loss to the last one's return, which may be no more than 5 s.
func BenchmarkStorm(b *testing.B) {
	const clients, most = 2000, 5.0
	for _, by := range []string{byWebSocket, byUpgrade} {
		b.Run(by, func(b *testing.B) {
			n := newBench(b, clients, "/")
			c := n.stormy(clients, by)
			refused := 0
			for b.Loop() {
				refused += n.storm(c)
			}
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(seconds, "s/storm")
			b.ReportMetric(clients/seconds, "handshakes/s")
			b.ReportMetric(float64(refused), "refused")
			c.disperse()
			if refused > 0 {
				b.Errorf("%d were refused", refused)
			}
			if seconds > most {
				b.Errorf("a storm took %f s, want %f at most", seconds, most)
			}
		})
	}
}

// Nobody is refused when everybody comes back at once.
func TestNoneIsRefusedInAStorm(t *testing.T) {
	const clients = 2000
	for _, by := range []string{byWebSocket, byUpgrade} {
		t.Run(by, func(t *testing.T) {
			n := newBench(t, clients, "/")
			c := n.stormy(clients, by)
			if refused := n.storm(c); refused > 0 {
				t.Errorf("%d were refused", refused)
			}
			c.disperse()
		})
	}
}
