package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is every setting, checked. Its fields are the keys of default.yaml, in the same order, and the file explains
// each at length; the comments here only say what the value means to code. The zero Config is not valid: use [Load].
type Config struct {
	HTTP      HTTP
	Ops       Ops
	Data      Data
	NATS      NATS
	MySQL     MySQL
	Auth      Auth
	Chat      Chat
	Log       Log
	Projector Projector
	Socket    Socket
	Logging   Logging
}

// HTTP is the port that clients reach.
type HTTP struct {
	Addr     string         // host:port to listen on
	Origins  []string       // allowed browser origins besides the server's own; "*" allows every one
	Proxies  []netip.Prefix // peers whose X-Forwarded-For and X-Forwarded-Proto are believed
	Requests int            // of one person to the API in a second, for long; 0: any number
	Address  int            // of one IPv4 address or one /64 network of IPv6 to the API in a second, for long; 0: any number
	Logins   int            // from one such address in a second, for long; 0: any number
	Guesses  int            // wrong passwords of one account from one such address in a minute; 0: any number
	Drain    time.Duration  // how long an edge that is to stop says so before it sends anybody away
}

// Ops is the port for whoever runs the server.
type Ops struct {
	Addr string // host:port to listen on; empty: none
}

// Data is where this process keeps files.
type Data struct {
	Dir string // a folder, made when it is not there
}

// NATS is where the log lives.
type NATS struct {
	URL      string // comma-separated nats:// or tls:// URLs, may hold a password; empty: the embedded server
	Creds    string // path of a credentials file, or empty
	CA       string // path of a PEM file, or empty
	Cert     string // path of a PEM file, or empty; Key is then set too
	Key      string // path of a PEM file, or empty
	Replicas int    // copies of each stream when the log is made: 1, 3 or 5
	Listen   string // host:port that the embedded server listens on; empty: none
}

// MySQL is where the read models live.
type MySQL struct {
	DSN         string // in the form of go-sql-driver, may hold a password; empty: read models in memory
	Connections int    // size of the pool
}

// Auth is who is believed.
type Auth struct {
	Secret   string        // key of the HS256 tokens, at least 32 bytes; empty: make one and keep it under Data.Dir
	TTL      time.Duration // lifetime of the tokens made here
	JWKS     string        // URL of a host application's keys, or empty
	Issuer   string        // `iss` required of tokens by JWKS; empty: not checked
	Audience string        // `aud` required of tokens by JWKS; empty: not checked
}

// Chat is what people may do.
type Chat struct {
	Direct   string        // who may write to whom: [Friends] or [Anyone]
	Message  Size          // largest message, in bytes
	Reapply  time.Duration // how long who has applied and was not accepted waits before applying again; 0: not at all
	Edit     time.Duration // how long after it was said a message may be edited; 0: for ever
	Recall   time.Duration // how long it may be taken back; 0: for ever
	Friends  int           // of one person, at most
	Groups   int           // that one person may be in, at most
	Commands int           // of one person in a second, for long; 0: any number
	Messages int           // of one person in a second, for long; 0: any number
	Marks    int           // how often one person may move read marks in a second, for long; 0: any number
	Changes  int           // how often one person may edit, recall and react in a second, for long; 0: any number
	Typing   int           // how often one person may say to be typing in a second, for long; 0: any number
	Searches int           // how often one person may search in a second, for long; 0: any number
	Connects int           // of one person in a second, for long; 0: any number
	Address  int           // commands from one IPv4 address or one /64 network of IPv6 in a second, for long; 0: any number
}

// The values of chat.direct.
const (
	Friends = "friends" // only friends may write to one another
	Anyone  = "anyone"  // anyone may write to anyone who has not blocked them
)

// Log is the log of events, the only truth.
type Log struct {
	Shards int  // streams that the conversations are spread over, fixed when the log is made; 0: as many as it has, 1 for a new one
	Sync   Sync // when the embedded server writes through to the disk
}

// Projector is what keeps the read models up to date.
type Projector struct {
	Batch int // most events in one transaction
}

// Socket is the wire of the Socket.IO clients.
type Socket struct {
	Ping        time.Duration // time between two pings
	Pong        time.Duration // longest wait for the answer to a ping
	Connect     time.Duration // longest stay without having joined a namespace
	Payload     Size          // largest payload that a client may send, in bytes
	Queue       Size          // bytes waiting for one connection before it is cut off
	Connections int           // open at once; 0: any number
	Address     int           // of them from one IPv4 address or one /64 network of IPv6; 0: any number
	Handshakes  int           // connections opened in a second; 0: any number
	Events      int           // of one connection in a second; 0: any number
	Namespaces  int           // joined by one connection
	Attachments int           // of one packet
	Depth       int           // of nested lists and objects in a packet
}

// Logging is what the process says about itself, not the log of events.
type Logging struct {
	Level  slog.Level // least level that is written
	Format string     // "text" or "json"
}
