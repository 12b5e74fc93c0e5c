package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// balancer is a load balancer as the README wants one: who comes anew gets an edge that is ready, and stays with it for as long as its connection does.
type balancer struct {
	url    string
	ctx    context.Context // ends with the test
	asking sync.WaitGroup

	mu    sync.Mutex
	edges []*backend
	stuck map[string]*backend // by client
}

type backend struct {
	*process
	proxy *httputil.ReverseProxy
	ready bool
}

// balance starts one that asks its edges often whether they are ready.
func balance(tb testing.TB) *balancer {
	b := &balancer{ctx: tb.Context(), stuck: map[string]*backend{}}
	h := httptest.NewServer(b)
	b.url = h.URL
	tb.Cleanup(func() {
		b.asking.Wait()
		h.Close()
	})
	return b
}

func (b *balancer) add(p *process) {
	to, _ := url.Parse(p.url)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	e := &backend{process: p, proxy: proxy}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edges = append(b.edges, e)
	b.asking.Go(func() { b.ask(e) })
}

// ask finds out again and again whether an edge is ready. One that is slow to say so keeps nobody from noticing that another is not.
func (b *balancer) ask(e *backend) {
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			return
		}
		res, err := http.Get(e.ops + "/readyz")
		if err == nil {
			res.Body.Close()
		}
		b.mu.Lock()
		e.ready = err == nil && res.StatusCode == http.StatusOK
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
	return nil
}
