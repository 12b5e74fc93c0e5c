package edge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/domain"
)

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// device is a Socket.IO client on a WebSocket, as small as it can be. It remembers all that it hears, in order.
type device struct {
	tb   testing.TB
	me   domain.UserID
	ws   *websocket.Conn
	done chan struct{} // closed when the connection is gone

	writing sync.Mutex

	mu      sync.Mutex
	changed *sync.Cond
	heard   []heard
	acks    map[int]answer
	next    int
	taken   map[string]int // by event: how many expect has gone by
	gone    bool
	deaf    bool // hears no events

	pid    string // with which it may come back
	offset string // of the last event that had one
}

// onlyAcks lets a device hear nothing but the answers to its commands from now on.
func (d *device) onlyAcks() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaf = true
}

// heard is an event.
type heard struct {
	Event string
	Args  []json.RawMessage
}

// arg decodes an argument.
func (h heard) arg(tb testing.TB, i int, v any) {
	tb.Helper()
	if i >= len(h.Args) {
		tb.Fatalf("%s has %d arguments, want %d", h.Event, len(h.Args), i+1)
	}
	must(tb, json.Unmarshal(h.Args[i], v))
}

// answer is what an ack carries, or a refusal to connect.
type answer struct {
	Code    domain.Code     `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// seq is the seq of a message that was sent.
func (a answer) seq(tb testing.TB) uint64 {
	tb.Helper()
	var at struct{ Seq uint64 }
	must(tb, json.Unmarshal(a.Data, &at))
	return at.Seq
}

// knock opens a connection and sends a CONNECT packet with a payload.
func knock(tb testing.TB, url, auth, query string, header http.Header) *websocket.Conn {
	tb.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/socket.io/?EIO=4&transport=websocket"+query, header)
	must(tb, err)
	must(tb, ws.WriteMessage(websocket.TextMessage, []byte("40"+auth)))
	return ws
}

// dial connects with a CONNECT packet's payload; a refusal comes back as an answer.
func dial(tb testing.TB, url, auth, query string, header http.Header) (*device, answer) {
	tb.Helper()
	return enter(tb, knock(tb, url, auth, query, header))
}

// enter waits for the answer to a CONNECT packet.
func enter(tb testing.TB, ws *websocket.Conn) (*device, answer) {
	tb.Helper()
	d := &device{tb: tb, ws: ws, done: make(chan struct{}), acks: map[int]answer{}, taken: map[string]int{}}
	d.changed = sync.NewCond(&d.mu)
	for {
		_, b, err := ws.ReadMessage()
		must(tb, err)
		switch packet := string(b); {
		case strings.HasPrefix(packet, "40"):
			var welcome struct{ PID string }
			must(tb, json.Unmarshal(b[2:], &welcome))
			d.pid = welcome.PID
			go d.read()
			tb.Cleanup(d.close)
			return d, answer{}
		case strings.HasPrefix(packet, "44"):
			ws.Close()
			var refused struct {
				Message string
				Data    json.RawMessage
			}
			must(tb, json.Unmarshal(b[2:], &refused))
			var data struct{ Code domain.Code }
			must(tb, json.Unmarshal(refused.Data, &data))
			return nil, answer{data.Code, refused.Message, refused.Data}
		}
	}
}

func (d *device) read() {
	defer close(d.done)
	for {
		_, b, err := d.ws.ReadMessage()
		d.mu.Lock()
		if err != nil {
			d.gone = true
			d.changed.Broadcast()
			d.mu.Unlock()
			return
		}
		d.take(string(b))
		d.changed.Broadcast()
		d.mu.Unlock()
	}
}

func (d *device) take(packet string) {
	switch {
	case packet == "2":
		d.write("3")
	case d.deaf && strings.HasPrefix(packet, "42"):
	case strings.HasPrefix(packet, "42"):
		var all []json.RawMessage
		var h heard
		if json.Unmarshal([]byte(packet[2:]), &all) != nil || len(all) == 0 || json.Unmarshal(all[0], &h.Event) != nil {
			d.tb.Errorf("%s heard %q", d.me, packet)
		} else {
			h.Args = all[1:]
			if last := len(h.Args) - 1; last >= 0 && json.Unmarshal(h.Args[last], &d.offset) == nil { // as the libraries do, but that they leave it there
				h.Args = h.Args[:last]
			}
			if h.Event != "cursor" {
				d.heard = append(d.heard, h)
			}
		}
	case strings.HasPrefix(packet, "43"):
		at := strings.IndexByte(packet, '[')
		id, _ := strconv.Atoi(packet[2:at])
		var all []answer
		if err := json.Unmarshal([]byte(packet[at:]), &all); err != nil || len(all) != 1 {
			d.tb.Errorf("%s was answered %q", d.me, packet)
			return
		}
		if _, twice := d.acks[id]; twice {
			d.tb.Errorf("%s was answered twice: %q", d.me, packet)
		}
		d.acks[id] = all[0]
	}
}

func (d *device) write(packet string) {
	d.writing.Lock()
	defer d.writing.Unlock()
	_ = d.ws.WriteMessage(websocket.TextMessage, []byte(packet)) // a connection that is gone shows when reading
}

// close hangs up and waits until the reader has ended.
func (d *device) close() {
	d.ws.Close()
	<-d.done
}

// leave tells the server goodbye first, so that it knows at once.
func (d *device) leave() {
	d.write("41")
	d.close()
}

func encode(tb testing.TB, event string, args []any) string {
	tb.Helper()
	b, err := json.Marshal(append([]any{event}, args...))
	must(tb, err)
	return string(b)
}

// begin sends a command and gives the number of its ack.
func (d *device) begin(event string, args ...any) int {
	d.tb.Helper()
	d.mu.Lock()
	d.next++
	n := d.next
	d.mu.Unlock()
	d.write(fmt.Sprintf("42%d%s", n, encode(d.tb, event, args)))
	return n
}

// end waits for the ack of a command.
func (d *device) end(n int) (a answer) {
	d.tb.Helper()
	d.wait(fmt.Sprintf("ack %d", n), func() (ok bool) {
		a, ok = d.acks[n]
		return ok
	})
	return a
}

func (d *device) emit(event string, args ...any) answer {
	d.tb.Helper()
	return d.end(d.begin(event, args...))
}

// ok is a command that succeeds.
func (d *device) ok(event string, args ...any) answer {
	d.tb.Helper()
	a := d.emit(event, args...)
	if a.Code != domain.OK {
		d.tb.Fatalf("%s's %s%v: code %d, %s", d.me, event, args, a.Code, a.Message)
	}
	return a
}

// no is a command that is refused.
func (d *device) no(code domain.Code, event string, args ...any) answer {
	d.tb.Helper()
	a := d.emit(event, args...)
	if a.Code != code || a.Message == "" {
		d.tb.Fatalf("%s's %s%v: code %d, %q; want code %d and a sentence", d.me, event, args, a.Code, a.Message, code)
	}
	return a
}

// tell sends a command without asking for an ack.
func (d *device) tell(event string, args ...any) {
	d.tb.Helper()
	d.write("42" + encode(d.tb, event, args))
}

// wait waits until what is so, with the lock held.
func (d *device) wait(what string, so func() bool) {
	d.tb.Helper()
	late := time.AfterFunc(limit, d.changed.Broadcast)
	defer late.Stop()
	end := time.Now().Add(limit)
	d.mu.Lock()
	defer d.mu.Unlock()
	for !so() {
		if d.gone || time.Now().After(end) {
			d.tb.Fatalf("%s waits for %s in vain (connection gone: %v); heard %s", d.me, what, d.gone, names(d.heard))
		}
		d.changed.Wait()
	}
}

// expect waits for the next event of that name.
func (d *device) expect(event string) (found heard) {
	d.tb.Helper()
	d.wait(event, func() bool {
		nth := 0
		for _, h := range d.heard {
			if h.Event == event {
				if nth++; nth > d.taken[event] {
					found = h
					return true
				}
			}
		}
		return false
	})
	d.taken[event]++
	return found
}

// all gives the events of that name heard so far.
func (d *device) all(event string) (events []heard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.heard {
		if h.Event == event {
			events = append(events, h)
		}
	}
	return events
}

// said is the place and the text of a message.
type said struct {
	Seq uint64
	Txt string
}

// talk gives the messages heard so far, of all conversations, in order.
func (d *device) talk() (all []said) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.heard {
		if h.Event == "reply" || h.Event == "groupReply" {
			var m struct {
				Seq uint64
				Msg json.RawMessage
			}
			h.arg(d.tb, 1, &m)
			s := said{Seq: m.Seq}
			if json.Unmarshal(m.Msg, &s.Txt) != nil {
				s.Txt = string(m.Msg)
			}
			all = append(all, s)
		}
	}
	return all
}

// until waits until a message of that text has been heard and gives all that was said up to then.
func (d *device) until(txt string) []said {
	d.tb.Helper()
	quoted, _ := json.Marshal(txt)
	d.wait(fmt.Sprintf("%q", txt), func() bool {
		for _, h := range d.heard {
			if (h.Event == "reply" || h.Event == "groupReply") && strings.Contains(string(h.Args[1]), string(quoted)) {
				return true
			}
		}
		return false
	})
	return d.talk()
}

func names(all []heard) string {
	var b strings.Builder
	for _, h := range all {
		b.WriteString(h.Event + " ")
	}
	return b.String()
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
