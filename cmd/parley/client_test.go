package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// limit is how long a test waits for what must happen.
const limit = time.Minute

// driver is a Node process with any number of real socket.io-client sockets.
type driver struct {
	tb    testing.TB
	stdin io.WriteCloser
	node  *os.Process

	mu      sync.Mutex
	changed *sync.Cond
	clients map[string]*client
	acks    int
	devices int
}

// The client libraries that a driver has.
const (
	today  = "today"  // Socket.IO 4, by Engine.IO 4
	middle = "middle" // Socket.IO 3, by Engine.IO 4
	old    = "old"    // Socket.IO 2, by Engine.IO 3
)

// client is one socket of the driver's: what it has heard, in order.
type client struct {
	*driver
	name  string
	heard []heard
	taken map[string]int // by event: how many of those heard Expect has gone by
	acked map[int]heard
}

type heard struct {
	Client string            `json:"c"`
	Event  string            `json:"event"`
	Args   []json.RawMessage `json:"args"`
	Ack    *int              `json:"ack"`
	Error  string            `json:"error"`
}

func startDriver(tb testing.TB) *driver {
	tb.Helper()
	if matches, _ := filepath.Glob("testdata/node_modules/socket.io-client"); len(matches) == 0 {
		tb.Fatal("the Socket.IO client is not installed: run make test, or npm ci in cmd/parley/testdata")
	}
	cmd := exec.Command("node", "testdata/driver.mjs")
	stdin, err := cmd.StdinPipe()
	must(tb, err)
	stdout, err := cmd.StdoutPipe()
	must(tb, err)
	cmd.Stderr = tb.Output()
	must(tb, cmd.Start())
	d := &driver{tb: tb, stdin: stdin, node: cmd.Process, clients: map[string]*client{}}
	d.changed = sync.NewCond(&d.mu)
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			d.hear(lines.Bytes())
		}
	}()
	tb.Cleanup(func() {
		stdin.Close()
		<-reading
		cmd.Wait()
	})
	return d
}

func (d *driver) hear(line []byte) {
	var h heard
	if err := json.Unmarshal(line, &h); err != nil {
		d.tb.Errorf("driver said %q: %v", line, err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.clients[h.Client]
	if h.Ack != nil {
		c.acked[*h.Ack] = h
	} else {
		c.heard = append(c.heard, h)
	}
	d.changed.Broadcast()
}

func (d *driver) tell(command map[string]any) {
	b, err := json.Marshal(command)
	must(d.tb, err)
	_, err = d.stdin.Write(append(b, '\n'))
	must(d.tb, err)
}

// connect opens a socket with options of today's library; nil transports are its defaults.
func (d *driver) connect(name, url string, transports []string, options map[string]any) *client {
	return d.connectWith(today, name, url, transports, options)
}

// connectWith opens a socket of one of the libraries, to which the options are put as it likes them.
func (d *driver) connectWith(library, name, url string, transports []string, options map[string]any) *client {
	c := &client{driver: d, name: name, taken: map[string]int{}, acked: map[int]heard{}}
	d.mu.Lock()
	d.clients[name] = c
	d.mu.Unlock()
	o := map[string]any{}
	for k, v := range options {
		o[k] = v
	}
	if transports != nil {
		o["transports"] = transports
	}
	d.tell(map[string]any{"do": "connect", "c": name, "url": url, "library": library, "options": o})
	return c
}

func (c *client) close() { c.tell(map[string]any{"do": "close", "c": c.name}) }

// wait waits until what is so, with the driver's lock held.
func (d *driver) wait(what string, so func() bool) {
	d.tb.Helper()
	if !d.becomes(so) {
		d.tb.Fatalf("waited %v for %s", limit, what)
	}
}

// becomes waits until it is so, with the driver's lock held; false when it has waited for too long.
func (d *driver) becomes(so func() bool) bool {
	late := time.AfterFunc(limit, d.changed.Broadcast)
	defer late.Stop()
	end := time.Now().Add(limit)
	d.mu.Lock()
	defer d.mu.Unlock()
	for !so() {
		if time.Now().After(end) {
			return false
		}
		d.changed.Wait()
	}
	return true
}

// expect waits for the next event of that name, decodes its arguments into args (nil passes one over) and gives how many it has.
func (c *client) expect(event string, args ...any) int {
	c.tb.Helper()
	var found heard
	c.wait(fmt.Sprintf("%s to hear %s", c.name, event), func() bool {
		nth := 0
		for _, h := range c.heard {
			if h.Event == event {
				if nth++; nth > c.taken[event] {
					found = h
					return true
				}
			}
		}
		return false
	})
	c.taken[event]++
	for i, a := range args {
		if a == nil {
			continue
		}
		if i >= len(found.Args) {
			c.tb.Fatalf("%s heard %s with %d arguments, want %d", c.name, event, len(found.Args), len(args))
		}
		must(c.tb, json.Unmarshal(found.Args[i], a))
	}
	return len(found.Args)
}

// all gives what was heard of an event so far.
func (c *client) all(event string) (events []heard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.heard {
		if h.Event == event {
			events = append(events, h)
		}
	}
	return events
}

// answer is what an ack carries.
type answer struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// emit sends a command and waits for its ack.
func (c *client) emit(event string, args ...any) answer {
	c.tb.Helper()
	return c.emitted(event, c.emitLater(event, args...))
}

// emitLater sends a command and gives the number of its ack.
func (c *client) emitLater(event string, args ...any) int {
	c.mu.Lock()
	c.acks++
	n := c.acks
	c.mu.Unlock()
	if args == nil {
		args = []any{}
	}
	c.tell(map[string]any{"do": "emit", "c": c.name, "event": event, "args": args, "ack": n})
	return n
}

func (c *client) emitted(event string, ack int) (a answer) {
	c.tb.Helper()
	var h heard
	c.wait(fmt.Sprintf("the ack of %s's %s", c.name, event), func() bool {
		var ok bool
		h, ok = c.acked[ack]
		return ok
	})
	if h.Error != "" || len(h.Args) != 1 {
		c.tb.Fatalf("ack of %s's %s: error %q, %d arguments", c.name, event, h.Error, len(h.Args))
	}
	must(c.tb, json.Unmarshal(h.Args[0], &a))
	return a
}

// must emit: a command that succeeds.
func (c *client) ok(event string, args ...any) answer {
	c.tb.Helper()
	a := c.emit(event, args...)
	if a.Code != 0 {
		c.tb.Fatalf("%s's %s: code %d, %s", c.name, event, a.Code, a.Message)
	}
	return a
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// eventually waits until something is so.
func eventually(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	for end := time.Now().Add(limit); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("waited %v in vain: %s", limit, what)
		}
	}
}

// call makes a request to the API and decodes its answer into out; it gives the status.
func call(tb testing.TB, method, url, token string, body, out any) int {
	tb.Helper()
	status, _ := ask(tb, method, url, token, body, out)
	return status
}

// ask is call and gives the header, too.
func ask(tb testing.TB, method, url, token string, body, out any) (int, http.Header) {
	tb.Helper()
	var payload bytes.Buffer
	if body != nil {
		must(tb, json.NewEncoder(&payload).Encode(body))
	}
	req, err := http.NewRequest(method, url, &payload)
	must(tb, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	must(tb, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(tb, err)
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			tb.Fatalf("%s %s: %d %s", method, url, res.StatusCode, strings.TrimSpace(string(b)))
		}
	}
	return res.StatusCode, res.Header
}
