package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it could not be played
	exitUsage  = 2
	exitFaulty = 3 // messages were lost, doubled, disordered, refused and the like
)

type usageError struct{ error }

var errFaulty = errors.New("not all was as it must be: see FAULTS")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, in io.Reader, out, progress io.Writer) int {
	root := newRoot(in, out, newScreen(progress))
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(progress)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown "):
		fmt.Fprintln(progress, "load:", err)
		return exitUsage
	case errors.Is(err, errFaulty):
		fmt.Fprintln(progress, "load:", err)
		return exitFaulty
	}
	fmt.Fprintln(progress, "load:", err)
	return exitFailed
}

// limits are the flags of a server that is to bear people who are programs, all of them from one address.
var limits = []string{"--chat.commands=0", "--chat.connects=0", "--chat.messages=0", "--chat.address=0", "--http.requests=0", "--http.address=0",
	"--http.logins=0", "--socket.handshakes=0", "--socket.connections=0"}

const long = `load connects any number of people to Parley, as clients do, and says what it bears.

The server must take these people for programs, all from one address. What "load limits" prints lifts the limits for them: start it as

    parley $(load limits)

and give load its auth.secret, by --secret or PARLEY_AUTH_SECRET, so that people are made of tokens that it signs itself. Without it accounts are
registered over the API, which takes the server tens of milliseconds for each. Whatever is made stays there: use a server of its own. Each connection takes both of
them a file descriptor (ulimit -n), and some 28,000 fit between two addresses: for more, give several with --url, such as http://127.0.0.2:8080.

Latencies count from when a message was due. Without --rate it is a closed loop: the next message is due when one of those in flight has been acknowledged and
heard by all. With --rate it is an open one: messages are due at fixed times, whether or not the server keeps up.

The exit code is 0; 1 where it could not be played, 2 for wrong arguments, and 3 where anything was lost, doubled, out of order, refused or cut off.`

// outputs are where what was seen goes beside the table.
type outputs struct{ json, html string }

func newRoot(in io.Reader, out io.Writer, screen *screen) *cobra.Command {
	root := &cobra.Command{Use: "load", Short: "puts Parley under load", Long: long, SilenceUsage: true, SilenceErrors: true}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	for _, c := range scenarios {
		root.AddCommand(newScenario(c, out, screen))
	}
	root.AddCommand(newRelay(in, out), newBench(out, screen), &cobra.Command{Use: "limits", Args: cobra.NoArgs, Short: "prints the flags that the server is to be started with",
		Run: func(*cobra.Command, []string) { fmt.Fprintln(out, strings.Join(limits, " ")) }})
	return root
}

// defaults are what is played where nothing else is said.
func defaults(scenario string) settings {
	s := settings{URLs: []string{"http://localhost:8080"}, secret: os.Getenv("PARLEY_AUTH_SECRET"), prefix: "load-" + strings.ToLower(rand.Text()[:6]),
		people: 1000, inFlight: 4, groups: 20, members: 100, speakers: 5, bytes: 100, missed: 100, friends: 10, rounds: 1,
		warmFor: 5 * time.Second, steadyFor: 20 * time.Second, drainFor: 30 * time.Second}
	switch scenario {
	case "group":
		s.inFlight = 1
	case "idle":
		s.people, s.warmFor = 10_000, 10*time.Second
	case "storm", "resume":
		s.people, s.warmFor = 5000, 3*time.Second
	case "history":
		s.people, s.inFlight = 200, 16
	}
	return s
}

