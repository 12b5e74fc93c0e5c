package socketio_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/edge/socketio"
)

// silent is a session that does nothing.
type silent struct{}

func (silent) Event(context.Context, *socketio.Event) error { return nil }
func (silent) Disconnect(string)                            {}

// bench is a server whose clients cost as little as clients in the same process can: a net.Conn each.
type bench struct {
	b       testing.TB
	server  *socketio.Server
	http    *httptest.Server
	sockets chan *socketio.Socket
}

func newBench(b testing.TB, clients int) *bench {
	n := &bench{b: b, sockets: make(chan *socketio.Socket, clients)}
	n.server = socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler), MaxQueue: 64 << 20})
	n.server.Namespace("/", func(_ context.Context, s *socketio.Socket) (socketio.Session, error) {
		n.sockets <- s
		return silent{}, nil
	})
	n.http = httptest.NewServer(n.server)
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := n.server.Shutdown(ctx); err != nil {
			b.Error(err)
		}
		n.http.Close()
	})
	return n
}

// upgradeRequest is what a browser sends.
const upgradeRequest = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: chat.example.org\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n" +
	"Origin: http://chat.example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// masked is a client's frame with an all-zero mask.
func masked(text string) string {
	return string([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}) + text
}

// connect opens a connection and joins "/", and leaves nothing to read.
func (n *bench) connect() (net.Conn, *socketio.Socket) {
	conn, err := net.Dial("tcp", n.http.Listener.Addr().String())
	if err != nil {
		n.b.Fatal(err)
	}
	io.WriteString(conn, upgradeRequest)
	r := bufio.NewReaderSize(conn, 512)
	answer, err := http.ReadResponse(r, nil)
	if err != nil || answer.StatusCode != 101 {
		n.b.Fatalf("upgrade: %v %v", answer, err)
	}
	io.WriteString(conn, masked("40"))
	var header [4]byte
	for range 2 { // the open packet and the CONNECT answer, of which the first is longer than 125 bytes or shorter
		if _, err := io.ReadFull(r, header[:2]); err != nil {
			n.b.Fatal(err)
		}
		size := int(header[1])
		if size == 126 {
			if _, err := io.ReadFull(r, header[2:]); err != nil {
				n.b.Fatal(err)
			}
			size = int(header[2])<<8 | int(header[3])
		}
		if _, err := r.Discard(size); err != nil {
			n.b.Fatal(err)
		}
	}
	return conn, <-n.sockets
}

// BenchmarkBroadcast is one packet to many WebSockets, until the last one has received it.
func BenchmarkBroadcast(b *testing.B) {
	for _, clients := range []int{10, 1000} {
		b.Run(fmt.Sprintf("sockets=%d", clients), func(b *testing.B) {
			n := newBench(b, clients)
			var received atomic.Int64 // bytes
			var readers sync.WaitGroup
			var sockets []*socketio.Socket
			for range clients {
				conn, s := n.connect()
				sockets = append(sockets, s)
				readers.Go(func() {
					defer conn.Close()
					buf := make([]byte, 4096)
					for {
						k, err := conn.Read(buf)
						received.Add(int64(k))
						if err != nil {
							return
						}
					}
				})
			}
			text := strings.Repeat("m", 200)
			size := int64(4 + len(`42["news",""]`) + len(text)) // of a frame
			sent := int64(0)
			drain := func(behind int64) {
				for received.Load() < sent-behind {
					runtime.Gosched()
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				p, err := socketio.NewPacket("news", text)
				if err != nil {
					b.Fatal(err)
				}
				for _, s := range sockets {
					if err := s.Send(p); err != nil {
						b.Fatal(err)
					}
				}
				sent += size * int64(clients)
				drain(8 * size * int64(clients))
			}
			drain(0)
			b.StopTimer()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(clients), "ns/delivery")
			shutdown(b, n.server)
			readers.Wait()
		})
	}
}

// BenchmarkHandshake is a client's way from the TCP connection to the CONNECT answer.
func BenchmarkHandshake(b *testing.B) {
	n := newBench(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		conn, _ := n.connect()
		conn.Close()
	}
}

// BenchmarkIdle prints what an idle WebSocket connection costs in heap and stack together, its client's net.Conn in the same
// process included. Its time means nothing.
func BenchmarkIdle(b *testing.B) {
	const clients = 2000
	n := newBench(b, clients)
	conns := make([]net.Conn, 0, clients)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	var bytes, goroutines float64
	for b.Loop() {
		if len(conns) > 0 {
			continue // once is enough
		}
		before, running := footprint(), runtime.NumGoroutine()
		for range clients {
			conn, _ := n.connect()
			conns = append(conns, conn)
		}
		bytes = float64(footprint()-before) / clients
		goroutines = float64(runtime.NumGoroutine()-running) / clients
	}
	b.ReportMetric(bytes, "B/conn")
	b.ReportMetric(goroutines, "goroutines/conn")
	if bytes > 10<<10 {
		b.Errorf("an idle connection costs %.0f bytes, more than 10 KiB", bytes)
	}
}

// footprint is the heap and stack in use, once what is garbage has gone.
func footprint() int64 {
	var m runtime.MemStats
	for range 3 {
		time.Sleep(50 * time.Millisecond) // for goroutines that are about to end
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func shutdown(b testing.TB, s *socketio.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		b.Error(err)
	}
}
