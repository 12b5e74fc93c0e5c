package projectortest

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"parley/domain"
	"parley/projector"
)

// Store is what a store must be: written by a projector, asked by an edge.
type Store interface {
	projector.Store
	Person(ctx context.Context, uid domain.UserID) (domain.PersonView, error)
	People(ctx context.Context, query string, limit int) ([]domain.PersonView, error)
	Friends(ctx context.Context, me domain.UserID) ([]domain.FriendView, error)
	CountFriends(ctx context.Context, people []domain.UserID) (map[domain.UserID]int, error)
	CountGroups(ctx context.Context, people []domain.UserID) (map[domain.UserID]int, error)
	Applies(ctx context.Context, me domain.UserID, types []domain.ApplyType, after string, limit int) ([]domain.ApplyView, string, error)
	Blocked(ctx context.Context, me domain.UserID) ([]domain.PersonView, error)
	Groups(ctx context.Context, me domain.UserID) ([]domain.GroupView, error)
	Group(ctx context.Context, me domain.UserID, gid domain.GroupID) (domain.GroupView, error)
	Members(ctx context.Context, me domain.UserID, gid domain.GroupID, after domain.UserID, limit int) ([]domain.MemberView, error)
	Conversations(ctx context.Context, me domain.UserID, after string, limit int) ([]domain.ConversationView, string, error)
	Messages(ctx context.Context, me domain.UserID, t domain.Topic, before, after uint64, limit int) ([]domain.MessageView, bool, error)
	Search(ctx context.Context, me domain.UserID, query, after string, limit int) ([]domain.FoundView, string, error)
	MessageSeq(ctx context.Context, shard int, t domain.Topic, from domain.UserID, id string) (uint64, domain.Position, error)
	Topics(ctx context.Context, u domain.UserID) ([]domain.Topic, error)
	Erasing(ctx context.Context) ([]domain.UserID, error)
	Wait(ctx context.Context, ends []domain.Position) (uint64, error)
	Ready(ctx context.Context) error
	Close() error
}

// Patience bounds every wait for something that must come.
const Patience = time.Minute

// Quick are options with short waits and no talk.
func Quick() projector.Options {
	return projector.Options{
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Batch:  7, Patience: 20 * time.Millisecond, Pause: time.Millisecond, Watch: 10 * time.Millisecond,
	}
}

// Start sets a projector to work for as long as a test; stop ends it and gives what Run answered.
func Start(tb testing.TB, log projector.Log, store projector.Store, o projector.Options) (p *projector.Projector, stop func() error) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p = projector.New(log, store, o)
	answer := make(chan error, 1)
	go func() { answer <- p.Run(ctx) }()
	var err error
	ended := false
	stop = func() error {
		if !ended {
			cancel()
			err, ended = <-answer, true
		}
		return err
	}
	tb.Cleanup(func() { stop() })
	return p, stop
}

// CatchUp waits until the store holds all that is in the log.
func CatchUp(tb testing.TB, log projector.Log, store Store) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Patience)
	defer cancel()
	ends, err := log.Ends(ctx)
	if err != nil {
		tb.Fatalf("Ends: %v", err)
	}
	switch behind, err := store.Wait(ctx, ends); {
	case err != nil:
		tb.Fatalf("Wait: %v", err)
	case behind > 0:
		tb.Fatalf("the read models are still %d events behind after %v", behind, Patience)
	}
}

// Fold brings the store up to date with the log.
func Fold(tb testing.TB, log projector.Log, store Store, o projector.Options) {
	tb.Helper()
	p, stop := Start(tb, log, store, o)
	Until(tb, "the projector is ready", func() bool { return p.Ready() == nil })
	CatchUp(tb, log, store)
	if err := stop(); err != nil {
		tb.Fatalf("Run: %v", err)
	}
}

// Until waits for a condition.
func Until(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for end := time.Now().Add(Patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("not within %v: %s", Patience, what)
		}
	}
}

// Empty throws away all that a store holds.
func Empty(tb testing.TB, store Store) {
	tb.Helper()
	at, err := store.Checkpoint(tb.Context(), 0)
	if err == nil {
		err = store.Reset(tb.Context(), 0, at)
	}
	if err != nil {
		tb.Fatalf("Reset: %v", err)
	}
}
