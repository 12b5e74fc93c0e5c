package projector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/domain"
)

// shard follows one shard of the log.
type shard struct {
	*Projector
	id   int
	fold *fold // nil before the first

	mu sync.Mutex
	at domain.Position
}

// position is how far this shard has committed, in the tables as it knows them.
func (s *shard) position() domain.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *shard) moved(to domain.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = to
}

// run follows until ctx ends (nil), an event is unknown or unreadable, or the tables are gone, replaced or swapped.
func (s *shard) run(ctx context.Context) error {
	for wait := newBackoff(s.options.Pause); ; {
		before := s.position()
		err := s.follow(ctx)
		if errors.Is(err, domain.ErrGone) {
			err = s.startOver(ctx, err)
		}
		if errors.Is(err, ErrFenced) {
			err = s.standBy(ctx)
		}
		var unknown *domain.UnknownEventError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &unknown), errors.Is(err, domain.ErrUnreadable):
			return fmt.Errorf("shard %d, after event %d: %w", s.id, s.position().Seq, err)
		case errors.Is(err, ErrNoTables), errors.Is(err, ErrReplaced), errors.Is(err, ErrSwapped):
			return err
		case err != nil:
			s.report(s.id, err)
		}
		if s.position() != before {
			wait.reset()
		}
		if !wait.sleep(ctx) {
			return nil
		}
	}
}

// follow folds from the checkpoint on, until something fails.
func (s *shard) follow(ctx context.Context) error {
	at, err := s.store.Checkpoint(ctx, s.id)
	if err != nil {
		return fmt.Errorf("read the checkpoint: %w", err)
	}
	s.moved(at)
	epoch := s.log.Epoch(s.id)
	if at != (domain.Position{}) && at.Epoch != epoch {
		return fmt.Errorf("the read models were made from the log %q, this one is %q: %w", at.Epoch, epoch, domain.ErrGone)
	}
	if s.fold == nil || s.fold.spoilt || s.fold.at != at || s.fold.epoch != epoch {
		s.fold = newFold(s.log, s.store, s.options.Cache, s.id, epoch, at)
	}
	s.report(s.id, nil)
	return s.log.Follow(ctx, s.id, at, s.options.Batch, func(records []domain.Record) error {
		err := s.fold.commit(ctx, records, false)
		if err == nil {
			s.moved(s.fold.at)
			s.folded.Add(uint64(len(records)))
			s.report(s.id, nil)
		}
		return err
	})
}

// startOver empties the read models, because they are not of this log.
func (s *shard) startOver(ctx context.Context, why error) error {
	was := s.position()
	if was == (domain.Position{}) {
		return fmt.Errorf("follow the log from its beginning: %w", why)
	}
	s.options.Logger.Error("projector: THE READ MODELS ARE NOT OF THIS LOG; they are emptied and the log is folded anew",
		"shard", s.id, "checkpoint", was, "because", why)
	s.moved(domain.Position{})
	if err := s.store.Reset(ctx, s.id, was); err != nil {
		return fmt.Errorf("empty the read models: %w", err)
	}
	return nil
}

// standBy waits until the one who works at this shard is gone: there is something to fold, and for as long as Patience nobody has.
func (s *shard) standBy(ctx context.Context) error {
	s.options.Logger.Info("projector: another one works at this shard; standing by", "shard", s.id)
	mine := s.position()
	for since, was := time.Now(), mine; ; {
		at, err := s.store.Checkpoint(ctx, s.id)
		if err != nil {
			return fmt.Errorf("read the checkpoint: %w", err)
		}
		if at == (domain.Position{}) || at.Epoch == mine.Epoch && at.Seq < mine.Seq {
			return nil // the tables were made anew: nobody is ahead
		}
		ends, err := s.log.Ends(ctx)
		if err != nil {
			return fmt.Errorf("ask the log for its end: %w", err)
		}
		s.report(s.id, nil)
		s.moved(at)
		if end := ends[s.id]; at != was || at.Epoch == end.Epoch && at.Seq >= end.Seq { // what came last may have been erased
			since, was = time.Now(), at
		}
		if time.Since(since) >= s.options.Patience {
			s.options.Logger.Info("projector: nobody folds what there is; taking over", "shard", s.id, "checkpoint", at)
			return nil
		}
		if !sleep(ctx, s.options.Patience/4) {
			return nil
		}
	}
}
