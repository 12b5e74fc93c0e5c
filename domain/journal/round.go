package journal

import (
	"context"
	"sync"
)

// rounds lets callers that come at the same time share one question. A caller gets the answer to a question that was asked
// after it came, never to one under way: what it did before is seen by the answer.
type rounds[T any] struct {
	ask func(context.Context) (T, error)

	mu      sync.Mutex
	next    *round[T] // the callers that wait for the next question; nil for none
	running bool
	workers sync.WaitGroup
}

type round[T any] struct {
	done   chan struct{}
	answer T
	err    error
}

// join waits for the answer of the next round. life bounds the question, ctx only this caller's waiting.
func (r *rounds[T]) join(ctx, life context.Context) (T, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &round[T]{done: make(chan struct{})}
	}
	mine := r.next
	if !r.running {
		r.running = true
		r.workers.Go(func() { r.run(life) })
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.answer, mine.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// run asks until nobody waits.
func (r *rounds[T]) run(life context.Context) {
	for {
		r.mu.Lock()
		now := r.next
		r.next, r.running = nil, now != nil
		r.mu.Unlock()
		if now == nil {
			return
		}
		ctx, cancel := context.WithTimeout(life, patience)
		now.answer, now.err = r.ask(ctx)
		cancel()
		close(now.done)
	}
}