func newScenario(c scenario, out io.Writer, screen *screen) *cobra.Command {
	s := defaults(c.name)
	var o outputs
	cmd := &cobra.Command{Use: c.name, Short: c.short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		results, err := play(cmd.Context(), c, s, screen)
		if err != nil {
			return err
		}
		return o.tell(&report{Machine: thisMachine(), Results: results}, out)
	}}
	f := cmd.Flags()
	f.StringSliceVar(&s.URLs, "url", s.URLs, "addresses of one or more edges")
	f.IntSliceVar(&s.PIDs, "pid", nil, "processes of the server on this machine, of which it is told what they spend")
	f.StringVar(&s.secret, "secret", s.secret, "the server's auth.secret")
	f.Lookup("secret").DefValue = "$PARLEY_AUTH_SECRET"
	f.StringVar(&s.prefix, "people-prefix", s.prefix, "what people's ids begin with")
	f.Lookup("people-prefix").DefValue = "load-…"
	f.DurationVar(&s.warmFor, "warm", s.warmFor, "how long it runs before anything is measured")
	f.DurationVar(&s.drainFor, "drain", s.drainFor, "how long to wait at the end for what is under way")
	f.IntVar(&s.rounds, "rounds", s.rounds, "how often to play it, each time with new people")
	has := func(names ...string) bool { return strings.Contains(" "+strings.Join(names, " ")+" ", " "+c.name+" ") }
	if !has("group") {
		f.IntVar(&s.people, "people", s.people, "how many there are")
	}
	if has("group") {
		f.IntVar(&s.groups, "groups", s.groups, "how many groups there are")
		f.IntVar(&s.speakers, "speakers", s.speakers, "how many of a group's members speak")
	}
	if has("group", "storm", "resume") {
		f.IntVar(&s.members, "members", s.members, "how many are in a group")
	}
	if has("storm") {
		f.IntVar(&s.friends, "friends", s.friends, "how many friends each has")
	}
	if has("storm", "resume") {
		f.IntVar(&s.dials, "dials", s.dials, "how many may be connecting at the same time; 0 for all")
	}
	if has("resume", "history") {
		f.IntVar(&s.missed, "messages", s.missed, "how many messages are missed in each group, or said by each person beforehand")
	}
	if has("direct", "group", "history") {
		f.IntVar(&s.inFlight, "in-flight", s.inFlight, "how many messages each sender, or queries all together, have under way")
		f.Float64Var(&s.rate, "rate", s.rate, "how many messages or queries are due in a second, by all; 0 for a closed loop")
	}
	if has("direct", "group", "idle", "history") {
		f.DurationVar(&s.steadyFor, "steady", s.steadyFor, "how long it is measured")
	}
	if has("direct", "group", "resume", "history") {
		f.IntVar(&s.bytes, "bytes", s.bytes, "the length of each text")
	}
	if c.bare {
		f.BoolVar(&s.compare, "relay", false, "play it before bare relays as well, by turns, and give ratios")
	}
	o.flags(cmd)
	return cmd
}

func (o *outputs) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.json, "json", "", "a file to append what was seen to, as one line of JSON")
	cmd.Flags().StringVar(&o.html, "report", "", "a file to write a page with plots to")
}

// tell prints a report, and writes it where that is wanted.
func (o *outputs) tell(r *report, out io.Writer) error {
	if err := r.print(out); err != nil {
		return err
	}
	if o.json != "" {
		if err := r.appendJSON(o.json); err != nil {
			return fmt.Errorf("--json: %w", err)
		}
	}
	if o.html != "" {
		if err := r.writeHTML(o.html); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	if r.faulty() {
		return errFaulty
	}
	return nil
}

func newRelay(in io.Reader, out io.Writer) *cobra.Command {
	var listen string
	var together, ends bool
	cmd := &cobra.Command{Use: "relay", Args: cobra.NoArgs, Short: "a bare relay to compare with: forwards, and checks and stores nothing",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if ends {
				ctx = untilEOF(ctx, in)
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			return serveRelay(ctx, l, together, out)
		}}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "host:port")
	cmd.Flags().BoolVar(&together, "together", false, "write frames that wait together at once")
	cmd.Flags().BoolVar(&ends, "until-eof", false, "end when the standard input does")
	return cmd
}
