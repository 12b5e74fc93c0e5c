package socketio_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// ticker has told of one thing after the other. Whoever was away gets what was told meanwhile.
type ticker struct {
	mu   sync.Mutex
	told []*socketio.Packet // the offset of each is how many there were with it
}

func (t *ticker) tell(text string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, err := socketio.NewPacket("news", text)
	if err != nil {
		return err
	}
	t.told = append(t.told, p.WithOffset(strconv.Itoa(len(t.told)+1)))
	return nil
}

// enter is the ticker's socketio.Connect.
func (t *ticker) enter(_ context.Context, s *socketio.Socket) (socketio.Session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	back := s.Recover("everybody")
	offset, has := back.Offset()
	if n, err := strconv.Atoi(offset); has && err == nil && n >= 0 && n <= len(t.told) {
		for _, p := range t.told[n:] {
			if err := back.Send(p); err != nil {
				return nil, err
			}
		}
		back.Done()
	}
	return reader{}, nil
}

// reader is a session that only listens.
type reader struct{}

func (reader) Event(context.Context, *socketio.Event) error { return nil }
func (reader) Disconnect(string)                            {}

func ExampleSocket_Recover() {
	var t ticker
	server := socketio.New(socketio.Options{})
	server.Namespace("/", t.enter)
	site := httptest.NewServer(server)
	defer site.Close()
	defer server.Shutdown(context.Background())

	// What a client library does when it connects, and when it connects again.
	connect := func(payload string) *websocket.Conn {
		client, _, err := websocket.DefaultDialer.Dial(strings.Replace(site.URL, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			panic(err)
		}
		client.ReadMessage() // the terms
		client.WriteMessage(websocket.TextMessage, []byte(`40`+payload))
		return client
	}
	first := connect("")
	_, answer, _ := first.ReadMessage()
	_, rest, _ := strings.Cut(string(answer), `"pid":"`)
	pid, _, _ := strings.Cut(rest, `"`)
	first.Close()

	for _, news := range []string{"one", "two", "three"} {
		if err := t.tell(news); err != nil {
			fmt.Println(err)
			return
		}
	}
	again := connect(fmt.Sprintf(`{"pid":%q,"offset":"1"}`, pid)) // it has had the first one
	defer again.Close()
	_, answer, _ = again.ReadMessage()
	fmt.Println("recovered:", strings.Contains(string(answer), pid))
	for range 2 {
		_, packet, _ := again.ReadMessage()
		fmt.Println(string(packet))
	}
	// Output:
	// recovered: true
	// 42["news","two","2"]
	// 42["news","three","3"]
}
