package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/edge"
	"parley/projector"
)

// metrics are a process's figures as Prometheus reads them: Go's, the process's, and those of the parts that it has.
type metrics struct{ *prometheus.Registry }

func newMetrics() metrics {
	m := metrics{prometheus.NewRegistry()}
	m.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m metrics) handler() http.Handler { return promhttp.HandlerFor(m, promhttp.HandlerOpts{}) }

func (m metrics) ofEdge(e *edge.Edge) {
	gauge := func(name, help string, of func(edge.Figures) int) {
		m.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of(e.Figures())) }))
	}
	gauge("parley_connections", "Devices that are connected here.", func(f edge.Figures) int { return f.Connections })
	gauge("parley_people", "People whose devices these are.", func(f edge.Figures) int { return f.People })
	gauge("parley_conversations", "Conversations and groups that are followed for them.", func(f edge.Figures) int { return f.Conversations })
}

func (m metrics) ofProjector(p *projector.Projector) {
	m.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "parley_folded_events_total", Help: "Events that this process has folded into the read models."},
		func() float64 { return float64(p.Folded()) }))
}
