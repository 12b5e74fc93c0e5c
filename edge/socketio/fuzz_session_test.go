package socketio_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// maxSteps is how long programs may be.
const maxSteps = 60

// FuzzSession runs programs of clients and a server, in time that passes only where a program says so. Each line of a program is a step:
// a letter, the number of a client or socket, and whatever the step is about. After a step everything settles, unless & stands in front.
func FuzzSession(f *testing.F) {
	for _, program := range programs {
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program string) {
		steps := strings.Split(program, "\n")
		if len(steps) > maxSteps || len(program) > 10_000 {
			return
		}
		hangs := time.AfterFunc(time.Minute, func() {
			debug.SetTraceback("all")
			panic("the program hangs")
		})
		defer hangs.Stop()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for _, step := range steps {
				w.step(step)
			}
			w.end()
		})
	})
}

// world is what a program runs in: a server behind net/http, and clients that reach it through memory.
type world struct {
	census
	ctx        context.Context
	cancel     context.CancelFunc
	server     *socketio.Server
	network    *memory
	http       *http.Server
	client     *http.Client
	background sync.WaitGroup
	puppets    [10]*puppet
	lines      []*line
	holding    atomic.Pointer[chan bool] // handlers wait until it is closed
	next       atomic.Int32              // actor's number

	mu     sync.Mutex
	actors []*actor
	conns  map[*socketio.Conn]bool // that there have been
}

func newWorld(t *testing.T) *world {
	w := &world{census: census{t: t}, network: newMemory(), conns: make(map[*socketio.Conn]bool)}
	w.ctx, w.cancel = context.WithCancel(t.Context())
	w.server = socketio.New(socketio.Options{
		PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond, UpgradeTimeout: 100 * time.Millisecond, ConnectTimeout: 400 * time.Millisecond,
		MaxConnections: 6, MaxPerAddress: 5, HandshakeRate: 20, MaxNamespaces: 3, MaxAttachments: 3, MaxDepth: 8, MaxPayload: 1000, MaxQueue: 4000,
		Logger: slog.New(slog.NewTextHandler(faults{t}, nil)),
	})
	for _, name := range []string{"/", "/early", "/refuse", "/fault", "/panic", "/expel", "/close", "/back"} {
		w.server.Namespace(name, w.connect(name))
	}
	w.http = &http.Server{Handler: w.server, ErrorLog: log.New(faults{t}, "", 0)}
	go w.http.Serve(w.network)
	w.client = &http.Client{Transport: &http.Transport{DialContext: w.network.dial, DisableCompression: true, MaxIdleConnsPerHost: 100}}
	for i := range w.puppets {
		w.puppets[i] = w.newPuppet("")
	}
	return w
}

// faults is where the server and net/http log to. What is not on purpose fails the test, as do panics in handlers of requests.
type faults struct{ t *testing.T }

func (f faults) Write(line []byte) (int, error) {
	if !bytes.Contains(line, []byte(errDeliberate.Error())) && !bytes.Contains(line, []byte("query contains semicolon")) {
		f.t.Errorf("logged: %s", line)
	}
	return len(line), nil
}

// wait is what handlers do while the program holds them.
func (w *world) wait() {
	if hold := w.holding.Load(); hold != nil {
		<-*hold
	}
}

// release lets handlers go on.
func (w *world) release() {
	if hold := w.holding.Swap(nil); hold != nil {
		close(*hold)
	}
}

// settle waits until all that a step has started is done or waits for something else. While handlers are held that cannot be known.
func (w *world) settle() {
	if w.holding.Load() != nil {
		for range 100 {
			runtime.Gosched()
		}
		return
	}
	synctest.Wait()
	for _, c := range socketio.Conns(w.server) {
		w.conns[c] = true
		if err := socketio.Miscount(c); err != nil {
			w.t.Error(err)
		}
	}
}

