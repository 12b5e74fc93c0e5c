package journaltest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain/journal"
)

// Servers are NATS servers with JetStream that listen on this machine: one, or a cluster.
type Servers struct {
	tb      testing.TB
	options []*server.Options
	running []*server.Server // nil where it is stopped
}

// Start starts n servers, which are a cluster where there are more than one, and stops them when the test ends. The settings change how each
// of them is started.
func Start(tb testing.TB, n int, settings ...func(*server.Options)) *Servers {
	tb.Helper()
	s := Prepare(tb, n, settings...)
	for i := range n {
		s.launch(i)
	}
	for i := range n {
		s.await(i)
	}
	return s
}

// Prepare is Start, but starts none of the servers yet: Restart does.
func Prepare(tb testing.TB, n int, settings ...func(*server.Options)) *Servers {
	tb.Helper()
	s := &Servers{tb: tb, options: make([]*server.Options, n), running: make([]*server.Server, n)}
	ports := freePorts(tb, 2*n) // for clients, and for the other servers
	var routes []*url.URL
	for _, port := range ports[n:] {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	dir := tb.TempDir()
	tb.Cleanup(func() {
		for i := range s.running {
			s.Stop(i)
		}
	})
	for i := range n {
		s.options[i] = &server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: ports[i], JetStream: true, StoreDir: filepath.Join(dir, fmt.Sprint(i)),
			NoSigs: true, NoLog: true,
		}
		if n > 1 {
			s.options[i].Routes = routes
			s.options[i].Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[n+i]}
		}
		for _, set := range settings {
			set(s.options[i])
		}
	}
	return s
}

// URL is where clients find all of them.
func (s *Servers) URL() string {
	var all []string
	for _, o := range s.options {
		all = append(all, fmt.Sprintf("nats://%s:%d", o.Host, o.Port))
	}
	return strings.Join(all, ",")
}

// Dirs are the folders in which the servers keep what they store.
func (s *Servers) Dirs() (all []string) {
	for _, o := range s.options {
		all = append(all, o.StoreDir)
	}
	return all
}

// Stop stops one server; that it is stopped already does no harm.
func (s *Servers) Stop(i int) {
	if s.running[i] == nil {
		return
	}
	s.running[i].Shutdown()
	s.running[i].WaitForShutdown()
	s.running[i] = nil
}

// Restart starts a server that was stopped or only prepared, at the same address and on the same files.
func (s *Servers) Restart(i int) {
	s.tb.Helper()
	s.launch(i)
	s.await(i)
}

// Leader gives the number of the server that leads a stream, -1 where none does.
func (s *Servers) Leader(stream string) int {
	for i, n := range s.running {
		if n != nil && (len(s.running) == 1 || n.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream)) {
			return i
		}
	}
	return -1
}

// ForgetIDs has the servers forget under which names events were stored once, as they do after two minutes.
func (s *Servers) ForgetIDs() {
	s.tb.Helper()
	nc, err := nats.Connect(s.URL())
	if err != nil {
		s.tb.Fatal(err)
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	js, err := jetstream.New(nc)
	if err != nil {
		s.tb.Fatal(err)
	}
	var all []jetstream.StreamConfig
	streams := js.ListStreams(ctx, jetstream.WithStreamListSubject("chat.>"))
	for info := range streams.Info() {
		all = append(all, info.Config)
	}
	if err := streams.Err(); err != nil {
		s.tb.Fatal(err)
	}
	for _, window := range []time.Duration{100 * time.Millisecond, 0} { // the shortest there is, and back to what it was
		for _, is := range all {
			is.Duplicates = cmp.Or(window, is.Duplicates)
			if _, err := js.UpdateStream(ctx, is); err != nil {
				s.tb.Fatal(err)
			}
		}
		time.Sleep(window + window) // for the servers' timers
	}
}

func (s *Servers) launch(i int) {
	s.tb.Helper()
	n, err := server.NewServer(s.options[i].Clone())
	if err != nil {
		s.tb.Fatalf("start NATS server %d: %v", i, err)
	}
	s.running[i] = n
	n.Start()
}

func (s *Servers) await(i int) {
	s.tb.Helper()
	if !s.running[i].ReadyForConnections(limit) {
		s.tb.Fatalf("NATS server %d does not take connections", i)
	}
}

// Open opens a journal on the servers, with as many replicas as there are servers, and closes it when the test ends.
func (s *Servers) Open(tb testing.TB, options ...func(*journal.Options)) *journal.Journal {
	tb.Helper()
	o := journal.Options{Remote: &journal.Remote{URL: s.URL(), Name: tb.Name()}, Replicas: len(s.options)}
	for _, set := range options {
		set(&o)
	}
	return open(tb, o)
}

// Ports are chosen from below those that systems give out by themselves, to whoever connects or asks for any port: so nobody is given one of
// these while nobody listens there yet, or while its server is stopped.
const firstPort, lastPort = 15_000, 32_000

// FreePort finds a port of this machine that nobody uses just now, and that is nobody's but who asks for it by number.
func FreePort(tb testing.TB) int {
	tb.Helper()
	return freePorts(tb, 1)[0]
}

// freePorts finds several.
func freePorts(tb testing.TB, n int) (ports []int) {
	tb.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort)))
		if err != nil {
			continue // in use
		}
		defer l.Close() // at the end, so that none is found twice
		if ports = append(ports, l.Addr().(*net.TCPAddr).Port); len(ports) == n {
			return ports
		}
	}
	tb.Fatalf("found only %d of %d free ports", len(ports), n)
	return nil
}
