package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"parley/projector"
)

// sayEvery is how often a line tells how far it is, where there is no terminal.
const sayEvery = 5 * time.Second

// watchProgress shows how far a rebuild or a verification is: by a bar where w is a terminal, else by lines. done takes the bar away.
func watchProgress(w io.Writer, what string) (progress func(projector.Progress), done func()) {
	if terminal(w) {
		return showBar(w, what)
	}
	return printLines(w, what), func() {}
}

// full is how finely the bar tells.
const full = 1000

func showBar(w io.Writer, what string) (progress func(projector.Progress), done func()) {
	p := pace{begun: time.Now()}
	bar := progressbar.NewOptions64(full, progressbar.OptionSetWriter(w), progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
	return func(at projector.Progress) {
		now := time.Now()
		bar.Describe(what + ": " + p.line(at, now) + p.left(at, now))
		_ = bar.Set64(min(full*int64(at.At)/int64(max(at.End, 1)), full-1)) // the library shows nothing more of a bar that has been full
	}, func() { _ = bar.Clear() }
}

func printLines(w io.Writer, what string) func(projector.Progress) {
	p := pace{begun: time.Now()}
	var told time.Time
	return func(at projector.Progress) {
		if now := time.Now(); now.Sub(told) >= sayEvery {
			told = now
			fmt.Fprintf(w, "parley: %s: %s, %d %%%s\n", what, p.line(at, now), at.Percent(), p.left(at, now))
		}
	}
}

// terminal says whether somebody watches.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// pace is how fast the log is read.
type pace struct{ begun time.Time }

// line says what is being done: how many events, and how many in a second.
func (p pace) line(at projector.Progress, now time.Time) string {
	if at.Step == projector.Comparing {
		return fmt.Sprintf("%s %s, %s", at.Step, at.Table, plural(int(at.Rows), "row"))
	}
	rate := float64(at.Events) / max(now.Sub(p.begun).Seconds(), 0.001)
	return fmt.Sprintf("%s, %s, %.0f a second", at.Step, plural(int(at.Events), "event"), rate)
}

// left says how much longer the log will take to be read, as it goes.
func (p pace) left(at projector.Progress, now time.Time) string {
	if at.Step != projector.Reading || at.At == 0 || at.At >= at.End {
		return ""
	}
	took := now.Sub(p.begun)
	return fmt.Sprintf(", %v left", (time.Duration(float64(took) / float64(at.At) * float64(at.End-at.At))).Round(time.Second))
}
