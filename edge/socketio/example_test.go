package socketio_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// room is what the sessions of this example share: everyone hears everyone.
type room struct {
	mu    sync.Mutex
	guest map[*socketio.Socket]string
}

// enter is the room's socketio.Connect.
func (r *room) enter(_ context.Context, s *socketio.Socket) (socketio.Session, error) {
	name := s.Handshake().Query.Get("name")
	if name == "" {
		return nil, &socketio.ConnectError{Message: "who are you?"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.guest[s] = name
	return &guest{r, s, name}, s.Emit("welcome", name)
}

// guest is one client's session.
type guest struct {
	room   *room
	socket *socketio.Socket
	name   string
}

func (g *guest) Event(_ context.Context, e *socketio.Event) error {
	var text string
	if e.Name != "say" || e.Decode(0, &text) != nil {
		return e.Ack("say what?")
	}
	p, err := socketio.NewPacket("said", g.name, text) // encoded once, for however many guests
	if err != nil {
		return err
	}
	g.room.mu.Lock()
	defer g.room.mu.Unlock()
	for s := range g.room.guest {
		s.Send(p) // does not block; a guest who is gone needs nothing
	}
	return e.Ack("ok")
}

func (g *guest) Disconnect(string) {
	g.room.mu.Lock()
	defer g.room.mu.Unlock()
	delete(g.room.guest, g.socket)
}

func Example() {
	r := &room{guest: make(map[*socketio.Socket]string)}
	server := socketio.New(socketio.Options{PingInterval: 10 * time.Second})
	server.Namespace("/", r.enter)

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", server)
	site := httptest.NewServer(mux)

	// What a client library does: io("http://…", {transports: ["websocket"], query: {name: "Ann"}}).
	client, _, err := websocket.DefaultDialer.Dial(strings.Replace(site.URL, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket&name=Ann", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	client.ReadMessage() // the terms
	client.WriteMessage(websocket.TextMessage, []byte(`40`))
	client.ReadMessage() // the CONNECT answer, with the socket's id
	client.WriteMessage(websocket.TextMessage, []byte(`420["say","hello"]`))
	for range 3 {
		_, packet, _ := client.ReadMessage()
		fmt.Println(string(packet))
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(server.Shutdown(ctx))
	site.Close()
	// Output:
	// 42["welcome","Ann"]
	// 42["said","Ann","hello"]
	// 430["ok"]
	// <nil>
}