// end releases everything, and looks for what is left. Shutdown must not take longer than clients are given to hear of it.
func (w *world) end() {
	w.release()
	w.settle()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		w.t.Errorf("shutdown: %v", err)
	}
	synctest.Wait() // polls may still be answered
	if joined, left := w.joined.Load(), w.left.Load(); joined != left {
		w.t.Errorf("%d have joined and %d have left", joined, left)
	}
	var conns []*socketio.Conn
	for c := range w.conns {
		conns = append(conns, c)
	}
	if err := socketio.Leftovers(w.server, conns); err != nil {
		w.t.Errorf("left %v", err)
	}
	w.cancel()
	for _, l := range w.lines {
		close(l.out)
		l.cut()
	}
	w.http.Close()
	w.client.CloseIdleConnections()
	w.background.Wait()
	synctest.Wait()
	if left := goroutines(); left != "" {
		w.t.Errorf("goroutines are left: %s", left)
	}
}

// goroutines gives the stacks of goroutines that the package has started in this world, or runs in.
func goroutines() (stacks string) {
	buf := make([]byte, 1<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	_, bubble, _ := strings.Cut(all[0], "synctest bubble ")
	bubble, _, _ = strings.Cut(bubble, "]")
	for _, stack := range all[1:] {
		if strings.Contains(stack, "synctest bubble "+bubble+"]") && strings.Contains(stack, "parley/edge/socketio.") {
			stacks += "\n\n" + stack
		}
	}
	return stacks
}

// step does what one line of a program says; nothing if it says nothing.
func (w *world) step(line string) {
	line, aside := strings.CutPrefix(line, "&")
	if len(line) < 2 {
		return
	}
	number := int(line[1]-'0') % len(w.puppets)
	w.do(line[0], number, line[2:])
	if !aside {
		w.settle()
	}
}

func (w *world) do(kind byte, number int, text string) {
	p := w.puppets[number]
	switch kind {
	case 'p', 'w', 'W':
		p = w.newPuppet(text)
		w.puppets[number] = p
		if kind == 'p' {
			p.get("transport=polling&" + text)
			return
		}
		p.switched = true
		p.open("transport=websocket&"+text, kind == 'w')
	case 'u', 'U':
		p.open(p.session("websocket")+text, kind == 'u')
	case 'g':
		p.get(p.session("polling") + text)
	case 'x':
		p.letGo()
	case 'm':
		p.send(strings.Split(text, "\x1e"))
	case 't':
		p.request("POST", p.session("polling"), plain, text, nil)
	case 'o':
		p.request("POST", p.session("polling"), octets, text, nil)
	case 'b':
		p.postEndless(text)
	case 'r':
		method, query, _ := strings.Cut(text, " ")
		p.request(method, strings.ReplaceAll(query, "$", p.session("polling")), plain, "", nil)
	case 's':
		p.mu.Lock()
		p.sloppy = p.sloppy || text == "5" && p.polls > 0
		p.switched = p.switched || text == "5" && p.ws != nil
		p.mu.Unlock()
		p.ws.send(websocket.TextMessage, text)
	case 'a':
		p.ws.send(websocket.BinaryMessage, text)
	case 'i':
		p.ws.send(websocket.PingMessage, text)
	case 'c':
		p.ws.send(websocket.CloseMessage, text)
	case 'f':
		p.mu.Lock()
		p.sloppy = true
		p.mu.Unlock()
		p.ws.write(func(ws *websocket.Conn) { io.WriteString(ws.NetConn(), text) })
	case 'k':
		p.ws.cut()
	case 'S':
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.actors); n > 0 && text != "ack" && text != "keep" && text != "panic" {
			a := w.actors[number%n]
			a.act(text, []any{"x", socketio.Binary("y")}, nil)
			a.count()
		}
	case '+':
		if ms, err := strconv.Atoi(fmt.Sprint(number) + text); err == nil && ms <= 40_000 && w.holding.Load() == nil {
			time.Sleep(time.Duration(ms) * time.Millisecond)
		}
	case 'H':
		hold := make(chan bool)
		w.holding.CompareAndSwap(nil, &hold)
	case 'R':
		w.release()
	case 'z':
		w.background.Go(func() { w.server.Shutdown(w.ctx) })
	case 'Z':
		cut, cancel := context.WithCancel(w.ctx)
		cancel()
		w.server.Shutdown(cut)
	}
}
