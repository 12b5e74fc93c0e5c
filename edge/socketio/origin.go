package socketio

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// AllowOrigins is an Options.CheckOrigin that lets in the pages of the host that they are sent to, whatever its scheme, and those whose origin
// ("https://chat.example.org", RFC 6454) is listed; "*" lists all. What is no browser sends no Origin, and may always come.
func AllowOrigins(origins ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		origin := r.Header.Get("Origin")
		if origin == "" || slices.Contains(origins, "*") || slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
			return true
		}
		u, err := url.Parse(origin)
		return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
	}
}

// crossOrigin lets the page of an allowed origin read the answer, with the credentials that clients of the 2.x generation always
// send (Fetch standard, CORS protocol). It is true if the request was only to ask for that.
func (q *request) crossOrigin() bool {
	origin := q.r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	h := q.w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Add("Vary", "Origin")
	if q.r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE")
	if wanted := q.r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
		h.Set("Access-Control-Allow-Headers", wanted)
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	h.Set("Content-Length", "0")
	q.w.WriteHeader(http.StatusNoContent)
	return true
}
