package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"parley/config"
	"parley/domain"
	"parley/domain/journal"
	"parley/edge"
	"parley/edge/socketio"
	"parley/edge/web"
	"parley/projector"
	"parley/projector/memory"
	"parley/projector/mysql"
)

// roles are what a process does.
type roles struct{ edge, projector bool }

// stopWithin is how long a process may take to stop, once load balancers have forgotten it.
const stopWithin = 8 * time.Second

// views are the read models, to be written and asked.
type views interface {
	edge.Views
	projector.Store
	Ready(ctx context.Context) error
	Close() error
}

// node is one process: its settings and the parts that run in it.
type node struct {
	config.Config
	roles
	out    io.Writer
	logger *slog.Logger

	journal   *journal.Journal
	views     views
	projector *projector.Projector // nil where the process has not this role
	metrics   metrics

	serving []string // what is where, for whoever started the process
	state   atomic.Int32

	stops []func(context.Context) error // of the parts, in the order of their start
	fail  context.CancelCauseFunc       // stops the process because of a fault
}

// The states of a process, for those who ask whether it is ready.
const (
	starting int32 = iota
	running
	draining // it serves those who are here to the end, and wants no others
)

// serve starts a process's parts, waits until ctx ends or one of them fails, and stops them.
func serve(ctx context.Context, c config.Config, does roles, out io.Writer, logger *slog.Logger) error {
	n := &node{Config: c, roles: does, out: out, logger: logger, metrics: newMetrics()}
	if err := n.check(); err != nil {
		return usageError{err}
	}
	alive, fail := context.WithCancelCause(ctx)
	n.fail = fail
	err := n.start(alive)
	if err == nil {
		<-alive.Done()
		n.state.Store(draining)
		if err = context.Cause(alive); errors.Is(err, context.Canceled) {
			err = nil // asked to stop
			n.say("stopping")
			n.beForgotten()
		}
	}
	return errors.Join(err, n.stop())
}

// beForgotten gives load balancers the time to see that the process is no longer ready, while it serves whomever they still send. With an embedded log
// there is no other edge that they could send anybody to.
func (n *node) beForgotten() {
	if n.edge && n.NATS.URL != "" {
		time.Sleep(n.HTTP.Drain)
	}
}

// check finds the settings that do not go with the roles.
func (n *node) check() error {
	if n.edge && n.roles.projector {
		return nil
	}
	var faults []error
	if n.NATS.URL == "" {
		faults = append(faults, errors.New("nats.url must be set where the roles run apart: it is where the log lives (--nats nats://host:4222)"))
	}
	if n.MySQL.DSN == "" {
		faults = append(faults, errors.New("mysql.dsn must be set where the roles run apart: it is where the read models live (--mysql 'user:password@tcp(host:3306)/parley')"))
	}
	return errors.Join(faults...)
}

func (n *node) start(ctx context.Context) error {
	for _, part := range []struct {
		wanted bool
		start  func(context.Context) error
	}{
		{true, n.startOps},
		{true, n.openJournal},
		{true, n.openViews},
		{n.roles.projector, n.startProjector},
		{n.edge, n.startEdge},
	} {
		if !part.wanted {
			continue
		}
		if err := part.start(ctx); err != nil {
			return err
		}
	}
	n.state.Store(running)
	n.say("serving      %s", strings.Join(n.serving, ", "))
	return nil
}

// stop stops the parts, the last one first.
func (n *node) stop() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	for i := len(n.stops) - 1; i >= 0; i-- {
		err = errors.Join(err, n.stops[i](ctx))
	}
	return err
}

func (n *node) onStop(stop func(context.Context) error) { n.stops = append(n.stops, stop) }

// say tells whoever started the process what goes on in it.
func (n *node) say(format string, args ...any) { fmt.Fprintf(n.out, "parley: "+format+"\n", args...) }

// logDir is where an embedded server keeps the log.
func (n *node) logDir() string { return filepath.Join(n.Data.Dir, "log") }

func (n *node) openJournal(ctx context.Context) (err error) {
	o := journal.Options{Shards: n.Log.Shards, Replicas: n.NATS.Replicas, Logger: n.logger}
	if n.NATS.URL == "" {
		o.Embedded = &journal.Embedded{Dir: n.logDir(), SyncInterval: time.Duration(n.Log.Sync), Listen: n.NATS.Listen}
	} else {
		o.Remote = &journal.Remote{URL: n.NATS.URL, Creds: n.NATS.Creds, CA: n.NATS.CA, Cert: n.NATS.Cert, Key: n.NATS.Key, Name: "parley"}
	}
	opening, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if n.journal, err = journal.Open(opening, o); err != nil {
		return err
	}
	n.onStop(n.journal.Close)
	shards := plural(n.journal.Shards(), "shard")
	switch {
	case o.Remote != nil:
		n.say("log          NATS at %s, %s", o.Remote.Hosts(), shards)
	case o.Embedded.SyncInterval == 0:
		n.say("log          embedded NATS in %s, %s, synced before each ack", o.Embedded.Dir, shards)
	default:
		n.say("log          embedded NATS in %s, %s, synced every %v", o.Embedded.Dir, shards, o.Embedded.SyncInterval)
	}
	return nil
}

