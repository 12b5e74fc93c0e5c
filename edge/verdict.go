package edge

import (
	"context"
	"time"

	"parley/domain"
)

// verdicts tell those who have stored something what became of it at its place in the log. The conversation's lock guards them.
type verdicts struct {
	denied  []denial             // the latest messages and changes that did not count
	dropped uint64               // denials up to here may have been dropped
	waiting map[*waiter]struct{} // for a live copy to be dealt with
}

type denial struct {
	seq uint64
	err error
}

type waiter struct {
	seq     uint64
	event   domain.Event
	done    func(error)
	asklog  func() // asks the log instead and calls done
	timeout *time.Timer
}

const maxDenied = 256 // as many as are likely to be under way from those who were just denied

func (v *verdicts) deny(seq uint64, err error) {
	if len(v.denied) == maxDenied {
		v.dropped = v.denied[0].seq
		v.denied = v.denied[1:]
	}
	v.denied = append(v.denied, denial{seq, err})
}

// answer says what became of a record that was dealt with; the log does where it is too long ago.
func (v *verdicts) answer(e *Edge, w *waiter) {
	for _, d := range v.denied {
		if d.seq == w.seq {
			w.done(d.err)
			return
		}
	}
	if w.seq <= v.dropped {
		e.spawn(w.asklog)
		return
	}
	w.done(nil)
}

// reach answers those who wait for a record that its lane has come to.
func (v *verdicts) reach(e *Edge, to lanes) {
	for w := range v.waiting {
		if w.seq <= to.upTo(w.event) && w.timeout.Stop() {
			delete(v.waiting, w)
			v.answer(e, w)
		}
	}
}

// giveUp lets all who wait ask the log.
func (v *verdicts) giveUp(e *Edge) {
	for w := range v.waiting {
		if w.timeout.Stop() {
			delete(v.waiting, w)
			e.spawn(w.asklog)
		}
	}
}

// settle calls done once, soon, with what became of the event that this edge stored at a sequence: nil, or why what was said did not count
// after all. The order of the log decides: somebody may have been removed between being asked and being stored. done must not block; it
// is not called any more when the edge closes. What waits until then may be forgotten.
func (c *conversation) settle(stored domain.Stored, e domain.Event, done func(error)) *waiter {
	w := &waiter{seq: stored.Seq, event: e, done: done, asklog: func() { done(c.hub.judge(c.topic, stored.Seq, e)) }}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case stored.Duplicate, c.retired:
		c.hub.edge.spawn(w.asklog)
		return nil
	case w.seq <= c.lanes.upTo(e):
		c.verdicts.answer(c.hub.edge, w)
		return nil
	}
	w.timeout = time.AfterFunc(c.hub.edge.Settings.LiveWait, func() {
		c.mu.Lock()
		delete(c.verdicts.waiting, w)
		c.mu.Unlock()
		c.hub.edge.spawn(w.asklog)
	})
	if c.verdicts.waiting == nil {
		c.verdicts.waiting = map[*waiter]struct{}{}
	}
	c.verdicts.waiting[w] = struct{}{}
	return w
}

// forget ends the waiting of who does not want to know any more; nil is nobody.
func (c *conversation) forget(w *waiter) {
	if w == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.timeout.Stop()
	delete(c.verdicts.waiting, w)
}

// settled waits for settle.
func (c *conversation) settled(ctx context.Context, stored domain.Stored, e domain.Event) error {
	answer := make(chan error, 1)
	w := c.settle(stored, e, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		c.forget(w)
		if _, judged := e.(domain.Spoken); judged {
			return ctx.Err()
		}
		return nil // it is stored, whatever we have seen of it
	}
}

// judge asks the log what became of an event at a sequence.
func (h *hub) judge(t domain.Topic, seq uint64, e domain.Event) error {
	spoken, judged := e.(domain.Spoken)
	if !judged {
		return nil // a decision names the state that it was made from: what is stored, counts
	}
	ctx, cancel := context.WithTimeout(h.edge.ctx, patience)
	defer cancel()
	s, _, err := h.fold(ctx, t, seq)
	if err != nil {
		return err
	}
	var m domain.Said
	if change, ok := e.(domain.Change); ok {
		if m.From, _ = change.Speaker(); doubtful(s, change) {
			if m.From, err = h.author(ctx, t, change.Of()); err != nil {
				return err
			}
		}
	}
	return counts(s, spoken, m)
}
