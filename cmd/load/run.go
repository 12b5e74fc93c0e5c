package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// settings are what a run is to be like; the flags say what each is (main.go).
type settings struct {
	URLs                      []string
	PIDs                      []int
	secret, prefix            string
	people, inFlight          int
	groups, members, speakers int
	bytes, missed, friends    int
	dials                     int
	rate                      float64

	warmFor, steadyFor, drainFor time.Duration

	compare bool
	rounds  int
}

// check says what is wrong with the settings for a scenario.
func (s *settings) check(scenario string) error {
	for i, u := range s.URLs {
		checked, err := checkURL(u)
		if err != nil {
			return usageError{err}
		}
		s.URLs[i] = checked
	}
	talks := scenario == "direct" || scenario == "group"
	for _, r := range []struct {
		ok   bool
		says string
	}{
		{len(s.URLs) > 0, "--url: it must name a server, such as http://localhost:8080"},
		{s.people >= 1 && s.people <= 1_000_000, "--people: it must be from 1 to 1000000"},
		{scenario != "direct" && scenario != "history" || s.people%2 == 0, "--people: it must be even, for they talk in pairs"},
		{s.inFlight >= 1 && s.inFlight <= maxWindow, fmt.Sprintf("--in-flight: it must be from 1 to %d", maxWindow)},
		{s.members >= 2 && s.members <= 10_000, "--members: it must be from 2 to 10000"},
		{scenario != "storm" && scenario != "resume" || s.people >= s.members, "--people: there must be at least as many as --members, for one group"},
		{s.groups >= 1 && s.groups*s.members <= 1_000_000, "--groups: it must be at least 1, and not more than a million people in all"},
		{s.speakers >= 1 && s.speakers <= s.members, "--speakers: it must be from 1 to --members"},
		{s.bytes >= minBytes && s.bytes <= 200<<10, fmt.Sprintf("--bytes: it must be from %d, which say what the message is, to %d", minBytes, 200<<10)},
		{s.missed >= 1 && s.missed <= 10_000, "--messages: it must be from 1 to 10000"},
		{s.friends >= 0 && s.friends <= 4000, "--friends: it must be from 0 to 4000"},
		{s.dials >= 0, "--dials: it must be 0 or more"},
		{s.rate >= 0 && s.rate <= 1e6, "--rate: it must be from 0 to 1000000"},
		{s.rate == 0 || talks || scenario == "history", "--rate: it is for direct, group and history"},
		{s.warmFor >= 0 && s.steadyFor > 0 && s.drainFor > 0, "--warm, --steady, --drain: they must be durations, such as 10s"},
		{s.rounds >= 1 && s.rounds <= 100, "--rounds: it must be from 1 to 100"},
		{!s.compare || scenarioOf(scenario).bare, "--relay: a relay stores nothing, and cannot do " + scenario},
	} {
		if !r.ok {
			return usageError{fmt.Errorf("%s", r.says)}
		}
	}
	return nil
}

// result is what was seen of one target in one or more rounds.
type result struct {
	Scenario string  `json:"scenario"`
	Target   string  `json:"target"`
	With     string  `json:"with"`
	Unit     string  `json:"unit"`
	Due      float64 `json:"due,omitempty"` // so many a second, in an open loop
	Rounds   int     `json:"rounds"`
	Count    uint64  `json:"count"` // in the steady state
	Seconds  float64 `json:"seconds"`
	Rate     float64 `json:"rate"`

	Latency spread `json:"latency"` // milliseconds, from when it was due
	Acks    spread `json:"acks"`    // likewise
	Late    spread `json:"late"`    // how late the generator was to send

	Spent          []usage `json:"spent"` // by the target's processes, in the steady state
	CPUPerThousand float64 `json:"cpuPerThousand,omitempty"`
	Cores          float64 `json:"cores,omitempty"` // of which it kept so many busy
	RSSEach        float64 `json:"rssEach,omitempty"`
	Generator      usage   `json:"generator"`

	Faults faults       `json:"faults"`
	Series []second     `json:"series"`
	Curve  [][2]float64 `json:"curve"`

	all measured
}

// measure plays a scenario before one target, once.
func measure(ctx context.Context, c scenario, t target, s settings, screen *screen) (*result, error) {
	st := newStage(c.name, t, s, screen)
	err := c.play(ctx, st)
	st.stopped.Store(true)
	st.leave()
	screen.end()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", st.title(), err)
	}
	st.meter.collect(0)
	r := &result{Scenario: c.name, Target: t.name, With: st.with(), Due: s.rate, Unit: c.unit, Rounds: 1, Count: st.meter.total.count, Seconds: st.meter.seconds(),
		Spent: st.spent, RSSEach: st.perConnection, Faults: st.audit(), Series: st.meter.series, all: st.meter.total}
	r.Generator = since(st.own[:1], st.own[1:])[0]
	r.finish()
	return r, nil
}

