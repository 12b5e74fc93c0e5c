package main

import (
	"fmt"
	"html/template"
	"math"
	"os"
	"strconv"
	"strings"
)

// page is the report as a page without anything from elsewhere.
var page = template.Must(template.New("report").Funcs(template.FuncMap{"ratios": ratios, "ms": func(s float64) float64 { return s * 1000 },
	"mib": func(b int64) float64 { return float64(b) / (1 << 20) },
	"kib": func(b float64) float64 { return b / 1024 }, "ok": func(f faults) bool { return f == faults{} }}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Parley under load</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}svg{width:100%;height:auto;font:11px system-ui,sans-serif}.bad{color:#b00020;font-weight:600}
</style>
<h1>Parley under load</h1>
<p>{{.Machine.CPU}}, {{.Machine.Cores}} cores, {{.Machine.System}}, {{.Machine.Go}}, commit {{.Machine.Commit}}, {{.Machine.When}}</p>
{{range .Notes}}<p>{{.}}</p>{{end}}
{{range .Scenarios}}
<h2>{{.Title}}</h2>
<table><tr><th>target</th><th>count</th><th>a second</th><th>p50 ms</th><th>p90 ms</th><th>p99 ms</th><th>p99.9 ms</th><th>max ms</th><th>CPU ms/1000</th><th>faults</th></tr>
{{range .Results}}<tr><td>{{.Target}}</td><td>{{.Count}}</td><td>{{printf "%.0f" .Rate}}</td><td>{{printf "%.2f" .Latency.P50}}</td><td>{{printf "%.2f" .Latency.P90}}</td>
<td>{{printf "%.2f" .Latency.P99}}</td><td>{{printf "%.2f" .Latency.P999}}</td><td>{{printf "%.2f" .Latency.Max}}</td><td>{{printf "%.2f" (ms .CPUPerThousand)}}</td>
<td>{{if ok .Faults}}none{{else}}<span class="bad">{{.Faults}}</span>{{end}}</td></tr>{{end}}</table>
{{$all := .Results}}{{range .Results}}{{range ratios $all .}}<p>Server {{.}}</p>{{end}}
{{if .RSSEach}}<p>{{printf "%.1f" (kib .RSSEach)}} KiB of memory for each connection, {{printf "%.2f" .Cores}} of a core.</p>{{end}}
{{range .Spent}}<p>{{.Name}} ({{.PID}}): {{printf "%.2f" .CPU}} s of CPU, {{printf "%.1f" (mib .RSS)}} MiB</p>{{end}}{{end}}
{{.Percentiles}}{{.Rates}}
{{end}}</html>
`))

// writeHTML writes the report as a page.
func (r *report) writeHTML(path string) error {
	type played struct {
		Title              string
		Results            []*result
		Percentiles, Rates template.HTML
	}
	data := struct {
		*report
		Scenarios []*played
	}{report: r}
	for _, x := range r.Results {
		title := x.Scenario + ": " + x.With
		n := len(data.Scenarios)
		if n == 0 || data.Scenarios[n-1].Title != title {
			data.Scenarios = append(data.Scenarios, &played{Title: title})
			n++
		}
		data.Scenarios[n-1].Results = append(data.Scenarios[n-1].Results, x)
	}
	for _, p := range data.Scenarios {
		p.Percentiles, p.Rates = percentilePlot(p.Results), ratePlot(p.Results)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = page.Execute(f, data)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// The plane that plots are drawn on.
const (
	plotWidth, plotHeight = 800, 240
	plotLeft, plotBottom  = 60, 30
	plotTop, plotRight    = 20, 10
)

var colours = []string{"#1565c0", "#ef6c00", "#2e7d32", "#6a1b9a"}

// curveOf is a line to be drawn.
type curveOf struct {
	name   string
	points [][2]float64 // x from 0 to 1, y
}

// tick is a mark of the x axis, at x from 0 to 1.
type tick struct {
	x    float64
	text string
}

// percentilePlot has latencies over percentiles, the rarer the wider.
func percentilePlot(results []*result) template.HTML {
	const nines = 5
	at := func(percentile float64) float64 { return min(-math.Log10(1-percentile/100)/nines, 1) }
	var curves []curveOf
	for _, r := range results {
		c := curveOf{name: r.Target}
		for _, p := range r.Curve {
			if x := at(p[0]); p[0] < 100 && x < 1 {
				c.points = append(c.points, [2]float64{x, p[1]})
			}
		}
		curves = append(curves, c)
	}
	return plot("latency in ms, by percentile", curves, []tick{{0, "0"}, {at(50), "50"}, {at(90), "90"}, {at(99), "99"}, {at(99.9), "99.9"}, {at(99.99), "99.99"}})
}

// ratePlot has what came in each second of the steady state.
func ratePlot(results []*result) template.HTML {
	longest := 1
	for _, r := range results {
		longest = max(longest, len(r.Series)-1)
	}
	var curves []curveOf
	for _, r := range results {
		c := curveOf{name: r.Target}
		for i, s := range r.Series {
			c.points = append(c.points, [2]float64{float64(i) / float64(longest), s.Rate})
		}
		curves = append(curves, c)
	}
	return plot("in each second of the steady state", curves, []tick{{0, "1"}, {1, fmt.Sprint(longest + 1)}})
}

// plot draws curves; nothing where none has two points. Names are escaped.
func plot(title string, curves []curveOf, ticks []tick) template.HTML {
	top, points := 0.0, 0
	for _, c := range curves {
		points = max(points, len(c.points))
		for _, p := range c.points {
			top = max(top, p[1])
		}
	}
	if points < 2 || top == 0 {
		return ""
	}
	step := math.Pow(10, math.Floor(math.Log10(top)))
	for top/step < 3 {
		step /= 2
	}
	top = math.Ceil(top/step) * step
	x := func(v float64) float64 { return plotLeft + v*(plotWidth-plotLeft-plotRight) }
	y := func(v float64) float64 { return plotHeight - plotBottom - v/top*(plotHeight-plotBottom-plotTop) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img"><text x="%d" y="12">%s</text>`, plotWidth, plotHeight, plotLeft, template.HTMLEscapeString(title))
	for v := 0.0; v <= top*1.001; v += step {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			plotLeft, y(v), plotWidth-plotRight, plotLeft-6, y(v)+4, strconv.FormatFloat(v, 'f', -1, 32))
	}
	for _, t := range ticks {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(t.x), plotHeight-10, t.text)
	}
	for i, c := range curves {
		colour := colours[i%len(colours)]
		fmt.Fprintf(&b, `<text x="%d" y="12" fill="%s">%s</text><polyline fill="none" stroke-width="1.5" stroke="%s" points="`,
			plotLeft+300+i*140, colour, template.HTMLEscapeString(c.name), colour)
		for _, p := range c.points {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(p[0]), y(p[1]))
		}
		b.WriteString(`"/>`)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
