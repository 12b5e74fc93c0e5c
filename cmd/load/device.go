package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// device is one person's device: as little of Engine.IO 4 and Socket.IO as load needs, on a WebSocket. It may connect again when it has left.
type device struct {
	stage  *stage
	number int
	person
	sender *sender // if it says anything

	// What it hears: of the senders from first on. The goroutine that reads uses these, and who waits for its end.
	first   int
	ledgers []ledger
	fresh   func(message) // called for what it has not heard before, instead of what is done in a talk
	pid     string        // of the connection that it may come back to
	offset  string        // the last one heard

	ws      *websocket.Conn // the last one
	here    bool            // it has joined and not left
	writing sync.Mutex
	ended   chan struct{} // the goroutine that reads
	leaving atomic.Bool

	asking sync.Mutex
	asks   uint64
	asked  map[uint64]chan []byte
}

// asksFrom is the first ack id of what is no message.
const asksFrom = 1 << 50

// patience is how long one waits for a handshake and for the answer to a command.
const patience = 30 * time.Second

// join connects, and comes back where it has been before, if again. What it hears is handled from then on.
func (d *device) join(ctx context.Context, again bool) (err error) {
	where := d.stage.urls[d.number%len(d.stage.urls)]
	dialer := d.stage.dialer
	ws, answer, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(where, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		switch {
		case answer != nil:
			return fmt.Errorf("connect to %s: %w: %s", where, err, answer.Status)
		case errors.Is(err, syscall.EMFILE):
			return fmt.Errorf("connect to %s: %w; let processes have more, also the server (ulimit -n 100000)", where, err)
		}
		return fmt.Errorf("connect to %s: %w", where, err)
	}
	ws.SetReadLimit(16 << 20)
	auth := map[string]string{"token": d.token}
	if again {
		auth["pid"], auth["offset"] = d.pid, d.offset
	}
	packet, _ := json.Marshal(auth) // strings can be encoded
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	if err = ws.WriteMessage(websocket.TextMessage, append([]byte("40"), packet...)); err == nil {
		err = d.await(ws)
	}
	if err != nil {
		ws.Close()
		return err
	}
	_ = ws.SetReadDeadline(time.Time{})
	d.leaving.Store(false)
	d.ws, d.ended, d.here = ws, make(chan struct{}), true
	go d.read()
	return nil
}

// await waits for the answer to CONNECT.
func (d *device) await(ws *websocket.Conn) error {
	for {
		_, frame, err := ws.ReadMessage()
		switch {
		case err != nil:
			return fmt.Errorf("%s waits for the answer to CONNECT: %w", d.id, err)
		case bytes.HasPrefix(frame, []byte("40")):
			var name struct{ PID string }
			err := json.Unmarshal(frame[2:], &name)
			d.pid = name.PID
			return err
		case bytes.HasPrefix(frame, []byte("44")):
			return fmt.Errorf("%s may not connect: %s", d.id, frame[2:])
		}
	}
}

// read handles what comes until the connection ends.
func (d *device) read() {
	defer close(d.ended)
	frame := make([]byte, 0, 512)
	for {
		_, r, err := d.ws.NextReader()
		if err == nil {
			frame, err = readAll(frame[:0], r)
		}
		if err == nil {
			err = d.hear(frame)
		}
		if err != nil {
			if !d.leaving.Load() {
				d.stage.fault(&d.stage.cutOff, "%s was cut off: %v", d.id, err)
			}
			d.ws.Close()
			return
		}
	}
}

func readAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return b, err
		}
	}
}

func (d *device) hear(frame []byte) error {
	if len(frame) < 2 {
		if len(frame) == 1 && frame[0] == '2' {
			return d.write([]byte("3"))
		}
		return nil
	}
	switch string(frame[:2]) {
	case "42":
		d.event(frame)
	case "43":
		d.answered(frame)
	case "41":
		return errors.New("the server has disconnected it")
	}
	return nil
}

