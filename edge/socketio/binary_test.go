package socketio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// sendBinary sends attachments.
func (c *socket) sendBinary(attachments ...string) {
	c.t.Helper()
	for _, data := range attachments {
		if err := c.WriteMessage(websocket.BinaryMessage, []byte(data)); err != nil {
			c.t.Fatal(err)
		}
	}
}

const place = `{"_placeholder":true,"num":%d}`

func TestBinaryBothWays(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, _ := s.join()
	c.send(`40/other,`)
	receive(t, s.joined, "a member")
	c.read()
	first, second := fmt.Sprintf(place, 0), fmt.Sprintf(place, 1)
	for _, test := range []struct {
		name, sent string
		up         []string
		want       string
		down       []string
	}{
		{"event", `451-["echo",` + first + `]`, []string{"\x00\xff"}, `451-["echo",` + first + `]`, []string{"\x00\xff"}},
		{"nothing in it", `451-["echo",` + first + `]`, []string{""}, `451-["echo",` + first + `]`, []string{""}},
		{"ack", `451-7["ask",` + first + `]`, []string{"\x00"}, `461-7[` + first + `]`, []string{"\x00"}},
		{"nested, in another order", `452-/other,["echo",{"a":[1,` + second + `],"b":` + first + `},1e400]`, []string{"one", "two"},
			`452-/other,["echo",{"a":[1,` + first + `],"b":` + second + `},1e400]`, []string{"two", "one"}},
		{"one that nobody asks for", `452-["echo",` + second + `]`, []string{"a", "b"}, `451-["echo",` + first + `]`, []string{"b"}},
		{"none", `450-["echo",1]`, nil, `42["echo",1]`, nil},
		{"no attachment", `42["echo",` + first + `]`, nil, `42["echo",` + first + `]`, nil},
		{"spelt otherwise", `451-["echo",{ "num" : 0 , "\u005fplaceholder" : true }]`, []string{"x"}, `451-["echo",` + first + `]`, []string{"x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.send(test.sent)
			c.send("3") // heartbeats may come in between
			c.sendBinary(test.up...)
			c.expect(test.want)
			c.expect(test.down...)
		})
	}
}

func TestBinaryAnswersToCalls(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.join()
	type answer struct {
		args []socketio.Arg
		err  error
	}
	answers := make(chan answer)
	go func() {
		args, err := m.socket.Call(t.Context(), "file", socketio.Binary("up"))
		answers <- answer{args, err}
	}()
	c.expect(`451-0["file",{"_placeholder":true,"num":0}]`, "up")
	c.send(`461-0[{"data":{"_placeholder":true,"num":0}},"x"]`)
	c.sendBinary("down")
	got := receive(t, answers, "the answer")
	var file struct{ Data []byte }
	if got.err != nil || len(got.args) != 2 || got.args[0].Decode(&file) != nil || string(file.Data) != "down" {
		t.Errorf("got %v, %v: %q", got.args, got.err, file.Data)
	}
	if !got.args[0].HasBinary() || got.args[1].HasBinary() {
		t.Error("binary data is in the first argument alone")
	}
}

func TestDecodeBinary(t *testing.T) {
	type part struct {
		Name string
		Data socketio.Binary
	}
	var got struct {
		Parts []part
		Extra map[string][]byte
		Big   json.Number
	}
	s := newSite(t, socketio.Options{})
	c, _ := s.join()
	c.send(`453-["keep",{"parts":[{"name":"a","data":{"_placeholder":true,"num":2}}],"extra":{"x":{"_placeholder":true,"num":0}},"big":12345678901234567890},{"_placeholder":true,"num":1}]`)
	c.sendBinary("zero", "one", "two")
	e := receive(t, s.kept, "an event")
	if err := e.Decode(0, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Parts) != 1 || got.Parts[0].Name != "a" || string(got.Parts[0].Data) != "two" || string(got.Extra["x"]) != "zero" || got.Big != "12345678901234567890" {
		t.Errorf("got %+v", got)
	}
	var alone []byte
	if err := e.Decode(1, &alone); err != nil || string(alone) != "one" {
		t.Errorf("got %q, %v", alone, err)
	}
	if want := `{"_placeholder":true,"num":1}`; string(e.Args[1].JSON()) != want {
		t.Errorf("JSON %s, want %s", e.Args[1].JSON(), want)
	}
	if err := e.Decode(1, new(int)); err == nil {
		t.Error("binary data is no number")
	}
}

func TestEmitBinary(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c, m := s.join()
	type file struct {
		Name string          `json:"name"`
		Data socketio.Binary `json:"data"`
	}
	if err := m.socket.Emit("files", []file{{"a", socketio.Binary("one")}, {"b", nil}}, []byte("text"), map[string]any{"deep": []any{socketio.Binary("three")}}); err != nil {
		t.Fatal(err)
	}
	c.expect(`453-["files",[{"name":"a","data":{"_placeholder":true,"num":0}},{"name":"b","data":{"_placeholder":true,"num":1}}],"dGV4dA==",{"deep":[{"_placeholder":true,"num":2}]}]`,
		"one", "", "three")

	ten := make([]socketio.Binary, 10)
	if err := m.socket.Emit("ten", ten); err != nil {
		t.Error(err)
	}
	if text := c.read(); !strings.HasPrefix(text, `4510-["ten"`) {
		t.Errorf("got %s", text)
	}
	c.expect(make([]string, 10)...)
	if err := m.socket.Emit("eleven", append(ten, nil)); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("eleven attachments: %v", err)
	}
	if _, err := socketio.NewPacket("eleven", append(ten, nil)); err == nil {
		t.Error("a packet of eleven attachments")
	}
}

// Clients that take no binary frames get text, on either transport.
func TestBinaryAsText(t *testing.T) {
	s := newSite(t, socketio.Options{})
	c := s.dial("EIO=4&transport=websocket&b64=1")
	c.read()
	c.send("40")
	receive(t, s.joined, "a member")
	c.read()
	c.send(`451-["echo",{"_placeholder":true,"num":0}]`, "bAP8=", `42["echo"]`)
	c.expect(`451-["echo",{"_placeholder":true,"num":0}]`, "bAP8=", `42["echo"]`)

	old, _ := s.open3("&b64=1")
	old.send(`451-["echo",{"_placeholder":true,"num":0}]`, "b4AP8=", `42["echo"]`)
	old.expect(`451-["echo",{"_placeholder":true,"num":0}]`, "b4AP8=", `42["echo"]`)

	p, _ := s.joinPolling()
	p.send(`451-["echo",{"_placeholder":true,"num":0}]`, "bAP8=", `42["echo"]`)
	p.expect("451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1ebAP8=\x1e42[\"echo\"]")
}
