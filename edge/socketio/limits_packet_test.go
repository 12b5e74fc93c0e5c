package socketio_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

func TestMaxNamespaces(t *testing.T) {
	for _, test := range []struct{ most, want int }{{0, 32}, {1, 1}, {3, 3}} {
		t.Run(fmt.Sprint(test.most), func(t *testing.T) {
			s := newSite(t, socketio.Options{MaxNamespaces: test.most})
			for i := range test.want + 1 {
				s.server.Load().Namespace(fmt.Sprint("/", i), s.connect)
			}
			c := s.open()
			join := func(i int) {
				t.Helper()
				c.send(fmt.Sprintf(`40/%d,`, i))
				c.expect(fmt.Sprintf(`40/%d,{"sid":%q}`, i, receive(t, s.joined, "a member").socket.ID()))
			}
			c.send(`40/0,{"refuse":"no"}`) // does not count
			c.expect(`44/0,{"message":"no","data":{"code":1,"why":"<you & me>"}}`)
			for i := range test.want {
				join(i)
			}
			c.send(fmt.Sprintf(`40/%d,`, test.want))
			c.expect(fmt.Sprintf(`44/%d,{"message":"too many namespaces"}`, test.want))
			c.send(`41/0,`)
			join(test.want)
		})
	}
}

func TestMaxAttachments(t *testing.T) {
	for _, test := range []struct{ most, want int }{{0, 10}, {1, 1}, {3, 3}} {
		t.Run(fmt.Sprint(test.most), func(t *testing.T) {
			s := newSite(t, socketio.Options{MaxAttachments: test.most})
			c, m := s.join()
			event := func(n int) string {
				text := fmt.Sprintf(`45%d-["echo"`, n)
				for i := range n {
					text += fmt.Sprintf(`,{"_placeholder":true,"num":%d}`, i)
				}
				return text + "]"
			}
			c.send(event(test.want))
			for i := range test.want {
				if err := c.WriteMessage(websocket.BinaryMessage, []byte{byte(i)}); err != nil {
					t.Fatal(err)
				}
			}
			c.expect(event(test.want))
			for i := range test.want {
				c.expect(string([]byte{byte(i)}))
			}
			c.send(event(test.want + 1))
			if code := c.expectClose(); code != 1005 {
				t.Errorf("close code %d", code)
			}
			m.expectReason(t, "parse error")
		})
	}
}

// The attachments of one packet may be as much together as may wait for a connection.
func TestAttachmentsTogether(t *testing.T) {
	const most = 1000
	s := newSite(t, socketio.Options{MaxQueue: most})
	c, m := s.join()
	const event = `452-["keep",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`
	for range 2 { // each packet for itself
		c.send(event)
		c.sendBinary(strings.Repeat("x", most-300), strings.Repeat("x", 300))
		receive(t, s.kept, "an event")
	}
	c.send(event)
	c.sendBinary(strings.Repeat("x", most-300), strings.Repeat("x", 301))
	if code := c.expectClose(); code != 1005 {
		t.Errorf("close code %d", code)
	}
	m.expectReason(t, "parse error")
}

func TestMaxDepth(t *testing.T) {
	for _, test := range []struct{ most, want int }{{0, 64}, {1, 1}, {3, 3}} {
		t.Run(fmt.Sprint(test.most), func(t *testing.T) {
			s := newSite(t, socketio.Options{MaxDepth: test.most})
			c, m := s.join()
			event := func(depth int) string {
				return `42["echo",` + strings.Repeat("[", depth-1) + `"[{"` + strings.Repeat("]", depth-1) + `]`
			}
			c.send(event(test.want))
			c.expect(event(test.want))
			c.send(event(test.want + 1))
			if code := c.expectClose(); code != 1005 {
				t.Errorf("close code %d", code)
			}
			m.expectReason(t, "parse error")
		})
	}
}

// sized is an event of so many bytes that comes back.
func sized(bytes int) string {
	return `42["echo","` + strings.Repeat("x", bytes-len(`42["echo",""]`)) + `"]`
}

func TestMaxPayloadByWebSocket(t *testing.T) {
	for _, test := range []struct{ most, want int }{{0, 1_000_000}, {1000, 1000}} {
		t.Run(fmt.Sprint(test.most), func(t *testing.T) {
			s := newSite(t, socketio.Options{MaxPayload: int64(test.most)})
			c, m := s.join()
			c.send(sized(test.want))
			c.expect(sized(test.want))
			c.send(sized(test.want + 1))
			if code := c.expectClose(); code != 1009 {
				t.Errorf("close code %d", code)
			}
			m.expectReason(t, "transport error")
		})
	}
}

