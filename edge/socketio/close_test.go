package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"parley/edge/socketio"
)

func TestShutdown(t *testing.T) {
	s := newSite(t, socketio.Options{})
	ws, onWS := s.join()
	polling, onPolling := s.joinPolling()
	absent, onAbsent := s.joinPolling()
	blocked, onBlocked := s.join()
	halfway, onHalfway := s.joinPolling()
	probe := halfway.upgrade()
	probe.send("2probe")
	probe.expect("3probe")
	waiting := polling.pollAside()
	blocked.send(`42["block"]`)
	for _, m := range []*member{onWS, onBlocked} {
		if err := m.socket.Emit("last", strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
	}
	old := s.renew(socketio.Options{})
	down := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		down <- old.Shutdown(ctx)
	}()
	last := `42["last","` + strings.Repeat("x", 1000) + `"]`
	for _, c := range []*socket{ws, blocked} {
		c.expect(last)
		if code := c.expectClose(); code != 1001 {
			t.Errorf("close code %d", code)
		}
	}
	if got := receive(t, waiting, "the waiting poll"); got != "1" {
		t.Errorf("the waiting poll got %s", got)
	}
	if err := receive(t, down, "Shutdown"); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	for _, m := range []*member{onWS, onPolling, onAbsent, onBlocked, onHalfway} {
		select {
		case reason := <-m.reasons:
			if reason != "server shutting down" {
				t.Errorf("reason %q", reason)
			}
		default:
			t.Error("Shutdown returned before a Disconnect")
		}
	}
	if status, _ := absent.get(); status != 400 { // it took too long
		t.Errorf("poll: %d", status)
	}
	if _, _, err := probe.ReadMessage(); err == nil {
		t.Error("the WebSocket that was to take over lives")
	}
	s.join()
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := old.Shutdown(now); err != nil {
		t.Errorf("a second Shutdown: %v", err)
	}
}

// A client that reads nothing, with much queued for it, is waited for no longer than others.
func TestShutdownOfASlowReader(t *testing.T) {
	s := newSite(t, socketio.Options{MaxQueue: 64 << 20})
	slow, m := s.join()
	defer slow.Close()
	for range 300 { // more than the kernel takes in
		if err := m.socket.Emit("news", strings.Repeat("x", 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	if err := s.server.Load().Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	m.expectReason(t, "server shutting down")
}

func TestNoHandshakeAfterShutdown(t *testing.T) {
	s := newSite(t, socketio.Options{})
	s.shutdown(t)
	if status, body, _ := s.do("GET", "EIO=4&transport=polling", "", ""); status != 503 {
		t.Errorf("got %d %s", status, body)
	}
}

// What waits for a poll when the server shuts down can still be fetched.
func TestShutdownWaitsForAPoll(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	if err := m.socket.Emit("last"); err != nil {
		t.Fatal(err)
	}
	down := make(chan error, 1)
	go func() { down <- s.server.Load().Shutdown(context.Background()) }()
	m.expectReason(t, "server shutting down")
	p.expect(`42["last"]`)
	p.expect("1")
	if err := receive(t, down, "Shutdown"); err != nil {
		t.Error(err)
	}
}

// A handler that does not care about its context keeps Shutdown no longer than its own.
func TestShutdownGivesUp(t *testing.T) {
	s := newSite(t, socketio.Options{})
	release := make(chan struct{})
	s.server.Load().Namespace("/stubborn", func(ctx context.Context, _ *socketio.Socket) (socketio.Session, error) {
		<-release
		return nil, &socketio.ConnectError{Message: "too late"}
	})
	c := s.open()
	c.send("40/stubborn,")
	polling, m := s.joinPolling() // and one that has something left to fetch
	if err := m.socket.Emit("last"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.server.Load().Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if status, _ := polling.get(); status != 400 {
		t.Errorf("poll: %d", status)
	}
	close(release)
	s.shutdown(t)
}

// A handler that blocks slows its own client alone.
func TestBlockingHandler(t *testing.T) {
	s := newSite(t, socketio.Options{})
	blocked, m := s.join()
	blocked.send(`42["block"]`, `42["echo"]`)
	other, _ := s.join()
	other.send(`42["echo"]`)
	other.expect(`42["echo"]`)
	if err := m.socket.Emit("news"); err != nil {
		t.Fatal(err)
	}
	blocked.expect(`42["news"]`)
	m.socket.Disconnect(true)
	blocked.expect(`41`)
	blocked.expectClose()
	m.expectReason(t, "server namespace disconnect")
}

func TestCallWithoutAnAnswer(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.join()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := m.socket.Call(ctx, "question")
		failed <- err
	}()
	c.expect(`420["question"]`)
	cancel()
	if err := receive(t, failed, "Call"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	c.Close()
	m.expectReason(t, "transport close")
	if _, err := m.socket.Call(t.Context(), "question"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// A broadcast reaches everyone, whatever they are on and whichever namespace they are in.
func TestBroadcast(t *testing.T) {
	s := newSite(t, socketio.Options{})
	want := map[string]any{"text": "<hello> 你好 😀", "n": 1.5}
	p, err := socketio.NewPacket("news", want)
	if err != nil {
		t.Fatal(err)
	}
	var members []*member
	var clients []*socket
	for range 5 {
		c, m := s.join()
		members, clients = append(members, m), append(clients, c)
	}
	polling, m := s.joinPolling()
	for _, m := range append(members, m) {
		if err := m.socket.Send(p); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]string, 0, 6)
	for _, c := range clients {
		got = append(got, c.read())
	}
	_, body := polling.get()
	for _, text := range append(got, body) {
		var event []any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "42")), &event); err != nil || fmt.Sprint(event) != fmt.Sprint([]any{"news", want}) {
			t.Errorf("got %s", text)
		}
	}
}
