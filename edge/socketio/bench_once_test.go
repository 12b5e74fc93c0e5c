package socketio

import "testing"

// A broadcast is encoded once: the queues of all connections hold the same bytes, of both generations where these do not differ.
func TestBroadcastIsEncodedOnce(t *testing.T) {
	const each = 3
	server := New(Options{})
	text, err := NewPacket("news", "hello")
	if err != nil {
		t.Fatal(err)
	}
	data, err := NewPacket("news", Binary("hello"))
	if err != nil {
		t.Fatal(err)
	}
	placed := text.WithOffset("a place")
	for _, test := range []struct {
		name      string
		packet    *Packet
		namespace string
		pid       string // of those of Engine.IO 4, every other one
		want      int    // encodings
	}{
		{"text", text, "/", "", 1},
		{"text in another namespace", text, "/other", "", 1},
		{"an offset that nobody is to see", placed, "/", "", 1},
		{"an offset", placed, "/", "pid", 2},
		{"an offset in another namespace", placed, "/other", "pid", 2},
		{"binary data", data, "/", "", 2},
		{"binary data in another namespace", data, "/other", "", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			encodings := make(map[*byte]int)
			for i := range 4 * each {
				c := newConn(server, false, Handshake{Protocol: 3 + i%2})
				defer c.cancel()
				s := &Socket{conn: c, namespace: test.namespace, presence: joined}
				if i%4 == 3 {
					s.pid = test.pid
				}
				if err := s.Send(test.packet); err != nil {
					t.Fatal(err)
				}
				encodings[&c.queue[0][0]]++
			}
			if len(encodings) != test.want {
				t.Errorf("it is encoded %d times for %d connections, want %d", len(encodings), 4*each, test.want)
			}
		})
	}
}
