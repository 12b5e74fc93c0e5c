package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// finishWithin is how long requests that are under way may take to end when the process stops: the parts behind them need time as well.
const finishWithin = 2 * time.Second

// listen serves HTTP at an address until the process stops: then it lets drain send those who are connected away, for which clients that
// poll must still be heard, and takes no more. It gives the address as one would type it.
func (n *node) listen(key, addr string, h http.Handler, drain func(context.Context) error) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("%s %s: %w; is something else using it? Choose another (--%s)", key, addr, err, key)
	}
	// These hold until Socket.IO has a connection, which has limits of its own and lifts them, and for everything else.
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			n.fail(fmt.Errorf("%s %s: %w", key, addr, err))
		}
	}()
	n.onStop(func(ctx context.Context) (err error) {
		if drain != nil {
			err = drain(ctx)
		}
		finishing, cancel := context.WithTimeout(ctx, finishWithin)
		defer cancel()
		stopped := server.Shutdown(finishing)
		if stopped != nil { // somebody sends a request and does not end it: cut off, and no fault of ours
			stopped = server.Close()
		}
		<-done
		return errors.Join(err, stopped)
	})
	return reachable(l.Addr().String()), nil
}

// closing has each connection of HTTP end with its next answer once the process is to stop, so that no proxy sends a request on one that is just being closed.
func (n *node) closing(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.state.Load() == draining {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// reachable is an address that a browser on this machine can open.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return addr
}

// startOps serves what operators ask, from the beginning to the end: /healthz says that the process lives, /readyz that it can do its work, or why not, /metrics
// how much of everything it has.
func (n *node) startOps(context.Context) error {
	if n.Ops.Addr == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		fault, lacks := n.ready(ctx)
		if fault != nil {
			http.Error(w, errors.Join(fault, lacks).Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
		if lacks != nil {
			fmt.Fprintln(w, lacks)
		}
	})
	mux.Handle("GET /metrics", n.metrics.handler())
	address, err := n.listen("ops.addr", n.Ops.Addr, mux, nil)
	n.serving = append(n.serving, "health at http://"+address+"/readyz") // once it is ready
	return err
}

// ready says why the process cannot do its work, and what it lacks but can do without: an edge lets people chat while the read models are away, and would be
// of no use to them behind a load balancer that sends nobody.
func (n *node) ready(ctx context.Context) (fault, lacks error) {
	switch n.state.Load() {
	case starting:
		return errors.New("starting"), nil
	case draining:
		return errors.New("draining: it is about to stop"), nil
	}
	if err := n.journal.Ready(ctx); err != nil {
		fault = fmt.Errorf("log: %w", err)
	}
	if err := n.views.Ready(ctx); err != nil {
		lacks = fmt.Errorf("read models: %w", err)
	}
	if n.roles.projector {
		if err := n.projector.Ready(); err != nil {
			lacks = errors.Join(lacks, fmt.Errorf("projector: %w", err))
		}
		fault, lacks = errors.Join(fault, lacks), nil
	}
	return fault, lacks
}

// database is a DSN without user, password and parameters.
func database(dsn string) string {
	at, _, _ := strings.Cut(dsn[strings.LastIndex(dsn, "@")+1:], "?")
	return at
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
