package socketio_test

import (
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"parley/edge/socketio"
)

// newStillSite is newSite without a kernel, for tests in a synctest bubble: time passes only while everyone waits, so that what
// takes time can be held to the nanosecond on however busy a machine.
func newStillSite(t *testing.T, o socketio.Options) *site {
	t.Helper()
	s := emptySite(t, o)
	s.serve(&http.Server{})
	return s
}

// serve has clients reach the site through memory, served by h, from now on.
func (s *site) serve(h *http.Server) {
	network := newMemory()
	h.Handler = s.handler()
	go h.Serve(network)
	s.url = "http://memory"
	s.dialer = websocket.Dialer{NetDialContext: network.dial}
	s.client = &http.Client{Transport: &http.Transport{DialContext: network.dial}}
	s.endWith(func() { h.Close() })
}
