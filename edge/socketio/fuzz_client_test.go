package socketio_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// memory is a network without a kernel: a listener whose connections are pipes, and do not buffer anything.
type memory struct {
	dialed chan net.Conn
	closed context.Context
	close  context.CancelFunc
}

func newMemory() *memory {
	m := &memory{dialed: make(chan net.Conn)}
	m.closed, m.close = context.WithCancel(context.Background())
	return m
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.dialed:
		return &end{c, make(chan bool, 1)}, nil
	case <-m.closed.Done():
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error { m.close(); return nil }

func (m *memory) Addr() net.Addr { return &net.UnixAddr{} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case m.dialed <- theirs:
		return ours, nil
	case <-m.closed.Done():
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// end is the server's end of a pipe. It differs in two things: writers wait for each other in a way that synctest knows to be
// waiting, and what is closed is net.ErrClosed.
type end struct {
	net.Conn
	writing chan bool
}

func (e *end) Write(b []byte) (int, error) {
	e.writing <- true
	defer func() { <-e.writing }()
	n, err := e.Conn.Write(b)
	return n, e.usual(err)
}

func (e *end) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	return n, e.usual(err)
}

func (e *end) usual(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return net.ErrClosed
	}
	return err
}

// puppet is a client that does as it is told, in the background.
type puppet struct {
	*world
	protocol int // of Engine.IO, to speak it properly
	ctx      context.Context
	giveUp   context.CancelFunc // lets go of the requests that wait

	mu       sync.Mutex
	sid      string
	ws       *line       // the newest one
	switched bool        // sends by WebSocket
	polls    int         // that wait
	sloppy   bool        // it did what may lose packets or reorder them
	last     map[int]int // of each socket's numbered events
}

func (w *world) newPuppet(query string) *puppet {
	p := &puppet{world: w, protocol: 4, last: make(map[int]int)}
	if strings.Contains(query, "EIO=3") {
		p.protocol = 3
	}
	p.ctx, p.giveUp = context.WithCancel(w.ctx)
	return p
}

// session gives the part of a query that names the session.
func (p *puppet) session(transport string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("EIO=%d&transport=%s&sid=%s", p.protocol, transport, p.sid)
}

// request sends a request and calls back with the body of an answer that is fine, or with nil. Requests that are no such thing are not sent.
func (p *puppet) request(method, query, contentType, body string, then func(kind string, body []byte)) {
	ctx := p.ctx
	p.background.Go(func() {
		kind, text := p.fetch(ctx, method, query, contentType, strings.NewReader(body))
		if then != nil {
			then(kind, text)
		}
	})
}

func (p *puppet) fetch(ctx context.Context, method, query, contentType string, body io.Reader) (kind string, text []byte) {
	r, err := http.NewRequestWithContext(ctx, method, "http://memory/socket.io/?"+query, body)
	if err != nil {
		return "", nil
	}
	r.Header.Set("Content-Type", contentType)
	answer, err := p.client.Do(r)
	if err != nil {
		return "", nil
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", nil
	}
	return answer.Header.Get("Content-Type"), text
}

// postEndless posts a body that does not end before it is given up.
func (p *puppet) postEndless(begin string) {
	ctx, query := p.ctx, p.session("polling")
	p.background.Go(func() { p.fetch(ctx, "POST", query, plain, io.MultiReader(strings.NewReader(begin), endless{ctx})) })
}

// endless is the rest of such a body.
type endless struct{ ctx context.Context }

func (e endless) Read([]byte) (int, error) {
	<-e.ctx.Done()
	return 0, e.ctx.Err()
}

// get polls.
func (p *puppet) get(query string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sloppy = p.sloppy || p.polls > 0
	p.polls++
	p.request("GET", query, "", "", func(kind string, body []byte) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.polls--
		if body == nil {
			return
		}
		packets, err := socketio.DecodePayload(p.protocol, body, kind == octets)
		if err != nil {
			p.t.Errorf("a poll's body: %v: %q", err, body)
		}
		due := 0
		for _, packet := range packets {
			p.got(packet, &due)
		}
	})
}

// letGo gives up whatever waits.
func (p *puppet) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sloppy = p.sloppy || p.polls > 0
	p.giveUp()
	p.ctx, p.giveUp = context.WithCancel(p.world.ctx)
}

