package edge_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"parley/edge"
	"parley/edge/socketio"
)

// A page elsewhere may use the API where its origin is listed; the browser keeps it from others.
func TestCrossOrigin(t *testing.T) {
	w := newWorld(t, 1)
	n := w.edge(func(o *edge.Options) {
		o.Settings.Socket.CheckOrigin = socketio.AllowOrigins("https://chat.example.org")
	})
	for name, c := range map[string]struct {
		method, path, origin, asks string
		status                     int
		allowed                    string
	}{
		"a preflight":                {"OPTIONS", "/api/me", "https://chat.example.org", "GET", 204, "https://chat.example.org"},
		"a request":                  {"GET", "/api/openapi.json", "https://chat.example.org", "", 200, "https://chat.example.org"},
		"a refusal":                  {"GET", "/api/me", "https://chat.example.org", "", 401, "https://chat.example.org"},
		"a preflight of another's":   {"OPTIONS", "/api/me", "https://evil.example.org", "GET", 404, ""},
		"a request of another's":     {"GET", "/api/openapi.json", "https://evil.example.org", "", 200, ""},
		"of no page":                 {"GET", "/api/openapi.json", "", "", 200, ""},
		"what is no part of the API": {"GET", "/else", "https://chat.example.org", "", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.path, nil)
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if c.asks != "" {
				r.Header.Set("Access-Control-Request-Method", c.asks)
				r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
			}
			got := httptest.NewRecorder()
			n.e.ServeHTTP(got, r)
			h := got.Header()
			if got.Code != c.status || h.Get("Access-Control-Allow-Origin") != c.allowed {
				t.Errorf("status %d, %v; want %d and %q allowed", got.Code, h, c.status, c.allowed)
			}
			if preflight := c.status == http.StatusNoContent; preflight != (h.Get("Access-Control-Allow-Headers") == "authorization, content-type") ||
				preflight != (h.Get("Access-Control-Allow-Methods") == "GET, POST") || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("allowed are %v", h)
			}
			if c.path != "/else" && h.Get("Vary") == "" {
				t.Error("a cache may answer others with this")
			}
		})
	}
}
