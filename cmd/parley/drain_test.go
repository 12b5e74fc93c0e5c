package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// TestRollingRestart stops one of two edges behind a load balancer by SIGTERM, and when there is a new one, the other, while clients of all generations,
// on both transports, send without a pause. None is refused, each comes back to an edge that stays, what was not acknowledged is said again,
// and all that was said is there once. An HTTP request that is under way is answered. The process says that it is draining, and exits in time with code 0.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	b := build(t)
	nats, dsn := b.natsServer(t), mysqltest.DSN(t)
	apart := []string{"--nats", nats.url, "--mysql", dsn, "--data", t.TempDir(), "--auth.secret", strings.Repeat("s", 32), "--chat.direct", "anyone",
		"--http.drain", "1s", "--chat.messages", "0"}
	b.spawn(t, "projector", apart...)
	lb := balance(t)
	add := func() *process {
		p := b.spawn(t, "edge", apart...)
		lb.add(p)
		eventually(t, "the edge is ready", func() bool { return lb.wanted(p) })
		return p
	}
	leaving := add()
	d := startDriver(t)
	zoe := register(t, lb.url, "zoe")
	var senders []*sender
	stop := make(chan bool)
	var sending sync.WaitGroup
	for _, library := range []string{today, middle, old} {
		for _, way := range []string{"polling", "websocket"} {
			name := library + "-" + way
			u := register(t, lb.url, name)
			senders = append(senders, &sender{client: u.deviceAt(d, library, name, lb.url, []string{way}), user: u})
		}
	}
	z := zoe.deviceAt(d, today, "zoe", lb.url, nil)
	for _, s := range senders {
		sending.Go(func() { s.send(zoe, stop) })
	}
	for round := range 2 {
		staying := add()
		for _, s := range senders {
			s.moreThan(t, s.acknowledged()+10)
		}
		request := beginLogin(t, leaving, "zoe")
		begun, exited := time.Now(), make(chan error, 1)
		go func() { exited <- leaving.stop() }()
		eventually(t, "the edge says that it is draining", func() bool { return saysDraining(leaving) })
		eventually(t, "all have been sent away", func() bool { return !listens(leaving.url) })
		request.end(t)
		for _, s := range append(senders, &sender{client: z}) {
			s.returns(t, round+1)
		}
		if err := <-exited; err != nil {
			t.Errorf("exit: %v", err)
		}
		took := time.Since(begun)
		if t.Logf("the edge took %v", took); took > 10*time.Second {
			t.Errorf("the edge took %v", took)
		}
		for _, s := range senders {
			s.moreThan(t, s.acknowledged()+10) // they are heard where they are now
		}
		leaving = staying
	}
	close(stop)
	sending.Wait()
	for _, s := range append(senders, &sender{client: z}) {
		for _, h := range s.all("disconnect") {
			reason := string(h.Args[0])
			crossed := strings.HasSuffix(s.name, "polling") && reason == `"transport error"` // what it sent met the goodbye: it comes back as well
			if reason != `"transport close"` && !crossed {
				t.Errorf("%s is disconnected because of %s", s.name, h.Args[0])
			}
		}
		if refused := s.all("connect_error"); len(refused) > 0 {
			t.Errorf("%s is refused %d times, first by %s", s.name, len(refused), refused[0].Args)
		}
	}
	for _, s := range senders {
		zoe.url = leaving.url
		heard, said := s.inHistory(t, zoe), s.ids(s.acknowledged())
		t.Logf("%s: %d messages, %d of them said again", s.name, len(said), s.repeated)
		if !slices.Equal(heard, said) {
			t.Errorf("%s has said %d messages in order, there are %d", s.name, len(said), len(heard))
		}
	}
	heard := map[string]bool{}
	for _, h := range z.all("reply") {
		var r reply
		must(t, json.Unmarshal(h.Args[1], &r))
		if heard[r.ID] {
			t.Errorf("zoe hears %s twice", r.ID)
		}
		heard[r.ID] = true
	}
}

