package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"parley/config"
	"parley/domain/journal"
	"parley/projector"
	"parley/projector/mysql"
)

const rebuildHelp = `Reads the log into fresh tables, beside those that serve, while people go on to chat. When the fresh tables have caught
up they are compared with the old ones, swapped in by one statement, and the old ones are dropped. Interrupted at any
moment it leaves one or the other in place, and can be run again.

Where the old tables are not what the log says, it names the first 200 differences and changes nothing; --force swaps all the
same. parley verify names the others.
It needs mysql.dsn, and the log: nats.url, or the folder of an embedded one that no other process uses.`

const verifyHelp = `Reads the log into tables of its own, compares those that serve with them, row by row, names each difference, and
drops its tables. Of more than 10,000 differences it names so many and counts the others. It changes nothing, and people
go on to chat. The exit code is 0 where there is no difference, else 1.
It needs mysql.dsn, and the log: nats.url, or the folder of an embedded one that no other process uses.`

// task is a command that works at the read models and ends.
type task struct {
	*node
	store    *mysql.Store
	force    bool
	progress func(projector.Progress)
	done     func() // the last progress was told
}

// offline makes a command of a task.
func offline(c *cobra.Command, settings *config.Config, do func(context.Context, *task) error) *cobra.Command {
	c.Args = noArguments
	var force bool
	if c.Use == "rebuild" {
		c.Flags().BoolVar(&force, "force", false, "swap the fresh tables in whatever differs")
	}
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		t := &task{node: &node{Config: *settings, out: c.OutOrStdout(), logger: newLogger(settings.Logging, c.ErrOrStderr())}, force: force}
		if t.MySQL.DSN == "" {
			return usageError{fmt.Errorf("%s: mysql.dsn must be set: without it the read models are in memory, and made from the log at each start", c.Use)}
		}
		if dir := t.logDir(); t.NATS.URL == "" && !isDir(dir) { // one that is made here would be empty, and the read models are not of it
			return usageError{fmt.Errorf("%s: there is no log in %s: give the servers that hold it (--nats nats://host:4222), or the folder of an embedded one (--data)", c.Use, dir)}
		}
		defer func() { err = errors.Join(err, t.stop()) }()
		if err := t.openJournal(c.Context()); errors.Is(err, journal.ErrInUse) {
			return fmt.Errorf("%w\nTo %s while that one runs, let it listen (nats.listen: 127.0.0.1:4222), and give this one --nats nats://127.0.0.1:4222", err, c.Use)
		} else if err != nil {
			return err
		}
		if err := t.openViews(c.Context()); err != nil {
			return err
		}
		t.store = t.views.(*mysql.Store)
		t.progress, t.done = watchProgress(c.ErrOrStderr(), c.Use)
		defer debug.SetGCPercent(debug.SetGCPercent(whileMaking))
		err = do(c.Context(), t)
		if c.Context().Err() != nil && err != nil {
			return fmt.Errorf("%s: interrupted; the read models that serve are whole, and it can be run again", c.Use)
		}
		return err
	}
	return c
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (t *task) options() projector.RebuildOptions {
	return projector.RebuildOptions{Force: t.force, Progress: t.progress}
}

func rebuild(ctx context.Context, t *task) error {
	c, err := projector.Rebuild(ctx, t.journal, t.store, t.options())
	t.done()
	t.tell(c, maxTold)
	switch {
	case errors.Is(err, projector.ErrDiffers):
		return fmt.Errorf("rebuild: %w; the tables that serve were left in place. To take the fresh ones nevertheless: parley rebuild --force", err)
	case err != nil:
		return fmt.Errorf("rebuild: %w", err)
	}
	t.say("the read models were made anew and swapped in")
	return nil
}

func verify(ctx context.Context, t *task) error {
	c, err := projector.Verify(ctx, t.journal, t.store, t.options())
	t.done()
	t.tell(c, projector.MaxDifferences)
	switch {
	case err != nil:
		return fmt.Errorf("verify: %w", err)
	case c.Nothing != "":
		return fmt.Errorf("verify: %s", c.Nothing)
	case len(c.Differences) > 0:
		return fmt.Errorf("verify: %w; parley rebuild --force makes them anew", projector.ErrDiffers)
	}
	t.say("no difference")
	return nil
}

// maxTold is how many differences a rebuild prints one by one; verify prints all that are kept.
const maxTold = 200

// tell prints what came of a comparison, of the differences so many.
func (t *task) tell(c projector.Comparison, most int) {
	if c.Nothing != "" {
		t.say("nothing was compared: %s", c.Nothing)
	}
	for _, table := range c.Tables {
		if table.Comparable {
			t.say("%-13s %d rows, checksum %s by the log", table.Table, table.Rows, table.Checksum)
		} else {
			t.say("%-13s not compared: the tables that serve have none with this key", table.Table)
		}
	}
	for i, d := range c.Differences {
		if i == most {
			break
		}
		t.say("differs: %s", d)
	}
	if c.Behind > 0 {
		t.say("no projector has folded the last %s: what was erased there differs, and is no fault", plural(int(c.Behind), "event"))
	}
	if more := max(len(c.Differences)-most, 0) + c.More; more > 0 {
		t.say("and %s more", plural(more, "difference"))
	}
}
