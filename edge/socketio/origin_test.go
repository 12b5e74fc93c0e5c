package socketio_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// One list decides on every request of every transport, and says so in the headers that a browser wants.
func TestOrigins(t *testing.T) {
	listed := newSite(t, socketio.Options{CheckOrigin: socketio.AllowOrigins("http://friend", "https://chat.example.org:8443")})
	strict := newSite(t, socketio.Options{})
	open := newSite(t, socketio.Options{CheckOrigin: socketio.AllowOrigins("*")})
	for _, test := range []struct {
		name   string
		site   *site
		origin string // "own" stands for the site's
		in     bool
	}{
		{"listed", listed, "http://friend", true},
		{"listed with a port", listed, "https://chat.example.org:8443", true},
		{"capitals", listed, "HTTP://Friend", true},
		{"its own beside the list", listed, "own", true},
		{"other", listed, "http://other", false},
		{"other port", listed, "https://chat.example.org", false},
		{"other scheme", listed, "https://friend", false},
		{"a listed one within", listed, "http://friend.evil", false},
		{"a listed one behind", listed, "http://evil/http://friend", false},
		{"none", strict, "", true},
		{"its own", strict, "own", true},
		{"other by default", strict, "http://other", false},
		{"opaque by default", strict, "null", false},
		{"no URL", strict, "%", false},
		{"any", open, "http://other", true},
		{"opaque where any may", open, "null", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			origin := test.origin
			if origin == "own" {
				origin = test.site.url
			}
			test.site.asks(t, origin, "GET", test.in)
			if origin != "" {
				test.site.asks(t, origin, "OPTIONS", test.in)
			}
			test.site.upgrades(t, origin, test.in)
		})
	}
}

// asks makes a polling request, or asks whether it may, and looks at the answer as a browser does.
func (s *site) asks(t *testing.T, origin, method string, in bool) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+"/socket.io/?EIO=3&transport=polling", nil)
	if err != nil {
		t.Fatal(err)
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	if method == "OPTIONS" { // before a POST of binary data
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "content-type")
	}
	answer, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	status, allowed, credentials := 403, "", ""
	if in {
		status, allowed = 200, origin
	}
	if in && origin != "" {
		credentials = "true"
	}
	switch {
	case method == "OPTIONS" && in:
		status = 204
	case method == "OPTIONS":
		status = 400
	}
	h := answer.Header
	if answer.StatusCode != status || h.Get("Access-Control-Allow-Origin") != allowed || h.Get("Access-Control-Allow-Credentials") != credentials {
		t.Errorf("%s: %d for %q, credentials %q; want %d for %q", method, answer.StatusCode, h.Get("Access-Control-Allow-Origin"),
			h.Get("Access-Control-Allow-Credentials"), status, allowed)
	}
	if allowed != "" && !slices.Contains(h.Values("Vary"), "Origin") {
		t.Errorf("%s: a cache may answer others with this: Vary %q", method, h.Values("Vary"))
	}
	if status == 204 && (h.Get("Access-Control-Allow-Headers") != "content-type" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST")) {
		t.Errorf("%s: headers %v", method, h)
	}
}

// upgrades opens a WebSocket, which browsers let any page do.
func (s *site) upgrades(t *testing.T, origin string, in bool) {
	t.Helper()
	h := http.Header{}
	if origin != "" {
		h.Set("Origin", origin)
	}
	c, answer, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", h)
	if err == nil {
		c.Close()
	}
	if (err == nil) != in || !in && answer.StatusCode != 400 {
		t.Errorf("WebSocket: %v, want let in: %v", err, in)
	}
}
