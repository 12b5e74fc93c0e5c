package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// report is all that was seen.
type report struct {
	Machine machine   `json:"machine"`
	Notes   []string  `json:"notes,omitempty"`
	Results []*result `json:"results"`
}

// faulty says whether anything was not as it must be.
func (r *report) faulty() bool {
	for _, x := range r.Results {
		if x.Faults != (faults{}) {
			return true
		}
	}
	return false
}

// print writes tables.
func (r *report) print(w io.Writer) error {
	fmt.Fprintf(w, "\n%s, %d cores, %s, %s, commit %s\n", r.Machine.CPU, r.Machine.Cores, r.Machine.System, r.Machine.Go, r.Machine.Commit)
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nscenario\ttarget\tcount\tper second\tp50 ms\tp99 ms\tp99.9 ms\tmax ms\tack p99\tlate p99\tCPU ms/1000\tcores\tRSS MiB\tgenerator\t")
	for _, x := range r.Results {
		_, rss := sum(x.Spent)
		lately, each := x.Latency.Count > 0, len(x.Spent) > 0
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.2f cores\t\n", x.title(), x.Target, x.Count, given(lately, x.Rate),
			given(lately, x.Latency.P50), given(lately, x.Latency.P99), given(lately, x.Latency.P999), given(lately, x.Latency.Max),
			given(x.Acks.Count > 0, x.Acks.P99), given(x.Late.Count > 0, x.Late.P99),
			given(each && x.CPUPerThousand > 0, 1000*x.CPUPerThousand), given(each, x.Cores), given(each, float64(rss)/(1<<20)),
			x.Generator.CPU/max(x.Seconds, 1e-9))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for i, x := range r.Results {
		fmt.Fprintf(w, "%s (%s): %s: %d %s in %.2f s, %d %s\n", x.Scenario, x.Target, x.With, x.Count, x.Unit, x.Seconds, x.Rounds, plural(x.Rounds, "round"))
		if x.RSSEach > 0 {
			fmt.Fprintf(w, "  %.1f KiB of the server's memory for each connection, %.1f %% of a core\n", x.RSSEach/1024, 100*x.Cores)
		}
		for _, u := range x.Spent {
			fmt.Fprintf(w, "  %s (%d): %.2f s of CPU, %.1f MiB\n", u.Name, u.PID, u.CPU, float64(u.RSS)/(1<<20))
		}
		for _, line := range ratios(r.Results[:i], x) {
			fmt.Fprintln(w, "  "+line)
		}
		if x.Faults != (faults{}) {
			fmt.Fprintf(w, "  FAULTS: %s\n", x.Faults)
		}
	}
	return nil
}

// ratios compares a result with those of the relays in the same run.
func ratios(before []*result, x *result) (lines []string) {
	if x.Target != "server" {
		return nil
	}
	for _, bare := range before {
		if bare.Scenario != x.Scenario || bare.With != x.With || bare.Target == "server" || bare.Rate == 0 {
			continue
		}
		line := fmt.Sprintf("against the %s: %.2f of its rate, %.2f of its p99", bare.Target, x.Rate/bare.Rate, x.Latency.P99/max(bare.Latency.P99, 1e-3))
		if bare.CPUPerThousand > 0 && x.CPUPerThousand > 0 {
			line += fmt.Sprintf(", %.2f of its CPU for each", x.CPUPerThousand/bare.CPUPerThousand)
		}
		lines = append(lines, line)
	}
	return lines
}

func given(known bool, v float64) string {
	if !known {
		return "-"
	}
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func plural(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

// appendJSON appends the report to a file, as one line.
func (r *report) appendJSON(path string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
