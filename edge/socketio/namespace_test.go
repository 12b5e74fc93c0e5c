package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"parley/edge/socketio"
)

func TestRefusedConnect(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c := s.open()
	c.send(`40{"refuse":"token not exist","greet":3}`)
	c.expect(`44{"message":"token not exist","data":{"code":1,"why":"<you & me>"}}`)
	c.send(`40/other,{"refuse":"not here either"}`)
	c.expect(`44/other,{"message":"not here either","data":{"code":1,"why":"<you & me>"}}`)
	c.send(`40/unknown,`)
	c.expect(`44/unknown,{"message":"Invalid namespace"}`)
	c.send(`40{"fault":true}`)
	c.expect(`44{"message":"internal error"}`)
	if line := s.log.next(t); !strings.Contains(line, "out of order") {
		t.Errorf("logged: %s", line)
	}
	c.send(`40{"panic":true}`)
	c.expect(`44{"message":"internal error"}`)
	if line := s.log.next(t); !strings.Contains(line, "panic: out of order") {
		t.Errorf("logged: %s", line)
	}
	c.send(`40`) // the connection has outlived all that
	m := receive(t, s.joined, "a member")
	c.expect(fmt.Sprintf(`40{"sid":%q}`, m.socket.ID()))
}

// A refusal has no room for binary data.
func TestRefusalWithBinaryData(t *testing.T) {
	s := newSite(t, socketio.Options{})
	s.server.Load().Namespace("/picture", func(context.Context, *socketio.Socket) (socketio.Session, error) {
		return nil, &socketio.ConnectError{Message: "no", Data: map[string]any{"picture": socketio.Binary("x")}}
	})
	c := s.open()
	c.send(`40/picture,`)
	c.expect(`44/picture,{"message":"no"}`)
	if line := s.log.next(t); !strings.Contains(line, "binary data") || !strings.Contains(line, "namespace=/picture") {
		t.Errorf("logged: %s", line)
	}
	c.send(`40`)
	receive(t, s.joined, "a member")
}

// A client of Engine.IO 3 is in the main namespace by itself, if there is one. It hears "Invalid namespace" wherever it is.
func TestProtocol3WithoutMain(t *testing.T) {
	s := newSite(t, socketio.Options{})
	n := socketio.New(socketio.Options{})
	n.Namespace("/other", s.connect)
	s.server.Store(n)
	c := s.dial("EIO=3&transport=websocket")
	c.read()
	c.send(`40/other,`)
	c.expect(`40/other,`)
	c.send(`42/other,["echo"]`)
	c.expect(`42/other,["echo"]`)

	status, body, _ := s.do("GET", "EIO=3&transport=polling&b64=1", "", "")
	if packets, err := socketio.DecodePayload(3, []byte(body), false); status != 200 || err != nil || len(packets) != 1 || packets[0][0] != '0' {
		t.Errorf("by polling: %d %s", status, body)
	}
}

// An event to a namespace that refused is one to a namespace not joined.
func TestEventAfterRefusal(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c := s.open()
	c.send(`40{"refuse":"no"}`)
	c.expect(`44{"message":"no","data":{"code":1,"why":"<you & me>"}}`)
	c.send(`42["echo"]`)
	c.expectClose()
}

func TestConnectAnswerComesFirst(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c := s.open()
	c.send(`40{"greet":3}`)
	m := receive(t, s.joined, "a member")
	c.expect(fmt.Sprintf(`40{"sid":%q}`, m.socket.ID()), `42["greeting",0]`, `42["greeting",1]`, `42["greeting",2]`)
}

func TestDisconnectWhileConnecting(t *testing.T) {
	for _, expel := range []string{"socket", "conn"} {
		t.Run(expel, func(t *testing.T) {
			s := newSite(t, socketio.Options{})
			c := s.open()
			c.send(fmt.Sprintf(`40{"greet":1,"expel":%q}`, expel))
			m := receive(t, s.joined, "a member")
			c.expect(fmt.Sprintf(`40{"sid":%q}`, m.socket.ID()), `42["greeting",0]`, `41`)
			m.expectReason(t, "server namespace disconnect")
			if expel == "conn" {
				c.expectClose()
			} else {
				c.send("40")
				receive(t, s.joined, "the next member")
			}
		})
	}
}

func TestConnectionGoneWhileConnecting(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c := s.open()
	c.send(`40/other,`)
	receive(t, s.joined, "a member")
	c.send(`40{"linger":true}`)
	receive(t, s.linger, "Connect") // else the shutdown may come before it
	s.join()                        // others are let in meanwhile
	// The reader is in Connect and sees no close frame: the server has to find out by itself.
	c.send(`42["echo"]`)
	s.shutdown(t)
	m := receive(t, s.joined, "the member that came too late")
	m.expectReason(t, "server shutting down")
}

