package web

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHandler(t *testing.T) {
	for _, row := range []struct {
		method, path, host string
		status             int
		holds              string
	}{
		{"GET", "/", "chat.example.org", 200, "http://chat.example.org"},
		{"GET", "/", `"><script>`, 200, "&lt;script&gt;"},
		{"GET", "/style.css", "x", 200, "prefers-color-scheme"},
		{"GET", "/icon.svg", "x", 200, "<svg"},
		{"GET", "/index.html.tmpl", "x", 404, ""},
		{"POST", "/", "x", 405, ""},
	} {
		r := httptest.NewRequest(row.method, "/", nil)
		r.URL.Path, r.Host = row.path, row.host
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		if w.Code != row.status || !strings.Contains(w.Body.String(), row.holds) {
			t.Errorf("%s %s: %d %.300s", row.method, row.path, w.Code, w.Body)
		}
		if p := w.Header().Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
			t.Errorf("%s %s: policy %q", row.method, row.path, p)
		}
		if strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: markup of a header's got through", row.path)
		}
	}
}
