package edge_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/domain"
)

// Binary data is refused in words, and leaves nothing in the log.
func TestBinaryArguments(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	a := w.edge().device("ann")
	before, err := w.journal.Ends(t.Context())
	must(t, err)
	for i, event := range []string{`"send","bob",%s`, `"send","bob",{"txt":"a file","file":%s}`, `"sendApply",%s`} {
		n := 1000 + i
		a.write(fmt.Sprintf(`451-%d[`+event+`]`, n, `{"_placeholder":true,"num":0}`))
		a.writing.Lock()
		must(t, a.ws.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3}))
		a.writing.Unlock()
		if got := a.end(n); got.Code != domain.Malformed || !strings.Contains(got.Message, "base64") {
			t.Errorf("%s: %+v", event, got)
		}
	}
	after, err := w.journal.Ends(t.Context())
	must(t, err)
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the log went from %v to %v", before, after)
	}
}

// The session id of Engine.IO 3 is also its client's socket id, and with it one could post in that client's name: friends see another.
func TestFriendsDoNotSeeTheSessionID(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	w.befriend("ann", "bob")
	n := w.edge()
	a := n.device("ann")
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+"/socket.io/?EIO=3&transport=websocket&token="+w.token("bob"), nil)
	must(t, err)
	defer ws.Close()
	_, first, err := ws.ReadMessage()
	must(t, err)
	var terms struct{ SID string }
	must(t, json.Unmarshal(first[1:], &terms))
	var online map[domain.UserID]string
	for online["bob"] == "" {
		a.expect("userin").arg(t, 0, &online)
	}
	if strings.Contains(online["bob"], terms.SID) {
		t.Errorf("bob's connection is %q to his friends, as is his session", online["bob"])
	}
}
