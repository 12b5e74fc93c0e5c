package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/domain"
	"parley/edge/socketio"
)

// still is a log with one group and nothing that changes, a feed that brings nothing, and signals that nobody hears.
type still struct {
	Log
	Views
	group []domain.Record
}

func (s *still) State(_ context.Context, t domain.Topic, _ uint64) ([]domain.Record, error) {
	if _, isGroup := t.Group(); isGroup {
		return s.group, nil
	}
	return []domain.Record{{Topic: t, Seq: 1, Event: domain.FriendAccepted{}}}, nil
}

func (s *still) Last(_ context.Context, t domain.Topic, _ domain.Lane, _ domain.UserID) (domain.Record, bool, error) {
	return domain.Record{Topic: t, Seq: 1, Event: domain.Profiled{Name: t.Key()}}, true, nil
}

func (s *still) Ends(context.Context) ([]domain.Position, error)                     { return nil, nil }
func (s *still) Wait(context.Context, []domain.Position) (uint64, error)             { return 0, nil }
func (s *still) Friends(context.Context, domain.UserID) ([]domain.FriendView, error) { return nil, nil }
func (s *still) Groups(context.Context, domain.UserID) ([]domain.GroupView, error) {
	return []domain.GroupView{{ID: "g"}}, nil
}
func (s *still) Erasing(context.Context) ([]domain.UserID, error) { return nil, nil }
func (s *still) Append(context.Context, domain.Draft) (domain.Stored, error) {
	return domain.Stored{}, nil
}
func (s *still) FollowPerson(domain.UserID) error { return nil }
func (s *still) UnfollowPerson(domain.UserID)     {}
func (s *still) FollowGroup(domain.GroupID) error { return nil }
func (s *still) UnfollowGroup(domain.GroupID)     {}
func (s *still) Shards() int                      { return 1 }
func (s *still) Epoch(int) string                 { return "epoch" }
func (s *still) FirstSince(_ context.Context, _ int, at time.Time) (uint64, bool, error) {
	return 1, at.Before(time.Now()), nil
}
func (s *still) Read(_ context.Context, _ int, _ domain.Position, _ func([]domain.Record) error) (domain.Position, error) {
	return domain.Position{Seq: 1 << 62}, nil
}
func (s *still) Fence(context.Context) error               { return nil }
func (s *still) Close()                                    {}
func (s *still) Broadcast(string, []byte) error            { return nil }
func (s *still) Hear(string, func([]byte)) (func(), error) { return func() {}, nil }

// crowd is an edge with as many members of one group on it, each by a WebSocket that is read.
func crowd(b *testing.B, size int) *Edge {
	b.Helper()
	var members []domain.UserID
	for i := range size {
		members = append(members, domain.UserID(fmt.Sprint("u", i)))
	}
	s := &still{group: []domain.Record{{Seq: 1, Event: domain.GroupCreated{By: "owner", Name: "g", Members: members}}}}
	tokens, err := NewTokens(b.Context(), TokenOptions{Secret: []byte("secret"), TTL: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	e, err := New(Options{Log: s, Views: s, Signals: s, Tokens: tokens, Follow: func(func(domain.Record), func()) (Live, error) { return s, nil },
		Settings: Settings{Logger: slog.New(slog.DiscardHandler), Socket: socketio.Options{MaxQueue: 1 << 30}}})
	if err != nil {
		b.Fatal(err)
	}
	h := httptest.NewServer(http.HandlerFunc(e.ServeHTTP))
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := e.Shutdown(ctx); err != nil {
			b.Error(err)
		}
		h.Close()
	})
	for _, u := range members {
		token, err := tokens.Issue(u, "")
		if err != nil {
			b.Fatal(err)
		}
		ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.URL, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := ws.WriteMessage(websocket.TextMessage, []byte(`40{"token":"`+token+`"}`)); err != nil {
			b.Fatal(err)
		}
		for in := false; !in; {
			_, packet, err := ws.ReadMessage()
			if err != nil || strings.HasPrefix(string(packet), "44") {
				b.Fatalf("%s %v", packet, err)
			}
			in = strings.HasPrefix(string(packet), "42") // open
		}
		reading := make(chan struct{})
		go func() {
			defer close(reading)
			for {
				if _, _, err := ws.NextReader(); err != nil {
					return
				}
			}
		}()
		b.Cleanup(func() {
			ws.Close()
			<-reading
		})
	}
	return e
}

// A message is judged, encoded once and queued for everyone; what the sockets' writers do is not waited for, for it is the same bytes.
func BenchmarkDeliverToGroup(b *testing.B) {
	for _, size := range []int{1, 1000} {
		b.Run(fmt.Sprintf("%d members", size), func(b *testing.B) {
			e := crowd(b, size)
			deliver(b, e, domain.InGroup("g"), domain.Message{From: "u0", ID: "m", Msg: json.RawMessage(`"Hello, how are you all doing today?"`)})
		})
	}
}

func BenchmarkDeliverDirect(b *testing.B) {
	e := crowd(b, 2)
	deliver(b, e, domain.Direct("u0", "u1"), domain.Message{From: "u0", ID: "m", Msg: json.RawMessage(`"Hello, how are you doing today?"`)})
}

func deliver(b *testing.B, e *Edge, t domain.Topic, m domain.Message) {
	b.Helper()
	r := domain.Record{Topic: t, Seq: 2, Time: time.Unix(1e9, 0), Event: m}
	e.hub.arrive(r)
	for c := e.hub.kept(t); ; time.Sleep(time.Millisecond) { // until what is needed is loaded
		c.mu.Lock()
		loaded := c.seen == r.Seq && !c.busy
		c.mu.Unlock()
		if loaded {
			break
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Seq++
		e.hub.arrive(r)
	}
}