func (n *node) openViews(ctx context.Context) error {
	if n.MySQL.DSN == "" {
		n.views = memory.New()
	} else {
		store, err := mysql.Open(ctx, n.MySQL.DSN, n.MySQL.Connections, n.logger)
		if err != nil {
			return err
		}
		n.views = store
		n.say("read models  in MySQL at %s", database(n.MySQL.DSN))
	}
	n.onStop(func(context.Context) error { return n.views.Close() })
	return nil
}

// whileMaking is how far the heap may grow, in percent, before garbage is collected while the read models are made: in memory most of what comes then
// stays, and to look for garbage in it again and again takes a third of the time; with tables it takes a sixth of it.
const whileMaking = 300

// startProjector sets the projector to work. Where the read models are in memory it waits until they are made.
func (n *node) startProjector(ctx context.Context) error {
	n.projector = projector.New(n.journal, n.views, projector.Options{Logger: n.logger, Batch: n.Projector.Batch})
	n.metrics.ofProjector(n.projector)
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.projector.Run(working); err != nil {
			n.fail(err)
		}
	}()
	n.onStop(func(ctx context.Context) error {
		stop()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return errors.New("the projector did not stop in time; what it had not committed it will fold again")
		}
	})
	if n.MySQL.DSN != "" {
		return nil
	}
	begun := time.Now()
	defer debug.SetGCPercent(debug.SetGCPercent(whileMaking)) // back to what it was
	ends, err := n.journal.Ends(ctx)
	if err != nil {
		return err
	}
	if behind, err := n.views.Wait(ctx, ends); err != nil || behind > 0 {
		return errors.Join(err, context.Cause(ctx))
	}
	n.say("read models  in memory, made from %s in %v", plural(int(n.projector.Folded()), "event"), time.Since(begun).Round(time.Millisecond))
	return nil
}

// sweepEvery is how often an edge makes sure that it has had all live copies, on a cluster: it reads what was stored meanwhile, 200,000 events in a second.
const sweepEvery = 5 * time.Second

func (n *node) startEdge(ctx context.Context) error {
	secret, err := n.secret()
	if err != nil {
		return err
	}
	tokens, err := edge.NewTokens(ctx, edge.TokenOptions{Secret: secret, TTL: n.Auth.TTL,
		JWKS: n.Auth.JWKS, Issuer: n.Auth.Issuer, Audience: n.Auth.Audience})
	if err != nil {
		return err
	}
	settings := n.settings()
	if n.journal.Clustered() {
		settings.Sweep = sweepEvery
	}
	e, err := edge.New(edge.Options{
		Log: n.journal, Signals: n.journal, Accounts: n.journal, Views: n.views, Tokens: tokens, Page: web.Handler(), Fail: n.fail,
		Follow: func(deliver func(domain.Record), lost func()) (edge.Live, error) {
			return n.journal.Live(deliver, lost)
		},
		Settings: settings,
	})
	if err != nil {
		return err
	}
	n.metrics.ofEdge(e)
	n.onStop(e.Shutdown)
	address, err := n.listen("http.addr", n.HTTP.Addr, behindProxies(n.HTTP.Proxies, n.closing(e)), e.Drain)
	if err != nil {
		return err
	}
	n.serving = append(n.serving, "page and API at http://"+address)
	return nil
}

// settings are what the settings say of chat.
func (n *node) settings() edge.Settings {
	return edge.Settings{
		Anyone: n.Chat.Direct == config.Anyone, MaxMessage: int(n.Chat.Message), Reapply: n.Chat.Reapply, Edit: n.Chat.Edit, Recall: n.Chat.Recall,
		Friends: n.Chat.Friends, Groups: n.Chat.Groups, Commands: n.Chat.Commands, Messages: n.Chat.Messages, Marks: n.Chat.Marks,
		Changes: n.Chat.Changes, Typing: n.Chat.Typing, Searches: n.Chat.Searches, Connects: n.Chat.Connects, Requests: n.HTTP.Requests,
		AddressCommands: n.Chat.Address, AddressRequests: n.HTTP.Address, Logins: n.HTTP.Logins, Guesses: n.HTTP.Guesses,
		Logger: n.logger, Socket: n.wire(),
	}
}

// wire is what the settings say of Socket.IO. An upgrade has the time that is the default: nobody has a reason to change it.
func (n *node) wire() socketio.Options {
	s := n.Socket
	return socketio.Options{
		PingInterval: s.Ping, PingTimeout: s.Pong, ConnectTimeout: s.Connect,
		MaxPayload: int64(s.Payload), MaxQueue: int(s.Queue), MaxConnections: s.Connections, MaxPerAddress: s.Address,
		HandshakeRate: s.Handshakes, EventRate: s.Events, MaxNamespaces: s.Namespaces, MaxAttachments: s.Attachments, MaxDepth: s.Depth,
		CheckOrigin: socketio.AllowOrigins(n.HTTP.Origins...), Logger: n.logger,
	}
}
