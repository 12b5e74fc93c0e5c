package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"parley/edge/socketio"
)

// replay makes a socket recoverable and gives its client, if it comes back, what fn sends; where fn fails, nothing.
func replay(s *socketio.Socket, key string, fn func(offset string, send func(*socketio.Packet) error) error) (recovered bool) {
	back := s.Recover(key)
	if back == nil {
		return false
	}
	offset, has := back.Offset()
	if !has {
		return false
	}
	if fn(offset, back.Send) != nil {
		back.Drop()
		return false
	}
	back.Done()
	return true
}

// journal is an application whose sockets are recoverable: all that was ever said, in order, with offsets from 1.
type journal struct {
	mu    sync.Mutex
	said  []*socketio.Packet
	kept  int // those before it are gone
	group map[*socketio.Socket]bool
	found chan bool // what Recover said, for each connect
}

func (j *journal) connect(_ context.Context, s *socketio.Socket) (socketio.Session, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := "everyone"
	if other := s.Handshake().Query.Get("key"); other != "" {
		key = other
	}
	recovered := replay(s, key, func(offset string, send func(*socketio.Packet) error) error {
		n, err := strconv.Atoi(offset)
		if err != nil || n < 0 || n > len(j.said) {
			return errors.New("no such offset")
		}
		for _, p := range j.said[n:] { // and what is no longer there is noticed too late
			if err := send(p); err != nil {
				return err
			}
		}
		if n < j.kept {
			return errors.New("gone")
		}
		return nil
	})
	j.group[s] = true
	j.found <- recovered
	return &listener{j, s}, nil
}

func (j *journal) say(t *testing.T, args ...any) {
	t.Helper()
	p, err := socketio.NewPacket("said", args...)
	if err != nil {
		t.Fatal(err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	p = p.WithOffset(strconv.Itoa(len(j.said) + 1))
	j.said = append(j.said, p)
	for s := range j.group {
		s.Send(p)
	}
}

type listener struct {
	journal *journal
	socket  *socketio.Socket
}

func (l *listener) Event(context.Context, *socketio.Event) error { return nil }

func (l *listener) Disconnect(string) {
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	delete(l.journal.group, l.socket)
}

// come connects and gives the pid of the answer.
func (j *journal) come(t *testing.T, s *site, connect string, recovered bool) (*socket, string) {
	t.Helper()
	c := s.open()
	c.send("40" + connect)
	if got := receive(t, j.found, "a connect"); got != recovered {
		t.Errorf("%s: recovered %v, want %v", connect, got, recovered)
	}
	var answer struct{ SID, PID string }
	text := c.read()
	if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "40")), &answer); err != nil || answer.SID == "" || answer.PID == "" {
		t.Fatalf("CONNECT answer %s", text)
	}
	return c, answer.PID
}

func TestRecover(t *testing.T) {
	j := &journal{group: make(map[*socketio.Socket]bool), found: make(chan bool, 1)}
	s := newSite(t, socketio.Options{})
	s.server.Load().Namespace("/", j.connect)

	c, pid := j.come(t, s, "", false)
	j.say(t, "one")
	c.expect(`42["said","one","1"]`)
	c.Close()
	j.say(t, map[string]any{"file": socketio.Binary("two")})
	j.say(t)

	t.Run("all that was missed, before anything new", func(t *testing.T) {
		c, again := j.come(t, s, fmt.Sprintf(`{"pid":%q,"offset":"1"}`, pid), true)
		if again != pid {
			t.Errorf("pid %s, want %s: the client would not know that it is recovered", again, pid)
		}
		j.say(t, "four")
		c.expect(`451-["said",{"file":{"_placeholder":true,"num":0}},"2"]`, "two", `42["said","3"]`, `42["said","four","4"]`)
	})
	t.Run("nothing was missed", func(t *testing.T) {
		c, again := j.come(t, s, fmt.Sprintf(`{"pid":%q,"offset":"4","token":"x"}`, pid), true)
		if again != pid {
			t.Errorf("pid %s, want %s", again, pid)
		}
		j.say(t, "five")
		c.expect(`42["said","five","5"]`)
	})
	j.kept = 2
	for name, connect := range map[string]string{
		"some of it is gone":  fmt.Sprintf(`{"pid":%q,"offset":"1"}`, pid),
		"unknown offset":      fmt.Sprintf(`{"pid":%q,"offset":"99"}`, pid),
		"no offset":           fmt.Sprintf(`{"pid":%q,"offset":"x"}`, pid),
		"offset left out":     fmt.Sprintf(`{"pid":%q}`, pid),
		"a number":            fmt.Sprintf(`{"pid":%q,"offset":4}`, pid),
		"pid of another":      `{"pid":"someone.aaaaaaaaaaaaaaaaaaaa","offset":"4"}`,
		"pid of a like key":   `{"pid":"everyone.x.aaaaaaaaaaaaaaaaaaaa","offset":"4"}`,
		"the key alone":       `{"pid":"everyone.","offset":"4"}`,
		"pid of another type": `{"pid":7,"offset":"4"}`,
	} {
		t.Run(name, func(t *testing.T) {
			c, fresh := j.come(t, s, connect, false)
			if fresh == pid || !strings.HasPrefix(fresh, "everyone.") {
				t.Errorf("pid %s: the client would think that it is recovered", fresh)
			}
			j.say(t, name) // and nothing of what was replayed before it failed
			c.expect(fmt.Sprintf(`42["said",%q,"%d"]`, name, len(j.said)))
		})
	}
	t.Run("a pid that failed once is good again", func(t *testing.T) {
		c, fresh := j.come(t, s, fmt.Sprintf(`{"pid":%q,"offset":"0"}`, pid), false)
		c.Close()
		if _, again := j.come(t, s, fmt.Sprintf(`{"pid":%q,"offset":"%d"}`, fresh, len(j.said)), true); again != fresh {
			t.Errorf("pid %s, want %s", again, fresh)
		}
	})
}

