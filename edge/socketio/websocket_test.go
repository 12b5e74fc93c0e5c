package socketio_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

func TestWebSocketCarriesPacketsBothWays(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.join()
	c.send(`42["echo","ü",{"a":[1,null,true]}]`, `427["ask",1,"2"]`, `420["ask"]`, `428["ask later","x"]`)
	c.expect(`42["echo","ü",{"a":[1,null,true]}]`, `437[1,"2"]`, `430[]`, `438["x"]`)
	c.send(`42["call","why"]`)
	c.expect(`420["question","why"]`)
	c.send(`430["because",7]`)
	c.expect(`42["answered",["because",7],true]`)
	c.send(`42["call"]`)
	c.expect(`421["question"]`)
	c.send(`4399[]`, `430["too late"]`, `431[]`) // the first two answer nothing that is open
	c.expect(`42["answered",[],true]`)
	c.Close()
	m.expectReason(t, "transport close")
}

func TestSubprotocol(t *testing.T) {
	s := newSite(t, socketio.Options{})
	for _, test := range []struct {
		offered []string
		want    string
	}{{nil, ""}, {[]string{"v12.stomp", "other"}, "v12.stomp"}} {
		d := websocket.Dialer{Subprotocols: test.offered}
		c, _, err := d.DialContext(t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := c.Subprotocol(); got != test.want {
			t.Errorf("of %q the server took %q", test.offered, got)
		}
	}
}

func TestLargeMessages(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, _ := s.join()
	for _, n := range []int{100, 126, 1000, 65536, 900_000} {
		message := `42["echo","` + strings.Repeat("x", n) + `"]`
		c.send(message)
		c.expect(message)
	}
}

func TestRefusedUpgrades(t *testing.T) {
	s := newSite(t, socketio.Options{})
	for _, test := range []struct{ name, query, origin, body string }{
		{"transport", "EIO=4&transport=x", "", "Transport unknown"},
		{"polling", "EIO=4&transport=polling", "", "Bad request"},
		{"sid", "EIO=4&transport=websocket&sid=x", "", "Session ID unknown"},
		{"version", "EIO=2&transport=websocket", "", "Unsupported protocol version"},
		{"origin", "EIO=4&transport=websocket", "http://evil", "Forbidden"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			if test.origin != "" {
				h.Set("Origin", test.origin)
			}
			_, answer, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/?"+test.query, h)
			if err == nil {
				t.Fatal("it was let in")
			}
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != 400 || string(body) != test.body || answer.Header.Get("Content-Type") != "text/html" || !answer.Close {
				t.Errorf("got %d %s %v, want 400 %s", answer.StatusCode, body, answer.Header, test.body)
			}
		})
	}
	t.Run("bad key", func(t *testing.T) {
		raw, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		fmt.Fprint(raw, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(raw), nil)
		if err != nil || answer.StatusCode != 400 {
			t.Errorf("got %v, %v", answer, err)
		}
	})
}

func TestWebSocketEnds(t *testing.T) {
	for _, test := range []struct {
		name   string
		do     func(c *socket)
		code   int // of the server's close frame
		reason string
	}{
		{"close frame", func(c *socket) {
			c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
		}, 1000, "transport close"},
		{"unknown type", func(c *socket) { c.send("x") }, 1005, "parse error"},
		{"empty packet", func(c *socket) { c.send("") }, 1005, "parse error"},
		{"ping from a client", func(c *socket) { c.send("2") }, 1005, "transport error"},
		{"no Socket.IO", func(c *socket) { c.send("4") }, 1005, "parse error"},
		{"not JSON", func(c *socket) { c.send(`42["a"`) }, 1005, "parse error"},
		{"not UTF-8", func(c *socket) { c.send("42[\"\xff\"]") }, 1005, "parse error"},
		{"reserved name", func(c *socket) { c.send(`42["connect"]`) }, 1005, "parse error"},
		{"text in place of an attachment", func(c *socket) { c.send(`451-["a",{"_placeholder":true,"num":0}]`, `42["a"]`) }, 1005, "parse error"},
		{"an attachment that is not there", func(c *socket) {
			c.send(`451-["a",{"_placeholder":true,"num":-1}]`)
			c.WriteMessage(websocket.BinaryMessage, []byte{1})
		}, 1005, "parse error"},
		{"an attachment twice", func(c *socket) {
			c.send(`451-["a",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":0}]]`)
			c.WriteMessage(websocket.BinaryMessage, []byte{1})
		}, 1005, "parse error"},
		{"attachments for a namespace not joined", func(c *socket) { c.send(`451-/other,["a",{"_placeholder":true,"num":0}]`) }, 1005, "forced server close"},
		{"binary that belongs to nothing", func(c *socket) { c.WriteMessage(websocket.BinaryMessage, []byte{1}) }, 1005, "parse error"},
		{"second CONNECT", func(c *socket) { c.send("40") }, 1005, "forced server close"},
		{"namespace not joined", func(c *socket) { c.send(`42/other,["a"]`) }, 1005, "forced server close"},
		{"DISCONNECT of it", func(c *socket) { c.send(`41/other,`) }, 1005, "forced server close"},
		{"CONNECT_ERROR", func(c *socket) { c.send(`44{"message":"x"}`) }, 1005, "forced server close"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, socketio.Options{})
			c, m := s.join()
			test.do(c)
			if code := c.expectClose(); code != test.code {
				t.Errorf("close code %d, want %d", code, test.code)
			}
			m.expectReason(t, test.reason)
			if err := m.socket.Emit("x"); err == nil {
				t.Error("a socket that is gone emits")
			}
			if m.ctx.Err() == nil {
				t.Error("the context lives on")
			}
		})
	}
}

