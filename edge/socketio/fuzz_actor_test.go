package socketio_test

import (
	"context"
	"errors"
	"strings"
	"sync"

	"parley/edge/socketio"
)

var errDeliberate = errors.New("on purpose")

// actor is a session that does what the program says.
type actor struct {
	tally
	world  *world
	number int

	mu   sync.Mutex
	n    int // events that it has numbered
	kept []*socketio.Event
}

// connect decides by the namespace, or in the main one by the query's "as".
func (w *world) connect(name string) socketio.Connect {
	return func(ctx context.Context, s *socketio.Socket) (socketio.Session, error) {
		a := &actor{tally: w.member(s), world: w, number: int(w.next.Add(1))}
		defer a.check("Connect")()
		as := name
		if name == "/" {
			as = s.Handshake().Query.Get("as")
		}
		if as == "/back" { // before anybody else may emit
			replay(s, "key", a.replay)
		}
		w.mu.Lock()
		w.actors = append(w.actors, a)
		w.mu.Unlock()
		w.wait()
		switch as {
		case "/refuse":
			a.count()
			return nil, &socketio.ConnectError{Message: "no", Data: []int{1}}
		case "/fault":
			return nil, errDeliberate
		case "/panic":
			panic(errDeliberate)
		case "/early":
			a.count()
			s.Emit("early", socketio.Binary("early"))
			a.count()
		case "/expel":
			a.count()
			s.Disconnect(false)
		case "/close":
			s.Disconnect(true)
		}
		w.joined.Add(1)
		return a, nil
	}
}

// replay gives what was missed; or it fails, and then numbers begin anew.
func (a *actor) replay(offset string, send func(*socketio.Packet) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	numbered, err := socketio.NewPacket("n", a.number, a.n)
	if err != nil {
		return err
	}
	if err := errors.Join(send(numbered), send(bulletin)); err != nil || offset == "lost" {
		a.n = 0
		return errors.New("lost")
	}
	return nil
}

func (a *actor) Event(_ context.Context, e *socketio.Event) error {
	defer a.check("Event")()
	a.world.wait()
	args := make([]any, len(e.Args))
	for i, arg := range e.Args {
		args[i] = arg
	}
	defer a.count()
	return a.act(e.Name, args, e)
}

func (a *actor) Disconnect(reason string) {
	defer a.tally.Disconnect(reason)
	a.world.wait()
}

// act does something, at a client's wish or at the server's own.
func (a *actor) act(what string, args []any, e *socketio.Event) error {
	switch what {
	case "echo":
		a.socket.Emit("echo", args...)
	case "ack":
		e.Ack(args...)
		e.Ack("again")
	case "keep":
		a.mu.Lock()
		defer a.mu.Unlock()
		a.kept = append(a.kept, e)
	case "answer":
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, e := range a.kept {
			e.Ack("late", socketio.Binary("late"))
		}
	case "call":
		go a.socket.Call(context.Background(), "question", args...) // ends with the socket
	case "news":
		a.socket.Send(bulletin)
	case "large":
		a.socket.Emit("large", strings.Repeat("x", 1500))
	case "leave":
		a.socket.Disconnect(false)
	case "close":
		a.socket.Disconnect(true)
	case "fault":
		return errDeliberate
	case "panic":
		panic(errDeliberate)
	}
	return nil
}

// count emits a number, one more than the last.
func (a *actor) count() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	a.socket.Emit("n", a.number, a.n)
}
