package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// balancer is a load balancer as the README wants one: who comes anew gets an edge that is ready, and stays with it for as long as its connection does.
type balancer struct {
	url string

	mu    sync.Mutex
	edges []*backend
	stuck map[string]*backend // by client
	none  int                 // how often nobody was ready: an edge on a busy machine may be late to say that it is
}

type backend struct {
	*process
	proxy *httputil.ReverseProxy
	ready bool
	fails int // checks in a row
}

// failing is how many checks in a row must fail before nobody new is sent: one may be late on a busy machine.
const failing = 3

// balance starts one that asks its edges often whether they are ready.
func balance(tb testing.TB) *balancer {
	b := &balancer{stuck: map[string]*backend{}}
	h := httptest.NewServer(b)
	b.url = h.URL
	done := make(chan bool)
	go func() {
		defer close(done)
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-tick.C:
				b.check()
			case <-tb.Context().Done():
				return
			}
		}
	}()
	tb.Cleanup(func() {
		<-done
		h.Close()
	})
	return b
}

func (b *balancer) add(p *process) {
	to, _ := url.Parse(p.url)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edges = append(b.edges, &backend{process: p, proxy: proxy})
}

// check finds out which edges are ready.
func (b *balancer) check() {
	b.mu.Lock()
	edges := slices.Clone(b.edges)
	b.mu.Unlock()
	for _, e := range edges {
		res, err := http.Get(e.ops + "/readyz")
		if err == nil {
			res.Body.Close()
		}
		b.mu.Lock()
		if e.fails++; err == nil && res.StatusCode == http.StatusOK {
			e.fails = 0
		}
		e.ready = e.fails == 0 || e.ready && e.fails < failing
		b.mu.Unlock()
	}
}

// wanted is whether an edge is sent new clients.
func (b *balancer) wanted(p *process) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.edges {
		if e.process == p {
			return e.ready
		}
	}
	return false
}

// turnedAway is how many requests came when no edge was ready.
func (b *balancer) turnedAway() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.none
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e := b.choose(r.URL.Query()); e != nil {
		e.proxy.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

func (b *balancer) choose(query url.Values) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	client := query.Get("client")
	e := b.stuck[client]
	if query.Get("sid") != "" || e != nil && e.ready {
		return e
	}
	for _, e := range b.edges {
		if e.ready {
			b.stuck[client] = e
			return e
		}
	}
	b.none++
	return nil
}