func TestMaxPayloadByPolling(t *testing.T) {
	s := newSite(t, socketio.Options{MaxPayload: 1000})
	p, _ := s.joinPolling()
	p.send(sized(1000))
	p.expect(sized(1000))
	if status, body := p.post(sized(1001)); status != 413 || body != "" {
		t.Errorf("a byte too much: %d %s", status, body)
	}
	if status, body := p.post(sized(500) + "\x1e" + sized(500)); status != 413 || body != "" { // it is the whole that counts
		t.Errorf("a byte too much in two packets: %d %s", status, body)
	}
	// The same when the length is not known beforehand.
	answer, err := s.client.Post(s.url+"/socket.io/?"+p.query(), "text/plain", io.MultiReader(strings.NewReader(sized(1000)), strings.NewReader(" ")))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 413 {
		t.Errorf("a byte too much in chunks: %d", answer.StatusCode)
	}
	p.send(`42["echo","still here"]`)
	p.expect(`42["echo","still here"]`)
}

// A client that does not read is cut off, and until then neither its sender nor anybody else waits for it.
func TestMaxQueueByWebSocket(t *testing.T) {
	s := newSite(t, socketio.Options{MaxQueue: 1 << 20})
	slow, m := s.join()
	other, _ := s.join()
	p, err := socketio.NewPacket("news", strings.Repeat("x", 100_000))
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan int, 1)
	go func() {
		for n := 0; ; n++ {
			if m.socket.Send(p) != nil {
				sent <- n
				return
			}
		}
	}()
	if n := receive(t, sent, "the sender"); n < 10 {
		t.Errorf("cut off after %d packets of 100 kB, with room for 10", n)
	}
	m.expectReason(t, "slow reader")
	other.send(`42["echo"]`)
	other.expect(`42["echo"]`)
	for end := time.Now().Add(limit); socketio.Inside(s.server.Load()) > 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the slow reader keeps its connection")
		}
	}
	slow.Close()
}

// What waits for a client that does not poll may be just as much as MaxQueue, more than once if it comes for it.
func TestMaxQueueByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const packet, fit = `42["news"]`, 10
		s := newStillSite(t, socketio.Options{MaxQueue: fit * (len("\x81\x0a"+packet) + socketio.UnitCost)})
		p, m := s.joinPolling()
		for range 2 {
			synctest.Wait() // until the server knows that its last answer has gone out
			for i := range fit {
				if err := m.socket.Emit("news"); err != nil {
					t.Fatalf("packet %d: %v", i, err)
				}
			}
			p.expect(strings.TrimPrefix(strings.Repeat("\x1e"+packet, fit), "\x1e"))
		}
		synctest.Wait()
		for range fit {
			m.socket.Emit("news")
		}
		if err := m.socket.Emit("news"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("one packet too many: %v", err)
		}
		m.expectReason(t, "slow reader")
		if status, _ := p.get(); status != 400 {
			t.Errorf("poll: %d", status)
		}
	})
}

// What a socket emits before it is accepted counts as well.
func TestTooMuchBeforeTheAnswer(t *testing.T) {
	s := newSite(t, socketio.Options{MaxQueue: 1000})
	c := s.open()
	c.send(`40{"greet":100}`)
	receive(t, s.joined, "a member").expectReason(t, "slow reader")
	c.expectClose()
}

func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = time.Second / 2
		s := newStillSite(t, socketio.Options{ConnectTimeout: timeout})
		joined, _ := s.join()
		left, m := s.join()
		left.send("41") // having been there is enough
		m.expectReason(t, "client namespace disconnect")
		silent, waiting := s.open(), s.poll()
		w := stopwatch{t, time.Now()}
		silent.send(`40{"refuse":"no"}`) // does not count
		silent.expect(`44{"message":"no","data":{"code":1,"why":"<you & me>"}}`)
		waiting.expect("1")
		if code := silent.expectClose(); code != 1005 {
			t.Errorf("close code %d", code)
		}
		w.expect("the end", timeout)
		time.Sleep(timeout)
		joined.send(`42["echo"]`)
		joined.expect(`42["echo"]`)
		left.send("40")
		left.read()
		receive(t, s.joined, "the one who has come back")
	})
}

// An http.Server may limit the time of requests: those that wait, as polls do, or outlast it, as WebSockets do, are not cut off by that.
func TestServersTimeoutsAreLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = time.Second
		s := newStillSite(t, socketio.Options{PingInterval: 2 * timeout})
		s.serve(&http.Server{ReadTimeout: timeout, WriteTimeout: timeout})
		c, _ := s.join()
		p, _ := s.joinPolling()
		p.expect("2") // after twice the time
		p.send("3", `42["echo"]`)
		p.expect(`42["echo"]`)
		c.expect("2")
		c.send("3", `42["echo"]`)
		c.expect(`42["echo"]`)
	})
}
