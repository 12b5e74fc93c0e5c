package edge

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"
)

// spoken are the signals that an edge sends.
type spoken chan signal

func (c spoken) Broadcast(_ string, b []byte) error {
	var s signal
	err := json.Unmarshal(b, &s)
	c <- s
	return err
}

func (spoken) Hear(string, func([]byte)) (stop func(), err error) { return func() {}, nil }

// An edge that is busy with people who come and go is not taken for dead: its beats do not wait for that.
func TestBeatsWaitForNothing(t *testing.T) {
	signals := make(spoken)
	e := &Edge{Options: Options{Signals: signals, Settings: Settings{Beat: time.Millisecond}}, logger: slog.New(slog.DiscardHandler)}
	e.ctx, e.cancel = context.WithCancelCause(t.Context())
	e.hub = newHub(e)
	e.presence = newPresence(e)
	e.presence.mu.Lock()
	defer e.presence.mu.Unlock()
	e.spawn(e.presence.keepAlive)
	for n := range uint64(10) {
		if s := <-signals; s.Kind != "beat" || s.Beat != n+1 {
			t.Fatalf("it says %+v, want beat %d", s, n+1)
		}
	}
	e.cancel(nil)
	go func() {
		for range signals { // one may be on its way
		}
	}()
	e.work.Wait()
	close(signals)
}
