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
	// Ends gives the position of the last event of each shard.
	Ends(ctx context.Context) ([]domain.Position, error)
}

// Store keeps rows and knows no rules. Its errors, unless they are among those below, mean that it cannot be reached just now.
// Any method may answer ErrNoTables.
type Store interface {
	// Prepare makes the tables. If one of them is missing or of another version, all are made anew and empty; but those of another version
	// only if replace says so, else it changes nothing and answers ErrReplaced.
	Prepare(ctx context.Context, replace bool) error
	// Reset makes the tables anew and empty, if the shard's checkpoint still is was; else it changes nothing and answers ErrFenced. It
	// answers ErrReplaced if they are of another version.
	Reset(ctx context.Context, shard int, was domain.Position) error
	// Whole says nil if all the tables are there, and ErrReplaced if they are but are of another version.
	Whole(ctx context.Context) error
	// Checkpoint says how far a shard is folded; the zero Position if nothing is.
	Checkpoint(ctx context.Context, shard int) (domain.Position, error)
	// Commit puts down all of a batch and moves the shard's checkpoint, or changes nothing: ErrFenced if the checkpoint is not where
	// the batch begins, ErrDuplicate if one of its messages is there already. Where it takes away what somebody has said in a conversation, it also
	// numbers the other messages anew, and the numbers at marks with them; of a person's topic it takes away the SeenRow.
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
	// ErrReplaced says that the tables are of another version.
	ErrReplaced = errors.New("another version of Parley has made the tables of the read models anew and works at them now; this one ends, so that the two do not undo one another's work")
)