// saysDraining is whether a process says so to whoever asks whether it is ready, while it says that it lives.
func saysDraining(p *process) bool {
	says := func(path string) (int, string) {
		res, err := http.Get(p.ops + path)
		if err != nil {
			return 0, ""
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	ready, why := says("/readyz")
	lives, _ := says("/healthz")
	return ready == http.StatusServiceUnavailable && strings.Contains(why, "draining") && lives == http.StatusOK
}

// listens is whether somebody listens at an address.
func listens(url string) bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// sender says one thing after the other, a few at a time, each until it is acknowledged.
type sender struct {
	*client
	user     *user
	mu       sync.Mutex
	acked    int
	repeated int
}

const atATime = 5

func (s *sender) acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

// ids are those of the first n messages.
func (s *sender) ids(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s-%d", s.name, i))
	}
	return ids
}

func (s *sender) send(to *user, stop <-chan bool) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		n := s.acknowledged()
		left := s.ids(n + atATime)[n:]
		for len(left) > 0 {
			left = s.say(to, left)
			s.mu.Lock()
			s.repeated += len(left)
			s.mu.Unlock()
			if s.tb.Failed() {
				return
			}
		}
		s.mu.Lock()
		s.acked += atATime
		s.mu.Unlock()
	}
}

// say says some things once, and gives those that were not acknowledged when the connection ended; then it has come back.
func (s *sender) say(to *user, ids []string) (left []string) {
	times := func(event string) (n int) { // the driver's lock is held
		for _, h := range s.heard {
			if h.Event == event {
				n++
			}
		}
		return n
	}
	s.client.mu.Lock()
	before := times("disconnect")
	s.client.mu.Unlock()
	acks := map[string]int{}
	for _, id := range ids {
		acks[id] = s.emitLater("send", to.ID, map[string]string{"txt": id, "id": id})
	}
	came := s.becomes(func() bool {
		left = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
			h, is := s.client.acked[acks[id]]
			var a answer
			if is && (h.Error != "" || json.Unmarshal(h.Args[0], &a) != nil || a.Code != 0) {
				s.tb.Errorf("%s: error %q, %s", id, h.Error, h.Args)
			}
			return is
		})
		gone := times("disconnect")
		return len(left) == 0 || gone > before && times("connect") > gone
	})
	if !came {
		s.tb.Errorf("%s waits in vain for %q", s.name, left)
	}
	return left
}

// moreThan waits until so many are acknowledged.
func (s *sender) moreThan(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s has said %d messages", s.name, n), func() bool { return s.acknowledged() >= n })
}

// returns waits until the device has gone and come back so many times.
func (s *sender) returns(t *testing.T, times int) {
	t.Helper()
	eventually(t, s.name+" has come back", func() bool { return len(s.all("disconnect")) == times && len(s.all("connect")) == times+1 })
}

// inHistory gives the ids of all that was said to somebody, in order.
func (s *sender) inHistory(t *testing.T, to *user) (ids []string) {
	t.Helper()
	for last := uint64(0); ; {
		var out struct {
			Messages []message
			More     bool
		}
		to.get(t, fmt.Sprintf("/api/conversations/u:%s/messages?limit=100&after=%d", s.user.ID, max(last, 1)), &out)
		for _, m := range out.Messages {
			ids, last = append(ids, m.ID), m.Seq
		}
		if !out.More {
			return ids
		}
	}
}

// stalledLogin is a request whose end is yet to be sent.
type stalledLogin struct {
	net.Conn
	rest string
}

func beginLogin(t *testing.T, at *process, username string) *stalledLogin {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(at.url, "http://"))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	body := fmt.Sprintf(`{"username":%q,"password":"correct horse"}`, username)
	_, err = fmt.Fprintf(conn, "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:9])
	must(t, err)
	return &stalledLogin{conn, body[9:]}
}

// end sends the rest, and has the answer.
func (l *stalledLogin) end(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(l, l.rest)
	must(t, err)
	res, err := http.ReadResponse(bufio.NewReader(l), nil)
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("a request that was under way: %d", res.StatusCode)
	}
}

// TestSecondSignal has a process exit at once that is asked a second time.
func TestSecondSignal(t *testing.T) {
	b := build(t)
	p := b.spawn(t, "edge", "--nats", b.natsServer(t).url, "--mysql", mysqltest.DSN(t), "--data", t.TempDir(), "--http.drain", "10m")
	must(t, p.signal(syscall.SIGTERM))
	eventually(t, "it is draining", func() bool { return saysDraining(p) })
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "130") {
		t.Errorf("exit: %v, want status 130", err)
	}
}
