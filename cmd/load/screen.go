package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// sayEvery is how often a line tells how far it is, where there is no terminal.
const sayEvery = 5 * time.Second

// screen shows what goes on: by a bar where somebody watches, else by lines.
type screen struct {
	w       io.Writer
	watched bool

	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	what  string
	since time.Time
	takes time.Duration
	told  time.Time
}

func newScreen(w io.Writer) *screen {
	f, ok := w.(*os.File)
	if ok {
		info, err := f.Stat()
		ok = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return &screen{w: w, watched: ok}
}

// say prints a line.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.w, format+"\n", args...)
}

// begin says that something begins, and how long it takes.
func (s *screen) begin(what string, takes time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.what, s.takes, s.since, s.told = what, takes, time.Now(), time.Now()
	if s.watched {
		s.bar = progressbar.NewOptions64(full, progressbar.OptionSetWriter(s.w), progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription(what))
	}
}

// full is how finely the bar tells.
const full = 1000

// tell says how it goes.
func (s *screen) tell(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.what
	if format != "" {
		line += ", " + fmt.Sprintf(format, args...)
	}
	switch {
	case s.bar != nil:
		_ = s.bar.Set64(min(full*int64(time.Since(s.since))/int64(max(s.takes, 1)), full-1)) // the library shows nothing more of a bar that has been full
		s.bar.Describe(line)
	case time.Since(s.told) >= sayEvery:
		s.told = time.Now()
		fmt.Fprintln(s.w, line)
	}
}

// end takes the bar away.
func (s *screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *screen) clear() {
	if s.bar != nil {
		_ = s.bar.Clear()
		s.bar = nil
	}
}
