package edge_test

import (
	"encoding/json"
	"sync"
	"testing"

	"parley/edge"
)

// signals are a world's, of which a test may lose some, or hold up all.
type signals struct {
	edge.Signals
	tb   testing.TB
	mu   sync.Mutex
	lose func(kind string) bool
	held []func() error // what waits; nil: nothing is held up
}

// hold lets all signals wait until release. waiting is how many do.
func (s *signals) hold() (waiting func() int, release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = []func() error{}
	waiting = func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.held)
	}
	return waiting, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, broadcast := range s.held {
			must(s.tb, broadcast())
		}
		s.held = nil
	}
}

func (s *signals) Broadcast(subject string, payload []byte) error {
	var what struct{ Kind string }
	_ = json.Unmarshal(payload, &what)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lose != nil && s.lose(what.Kind):
		return nil
	case s.held != nil:
		s.held = append(s.held, func() error { return s.Signals.Broadcast(subject, payload) })
		return nil
	}
	return s.Signals.Broadcast(subject, payload)
}

func (s *signals) losing(lose func(kind string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = lose
}

func (s *signals) into(w *world) func(*edge.Options) {
	s.Signals, s.tb = w.journal, w.TB
	return func(o *edge.Options) { o.Signals = s }
}
