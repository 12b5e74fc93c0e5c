package projector

import (
	"context"
	"errors"

	"parley/domain"
)

// Log is what the projector needs of the journal.
type Log interface {
	// Shards is how many shards the log has; they are numbered from 0.
	Shards() int
	// Epoch names the life of a shard.
	Epoch(shard int) string
	// State gives the events of a topic's state lane with a Seq less than before, in order.
	State(ctx context.Context, t domain.Topic, before uint64) ([]domain.Record, error)
	// Follow hands on the events of a shard that come after a position, in order and at most batch at a time, until ctx ends or fn
	// fails. The error wraps domain.ErrGone if the position is of another epoch, beyond the end, or one at which something else stands, and
	// *domain.UnknownEventError or domain.ErrUnreadable for an event that it cannot read.
	Follow(ctx context.Context, shard int, after domain.Position, batch int, fn func([]domain.Record) error) error
	// ReadTo hands on the events of a shard that come after a position and not after end, in order and at most batch at a time, and answers nil when it
	// has done so. Its errors are those of Follow.
	ReadTo(ctx context.Context, shard int, after domain.Position, end uint64, batch int, fn func([]domain.Record) error) error
	// Ends gives the position of the last event of each shard.
	Ends(ctx context.Context) ([]domain.Position, error)
}

// Store keeps rows and knows no rules. Its errors, unless they are among those below, mean that it cannot be reached just now.
// Any method may answer ErrNoTables.
type Store interface {
	// Prepare makes the tables, all of them and empty, where some are missing. Those of another version it leaves alone and answers ErrReplaced, unless
	// some of them are missing and replace says that the others may be dropped.
	Prepare(ctx context.Context, replace bool) error
	// Reset makes the tables anew and empty, if the shard's checkpoint still is was; else it changes nothing and answers ErrFenced. It
	// answers ErrReplaced if they are of another version.
	Reset(ctx context.Context, shard int, was domain.Position) error
	// Whole says nil if all the tables are there, ErrReplaced if they are but are of another version, and ErrSwapped if they are not those that Prepare
	// has found or made.
	Whole(ctx context.Context) error
	// Checkpoint says how far a shard is folded; the zero Position if nothing is.
	Checkpoint(ctx context.Context, shard int) (domain.Position, error)
	// Commit puts down all of a batch and moves the shard's checkpoint, or changes nothing: ErrFenced if the checkpoint is not where
	// the batch begins, ErrDuplicate if one of its messages is there already, ErrSwapped if the tables are not those that Prepare has found or made.
	// What it takes away of somebody in a conversation are the messages, reactions and marks; of a person's own topic it is the SeenRow.
	Commit(ctx context.Context, b Batch) error

	// Tails gives the ends of those of the conversations that have messages.
	Tails(ctx context.Context, topics []domain.Topic) ([]TailRow, error)
	// Numbers gives for each place the number of the last message at or before it, 0 for none.
	Numbers(ctx context.Context, places []Place) ([]uint64, error)
	// Said gives those of the messages at some places that are there.
	Said(ctx context.Context, places []Place) ([]SaidRow, error)
	// Known gives those of the messages that are there.
	Known(ctx context.Context, keys []MessageKey) ([]MessageKey, error)
}

var (
	// ErrFenced says that the checkpoint is not where it was: another projector works at this shard.
	ErrFenced = errors.New("the checkpoint was moved by another projector")
	// ErrDuplicate says that a message of the batch is in the read model already.
	ErrDuplicate = errors.New("a message of this batch is there already")
	// ErrNoTables says that the tables, or some of them, are not there.
	ErrNoTables = errors.New("the tables of the read models are missing")
	// ErrSwapped says that tables which were made beside have taken the place of those that this projector worked at.
	ErrSwapped = errors.New("the read models were made anew beside, and have been swapped in")
	// ErrReplaced says that the tables are of another version.
	ErrReplaced = errors.New("another version of Parley has made the tables of the read models anew and works at them now; this one ends, so that the two do not undo one another's work")
)
