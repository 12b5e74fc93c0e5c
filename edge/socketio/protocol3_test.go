package socketio_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// open3 opens a connection of Engine.IO 3 by WebSocket, whose client does not ask to join "/".
func (s *site) open3(more string) (*socket, *member) {
	s.t.Helper()
	c := s.dial("EIO=3&transport=websocket" + more)
	if first := c.read(); !strings.HasPrefix(first, `0{"sid":`) {
		s.t.Fatalf("first packet: %s", first)
	}
	m := receive(s.t, s.joined, "a member")
	c.expect(`40`)
	return c, m
}

// poll3 opens one by polling, and gives its session's id too.
func (s *site) poll3(more string) (*poller, *member) {
	s.t.Helper()
	status, body, _ := s.do("GET", "EIO=3&transport=polling"+more, "", "")
	m := receive(s.t, s.joined, "a member")
	n, rest, _ := strings.Cut(body, ":0")
	first, second, _ := strings.Cut(rest, "}")
	var terms struct{ SID string }
	if err := json.Unmarshal([]byte(first+"}"), &terms); err != nil || status != 200 || n != fmt.Sprint(len(first)+2) || second != "2:40" {
		s.t.Fatalf("handshake: %d %s", status, body)
	}
	return &poller{s, terms.SID}, m
}

func (p *poller) query3() string { return "EIO=3&transport=polling&sid=" + p.sid }

func (p *poller) get3(t *testing.T, want, contentType string) {
	t.Helper()
	status, body, header := p.do("GET", p.query3(), "", "")
	if status != 200 || body != want || header.Get("Content-Type") != contentType {
		t.Errorf("poll: %d %q %s, want %q", status, body, header.Get("Content-Type"), want)
	}
}

func (p *poller) post3(t *testing.T, body, contentType string, want int) {
	t.Helper()
	if status, answer, _ := p.do("POST", p.query3(), contentType, body); status != want || status == 200 && answer != "ok" {
		t.Errorf("POST of %q: %d %s, want %d", body, status, answer, want)
	}
}

const plain, octets = "text/plain; charset=UTF-8", "application/octet-stream"

func TestProtocol3ByPolling(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.poll3("&b64=1")
	if m.socket.ID() != p.sid {
		t.Errorf("socket id %s, want the session's, %s", m.socket.ID(), p.sid)
	}
	p.post3(t, `12:42["echo",1]16:42["echo","你😀"]8:2goodday`, plain, 200)
	p.get3(t, `12:42["echo",1]16:42["echo","你😀"]8:3goodday`, plain)
}

func TestProtocol3Payloads(t *testing.T) {
	const text, empty = `451-["echo",{"_placeholder":true,"num":0}]`, `450-["echo"]`
	s := newSite(t, socketio.Options{})
	for _, test := range []struct{ name, query, sent, sentAs, want, wantAs string }{
		{"base64", "&b64=1", "42:" + text + "10:b4AQIDBAU=", plain, "42:" + text + "10:b4AQIDBAU=", plain},
		{"octets", "", "\x00\x04\x02\xff" + text + "\x01\x06\xff\x04\x01\x02\x03\x04\x05", octets, "\x00\x04\x02\xff" + text + "\x01\x06\xff\x04\x01\x02\x03\x04\x05", octets},
		{"octets down alone", "", "42:" + text + "10:b4AQIDBAU=", plain, "\x00\x04\x02\xff" + text + "\x01\x06\xff\x04\x01\x02\x03\x04\x05", octets},
		{"text as octets", "", "\x00\x01\x02\xff" + empty, octets, `10:42["echo"]`, plain},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, _ := s.poll3(test.query)
			p.post3(t, test.sent, test.sentAs, 200)
			p.get3(t, test.want, test.wantAs)
		})
	}
}

func TestProtocol3Refusals(t *testing.T) {
	for _, test := range []struct{ name, body, kind, reason string }{
		{"pong from a client", "1:3", plain, "transport error"},
		{"no length", "40", plain, "parse error"},
		{"packets of Engine.IO 4", "42[\"a\"]\x1e3", plain, "parse error"},
		{"empty", "", plain, "parse error"},
		{"empty octets", "", octets, "parse error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, socketio.Options{})
			p, m := s.poll3("")
			p.post3(t, test.body, test.kind, 400)
			m.expectReason(t, test.reason)
		})
	}
}

