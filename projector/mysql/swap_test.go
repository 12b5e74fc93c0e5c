package mysql_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/domain"
	"parley/projector"
	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

// A question that takes long holds the swap up, and nobody else.
func TestLongQuestionsHoldUpOnlyTheSwap(t *testing.T) {
	s, db, log := told(t, 1)
	_, stop := projectortest.Start(t, log, s, projectortest.Quick())
	projectortest.CatchUp(t, log, s)
	was := generation(t, db)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("SELECT COUNT(*) FROM messages"); err != nil {
		t.Fatal(err)
	}
	swapping := make(chan struct{})
	var once sync.Once
	done := make(chan error, 1)
	go func() {
		_, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{Progress: func(p projector.Progress) {
			if p.Step == projector.Swapping {
				once.Do(func() { close(swapping) })
			}
		}})
		done <- err
	}()
	<-swapping
	for range 3 {
		story(log)
		projectortest.CatchUp(t, log, s)
		if _, err := s.Friends(t.Context(), "ann"); err != nil {
			t.Errorf("somebody who asks meanwhile: %v", err)
		}
	}
	if got := generation(t, db); got != was {
		t.Error("the tables were swapped under a question")
	}
	select {
	case err := <-done:
		t.Fatalf("it has not waited: %v", err)
	default:
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if generation(t, db) == was {
		t.Error("the same tables serve")
	}
	story(log)
	projectortest.CatchUp(t, log, s)
	if err := stop(); err != nil {
		t.Error(err)
	}
	verified(t, log, s)
}

// While tables are swapped nothing is committed into those that served: who commits waits, and is told afterwards where they are others.
func TestNothingIsCommittedDuringASwap(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	log := projectortest.NewLog(2)
	if err := s.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	swap, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer swap.Close()
	const lock = "CONCAT('parley.swap.', LEFT(SHA1(DATABASE()), 16))"
	var from domain.Position
	for seq := uint64(1); seq <= 2; seq++ { // the first commit of a shard, and one that follows
		if _, err := swap.ExecContext(t.Context(), "DO GET_LOCK("+lock+", 0)"); err != nil {
			t.Fatal(err)
		}
		to := domain.Position{Epoch: "first", Seq: seq, Time: 1}
		done := make(chan error, 1)
		go func() { done <- s.Commit(t.Context(), projector.Batch{From: from, To: to}) }()
		projectortest.Until(t, "it waits", func() bool {
			var n int
			err := db.QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB=DATABASE() AND STATE='User lock'").Scan(&n)
			return err == nil && n == 1
		})
		if at, err := s.Checkpoint(t.Context(), 0); err != nil || at != from {
			t.Errorf("it was committed: %v, %v", at, err)
		}
		if _, err := swap.ExecContext(t.Context(), "DO RELEASE_LOCK("+lock+")"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("afterwards: %v", err)
		}
		from = to
	}
	if err := s.Commit(t.Context(), projector.Batch{From: domain.Position{Epoch: "first", Seq: 1, Time: 1}, To: from}); !errors.Is(err, projector.ErrFenced) {
		t.Errorf("from another place: %v", err)
	}
	if _, err := projector.Rebuild(t.Context(), log, open(t, dsn), projector.RebuildOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Whole(t.Context()); !errors.Is(err, projector.ErrSwapped) {
		t.Errorf("Whole: %v", err)
	}
	exec(t, db, "INSERT INTO checkpoints (shard, epoch, seq, time, generation) VALUES (0, 'first', 2, 1, '')")
	next := projector.Batch{From: from, To: domain.Position{Epoch: "first", Seq: 3, Time: 1}}
	if err := s.Commit(t.Context(), next); !errors.Is(err, projector.ErrSwapped) {
		t.Errorf("into other tables: %v", err)
	}
	if err := s.Prepare(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), next); err != nil {
		t.Errorf("when it knows of them: %v", err)
	}
}

// gated is a log that is not read up to a place before a gate is open.
type gated struct {
	*projectortest.Log
	gate chan struct{}
}

