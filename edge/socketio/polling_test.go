package socketio_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/edge/socketio"
)

func TestHandshakeTellsTheTerms(t *testing.T) {
	s := newSite(t, socketio.Options{PingInterval: 25 * time.Second, PingTimeout: 7 * time.Second, MaxPayload: 1234})
	status, body, header := s.do("GET", "EIO=4&transport=polling&token=x", "", "")
	var sid string
	if _, err := fmt.Sscanf(body, `0{"sid":%q`, &sid); err != nil || len(sid) != 20 {
		t.Errorf("sid %q in %s: %v", sid, body, err)
	}
	want := fmt.Sprintf(`0{"sid":%q,"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":7000,"maxPayload":1234}`, sid)
	if status != 200 || body != want {
		t.Errorf("got %d %s, want 200 %s", status, body, want)
	}
	if got := header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("Content-Type %q", got)
	}
	if got := header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if first := s.dial("EIO=4&transport=websocket").read(); !strings.Contains(first, `"upgrades":[]`) {
		t.Errorf("on WebSocket: %s", first)
	}
}

func TestRefusedRequests(t *testing.T) {
	s := newSite(t, socketio.Options{CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") != "http://evil" }})
	p := s.poll()
	ws := s.open()
	defer ws.Close()
	for _, test := range []struct {
		name, method, query, header, body string
		status                            int
	}{
		{"no transport", "GET", "EIO=4", "", `{"code":0,"message":"Transport unknown"}`, 400},
		{"wrong transport", "GET", "EIO=4&transport=webtransport", "", `{"code":0,"message":"Transport unknown"}`, 400},
		{"transport before sid", "GET", "EIO=4&transport=x&sid=y", "", `{"code":0,"message":"Transport unknown"}`, 400},
		{"wrong sid", "GET", "EIO=4&transport=polling&sid=y", "", `{"code":1,"message":"Session ID unknown"}`, 400},
		{"wrong sid to POST", "POST", "EIO=4&transport=polling&sid=y", "", `{"code":1,"message":"Session ID unknown"}`, 400},
		{"handshake by POST", "POST", "EIO=4&transport=polling", "", `{"code":2,"message":"Bad handshake method"}`, 400},
		{"handshake by PUT", "PUT", "EIO=4&transport=polling", "", `{"code":2,"message":"Bad handshake method"}`, 400},
		{"websocket without upgrade", "GET", "EIO=4&transport=websocket", "", `{"code":3,"message":"Bad request"}`, 400},
		{"polling to websocket", "GET", "EIO=4&transport=websocket&sid=" + p.sid, "", `{"code":3,"message":"Bad request"}`, 400},
		{"origin", "GET", "EIO=4&transport=polling", "http://evil", `{"code":4,"message":"Forbidden"}`, 403},
		{"origin of a POST", "POST", p.query(), "http://evil", `{"code":4,"message":"Forbidden"}`, 403},
		{"no EIO", "GET", "transport=polling", "", `{"code":5,"message":"Unsupported protocol version"}`, 400},
		{"EIO 2", "GET", "EIO=2&transport=polling", "", `{"code":5,"message":"Unsupported protocol version"}`, 400},
		{"EIO 44", "GET", "EIO=44&transport=polling", "", `{"code":5,"message":"Unsupported protocol version"}`, 400},
		{"PUT", "PUT", p.query(), "", ``, 405},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), test.method, s.url+"/socket.io/?"+test.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.header != "" {
				r.Header.Set("Origin", test.header)
			}
			answer, err := s.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != test.status || string(body) != test.body {
				t.Errorf("got %d %s (%v), want %d %s", answer.StatusCode, body, err, test.status, test.body)
			}
			if got := answer.Header.Get("Content-Type"); test.body != "" && got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
	p.send("40") // none of that has harmed the connection
}

func TestPollingCarriesPacketsBothWays(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	p.send(`42["echo",1,"😀"]`, `421["ask",{"a":[null]}]`, `42["echo"]`)
	p.expect("42[\"echo\",1,\"😀\"]\x1e431[{\"a\":[null]}]\x1e42[\"echo\"]")
	got := p.pollAside()
	if err := m.socket.Emit("news"); err != nil {
		t.Fatal(err)
	}
	if body := receive(t, got, "the long poll"); body != `42["news"]` {
		t.Errorf("the waiting poll got %s", body)
	}
}

func TestClientClosesPolling(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	got := p.pollAside()
	p.send("1")
	if body := receive(t, got, "the long poll"); body != "6" {
		t.Errorf("the waiting poll got %s", body)
	}
	m.expectReason(t, "transport close")
	if status, _ := p.get(); status != 400 {
		t.Errorf("a poll after the end: %d", status)
	}
}

// The client library polls and says goodbye at the same time; either may arrive first.
func TestClientClosesPollingBeforeItsPoll(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	p.send("1")
	m.expectReason(t, "transport close")
	p.expect("6")
	if status, _ := p.get(); status != 400 {
		t.Errorf("a poll after the end: %d", status)
	}
}

func TestOnePollAtATime(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	answers := make(chan string, 2)
	for range 2 {
		go func() {
			status, body := p.get()
			answers <- fmt.Sprint(status, " ", body)
		}()
	}
	a, b := receive(t, answers, "a poll"), receive(t, answers, "the other poll")
	if a > b {
		a, b = b, a
	}
	if a != "200 1" || b != `400 {"code":3,"message":"Bad request"}` {
		t.Errorf("got %s and %s", a, b)
	}
	m.expectReason(t, "transport error")
	if status, _ := p.get(); status != 400 {
		t.Errorf("a poll after the end: %d", status)
	}
}

func TestOnePostAtATime(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	body, send := io.Pipe()
	first := make(chan error, 1)
	go func() {
		answer, err := s.client.Post(s.url+"/socket.io/?"+p.query(), "text/plain", body)
		if err == nil {
			answer.Body.Close()
		}
		first <- err
	}()
	if _, err := send.Write([]byte(`42["echo"`)); err != nil { // is read once the request is on its way
		t.Fatal(err)
	}
	for { // until the first request is inside the server
		status, _ := p.post(`3`)
		if status == 400 {
			break
		}
		if status != 200 {
			t.Fatalf("second POST: %d", status)
		}
	}
	m.expectReason(t, "transport error")
	send.Close()
	receive(t, first, "the first POST's answer")
}

func TestAbandonedPollEndsTheConnection(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	raw, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(raw, "GET /socket.io/?%s HTTP/1.1\r\nHost: x\r\n\r\n", p.query())
	raw.Close()
	m.expectReason(t, "transport error")
}

func TestOctetStreamIsRefused(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	if status, _, _ := s.do("POST", p.query(), "application/octet-stream", "4"); status != 400 {
		t.Errorf("octet-stream: %d", status)
	}
	m.expectReason(t, "parse error")
}

func TestPollingParseErrors(t *testing.T) {
	for _, test := range []struct {
		name, body string
		status     int
		reason     string
	}{
		{"unknown type", "abc", 400, "parse error"},
		{"empty body", "", 400, "parse error"},
		{"empty packet", "3\x1e\x1e3", 400, "parse error"},
		{"no base64", "b?", 400, "parse error"},
		{"binary that belongs to nothing", "bAQIDBA==", 200, "parse error"},
		{"ping from a client", "2", 400, "transport error"},
		{"too many", strings.Repeat("3\x1e", 16384) + "3", 400, "parse error"},
		{"no Socket.IO", "4x", 200, "parse error"},
		{"text in place of an attachment", `451-["a",{"_placeholder":true,"num":0}]` + "\x1e" + `42["a"]`, 200, "parse error"},
		{"an attachment that is not there", `451-["a",{"_placeholder":true,"num":1}]` + "\x1ebAQIDBA==", 200, "parse error"},
		{"reserved name", `42["disconnect"]`, 200, "parse error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, socketio.Options{})
			p, m := s.joinPolling()
			if status, body := p.post(test.body); status != test.status {
				t.Errorf("POST: %d %s, want %d", status, body, test.status)
			}
			m.expectReason(t, test.reason)
			if test.status == 200 { // it is Socket.IO that was broken, and the client is told
				p.expect("1")
			}
			if status, body := p.get(); status != 400 || body != `{"code":1,"message":"Session ID unknown"}` {
				t.Errorf("poll after the end: %d %s", status, body)
			}
		})
	}
}

// What is queued when the server closes waits for the next poll.
func TestLastWordsByPolling(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.joinPolling()
	p.send(`42["echo","bye"]`, `42["leave",true]`)
	m.expectReason(t, "server namespace disconnect")
	if status, _ := p.post("3"); status != 200 {
		t.Errorf("POST to a connection that waits to be read out: %d", status)
	}
	p.expect("42[\"echo\",\"bye\"]\x1e41")
	p.expect("1") // alone, or client libraries would not see the rest
	if status, _ := p.get(); status != 400 {
		t.Errorf("a poll after the last words: %d", status)
	}
}
