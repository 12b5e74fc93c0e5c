package socketio_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/edge/socketio"
)

// bench is a server for a benchmark. Its clients are a crowd.
type bench struct {
	tb        testing.TB
	namespace string // where sockets are wanted
	recover   bool   // sockets of Engine.IO 4 are made recoverable
	options   socketio.Options
	server    atomic.Pointer[socketio.Server]
	http      *httptest.Server
	joined    chan *socketio.Socket
	events    atomic.Int64
	left      atomic.Int64
}

// newBench starts a server for so many clients at once, without heartbeats that stir while something is measured.
func newBench(tb testing.TB, clients int, namespace string) *bench {
	n := unstarted(tb, clients, namespace)
	n.http.Start()
	return n
}

func unstarted(tb testing.TB, clients int, namespace string) *bench {
	n := &bench{tb: tb, namespace: namespace, joined: make(chan *socketio.Socket, clients)}
	n.options = socketio.Options{Logger: slog.New(slog.DiscardHandler), MaxQueue: 64 << 20, PingInterval: time.Hour}
	n.renew()
	n.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.server.Load().ServeHTTP(w, r)
	}))
	tb.Cleanup(func() {
		n.end()
		n.http.Close()
	})
	return n
}

// renew puts a new server in the place of the old one, which it returns.
func (n *bench) renew() *socketio.Server {
	s := socketio.New(n.options)
	s.Namespace("/", func(context.Context, *socketio.Socket) (socketio.Session, error) { return attendant{n}, nil })
	s.Namespace(n.namespace, n.connect)
	return n.server.Swap(s)
}

func (n *bench) shutdown(s *socketio.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), crowdLimit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		n.tb.Error(err)
	}
}

// end puts a new server in the place of one whose clients have gone, without a word to those that it still knows.
func (n *bench) end() {
	now, cut := context.WithCancel(context.Background())
	cut()
	s := n.renew()
	s.Shutdown(now)
	n.shutdown(s)
}

func (n *bench) connect(_ context.Context, s *socketio.Socket) (socketio.Session, error) {
	if n.recover {
		s.Recover("key")
	}
	n.joined <- s
	return attendant{n}, nil
}

// attendant is a session that answers and counts.
type attendant struct{ bench *bench }

func (a attendant) Event(_ context.Context, e *socketio.Event) error {
	a.bench.events.Add(1)
	if !e.WantsAck() {
		return nil
	}
	var m struct{ To, Text string }
	if err := e.Decode(0, &m); err != nil {
		return err
	}
	return e.Ack("ok")
}

func (a attendant) Disconnect(string) { a.bench.left.Add(1) }

func (n *bench) address() string { return n.http.Listener.Addr().String() }

// gather starts a crowd, and gives its sockets too.
func (n *bench) gather(o orders) (*crowd, []*socketio.Socket) {
	o.Address = n.address()
	c := newCrowd(n.tb, o)
	var sockets []*socketio.Socket
	for len(sockets) < o.Clients {
		sockets = append(sockets, <-n.joined)
	}
	return c, sockets
}

// wait waits until something is so.
func (n *bench) wait(what string, is func() bool) {
	n.tb.Helper()
	for end := time.Now().Add(crowdLimit); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			n.tb.Fatalf("waited in vain for %s", what)
		}
	}
}

// meter measures what this process spends, apart from the clients' process.
type meter struct {
	cpu     int64 // nanoseconds
	mallocs uint64
}

func startMeter() meter {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return meter{u.Utime.Nano() + u.Stime.Nano(), m.Mallocs}
}

// report gives what a number of things have cost since the meter was started, each, and how long they took.
func (m meter) report(b *testing.B, things int, thing string) {
	end, n := startMeter(), float64(things)
	if thing != "op" {
		b.ReportMetric(float64(b.Elapsed())/n, "ns/"+thing)
	}
	b.ReportMetric(float64(end.cpu-m.cpu)/n, "cpu-ns/"+thing)
	b.ReportMetric(float64(end.mallocs-m.mallocs)/n, "allocs/"+thing) // also where -benchmem would print it
}

// lag is how many broadcasts may be under way at once.
const lag = 8

// BenchmarkBroadcast is one packet to many clients, half of them of each generation, until the last one has received it. The clients are
// another process: cpu-ns and allocs are the server's.
func BenchmarkBroadcast(b *testing.B) {
	text := strings.Repeat("m", 200)
	type variant struct {
		name    string
		orders  orders
		recover bool // those of Engine.IO 4
		packet  func() (*socketio.Packet, error)
	}
	plain := func() (*socketio.Packet, error) { return socketio.NewPacket("news", text) }
	attached := func() (*socketio.Packet, error) { return socketio.NewPacket("news", socketio.Binary(text)) }
	placed := func() (*socketio.Packet, error) {
		p, err := plain()
		if err != nil {
			return nil, err
		}
		return p.WithOffset("a-place"), nil
	}
	for _, v := range []variant{
		{name: "few", packet: plain, orders: orders{Clients: 10, By: byWebSocket, Namespace: "/"}},
		{name: "text", packet: plain, orders: orders{Clients: 1000, By: byWebSocket, Namespace: "/"}},
		{name: "offset", packet: placed, orders: orders{Clients: 1000, By: byWebSocket, Namespace: "/"}, recover: true},
		{name: "binary", packet: attached, orders: orders{Clients: 1000, By: byWebSocket, Namespace: "/"}},
		{name: "namespace", packet: plain, orders: orders{Clients: 1000, By: byWebSocket, Namespace: "/other"}},
		{name: "polling", packet: plain, orders: orders{Clients: 1000, By: byWaitingGET, Namespace: "/"}},
	} {
		b.Run(fmt.Sprintf("%s/sockets=%d", v.name, v.orders.Clients), func(b *testing.B) {
			n := newBench(b, v.orders.Clients, v.orders.Namespace)
			n.recover = v.recover
			v.orders.Protocols = []int{3, 4}
			c, sockets := n.gather(v.orders)
			sent := 0
			b.ResetTimer()
			m := startMeter()
			for range b.N { // not b.Loop, which would stop the clock before the last have arrived
				p, err := v.packet()
				if err != nil {
					b.Fatal(err)
				}
				for _, s := range sockets {
					if err := s.Send(p); err != nil {
						b.Fatal(err)
					}
				}
				sent++
				c.drain(sent - lag)
			}
			c.drain(sent)
			b.StopTimer()
			m.report(b, b.N*len(sockets), "delivery")
			c.disperse()
		})
	}
}
