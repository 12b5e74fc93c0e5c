package socketio

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// fault is a refusal of a request, as Engine.IO numbers them.
type fault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

var (
	faultTransport = &fault{0, "Transport unknown"}
	faultSID       = &fault{1, "Session ID unknown"}
	faultMethod    = &fault{2, "Bad handshake method"}
	faultRequest   = &fault{3, "Bad request"}
	faultForbidden = &fault{4, "Forbidden"}
	faultVersion   = &fault{5, "Unsupported protocol version"}
)

// request is an HTTP request as Engine.IO reads it.
type request struct {
	w       http.ResponseWriter
	r       *http.Request
	query   url.Values
	upgrade bool  // to WebSocket
	conn    *conn // nil for a handshake
}

// ServeHTTP answers one request of a client's: a handshake, a long poll, a POST of packets, or a WebSocket upgrade. For the last it
// returns once the upgrade is made; the connection is then read by a goroutine that Shutdown waits for.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{w: w, r: r, query: r.URL.Query(), upgrade: websocket.IsWebSocketUpgrade(r)}
	allowed := s.options.CheckOrigin(r)
	if !allowed {
		s.options.Logger.Debug("socketio: a page's origin is not allowed", "origin", r.Header.Get("Origin"), "host", r.Host)
	}
	if allowed && q.crossOrigin() {
		return
	}
	if f := s.verify(q, allowed); f != nil {
		q.neglectBody()
		q.refuse(f)
		return
	}
	switch {
	case q.conn == nil:
		s.handshake(q)
	case q.upgrade:
		s.upgrade(q)
	case r.Method == http.MethodGet:
		q.conn.get(q)
	case r.Method == http.MethodPost:
		q.conn.post(q)
	default:
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// verify finds out what a request is about, and what is wrong with it, in the reference implementation's order.
func (s *Server) verify(q *request, allowed bool) *fault {
	if q.r.Method != http.MethodPost && q.r.ContentLength != 0 || q.query.Has("j") { // a body that no client sends, or JSONP
		return faultRequest
	}
	transport := q.query.Get("transport")
	if transport != "polling" && transport != "websocket" {
		return faultTransport
	}
	sid := q.query.Get("sid")
	if sid != "" {
		if q.conn = s.lookup(sid); q.conn == nil {
			return faultSID
		}
	}
	switch {
	case q.upgrade && transport == "polling":
		return faultRequest
	case q.conn != nil && !q.upgrade && (transport != "polling" || q.conn.transport() != "polling"):
		return faultRequest
	case q.conn == nil && q.r.Method != http.MethodGet:
		return faultMethod
	case q.conn == nil && transport == "websocket" && !q.upgrade:
		return faultRequest
	case !allowed:
		return faultForbidden
	case q.conn == nil && q.protocol() == 0:
		return faultVersion
	}
	return nil
}

// protocol is the revision of Engine.IO that the client speaks, zero if we do not.
func (q *request) protocol() int {
	switch q.query.Get("EIO") {
	case "3":
		return 3
	case "4":
		return 4
	}
	return 0
}

// textOnly says whether the client wants binary data as text.
func (q *request) textOnly() bool { return q.query.Get("b64") != "" }

// liftDeadlines takes the HTTP server's timeouts away, which are for requests that do not wait. What cannot be lifted was not set.
func (q *request) liftDeadlines() {
	control := http.NewResponseController(q.w)
	control.SetReadDeadline(time.Time{})
	control.SetWriteDeadline(time.Time{})
}

// neglectTime is how long a body may take that nobody reads.
const neglectTime = 5 * time.Second

// neglectBody bounds the time for which net/http reads what is left of a body before it sends an answer, which otherwise may never end.
func (q *request) neglectBody() {
	if q.r.ContentLength != 0 {
		http.NewResponseController(q.w).SetReadDeadline(time.Now().Add(neglectTime))
	}
}

// transport says what a connection is on.
func (c *conn) transport() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws != nil {
		return "websocket"
	}
	return "polling"
}

// refuse answers with a fault: as JSON, or for an upgrade as the bare message.
func (q *request) refuse(f *fault) {
	if q.upgrade {
		q.abortUpgrade(f.Message)
		return
	}
	status := http.StatusBadRequest
	if f == faultForbidden {
		status = http.StatusForbidden
	}
	body, _ := json.Marshal(f) // a number and a string
	q.answer(status, "application/json", body)
}

// turnAway answers a handshake that is fine but too much, upgrade or not, in a way that load balancers understand too.
func (q *request) turnAway(too *excess) {
	q.w.Header().Set("Retry-After", strconv.Itoa(too.retryAfter))
	body, _ := json.Marshal(too.fault) // a number and a string
	q.answer(too.status, "application/json", body)
}

// abortUpgrade refuses an upgrade before it is made.
func (q *request) abortUpgrade(message string) {
	q.w.Header().Set("Connection", "close")
	q.answer(http.StatusBadRequest, "text/html", []byte(message))
}

// answerTime is how long a client may take to read an answer.
const answerTime = 30 * time.Second

// answer writes a whole answer. That the client is no longer there to read it may show only later.
func (q *request) answer(status int, contentType string, body []byte) error {
	http.NewResponseController(q.w).SetWriteDeadline(time.Now().Add(answerTime)) // whatever has gone by while it was made
	h := q.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	q.w.WriteHeader(status)
	_, err := q.w.Write(body)
	return err
}

// deliver answers 200 with a whole body at once, and fails if the client's connection is known to be broken. The client may send its next
// request before this returns.
func (q *request) deliver(contentType string, body []byte) error {
	if err := q.answer(http.StatusOK, contentType, body); err != nil {
		return err
	}
	err := http.NewResponseController(q.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil // it goes out when the handler returns, and nobody knows how
	}
	return err
}

// terms is what the packet that opens a connection tells the client. Times are in milliseconds.
type terms struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int64    `json:"pingInterval"`
	PingTimeout  int64    `json:"pingTimeout"`
	MaxPayload   int64    `json:"maxPayload"`
}

// handshake opens a connection.
func (s *Server) handshake(q *request) {
	r := q.r
	if too := s.gate.enter(r.RemoteAddr, s.clock.now()); too != nil {
		q.turnAway(too)
		return
	}
	h := Handshake{Protocol: q.protocol(), Query: q.query, Header: r.Header, RemoteAddr: r.RemoteAddr, Time: time.Now(), URL: r.RequestURI,
		Secure: r.TLS != nil || r.URL.Scheme == "https"}
	if !strings.HasPrefix(r.RequestURI, "/") { // a whole URL (RFC 9112, 3.2.2), whose scheme is the client's invention
		h.URL, h.Secure = r.URL.RequestURI(), r.TLS != nil
	}
	c := newConn(s, q.textOnly(), h)
	if !s.admit(c) {
		q.turnAway(excessClosing)
		return
	}
	defer c.unref()
	if q.upgrade {
		s.openWebSocket(q, c)
		return
	}
	c.open(c.terms("websocket"))
	if c.protocol == 3 {
		q.liftDeadlines()
		c.joinMain()
	}
	c.get(q)
}

// terms makes the open packet.
func (c *conn) terms(upgrades ...string) unit {
	o := c.server.options
	b := make(sink, headroom, 160)
	b = append(b, packetOpen)
	json.NewEncoder(&b).Encode(terms{ // always encodes
		SID: c.sid, Upgrades: append([]string{}, upgrades...), MaxPayload: o.MaxPayload,
		PingInterval: o.PingInterval.Milliseconds(), PingTimeout: o.PingTimeout.Milliseconds(),
	})
	return frame(b[:len(b)-1], frameText)
}
