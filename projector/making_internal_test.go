package projector

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"parley/domain"
)

// shortLog is a log of one shard.
type shortLog struct {
	Log
	records []domain.Record
}

func (l shortLog) ReadTo(_ context.Context, _ int, after domain.Position, _ uint64, _ int, fn func([]domain.Record) error) error {
	return fn(l.records[after.Seq:])
}

func (l shortLog) Ends(context.Context) ([]domain.Position, error) {
	return []domain.Position{{Epoch: "e", Seq: uint64(len(l.records))}}, nil
}

// away is fresh tables whose server does not answer a few times.
type away struct {
	Fresh
	times int
	rows  []MessageRow
}

func (f *away) Commit(_ context.Context, b Batch) error {
	if f.times > 0 {
		f.times--
		return errors.New("away")
	}
	f.rows = append(f.rows, b.Messages...)
	return nil
}

// A swap that is tried again has the fresh tables caught up again: what was folded before, and not put down, counts once.
func TestCatchUpAgain(t *testing.T) {
	ab, log := domain.Direct("ann", "bob"), shortLog{}
	for i := range 3 {
		m := domain.Message{From: "ann", ID: fmt.Sprint(i), Msg: []byte(`"x"`), Open: true}
		log.records = append(log.records, domain.Record{Topic: ab, Seq: uint64(i + 1), Event: m})
	}
	f := &away{times: 1}
	m := &making{RebuildOptions: RebuildOptions{}.withDefaults(), log: log, fresh: f, at: make([]uint64, 1)}
	m.folds = []*fold{newFold(log, f, 100, 0, "e", domain.Position{})}
	if err := m.toEnd(t.Context()); err == nil {
		t.Fatal("what was not put down is taken for done")
	}
	if err := m.toEnd(t.Context()); err != nil || len(f.rows) != 3 {
		t.Fatalf("%d messages, %v", len(f.rows), err)
	}
	for i, r := range f.rows {
		if r.Number != uint64(i+1) {
			t.Errorf("message %d has the number %d", i+1, r.Number)
		}
	}
}
