package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/edge"
)

// metrics serves the process's figures as Prometheus reads them: Go's, the process's, and those of the roles that it has.
func (n *node) metrics() http.Handler {
	all := prometheus.NewRegistry()
	all.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, value func() int) {
		all.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	if e := n.serves; e != nil {
		figure := func(of func(edge.Figures) int) func() int { return func() int { return of(e.Figures()) } }
		gauge("parley_connections", "Devices that are connected here.", figure(func(f edge.Figures) int { return f.Connections }))
		gauge("parley_people", "People whose devices these are.", figure(func(f edge.Figures) int { return f.People }))
		gauge("parley_conversations", "Conversations and groups that are followed for them.", figure(func(f edge.Figures) int { return f.Conversations }))
	}
	if p := n.projector; p != nil {
		all.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "parley_folded_events_total", Help: "Events that this process has folded into the read models."},
			func() float64 { return float64(p.Folded()) }))
	}
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{})
}
