package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"parley/config"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitForced = 130 // by a second signal
)

// run is the program: it returns the exit code when ctx has ended and all is stopped, or when it could not start.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	root := commands(environ)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "parley: %v\nSee parley --help.\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "parley: %v\n", err)
	return exitFailed
}

// usageError is a fault in the command line or in the settings.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func commands(environ []string) *cobra.Command {
	var settings config.Config
	load := func(c *cobra.Command, _ []string) (err error) {
		if settings, err = config.Load(c.Flags(), environ); err != nil {
			return usageError{err}
		}
		return nil
	}
	serve := func(does roles) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, _ []string) error {
			return serve(c.Context(), settings, does, c.OutOrStdout(), newLogger(settings.Logging, c.ErrOrStderr()))
		}
	}
	root := &cobra.Command{
		Use: "parley", Short: "A chat server that loses nothing", Long: rootHelp,
		Args: noArguments, PersistentPreRunE: load, RunE: serve(roles{edge: true, projector: true}),
		SilenceErrors: true, SilenceUsage: true, CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(
		&cobra.Command{Use: "edge", Short: "Serve people: Socket.IO, the API and the page (needs nats.url and mysql.dsn)",
			Args: noArguments, RunE: serve(roles{edge: true})},
		&cobra.Command{Use: "projector", Short: "Keep the read models in MySQL up to date (needs nats.url and mysql.dsn)",
			Args: noArguments, RunE: serve(roles{projector: true})},
		offline(&cobra.Command{Use: "rebuild", Short: "Make the read models in MySQL anew from the log, beside those that serve, and swap them", Long: rebuildHelp},
			&settings, rebuild),
		offline(&cobra.Command{Use: "verify", Short: "Compare the read models in MySQL with the log", Long: verifyHelp}, &settings, verify),
		&cobra.Command{Use: "config", Short: "Print the settings that are in force, without secrets",
			Args: noArguments, RunE: func(c *cobra.Command, _ []string) error {
				_, err := c.OutOrStdout().Write(settings.YAML())
				return err
			}},
	)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	config.Bind(root.PersistentFlags())
	return root
}

const rootHelp = `Parley is a chat server. Without a command it runs all in one process: the log (NATS, embedded),
the read models (in memory, or in MySQL with --mysql), Socket.IO, the API and the page.

parley rebuild makes the read models anew while people chat, parley verify says where they differ from the log.

Every setting can be given in a file (--config), as a variable (PARLEY_HTTP_ADDR) or as a flag (--http.addr);
the later of these wins. parley config prints what is in force.`

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("there is no command %q", args[0])}
	}
	return nil
}

func newLogger(l config.Logging, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