func TestBrokenWebSocket(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.join()
	c.NetConn().Close()
	m.expectReason(t, "transport close")
}

// Packets that mean nothing are let pass, as in the reference implementation.
func TestIdlePackets(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, _ := s.join()
	c.send("0", "1", "5", "6", "3", `42["echo"]`)
	c.expect(`42["echo"]`)
}

// WebSocket's own pings are answered between the packets.
func TestWebSocketPing(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, _ := s.join()
	pongs := make(chan string, 1)
	c.SetPongHandler(func(data string) error {
		pongs <- data
		return nil
	})
	if err := c.WriteMessage(websocket.PingMessage, []byte("there?")); err != nil {
		t.Fatal(err)
	}
	c.send(`42["echo"]`)
	c.expect(`42["echo"]`)
	if got := receive(t, pongs, "a pong"); got != "there?" {
		t.Errorf("pong %q", got)
	}
}

func TestHandshakeOfASocket(t *testing.T) {
	s := newSite(t, socketio.Options{})
	h := http.Header{"X-Custom": {"here"}}
	c, _, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket&token=a%20b", h)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ws := &socket{c, t}
	ws.read()
	ws.send(`40{"token":"t"}`, `40/other,`)
	first, second := receive(t, s.joined, "a member"), receive(t, s.joined, "another")
	got := first.socket.Handshake()
	if got.Query.Get("token") != "a b" || got.Header.Get("X-Custom") != "here" || string(got.Auth) != `{"token":"t"}` ||
		got.URL != "/socket.io/?EIO=4&transport=websocket&token=a%20b" || got.Secure || got.Time.IsZero() || got.RemoteAddr != c.LocalAddr().String() {
		t.Errorf("handshake %+v", got)
	}
	if other := second.socket.Handshake(); other.Auth != nil || other.URL != got.URL {
		t.Errorf("other handshake %+v", other)
	}
	if a, b := first.socket.ID(), second.socket.ID(); a == b || len(a) != 20 || len(b) != 20 {
		t.Errorf("ids %q and %q", a, b)
	}
}

// A request line may hold a whole URL, whose scheme and host are what its client made up.
func TestHandshakeOfAWholeURL(t *testing.T) {
	const path = "/socket.io/?EIO=3&transport=polling&token=a%20b"
	for _, line := range []string{"https://evil" + path, "http://evil" + path, path} {
		s := newSite(t, socketio.Options{})
		raw, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		fmt.Fprintf(raw, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", line)
		if got := receive(t, s.joined, "a member").socket.Handshake(); got.URL != path || got.Secure {
			t.Errorf("GET %s: URL %s, secure %t", line, got.URL, got.Secure)
		}
	}
}

// Whoever terminates TLS in front of the server may say so.
func TestHandshakeBehindTLS(t *testing.T) {
	s := newSite(t, socketio.Options{})
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme = "https"
		s.server.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	s.url = h.URL
	if _, m := s.join(); !m.socket.Handshake().Secure {
		t.Error("it is not secure")
	}
}

// What is on a WebSocket takes no other requests, whichever transport they name.
func TestNoRequestsBesideAWebSocket(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c := s.dial("EIO=4&transport=websocket")
	var terms struct{ SID string }
	if err := json.Unmarshal([]byte(c.read()[1:]), &terms); err != nil {
		t.Fatal(err)
	}
	for _, transport := range []string{"websocket", "polling"} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			status, body, _ := s.do(method, "EIO=4&transport="+transport+"&sid="+terms.SID, "", "40")
			if status != 400 || body != `{"code":3,"message":"Bad request"}` {
				t.Errorf("%s by %s: %d %s", method, transport, status, body)
			}
		}
	}
	c.send("40") // which no POST has done
	c.expect(fmt.Sprintf(`40{"sid":%q}`, receive(t, s.joined, "a member").socket.ID()))
}
