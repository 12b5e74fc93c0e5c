package socketio

import (
	"log/slog"
	"net/http"
	"time"
)

// Options are a server's settings. The zero value of each field stands for the default that its comment names; the
// defaults are those of the reference implementation (socket.io 4.8), except where a comment says otherwise.
type Options struct {
	// PingInterval is the time from a client's last pong to the server's next ping. In Engine.IO 3 it is the client who pings, so often. 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer a ping before its connection counts as dead, or in Engine.IO 3, how much later
	// than PingInterval its ping may be. It is also the
	// longest that an event handler should take, because a client's pong waits behind its events. 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long a WebSocket may take from being opened beside long-polling to taking over from it. 10 s.
	UpgradeTimeout time.Duration
	// ConnectTimeout is how long a connection may stay without having joined a namespace. 45 s.
	ConnectTimeout time.Duration
	// MaxConnections is how many connections may be open at once; what would be one more is answered with 503. Zero is no limit.
	MaxConnections int
	// MaxPerAddress is how many of them may come from one address, or from one /64 network where it is IPv6; what would be one more is
	// answered with 429. Many people may share an address. Zero is no limit.
	MaxPerAddress int
	// HandshakeRate is how many connections a second may be opened, in bursts of up to one second's worth; others
	// are answered with 503 until there is room again. Zero is no limit.
	HandshakeRate int
	// EventRate is how many packets a second one connection may send, be they events or others, in bursts of up to one second's worth. What it
	// sends faster is read later and not lost; but its pongs then come later too, and if that is too late it is cut off. Zero is no limit.
	EventRate int
	// MaxNamespaces is how many namespaces one connection may have joined. 32; the reference implementation has no such bound.
	MaxNamespaces int
	// MaxAttachments is how many pieces of binary data one packet may hold. 10.
	MaxAttachments int
	// MaxDepth is how deep arrays and objects in a packet may be nested. 64; the reference implementation has no such bound.
	MaxDepth int
	// MaxPayload is the most bytes that a client may send in one WebSocket message or in one POST. 1,000,000.
	MaxPayload int64
	// MaxQueue is the most bytes that may wait for one connection, framing included. A packet that would go beyond it closes
	// the connection instead, with the reason "slow reader". It bounds as well what a packet may weigh with all its attachments. 4 MiB; the reference implementation has no such bound.
	MaxQueue int
	// CheckOrigin says whether a request may come from the page that its Origin header names. It is asked for every request,
	// and those that it lets in with an Origin are answered with CORS headers that allow credentials. AllowOrigins() if nil: pages of
	// the same host alone.
	CheckOrigin func(*http.Request) bool
	// Logger gets what went wrong on our side: handlers' errors and panics. slog.Default().
	Logger *slog.Logger
}

// withDefaults fills in what was left zero.
func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.PingInterval, 25 * time.Second},
		{&o.PingTimeout, 20 * time.Second},
		{&o.UpgradeTimeout, 10 * time.Second},
		{&o.ConnectTimeout, 45 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	for _, n := range []struct {
		field *int
		value int
	}{
		{&o.MaxNamespaces, 32},
		{&o.MaxAttachments, 10},
		{&o.MaxDepth, 64},
		{&o.MaxQueue, 4 << 20},
	} {
		if *n.field <= 0 {
			*n.field = n.value
		}
	}
	if o.MaxPayload <= 0 {
		o.MaxPayload = 1e6
	}
	if o.CheckOrigin == nil {
		o.CheckOrigin = AllowOrigins()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