func (d *device) event(frame []byte) {
	s := d.stage
	if s.recalls {
		if offset, ok := lastString(frame); ok {
			d.offset = string(offset)
			if bytes.HasPrefix(frame, []byte(`42["cursor"`)) {
				s.placed.Add(1)
			}
		}
	}
	at := bytes.Index(frame, s.mark)
	if at < 0 {
		if bytes.HasPrefix(frame, []byte(`42["reset"`)) {
			s.fault(&s.reset, "%s was told to begin anew", d.id)
		}
		return
	}
	m, ok := parseMessage(frame[at+len(s.mark):])
	i := m.sender - d.first
	if !ok || i < 0 || i >= len(d.ledgers) {
		s.fault(&s.stray, "%s was not to hear %q", d.id, frame)
		return
	}
	if !d.ledgers[i].note(m.seq) {
		return
	}
	if d.fresh != nil {
		d.fresh(m)
		return
	}
	echo := s.echo && d.sender != nil && d.sender.number == m.sender
	s.meter.came(d.number, m.due, !echo)
	if !echo {
		s.senders[m.sender].settle(m)
	}
}

// answered handles an ack.
func (d *device) answered(frame []byte) {
	id, code, ok := parseAck(frame)
	if !ok {
		d.stage.fault(&d.stage.stray, "%s does not understand the ack %.200q", d.id, frame)
		return
	}
	if id < asksFrom {
		d.sender.answered(id, code, frame)
		return
	}
	d.asking.Lock()
	defer d.asking.Unlock()
	if c := d.asked[id]; c != nil {
		c <- bytes.Clone(frame) // has room
		delete(d.asked, id)
	}
}

func (d *device) write(frame []byte) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	_ = d.ws.SetWriteDeadline(time.Now().Add(patience)) // never fails
	return d.ws.WriteMessage(websocket.TextMessage, frame)
}

// refusal is an answer with a code other than 0.
type refusal struct {
	command string
	code    int
	message string
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: code %d, %s", r.command, r.code, r.message) }

// ask gives a command, such as ["sign",{}] but for the closing bracket's, and waits for its answer, whose data it gives.
func (d *device) ask(ctx context.Context, command string, args ...any) (data json.RawMessage, err error) {
	list, err := json.Marshal(append([]any{command}, args...))
	if err != nil {
		return nil, err
	}
	answer := make(chan []byte, 1)
	d.asking.Lock()
	id := asksFrom + d.asks
	d.asks++
	if d.asked == nil {
		d.asked = map[uint64]chan []byte{}
	}
	d.asked[id] = answer
	d.asking.Unlock()
	if err := d.write(append(strconv.AppendUint([]byte("42"), id, 10), list...)); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", d.id, command, err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case frame := <-answer:
		var r []struct {
			Code    int
			Message string
			Data    json.RawMessage
		}
		if err := json.Unmarshal(frame[bytes.IndexByte(frame, '['):], &r); err != nil || len(r) != 1 {
			return nil, fmt.Errorf("%s: %s was answered with %.200q", d.id, command, frame)
		}
		if r[0].Code != 0 {
			return nil, fmt.Errorf("%s: %w", d.id, &refusal{command, r[0].Code, r[0].Message})
		}
		return r[0].Data, nil
	case <-d.ended:
		return nil, fmt.Errorf("%s: %s: the connection has ended", d.id, command)
	case <-late.C:
		return nil, fmt.Errorf("%s: %s: no answer in %v", d.id, command, patience)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sign says "here I am".
func (d *device) sign(ctx context.Context) error {
	_, err := d.ask(ctx, "sign", map[string]any{"user": map[string]string{"id": d.id}, "rooms": []string{}})
	return err
}

// leave ends the connection, as when the network is gone, and waits until nothing more is heard. It may be called when there is none.
func (d *device) leave() {
	if !d.here {
		return
	}
	d.leaving.Store(true)
	d.ws.Close()
	<-d.ended
	d.here = false
}

// newDialer makes connections that read so many bytes at once.
func newDialer(buffer int) *websocket.Dialer {
	return &websocket.Dialer{NetDialContext: (&net.Dialer{Timeout: patience}).DialContext, HandshakeTimeout: patience, ReadBufferSize: buffer, WriteBufferSize: 1024,
		WriteBufferPool: &sync.Pool{}}
}

// checkURL says what an address of a server must look like, and gives it without a slash at the end.
func checkURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("--url %q: it must be the address of a server, such as http://localhost:8080", s)
	}
	return u.Scheme + "://" + u.Host, nil
}
