package edge

import (
	"net/http"
	"strings"
)

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
