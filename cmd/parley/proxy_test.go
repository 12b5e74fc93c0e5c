package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestBehindProxies(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, row := range map[string]struct {
		peer   string
		chain  []string
		proto  string
		from   string
		scheme string
	}{
		"nobody's proxy":          {"192.0.2.1:5", []string{"198.51.100.7"}, "https", "192.0.2.1:5", "http"},
		"a proxy":                 {"10.1.1.1:5", []string{"198.51.100.7"}, "https", "198.51.100.7:0", "https"},
		"two proxies":             {"10.1.1.1:5", []string{"198.51.100.7, 10.2.2.2"}, "http", "198.51.100.7:0", "http"},
		"a forged beginning":      {"10.1.1.1:5", []string{"203.0.113.9, 198.51.100.7"}, "", "198.51.100.7:0", "http"},
		"a forged line":           {"10.1.1.1:5", []string{"203.0.113.9", "198.51.100.7"}, "", "198.51.100.7:0", "http"},
		"nonsense":                {"10.1.1.1:5", []string{"198.51.100.7, x"}, "", "10.1.1.1:5", "http"},
		"no header":               {"10.1.1.1:5", nil, "", "10.1.1.1:5", "http"},
		"IPv6":                    {"[fd00::1]:5", []string{"2001:db8::7"}, "", "[2001:db8::7]:0", "http"},
		"an IPv4 peer in IPv6":    {"[::ffff:10.1.1.1]:5", []string{"198.51.100.7"}, "", "198.51.100.7:0", "http"},
		"a peer without address":  {"@", []string{"198.51.100.7"}, "https", "@", "http"},
		"only proxies in the row": {"10.1.1.1:5", []string{"10.3.3.3, 10.2.2.2"}, "", "10.3.3.3:0", "http"},
	} {
		var seen *http.Request
		h := behindProxies(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r }))
		r := httptest.NewRequest("GET", "https://x/", nil) // a client may name any scheme
		r.TLS, r.RemoteAddr = nil, row.peer
		r.Header["X-Forwarded-For"] = row.chain
		r.Header.Set("X-Forwarded-Proto", row.proto)
		h.ServeHTTP(nil, r)
		if seen.RemoteAddr != row.from || seen.URL.Scheme != row.scheme {
			t.Errorf("%s: %s by %s, want %s by %s", name, seen.RemoteAddr, seen.URL.Scheme, row.from, row.scheme)
		}
	}
}