// title is how a table calls it.
func (r *result) title() string {
	if r.Due > 0 {
		return fmt.Sprintf("%s, %g/s due", r.Scenario, r.Due)
	}
	return r.Scenario
}

// add puts another round to a result.
func (r *result) add(o *result) {
	r.Rounds++
	r.Count += o.Count
	r.Seconds += o.Seconds
	for i := range r.Spent {
		r.Spent[i].CPU += o.Spent[i].CPU
		r.Spent[i].RSS = max(r.Spent[i].RSS, o.Spent[i].RSS)
	}
	r.Generator.CPU += o.Generator.CPU
	r.RSSEach = max(r.RSSEach, o.RSSEach)
	r.Faults.add(o.Faults)
	r.Series = append(r.Series, o.Series...)
	r.all.latency.Merge(o.all.latency)
	r.all.acks.Merge(o.all.acks)
	r.all.lateful.Merge(o.all.lateful)
	r.finish()
}

// finish makes what follows from the rest.
func (r *result) finish() {
	r.Latency, r.Acks, r.Late, r.Curve = spreadOf(r.all.latency), spreadOf(r.all.acks), spreadOf(r.all.lateful), curve(r.all.latency)
	cpu, _ := sum(r.Spent)
	if r.Seconds > 0 {
		r.Rate, r.Cores = float64(r.Count)/r.Seconds, cpu/r.Seconds
	}
	if r.Count > 0 && r.Scenario != "idle" {
		r.CPUPerThousand = cpu / float64(r.Count) * 1000
	}
}

// play plays a scenario before the server, and where that is wanted before both relays as well, by turns.
func play(ctx context.Context, c scenario, s settings, screen *screen) (results []*result, err error) {
	if err := s.check(c.name); err != nil {
		return nil, err
	}
	var targets []target
	if s.compare {
		for _, together := range []bool{false, true} {
			t, stop, err := startRelay(ctx, together)
			if err != nil {
				return nil, err
			}
			defer stop()
			targets = append(targets, t)
		}
	}
	targets = append(targets, target{name: "server", urls: s.URLs, pids: s.PIDs})
	for round := range s.rounds {
		for i, t := range targets {
			r, err := measure(ctx, c, t, s.inRound(round), screen)
			switch {
			case err != nil:
				return results, err
			case round == 0:
				results = append(results, r)
			default:
				results[i].add(r)
			}
		}
	}
	return results, nil
}

// inRound gives people of its own to each round, who have heard nothing before.
func (s settings) inRound(round int) settings {
	s.prefix = fmt.Sprintf("%s-%d", s.prefix, round)
	return s
}

// startRelay starts one as a process of its own, so that what it spends is told apart. It ends with this one.
func startRelay(ctx context.Context, together bool) (t target, stop func(), err error) {
	path, err := os.Executable()
	if err != nil {
		return t, nil, err
	}
	t.name, t.relay = "relay", true
	args := []string{"relay", "--listen", "127.0.0.1:0", "--until-eof"}
	if together {
		t.name = "relay, together"
		args = append(args, "--together")
	}
	url, pid, stop, err := spawn(exec.CommandContext(ctx, path, args...), "relay: serving ")
	t.urls, t.pids = []string{url}, []int{pid}
	return t, stop, err
}

// machine is where a run took place.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	System string `json:"system"`
	Go     string `json:"go"`
	Commit string `json:"commit"`
	When   string `json:"when"`
}

func thisMachine() machine {
	m := machine{"unknown", runtime.NumCPU(), runtime.GOOS + "/" + runtime.GOARCH, runtime.Version(), "unknown", time.Now().UTC().Format(time.RFC3339)}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		revision, changed := m.Commit, ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(len(s.Value), 12)]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = ", changed"
			}
		}
		m.Commit = revision + changed
	}
	if path, err := os.Executable(); err == nil && m.Commit == "unknown" { // not every build is stamped
		if commit, err := exec.Command("git", "-C", filepath.Dir(path), "describe", "--always", "--dirty").Output(); err == nil {
			m.Commit = strings.TrimSpace(string(commit))
		}
	}
	return m
}