// send sends packets as the libraries do, on the transport that they would use. Attachments have a b in front.
func (p *puppet) send(packets []string) {
	p.mu.Lock()
	switched, ws := p.switched, p.ws
	p.mu.Unlock()
	var body []string
	for _, packet := range packets {
		data, binary := strings.CutPrefix(packet, "b")
		switch {
		case switched && binary && p.protocol == 3:
			ws.send(websocket.BinaryMessage, "\x04"+data)
		case switched && binary:
			ws.send(websocket.BinaryMessage, data)
		case switched:
			ws.send(websocket.TextMessage, packet)
		case binary && p.protocol == 3:
			packet = "b4" + base64.StdEncoding.EncodeToString([]byte(data))
		case binary:
			packet = "b" + base64.StdEncoding.EncodeToString([]byte(data))
		}
		if p.protocol == 3 {
			packet = fmt.Sprintf("%d:%s", len(utf16.Encode([]rune(packet))), packet)
		}
		body = append(body, packet)
	}
	switch {
	case switched:
	case p.protocol == 3:
		p.request("POST", p.session("polling"), plain, strings.Join(body, ""), nil)
	default:
		p.request("POST", p.session("polling"), plain, strings.Join(body, "\x1e"), nil)
	}
}

// line is a WebSocket, which may still be on its way to be open.
type line struct {
	ws  atomic.Pointer[websocket.Conn]
	out chan func(*websocket.Conn)
}

// open opens a WebSocket. If it is not read, that is after the packet that says the session's id.
func (p *puppet) open(query string, read bool) {
	l := &line{out: make(chan func(*websocket.Conn), maxSteps)}
	p.mu.Lock()
	p.ws = l
	wantsID := p.sid == ""
	p.mu.Unlock()
	p.lines = append(p.lines, l)
	p.background.Go(func() {
		d := websocket.Dialer{NetDialContext: p.network.dial}
		ws, answer, err := d.DialContext(p.world.ctx, "ws://memory/socket.io/?"+query, nil)
		if err != nil {
			if answer != nil {
				answer.Body.Close()
			}
			for range l.out {
			}
			return
		}
		l.ws.Store(ws)
		p.background.Go(func() {
			due := 0
			for first := true; read || first && wantsID; first = false {
				kind, text, err := ws.ReadMessage()
				if err != nil {
					return
				}
				if kind == websocket.BinaryMessage {
					text = append([]byte("b"), text...)
				}
				p.mu.Lock()
				p.got(string(text), &due)
				p.mu.Unlock()
			}
		})
		for f := range l.out {
			f(ws)
		}
	})
}

// write has something written to the WebSocket, if there is one.
func (l *line) write(f func(*websocket.Conn)) {
	if l != nil {
		l.out <- f
	}
}

func (l *line) send(kind int, data string) {
	l.write(func(ws *websocket.Conn) { ws.WriteMessage(kind, []byte(data)) })
}

// cut breaks the connection.
func (l *line) cut() {
	if l == nil {
		return
	}
	if ws := l.ws.Load(); ws != nil {
		ws.NetConn().Close()
	}
}

// got looks at a packet that the server sent: whether it could be one, with so many attachments due, and whether numbered events
// come in order. p.mu is held.
func (p *puppet) got(packet string, due *int) {
	switch {
	case packet == "" || packet[0] != 'b' && !utf8.ValidString(packet):
		p.t.Errorf("the server sent %q", packet)
	case (packet[0] == 'b') != (*due > 0):
		p.t.Errorf("the server sent %q where %d attachments are due", packet, *due)
	case *due > 0:
		*due--
	case packet[0] == '0':
		_, rest, _ := strings.Cut(packet, `"sid":"`)
		p.sid, _, _ = strings.Cut(rest, `"`)
	case strings.HasPrefix(packet, "45"), strings.HasPrefix(packet, "46"):
		if n, _ := fmt.Sscanf(packet[2:], "%d-", due); n == 0 {
			p.t.Errorf("the server sent %q", packet)
		}
	case strings.HasPrefix(packet, "42"):
		var who, n int
		_, event, _ := strings.Cut(packet, `["n",`)
		if read, _ := fmt.Sscanf(event, "%d,%d", &who, &n); read < 2 {
			return
		}
		if n != p.last[who]+1 && !p.sloppy {
			p.t.Errorf("event %d of socket %d comes after %d", n, who, p.last[who])
		}
		p.last[who] = n
	case !strings.ContainsRune("12346", rune(packet[0])):
		p.t.Errorf("the server sent %q", packet)
	}
}
