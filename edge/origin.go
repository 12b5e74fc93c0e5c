package edge

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// AllowOrigins says which browser pages may connect: those of the server's own host, and those whose origin ("https://chat.example.org") is
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
