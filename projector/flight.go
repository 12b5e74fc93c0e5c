package projector

import (
	"context"
	"errors"
	"slices"

	"parley/domain"
)

// flight is a batch on its way into the store while the next one is folded. There is one at most, it holds nothing that takes away what is there, and
// whatever asks the store waits for it.
type flight struct {
	from    domain.Position
	records []domain.Record
	landed  chan error // holds what came of it
}

// send puts a batch down, or, ahead, only sets it on its way. The one before has come there then.
func (f *fold) send(ctx context.Context, ahead bool, b Batch, records []domain.Record) error {
	if err := f.land(); err != nil {
		return err
	}
	if !ahead || b.Erased != nil {
		return f.store.Commit(ctx, b)
	}
	sent := &flight{b.From, slices.Clone(records), make(chan error, 1)}
	go func() { sent.landed <- f.store.Commit(ctx, b) }()
	f.sent = sent
	return nil
}

// land waits until the batch on its way is in the store. One that met a message that is there already is kept, for again; after any other failure the
// fold is spoilt, and ahead of where it says that it is.
func (f *fold) land() error {
	if f.sent == nil {
		return nil
	}
	err := <-f.sent.landed
	switch {
	case errors.Is(err, ErrDuplicate):
		f.twice = f.sent
	case err != nil:
		f.at, f.spoilt = f.sent.from, true
	}
	f.sent = nil
	return err
}

// settle lands what is on its way, and folds it again where it met a message that is there.
func (f *fold) settle(ctx context.Context) error {
	err := f.land()
	if errors.Is(err, ErrDuplicate) {
		err = f.again(ctx, nil)
	}
	return err
}

// again folds records with the known messages looked up, and before them those of the batch that was on its way, if it was that one which has met
// some.
func (f *fold) again(ctx context.Context, records []domain.Record) error {
	if f.twice != nil {
		f.at, records, f.twice = f.twice.from, append(f.twice.records, records...), nil
	}
	known, err := f.known(ctx, records)
	if err != nil {
		return err
	}
	return f.attempt(ctx, records, known, false)
}