// Who was not made recoverable sees no offsets: a client of Engine.IO 3 although it was tried, and one where it was not.
func TestOffsetsAreForTheRecoverable(t *testing.T) {
	j := &journal{group: make(map[*socketio.Socket]bool), found: make(chan bool, 1)}
	s := newSite(t, socketio.Options{})
	s.server.Load().Namespace("/", j.connect)
	old := s.dial("EIO=3&transport=websocket")
	old.read()
	old.expect("40")
	if receive(t, j.found, "a connect") {
		t.Error("a client of Engine.IO 3 is recovered")
	}
	j.say(t, "x")
	old.expect(`42["said","x"]`)

	recent := s.open()
	recent.send("40/other,")
	m := receive(t, s.joined, "a member")
	recent.read()
	if err := m.socket.Send(j.said[0]); err != nil {
		t.Fatal(err)
	}
	recent.expect(`42/other,["said","x"]`)
}

// What is replayed may take half of the queue: whoever would need more begins anew, and is not cut off.
func TestReplayIsBounded(t *testing.T) {
	j := &journal{group: make(map[*socketio.Socket]bool), found: make(chan bool, 1)}
	s := newSite(t, socketio.Options{MaxQueue: 10_000})
	s.server.Load().Namespace("/", j.connect)
	for range 3 {
		j.say(t, strings.Repeat("x", 3000))
	}
	c, pid := j.come(t, s, "", false)
	c.Close()
	c, fresh := j.come(t, s, fmt.Sprintf(`{"pid":%q,"offset":"1"}`, pid), false)
	j.say(t, "new")
	c.expect(`42["said","new","4"]`)
	c.Close()
	if _, again := j.come(t, s, fmt.Sprintf(`{"pid":%q,"offset":"3"}`, fresh), true); again != fresh {
		t.Errorf("pid %s, want %s", again, fresh)
	}
}

// What others emit while a client is given what it has missed comes after that, and after what was emitted before.
func TestOthersEmitDuringReplay(t *testing.T) {
	s := newSite(t, socketio.Options{})
	packets := map[string]*socketio.Packet{}
	for _, name := range []string{"first", "dropped", "missed", "live"} {
		p, err := socketio.NewPacket(name)
		if err != nil {
			t.Fatal(err)
		}
		packets[name] = p.WithOffset(name)
	}
	s.server.Load().Namespace("/", func(_ context.Context, socket *socketio.Socket) (socketio.Session, error) {
		socket.Send(packets["first"])
		back := socket.Recover("all")
		back.Send(packets["dropped"])
		socket.Send(packets["live"])
		back.Drop()
		return reader{}, back.Send(packets["missed"])
	})
	c := s.open()
	c.send("40")
	c.read()
	c.expect(`42["first"]`, `42["missed","missed"]`, `42["live","live"]`)
}
