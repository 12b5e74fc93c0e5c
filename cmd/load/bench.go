package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// benchmark is what bench is to be like.
type benchmark struct {
	parley, dsn, dir string
	sync             string
	scale            float64
	steady           time.Duration
	rounds           int
}

func newBench(out io.Writer, screen *screen) *cobra.Command {
	b := benchmark{sync: "1s", scale: 1, steady: 10 * time.Second, rounds: 1}
	if path, err := os.Executable(); err == nil {
		b.parley = filepath.Join(filepath.Dir(path), "parley")
	}
	var o outputs
	cmd := &cobra.Command{Use: "bench", Args: cobra.NoArgs, Short: "starts a parley of its own and plays all scenarios",
		Long: `bench starts parley, all of it in one process, with a folder of its own for the log, and plays all scenarios. What talks is played before bare relays as well.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if b.scale <= 0 || b.scale > 100 || b.steady <= 0 || b.rounds < 1 {
				return usageError{fmt.Errorf("--scale must be above 0 and at most 100, --steady a duration, --rounds at least 1")}
			}
			r, err := b.play(cmd.Context(), screen)
			if err != nil {
				return err
			}
			return o.tell(r, out)
		}}
	f := cmd.Flags()
	f.StringVar(&b.parley, "parley", b.parley, "the program to start")
	f.Lookup("parley").DefValue = "the one beside this"
	f.StringVar(&b.dsn, "mysql", os.Getenv("PARLEY_BENCH_DSN"), "an empty database for the read models; without it they are in memory")
	f.Lookup("mysql").DefValue = "$PARLEY_BENCH_DSN"
	f.StringVar(&b.dir, "data", "", "the folder in which a folder for the log is made, and removed again: its disk counts (default is the system's for temporary files)")
	f.StringVar(&b.sync, "sync", b.sync, "log.sync of most scenarios; direct is played with always, too")
	f.Float64Var(&b.scale, "scale", b.scale, "how many people there are, times the usual")
	f.DurationVar(&b.steady, "steady", b.steady, "how long each is measured")
	f.IntVar(&b.rounds, "rounds", b.rounds, "how often to play each")
	o.flags(cmd)
	return cmd
}

// scaled is so many times the scale, at least so many, and even.
func (b *benchmark) scaled(n, least int) int { return max(int(float64(n)*b.scale), least) / 2 * 2 }

// acts are what is played, in order.
func (b *benchmark) acts() []act {
	as := func(name string, change func(*settings)) settings {
		s := defaults(name)
		s.warmFor, s.steadyFor, s.rounds = min(s.warmFor, b.steady), b.steady, b.rounds
		change(&s)
		return s
	}
	direct := func(s *settings) { s.people, s.compare = b.scaled(1000, 2), true }
	return []act{
		{"direct", "always", as("direct", func(s *settings) { s.people = b.scaled(1000, 2) })},
		{"direct", b.sync, as("direct", direct)},
		{"direct", b.sync, as("direct", func(s *settings) { direct(s); s.rate = max(1000*min(b.scale, 1), 100) })},
		{"group", b.sync, as("group", func(s *settings) {
			s.groups, s.members, s.compare = max(b.scaled(20, 2), 2), max(b.scaled(100, 10), 10), true
			s.members, s.speakers = min(s.members, 100), min(s.speakers, s.members)
		})},
		{"idle", b.sync, as("idle", func(s *settings) { s.people = b.scaled(10_000, 10) })},
		{"storm", b.sync, as("storm", func(s *settings) { s.people = b.scaled(2000, 10); s.members = min(100, s.people) })},
		{"resume", b.sync, as("resume", func(s *settings) { s.people = b.scaled(2000, 10); s.members = min(100, s.people) })},
		{"history", b.sync, as("history", func(s *settings) { s.people = b.scaled(200, 2) })},
	}
}

type act struct {
	scenario, sync string
	settings       settings
}

func (b *benchmark) play(ctx context.Context, screen *screen) (*report, error) {
	r := &report{Machine: thisMachine()}
	views := "in memory"
	if b.dsn != "" {
		views = "in a database"
	}
	r.Notes = append(r.Notes, fmt.Sprintf("parley in one process, log.sync %s but for the first direct, which has always; read models %s", b.sync, views))
	dir, err := os.MkdirTemp(b.dir, "parley-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for i, a := range b.acts() {
		log := filepath.Join(dir, fmt.Sprint(i))
		if b.dsn != "" {
			log = filepath.Join(dir, "log") // which the tables are of
		}
		results, err := b.one(ctx, a, log, screen)
		for _, x := range results {
			x.With += "; log.sync " + a.sync
		}
		r.Results = append(r.Results, results...)
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// one starts a parley with a log in a folder, and plays one scenario before it.
func (b *benchmark) one(ctx context.Context, a act, dir string, screen *screen) ([]*result, error) {
	secret := rand.Text() + rand.Text()
	cmd := exec.Command(b.parley, append([]string{"--listen", "127.0.0.1:0", "--ops.addr", "", "--data", dir, "--log.sync", a.sync, "--logging.level", "warn"},
		limits...)...)
	cmd.Env = append(os.Environ(), "PARLEY_AUTH_SECRET="+secret)
	if b.dsn != "" {
		cmd.Env = append(cmd.Env, "PARLEY_MYSQL_DSN="+b.dsn)
	}
	url, pid, stop, err := spawn(cmd, "parley: serving ")
	if err != nil {
		return nil, fmt.Errorf("%w; --parley says which program to start, and make build makes it", err)
	}
	defer stop()
	s := a.settings
	s.URLs, s.PIDs, s.secret = []string{url}, []int{pid}, secret
	return play(ctx, scenarioOf(a.scenario), s, screen)
}
