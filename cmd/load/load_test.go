package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// limit is how long a test waits for what must happen.
const limit = time.Minute

// TestMain lets a test be a relay, as the program starts itself to be one, and removes what the tests have built.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "relay" {
		main()
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of those relays: else each waits a second before it ends
	code := m.Run()
	os.RemoveAll(builtIn)
	os.Exit(code)
}

// played runs the program, and gives what it has noted, and printed.
func played(t *testing.T, code int, args ...string) (report, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seen.json")
	var out bytes.Buffer
	if got := run(t.Context(), append(args, "--json", path), nil, &out, t.Output()); got != code {
		t.Fatalf("load %v: exit code %d, want %d\n%s", args, got, code, &out)
	}
	var r report
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, json.Unmarshal(b, &r))
	return r, out.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var builtIn string // the folder

var build = sync.OnceValues(func() (path string, err error) {
	if builtIn, err = os.MkdirTemp("", "parley-load-"); err != nil {
		return "", err
	}
	path = filepath.Join(builtIn, "parley")
	if text, err := exec.Command("go", "build", "-o", path, "parley/cmd/parley").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	return path, nil
})

func buildParley(t *testing.T) string {
	t.Helper()
	path, err := build()
	must(t, err)
	return path
}

// Every scenario is played before a real server, and what talks before both relays as well.
func TestBench(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	r, printed := played(t, exitOK, "bench", "--parley", buildParley(t), "--data", t.TempDir(), "--scale", "0.01", "--steady", "150ms", "--sync", "100ms", "--report", page)
	var names []string
	for _, x := range r.Results {
		names = append(names, x.Scenario+" "+x.Target)
		if x.Count == 0 || x.Seconds <= 0 || x.Faults != (faults{}) {
			t.Errorf("%s (%s): %d counted in %v s, %v", x.Scenario, x.Target, x.Count, x.Seconds, x.Faults)
		}
		if x.Scenario != "idle" && (x.Latency.Count == 0 || x.Latency.P50 <= 0 || x.Latency.Max < x.Latency.P50) {
			t.Errorf("%s (%s): latencies %+v", x.Scenario, x.Target, x.Latency)
		}
		if len(x.Spent) != 1 || x.Spent[0].RSS < 1<<20 {
			t.Errorf("%s (%s): spent %+v", x.Scenario, x.Target, x.Spent)
		}
	}
	want := strings.Fields("direct-server direct-relay direct-relay,+together direct-server direct-relay direct-relay,+together direct-server " +
		"group-relay group-relay,+together group-server idle-server storm-server resume-server history-server")
	for i, w := range want {
		want[i] = strings.ReplaceAll(strings.Replace(w, "-", " ", 1), "+", " ")
	}
	if !slices.Equal(names, want) {
		t.Errorf("played was %q, want %q", names, want)
	}
	resume := r.Results[slices.Index(names, "resume server")]
	if want := uint64(19 * 100); resume.Count != want {
		t.Errorf("%d missed messages were told, want %d", resume.Count, want)
	}
	if n := strings.Count(printed, "against the relay"); n != 6 {
		t.Errorf("%d comparisons, want 6:\n%s", n, printed)
	}
	b, err := os.ReadFile(page)
	must(t, err)
	if s := string(b); strings.Count(s, "<svg") < 6 || strings.Contains(s, "http") || strings.Contains(s, "NaN") {
		t.Errorf("the page:\n%s", s)
	}
}

// Accounts are registered where no secret is given, and people are spread over edges.
func TestAccounts(t *testing.T) {
	var flags bytes.Buffer
	if code := run(t.Context(), []string{"limits"}, nil, &flags, t.Output()); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	cmd := exec.Command(buildParley(t), append(strings.Fields(flags.String()), "--listen", "127.0.0.1:0", "--ops.addr", "", "--data", t.TempDir())...)
	url, pid, stop, err := spawn(cmd, "parley: serving ")
	must(t, err)
	defer stop()
	t.Setenv("PARLEY_AUTH_SECRET", "")
	again := []string{"--people-prefix", "who"}
	for range 2 { // the second time they are there
		r, _ := played(t, exitOK, append(again, "direct", "--url", url+"/,"+url, "--pid", fmt.Sprint(pid), "--people", "4", "--warm", "50ms", "--steady", "200ms")...)
		if r.Results[0].Count == 0 {
			t.Error("nothing was delivered")
		}
	}
}

// faulty is a listener whose connections change what a relay writes, a delivery at a time.
type faulty struct {
	net.Listener
	change func(nth int, frame []byte) [][]byte

	mu  sync.Mutex
	nth int
}

type faultyConn struct {
	net.Conn
	of *faulty
}

func (f *faulty) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	return faultyConn{c, f}, err
}

