package main

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// behindProxies lets a handler see who is asking, and whether over TLS, when the question comes through reverse proxies that are
// believed: RemoteAddr becomes the last address in X-Forwarded-For that is not itself a proxy's, URL.Scheme what
// X-Forwarded-Proto says. From anybody else the headers count for nothing.
func behindProxies(proxies []netip.Prefix, h http.Handler) http.Handler {
	believed := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme = "http"
		if r.TLS != nil {
			r.URL.Scheme = "https"
		}
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !believed(peer.Addr()) {
			h.ServeHTTP(w, r)
			return
		}
		if strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
			r.URL.Scheme = "https"
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(hops) {
			from, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil {
				break // what lies before it nobody vouches for
			}
			r.RemoteAddr = netip.AddrPortFrom(from, 0).String()
			if !believed(from) {
				break
			}
		}
		h.ServeHTTP(w, r)
	})
}
