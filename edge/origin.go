package edge

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// AllowOrigins says which browser pages may connect and use the API: those of the server's own host, and those whose origin ("https://chat.example.org") is
// listed; "*" lists all. What is no browser sends no Origin and may. Protocol: RFC 6454.
func AllowOrigins(origins []string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		origin := r.Header.Get("Origin")
		if origin == "" || slices.Contains(origins, "*") || slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
			return true
		}
		u, err := url.Parse(origin)
		return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
	}
}

// crossOrigin lets the pages whose origin is allowed use the API too (Fetch standard, CORS). It is true where the browser only asked for that.
// Credentials need not be allowed: a token is in a header.
func (e *Edge) crossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	allowed := e.Settings.Socket.CheckOrigin
	if allowed == nil || !strings.HasPrefix(r.URL.Path, "/api/") {
		return false
	}
	h, origin := w.Header(), r.Header.Get("Origin")
	h.Add("Vary", "Origin")
	if origin == "" || !allowed(r) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Expose-Headers", "Parley-Behind")
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "authorization, content-type")
	w.WriteHeader(http.StatusNoContent)
	return true
}