func TestProtocol3ByWebSocket(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.open3("")
	c.send(`2`, `2 ping`, `420["ask",1]`, `451-["echo",{"_placeholder":true,"num":0}]`)
	c.WriteMessage(websocket.BinaryMessage, []byte{4, 1, 2, 3})
	c.expect(`3`, `3 ping`, `430[1]`, `451-["echo",{"_placeholder":true,"num":0}]`, "\x04\x01\x02\x03")

	c.send(`40/other?a=b&c=d%20e&c=f,`)
	other := receive(t, s.joined, "a member")
	c.expect(`40/other,`)
	if id := other.socket.ID(); id != "/other#"+m.socket.ID() {
		t.Errorf("id in another namespace: %s", id)
	}
	if auth := string(other.socket.Handshake().Auth); auth != `{"a":"b","c":["d e","f"]}` {
		t.Errorf("auth: %s", auth)
	}
	c.send(`42/other,["echo",{}]`, `41/other,`, `42["echo"]`)
	c.expect(`42/other,["echo",{}]`, `42["echo"]`)
	other.expectReason(t, "client namespace disconnect")

	c.send(`40/nowhere`, `40/other?refuse=sorry`, `40`)
	c.expect(`44/nowhere,"Invalid namespace"`, `44/other,"sorry"`)
	c.expectClose()
	m.expectReason(t, "forced server close")
}

func TestProtocol3RefusedConnect(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c := s.dial("EIO=3&transport=websocket&refuse=token+not+exist")
	c.read()
	c.expect(`44"token not exist"`)
}

func TestProtocol3BinaryMustBeMessages(t *testing.T) {
	for _, data := range []string{"", "\x01", "4", "\x00\x04"} {
		s := newSite(t, socketio.Options{})
		c, m := s.open3("")
		c.WriteMessage(websocket.BinaryMessage, []byte(data))
		c.expectClose()
		m.expectReason(t, "parse error")
	}
}

// A pong holds what the ping held, which has to be text.
func TestProtocol3PingMustBeText(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.open3("")
	c.send("2\xff")
	c.expectClose()
	m.expectReason(t, "transport error")
}

// A client of Engine.IO 3 pings; one that has stopped to is gone after an interval and a timeout.
func TestProtocol3Heartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStillSite(t, quick)
		c, m := s.open3("")
		life := quick.PingInterval + quick.PingTimeout
		for range 3 {
			time.Sleep(life - time.Nanosecond)
			c.send("2")
			c.expect("3")
		}
		last := time.Now()
		if code := c.expectClose(); code != 1005 {
			t.Errorf("close code %d", code)
		}
		if took := time.Since(last); took != life {
			t.Errorf("the end came %v after the last ping, want %v", took, life)
		}
		m.expectReason(t, "ping timeout")
	})
}

func TestProtocol3Upgrade(t *testing.T) {
	s := newSite(t, socketio.Options{})
	p, m := s.poll3("&b64=1")
	body := p.pollAside3()
	c := s.dial("EIO=3&transport=websocket&sid=" + p.sid)
	c.send("2probe")
	c.expect("3probe")
	if got := receive(t, body, "a poll"); got != "1:6" {
		t.Errorf("the poll ended with %s", got)
	}
	if err := m.socket.Emit("file", socketio.Binary{7}); err != nil {
		t.Fatal(err)
	}
	c.send("5", `42["echo"]`)
	c.expect(`451-["file",{"_placeholder":true,"num":0}]`, "\x04\x07", `42["echo"]`)
}

// pollAside3 is pollAside for Engine.IO 3.
func (p *poller) pollAside3() <-chan string {
	return p.aside(func() string {
		_, body, _ := p.do("GET", p.query3(), "", "")
		return body
	})
}

// Both generations get the same bytes of a broadcast, but for binary data.
func TestGenerationsSideBySide(t *testing.T) {
	s := newSite(t, socketio.Options{})
	old, one := s.open3("")
	recent, two := s.join()
	for _, test := range []struct {
		arg               any
		text, three, four string
	}{
		{"hello", `42["news","hello"]`, "", ""},
		{map[string]any{"file": socketio.Binary("\x00\xff")}, `451-["news",{"file":{"_placeholder":true,"num":0}}]`, "\x04\x00\xff", "\x00\xff"},
	} {
		p, err := socketio.NewPacket("news", test.arg)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*member{one, two} {
			if err := m.socket.Send(p); err != nil {
				t.Fatal(err)
			}
		}
		old.expect(test.text)
		recent.expect(test.text)
		if test.three != "" {
			old.expect(test.three)
			recent.expect(test.four)
		}
	}
}