func TestTwoNamespaces(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, main := s.join()
	c.send(`40/other,{"a":1}`)
	other := receive(t, s.joined, "a member")
	c.expect(fmt.Sprintf(`40/other,{"sid":%q}`, other.socket.ID()))
	c.send(`42/other,["echo",1]`, `42["echo",2]`, `42/other,5["ask",3]`, `42/other,["call",4]`)
	c.expect(`42/other,["echo",1]`, `42["echo",2]`, `43/other,5[3]`, `42/other,0["question",4]`)
	c.send(`43/other,0[5]`)
	c.expect(`42/other,["answered",[5],true]`)

	p, err := socketio.NewPacket("all", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(main.socket.Send(p), other.socket.Send(p)); err != nil {
		t.Fatal(err)
	}
	c.expect(`42["all",1]`, `42/other,["all",1]`)

	c.send(`41/other,`)
	other.expectReason(t, "client namespace disconnect")
	if err := other.socket.Send(p); !errors.Is(err, net.ErrClosed) {
		t.Errorf("sending to a socket that is gone: %v", err)
	}
	c.send(`42["echo","still here"]`)
	c.expect(`42["echo","still here"]`)
	c.send(`40/other,`) // and back again
	c.expect(fmt.Sprintf(`40/other,{"sid":%q}`, receive(t, s.joined, "a member").socket.ID()))
	c.Close()
	main.expectReason(t, "transport close")
}

func TestServerDisconnect(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.join()
	c.send(`40/other`)
	other := receive(t, s.joined, "a member")
	c.read()
	// What the client sends before it knows that it is out is dropped; it may even be in the same breath.
	c.send(`42["leave",false]`, `42["echo","too late"]`, `431[]`, `42/other,["echo","there"]`)
	c.expect(`41`, `42/other,["echo","there"]`)
	m.expectReason(t, "server namespace disconnect")
	c.send(`40`)
	again := receive(t, s.joined, "a member")
	c.expect(fmt.Sprintf(`40{"sid":%q}`, again.socket.ID()))
	c.send(`42["leave",true]`)
	last := []string{c.read(), c.read()}
	if got := strings.Join(last, " "); got != `41 41/other,` && got != `41/other, 41` {
		t.Errorf("got %s", got)
	}
	c.expectClose()
	again.expectReason(t, "server namespace disconnect")
	other.expectReason(t, "server namespace disconnect")
}

func TestHandlerFaultsAreLogged(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, _ := s.join()
	for _, name := range []string{"fail", "panic"} {
		c.send(`42["` + name + `"]`)
		if line := s.log.next(t); !strings.Contains(line, "a fault of ours") || !strings.Contains(line, "event="+name) {
			t.Errorf("logged: %s", line)
		}
	}
	c.send(`42["no argument"]`)
	if line := s.log.next(t); !strings.Contains(line, "is missing") {
		t.Errorf("logged: %s", line)
	}
	c.send(`42["echo"]`)
	c.expect(`42["echo"]`)
}

func TestCallEndsWithItsSocket(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(c *socket, m *member)
	}{
		{"connection", func(c *socket, m *member) { c.Close() }},
		{"namespace", func(c *socket, m *member) { c.send("41") }},
		{"server", func(c *socket, m *member) { m.socket.Disconnect(false) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, socketio.Options{})
			c, m := s.join()
			failed := make(chan error, 1)
			go func() {
				_, err := m.socket.Call(t.Context(), "question")
				failed <- err
			}()
			c.expect(`420["question"]`)
			test.end(c, m)
			if err := receive(t, failed, "Call"); !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatDoesNotEncode(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.join()
	if err := m.socket.Emit("x", make(chan int)); err == nil {
		t.Error("a channel was sent")
	}
	if _, err := m.socket.Call(t.Context(), "x", func() {}); err == nil {
		t.Error("a function was sent")
	}
	if err := m.socket.Emit("disconnect"); err == nil {
		t.Error("a reserved name was sent")
	}
	if _, err := socketio.NewPacket("connect"); err == nil {
		t.Error("a reserved name was packed")
	}
	c.send(`42["echo"]`)
	c.expect(`42["echo"]`) // nothing of it got out
}

// turn is a session that leaves as soon as it is spoken to.
type turn struct {
	socket *socketio.Socket
	there  *atomic.Int32
}

func (s turn) Event(context.Context, *socketio.Event) error {
	s.socket.Disconnect(false)
	return nil
}

func (s turn) Disconnect(string) { s.there.Add(-1) }

// A client that is sent out of a namespace and comes back at once has one session there at a time.
func TestSessionsFollowOneAnother(t *testing.T) {
	s := newSite(t, socketio.Options{})
	var there atomic.Int32
	s.server.Load().Namespace("/turns", func(_ context.Context, socket *socketio.Socket) (socketio.Session, error) {
		if n := there.Add(1); n != 1 {
			t.Errorf("%d sessions are there", n)
		}
		return turn{socket, &there}, nil
	})
	p := s.poll()
	p.send("40/turns," + strings.Repeat("\x1e42/turns,[\"go\"]\x1e40/turns,", 100) + "\x1e41/turns,")
	if n := there.Load(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// In Socket.IO 5 a question mark in a name means nothing special: it is another namespace, also beside one that the client has joined.
func TestQueryIsPartOfTheName(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, _ := s.join()
	c.send(`40/?a=b,`, `40/other?a=b,`, `42["echo"]`)
	c.expect(`44/?a=b,{"message":"Invalid namespace"}`, `44/other?a=b,{"message":"Invalid namespace"}`, `42["echo"]`)
}
