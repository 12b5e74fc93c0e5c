package projector_test

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"parley/domain"
	"parley/projector"
	"parley/projector/memory"
	"parley/projector/projectortest"
)

// anew is a store of which nothing serves yet, so that all of it is made beside.
type anew struct {
	*memory.Store
	duplicates *int
}

func (a anew) Beside(context.Context) (projector.Fresh, error)    { return a, nil }
func (a anew) Serving(context.Context) ([]domain.Position, error) { return nil, projector.ErrNoTables }
func (a anew) Snapshot(context.Context) (projector.Snapshot, error) {
	return nil, projector.ErrNoTables
}
func (a anew) Swap(ctx context.Context, catchUp func(context.Context) error) error {
	return catchUp(ctx)
}
func (a anew) Close() {}
func (a anew) Settle(context.Context, []projector.Difference) ([]projector.Difference, error) {
	return nil, projector.ErrNoTables
}

func (a anew) Commit(ctx context.Context, b projector.Batch) error {
	err := a.Store.Commit(ctx, b)
	if errors.Is(err, projector.ErrDuplicate) {
		*a.duplicates++
	}
	return err
}

// However many batches are on their way when one meets a message that is there, the rows are those of a plain recount.
func TestBatchesOnTheirWay(t *testing.T) {
	duplicates := 0
	rapid.Check(t, func(rt *rapid.T) {
		log := projectortest.NewLog(rapid.SampledFrom([]int{1, 3}).Draw(rt, "shards"))
		projectortest.NewHistory(log).Go(rt, projectortest.Steps(rt, 120))
		s := anew{memory.New(), new(int)}
		_, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{
			Batch: rapid.IntRange(1, 20).Draw(rt, "batch"), Cache: rapid.SampledFrom([]int{1, 5, 1000}).Draw(rt, "cache"),
		})
		if err != nil {
			rt.Fatal(err)
		}
		projectortest.Recount(t, log, s.Store)
		if t.Failed() {
			rt.FailNow()
		}
		duplicates += *s.duplicates
	})
	if duplicates == 0 {
		t.Error("no batch met a message that was there")
	}
}

// failing is a store into which nothing gets.
type failing struct {
	anew
	err error
}

func (s failing) Beside(context.Context) (projector.Fresh, error)     { return s, nil }
func (s failing) Commit(ctx context.Context, b projector.Batch) error { return s.err }

// The last batch is waited for, too.
func TestBatchOnItsWayFails(t *testing.T) {
	log := projectortest.NewLog(1)
	log.Append(domain.Direct("ann", "bob"), domain.FriendRequested{By: "ann"}, 0)
	s := failing{anew{memory.New(), new(int)}, errAway}
	if _, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{}); !errors.Is(err, errAway) {
		t.Errorf("it ends with %v", err)
	}
}
