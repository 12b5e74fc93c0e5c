package edge_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"parley/domain"
	"parley/edge"
)

// TestStalledMembers has five members of a group of 200 stop reading, while somebody writes: each message reaches all the others before the next one is
// said, so that none waits for the five. They are cut off when what waits for them is too much, which the log says of each, and can come back.
func TestStalledMembers(t *testing.T) {
	const members, stalled, queue = 200, 5, 128 << 10
	w := newWorld(t, 1)
	var all []domain.UserID
	for i := range members {
		all = append(all, domain.UserID(fmt.Sprintf("u%03d", i)))
	}
	w.people(all...)
	w.group("g", all[0], all[1:]...)
	said := &lines{}
	n := w.edge(func(o *edge.Options) {
		o.Settings.Socket.MaxQueue = queue
		o.Settings.Logger = slog.New(slog.NewTextHandler(said, nil))
	})
	h := httptest.NewUnstartedServer(n.e) // the kernel takes little of what waits
	h.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conn.(*net.TCPConn).SetWriteBuffer(16 << 10)
		}
	}
	h.Start()
	t.Cleanup(h.Close)
	n.url = h.URL
	w.fold()
	for _, u := range all[:stalled] {
		n.stall(u)
	}
	var reading []*device
	for _, u := range all[stalled:] {
		reading = append(reading, n.enter(u))
	}
	gone := func() (n int) {
		for _, line := range said.all() {
			if strings.Contains(line, `"a device is gone"`) && strings.Contains(line, `reason="slow reader"`) && strings.Contains(line, "level=INFO") {
				n++
			}
		}
		return n
	}
	sender, text := reading[0], strings.Repeat("x", 16<<10)
	sent := 0
	for ; gone() < stalled; sent++ {
		if sent*len(text) > 64<<20 {
			t.Fatalf("%d of the stalled are cut off after %d messages", gone(), sent)
		}
		seq := sender.ok("groupSend", gid("g"), text).seq(t)
		for _, d := range reading {
			d.heardOf(seq)
		}
	}
	if sent*len(text) < queue {
		t.Errorf("they are cut off after %d bytes, want %d", sent*len(text), queue)
	}
	for _, u := range all[:stalled] {
		eventually(t, string(u)+" is gone", func() bool { return n.e.Devices(u) == 0 })
		if !strings.Contains(strings.Join(said.all(), ""), "user="+string(u)+" ") {
			t.Errorf("nothing says that it is %s who reads too slowly", u)
		}
		back := n.enter(u)
		seq := sender.ok("groupSend", gid("g"), "welcome back").seq(t)
		back.heardOf(seq)
	}
}

// lines are what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.SplitAfter(l.text.String(), "\n")
}

// stall connects one of a user's devices that reads nothing once it is in, and takes little before its side of the connection is full.
func (n *node) stall(u domain.UserID) {
	n.Helper()
	dialer := websocket.Dialer{NetDial: func(network, addr string) (net.Conn, error) {
		conn, err := net.Dial(network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		return conn, err
	}}
	ws, _, err := dialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	must(n, err)
	n.Cleanup(func() { ws.Close() })
	must(n, ws.WriteMessage(websocket.TextMessage, []byte(fmt.Sprintf(`40{"token":%q}`, n.token(u)))))
	for {
		_, b, err := ws.ReadMessage()
		must(n, err)
		if strings.HasPrefix(string(b), "40") {
			return
		}
	}
}

// heardOf waits until a group's message has come.
func (d *device) heardOf(seq uint64) {
	d.tb.Helper()
	want := fmt.Sprintf(`"seq":%d`, seq)
	d.wait(want, func() bool {
		for i := len(d.heard) - 1; i >= 0; i-- {
			if h := d.heard[i]; h.Event == "groupReply" && strings.Contains(string(h.Args[1]), want) {
				return true
			}
		}
		return false
	})
}
