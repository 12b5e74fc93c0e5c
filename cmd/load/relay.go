package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// relay forwards what people say to whom they say it, and does nothing else: no token is checked, nothing is stored, nobody's friendship is asked for. It speaks
// as much of the protocol as device does.
type relay struct {
	together bool // what waits for a connection is written at once
	seq      atomic.Uint64

	mu     sync.RWMutex
	links  map[string]*link
	groups map[string][]string
	gids   int
}

// link is one person's connection.
type link struct {
	conn net.Conn
	id   string

	mu      sync.Mutex
	waiting []byte
	writes  bool // somebody writes what waits
	spare   []byte
}

// serveRelay serves until ctx ends, and says where that is.
func serveRelay(ctx context.Context, l net.Listener, together bool, say io.Writer) error {
	r := &relay{together: together, links: map[string]*link{}, groups: map[string][]string{}}
	server := &http.Server{Handler: r}
	context.AfterFunc(ctx, func() { server.Close() })
	fmt.Fprintf(say, "relay: serving http://%s\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

var upgrader = websocket.Upgrader{ReadBufferSize: 4096, WriteBufferSize: 512, CheckOrigin: func(*http.Request) bool { return true }}

func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ws, err := upgrader.Upgrade(w, req, nil)
	if err != nil {
		return // the upgrader has said so
	}
	defer ws.Close()
	l := &link{conn: ws.NetConn()}
	defer r.leaves(l)
	r.to(l, appendFrame(nil, []byte(`0{"sid":"relay","upgrades":[],"pingInterval":3600000,"pingTimeout":20000,"maxPayload":1000000}`)))
	frame := make([]byte, 0, 512)
	for {
		_, from, err := ws.NextReader()
		if err == nil {
			frame, err = readAll(frame[:0], from)
		}
		if err == nil {
			err = r.hear(l, frame)
		}
		if err != nil {
			return
		}
	}
}

func (r *relay) leaves(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.links[l.id] == l {
		delete(r.links, l.id)
	}
}

func (r *relay) hear(l *link, frame []byte) error {
	switch {
	case bytes.HasPrefix(frame, []byte("40")):
		id, err := subject(frame[2:])
		if err != nil {
			return err
		}
		l.id = id
		r.mu.Lock()
		r.links[id] = l
		r.mu.Unlock()
		r.to(l, appendFrame(nil, []byte(`40{"sid":"relay"}`)))
		return nil
	case bytes.HasPrefix(frame, []byte("42")):
		return r.command(l, frame[2:])
	}
	return nil
}

// subject is whom a token speaks for, if it is to be believed.
func subject(auth []byte) (string, error) {
	var a struct{ Token string }
	if err := json.Unmarshal(auth, &a); err != nil {
		return "", err
	}
	parts := strings.Split(a.Token, ".")
	if len(parts) != 3 {
		return "", errors.New("no token")
	}
	said, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct{ Sub string }
	return c.Sub, errors.Join(err, json.Unmarshal(said, &c))
}

// command forwards `<ack>["send","<uid>",<msg>]` and `<ack>["groupSend",{"gid":"<gid>"},<msg>]`, and says yes to everything.
func (r *relay) command(l *link, b []byte) error {
	open := bytes.IndexByte(b, '[')
	if open < 0 {
		return errors.New("no arguments")
	}
	ack, args := b[:open], b[open:]
	data := []byte(`{}`)
	seq := r.seq.Add(1)
	switch {
	case bytes.HasPrefix(args, []byte(`["send","`)):
		to, msg, _ := bytes.Cut(bytes.TrimSuffix(args[len(`["send","`):], []byte("]")), []byte(`",`))
		r.mu.RLock()
		peer := r.links[string(to)]
		r.mu.RUnlock()
		if peer != nil {
			r.to(peer, delivery(`42["reply",{"id":"`, l.id, `","self":false},{"date":"","msg":`, msg, seq))
		}
	case bytes.HasPrefix(args, []byte(`["groupSend",{"gid":"`)):
		gid, msg, _ := bytes.Cut(bytes.TrimSuffix(args[len(`["groupSend",{"gid":"`):], []byte("]")), []byte(`"},`))
		frame := delivery(`42["groupReply",{"gid":"`+string(gid)+`","id":"`, l.id, `"},{"date":"","msg":`, msg, seq)
		r.mu.RLock()
		defer r.mu.RUnlock() // a link takes what it is given
		for _, id := range r.groups[string(gid)] {
			if peer := r.links[id]; peer != nil {
				r.to(peer, frame)
			}
		}
	case bytes.HasPrefix(args, []byte(`["createGroup",`)):
		var a struct{ Members []string }
		if err := json.Unmarshal(bytes.TrimSuffix(args[len(`["createGroup",`):], []byte("]")), &a); err != nil {
			return err
		}
		r.mu.Lock()
		r.gids++
		gid := strconv.Itoa(r.gids)
		r.groups[gid] = append(a.Members, l.id)
		r.mu.Unlock()
		data = []byte(`{"gid":"` + gid + `"}`)
	}
	r.to(l, appendFrame(nil, fmt.Appendf(nil, `43%s[{"code":0,"message":"ok","data":%s}]`, ack, data)))
	return nil
}

func delivery(before, from, between string, msg []byte, seq uint64) []byte {
	b := make([]byte, 0, len(before)+len(from)+len(between)+len(msg)+40)
	b = append(append(append(append(b, before...), from...), between...), msg...)
	b = append(strconv.AppendUint(append(b, `,"seq":`...), seq, 10), `,"id":""}]`...)
	return appendFrame(nil, b)
}

// appendFrame appends a text frame of a server's (RFC 6455, 5.2).
func appendFrame(b, text []byte) []byte {
	switch n := len(text); {
	case n < 126:
		b = append(b, 0x81, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x81, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x81, 127), uint64(n))
	}
	return append(b, text...)
}

// to writes a frame: by itself, or with all that has come to wait since somebody began to write.
func (r *relay) to(l *link, frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !r.together {
		_, _ = l.conn.Write(frame) // if it fails, the connection has ended, which its reader notices
		return
	}
	l.waiting = append(l.waiting, frame...)
	if !l.writes {
		l.writes = true
		go l.flush()
	}
}

func (l *link) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) > 0 {
		now := l.waiting
		l.waiting = l.spare[:0]
		l.mu.Unlock()
		_, _ = l.conn.Write(now) // likewise
		l.mu.Lock()
		l.spare = now
	}
	l.writes = false
}

// untilEOF ends a context when r ends, which is how a relay ends with the process that has started it.
func untilEOF(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx
}