func (l gated) ReadTo(ctx context.Context, shard int, after domain.Position, end uint64, batch int, fn func([]domain.Record) error) error {
	return l.Log.ReadTo(ctx, shard, after, end, batch, func(some []domain.Record) error {
		if err := fn(some); err != nil || after.Seq > 0 {
			return err
		}
		select {
		case <-l.gate:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
}

// Tables of another version serve until those of this one are there, and Ready says how far they are. A second projector waits for the first.
func TestAnotherVersionServesMeanwhile(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	log := gated{projectortest.NewLog(1), make(chan struct{})}
	story(log.Log)
	projectortest.Fold(t, log.Log, s, projectortest.Quick())
	want, tables := dump(t, db), names(t, db)
	for _, table := range tables {
		exec(t, db, "ALTER TABLE "+table+" COMMENT='parley read models another-version abc'")
	}
	exec(t, db, "ALTER TABLE people DROP COLUMN avatar")
	exec(t, db, "CREATE TABLE only_theirs (a INT) COMMENT='parley read models another-version abc'")
	o := projectortest.Quick()
	o.Rebuild = 10
	one, stopOne := projectortest.Start(t, log, open(t, dsn), o)
	projectortest.Until(t, "it says how far it is", func() bool {
		err := one.Ready()
		return err != nil && strings.Contains(err.Error(), "anew beside the old: ") && !strings.Contains(err.Error(), ": 0 %")
	})
	two, stopTwo := projectortest.Start(t, log, open(t, dsn), o)
	projectortest.Until(t, "the other waits", func() bool { return errors.Is(two.Ready(), projector.ErrBusy) })
	if _, err := s.Friends(t.Context(), "ann"); err != nil {
		t.Errorf("who asks meanwhile: %v", err)
	}
	if err := open(t, dsn).Ready(t.Context()); err != nil {
		t.Errorf("who only asks is not ready: %v", err)
	}
	close(log.gate)
	projectortest.Until(t, "both are ready", func() bool { return one.Ready() == nil && two.Ready() == nil })
	projectortest.CatchUp(t, log, s)
	for _, stop := range []func() error{stopOne, stopTwo} {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
	sameDump(t, "after another version", want, dump(t, db))
	if left := names(t, db); !slices.Equal(left, tables) {
		t.Errorf("there are %v", left)
	}
}

// A rebuild that ends in the middle, however, leaves what serves, and the next one works.
func TestInterruptedAtEveryStep(t *testing.T) {
	s, db, log := told(t, 2)
	projectortest.Fold(t, log, s, projectortest.Quick())
	want, tables := dump(t, db), names(t, db)
	for last, ended := 0, false; !ended; last += 1 + last/4 {
		ctx, cancel := context.WithCancel(t.Context())
		told := 0
		_, err := projector.Rebuild(ctx, log, s, projector.RebuildOptions{Batch: 300, Progress: func(projector.Progress) {
			if told++; told > last {
				cancel()
			}
		}})
		cancel()
		ended = err == nil && told <= last
		if err := s.Whole(t.Context()); err != nil && !errors.Is(err, projector.ErrSwapped) {
			t.Fatalf("interrupted after %d steps: %v", last, err)
		}
		sameDump(t, fmt.Sprintf("interrupted after %d steps", last), want, dump(t, db))
		if left := names(t, db); !slices.Equal(left, tables) {
			t.Errorf("interrupted after %d steps there are %v", last, left)
		}
	}
	verified(t, log, s)
}

// Rows without the checkpoints that they belong to are not folded over: they are made anew, at once and after a start. A copy of a table that
// somebody has made keeps out of it.
func TestCheckpointsAreLost(t *testing.T) {
	s, db, log := told(t, 2)
	projectortest.Fold(t, log, s, projectortest.Quick())
	want := dump(t, db)
	lose := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	lose("CREATE TABLE copy LIKE messages")
	lose("DELETE FROM checkpoints")
	projectortest.Fold(t, log, s, projectortest.Quick())
	sameDump(t, "lost before a start", want, dump(t, db))

	_, stop := projectortest.Start(t, log, s, projectortest.Quick())
	for _, some := range []string{"", " WHERE shard=1"} {
		projectortest.CatchUp(t, log, s)
		lose("DELETE FROM checkpoints" + some)
		projectortest.Until(t, "all is there again", func() bool {
			var n int
			return db.QueryRow("SELECT COUNT(*) FROM checkpoints").Scan(&n) == nil && n == 2
		})
		projectortest.CatchUp(t, log, s)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	sameDump(t, "lost as it ran", want, dump(t, db))
	if all := names(t, db); !slices.Contains(all, "copy") {
		t.Errorf("the copy is gone, there are %v", all)
	}
}