func (c faultyConn) Write(b []byte) (int, error) {
	frames := [][]byte{b}
	if bytes.Contains(b, []byte(`"reply"`)) || bytes.Contains(b, []byte(`"groupReply"`)) {
		c.of.mu.Lock()
		c.of.nth++
		frames = c.of.change(c.of.nth, bytes.Clone(b))
		c.of.mu.Unlock()
	}
	for _, f := range frames {
		if _, err := c.Conn.Write(f); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func startFaulty(t *testing.T, change func(nth int, frame []byte) [][]byte) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- serveRelay(ctx, &faulty{Listener: l, change: change}, false, io.Discard) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	return "http://" + l.Addr().String()
}

// What a server does wrong is noticed, and the exit code says so. There is one pair, so that what is held back is for the one who gets the next.
func TestFaultsAreNoticed(t *testing.T) {
	var held []byte
	for name, c := range map[string]struct {
		change func(nth int, frame []byte) [][]byte
		want   faults
	}{
		"lost": {func(nth int, f []byte) [][]byte {
			if nth == 3 || nth == 5 {
				return nil
			}
			return [][]byte{f}
		}, faults{Lost: 2}},
		"doubled": {func(nth int, f []byte) [][]byte {
			if nth == 3 {
				return [][]byte{f, f}
			}
			return [][]byte{f}
		}, faults{Doubled: 1}},
		"disordered": {func(nth int, f []byte) [][]byte {
			switch nth {
			case 3:
				held = f
				return nil
			case 4:
				return [][]byte{f, held}
			}
			return [][]byte{f}
		}, faults{Disordered: 1}},
		"stray": {func(nth int, f []byte) [][]byte {
			if nth == 3 {
				g := bytes.Clone(f)
				at := bytes.Index(g, []byte(`"msg":"load`)) + len(`"msg":"`) + markLength
				copy(g[at:], "00000f") // another sender
				return [][]byte{f, g}
			}
			return [][]byte{f}
		}, faults{Stray: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			url := startFaulty(t, c.change)
			s := newSettings("direct", url)
			st := newStage("direct", target{name: "server", urls: s.URLs, relay: true}, s, newScreen(t.Output()))
			must(t, st.enter(t.Context(), 2, false))
			must(t, st.pairs(t.Context()))
			st.senders[1].limit = 1 // says one thing only, before; then the other speaks alone
			st.senders[0].limit = 20
			st.senders[1].begin()
			await(t, "the first message", func() bool { return st.meter.heard() == 1 })
			st.senders[0].begin()
			await(t, "the rest", func() bool {
				n, answered, _ := st.senders[0].counts()
				return answered == 20 && st.meter.heard()+c.want.Lost >= 1+n
			})
			st.stopped.Store(true)
			st.leave()
			if f := st.audit(); f != c.want {
				t.Errorf("faults: %v, want %v", f, c.want)
			}
		})
	}
	url := startFaulty(t, func(nth int, f []byte) [][]byte {
		if nth%50 == 0 {
			return [][]byte{f, f}
		}
		return [][]byte{f}
	})
	r, printed := played(t, exitFaulty, "direct", "--url", url, "--secret", "any", "--people", "4", "--warm", "0s", "--steady", "200ms", "--drain", "200ms")
	if r.Results[0].Faults.Doubled == 0 || !strings.Contains(printed, "FAULTS") {
		t.Errorf("faults: %v\n%s", r.Results[0].Faults, printed)
	}
}

func newSettings(scenario, url string) settings {
	s := defaults(scenario)
	s.URLs = []string{url}
	return s
}

func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Who is late with ten messages sends them all as of when each was due.
func TestLateMessagesAreDueAsEver(t *testing.T) {
	s := newSettings("direct", startFaulty(t, func(_ int, f []byte) [][]byte { return [][]byte{f} }))
	s.rate = 1
	st := newStage("direct", target{name: "server", urls: s.URLs, relay: true}, s, newScreen(t.Output()))
	must(t, st.enter(t.Context(), 2, false))
	must(t, st.pairs(t.Context()))
	dues := make(chan int64, 100)
	st.devices[1].leave()
	st.devices[1].fresh = func(m message) { dues <- m.due }
	must(t, st.devices[1].join(t.Context(), false))
	every := clock() / 10
	from := clock() - 9*every
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	speaker := st.senders[0]
	speaker.due = make(chan int64)
	go speaker.keepTime()
	go func() {
		pace(ctx, from, float64(every), func(_ int, due int64) { speaker.due <- due })
		close(speaker.due)
		close(done)
	}()
	for n := range int64(10) {
		if due := <-dues; due != from+n*every { // the tenth may be due just now
			t.Errorf("message %d was due at %d, want %d", n, due, from+n*every)
		}
	}
	cancel()
	<-done
	st.leave()
}

func TestWrongArguments(t *testing.T) {
	for _, args := range []string{"nothing", "direct --people 3", "direct --bytes 10", "group --members 1", "direct --rate -1", "resume --relay", "direct --url localhost:8080",
		"direct --steady soon", "storm --people 5 --members 10", "bench --scale 0", "direct --in-flight 4097", "history --messages 0"} {
		if code := run(t.Context(), strings.Fields(args), nil, io.Discard, t.Output()); code != exitUsage {
			t.Errorf("load %s: exit code %d, want %d", args, code, exitUsage)
		}
	}
	if code := run(t.Context(), strings.Fields("direct --url http://127.0.0.1:1 --secret x"), nil, io.Discard, t.Output()); code != exitFailed {
		t.Errorf("no server: exit code %d, want %d", code, exitFailed)
	}
}
