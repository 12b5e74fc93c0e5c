package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"parley/projector"
)

// commitHalves is Commit for tables into which nobody else writes and at which nobody looks: a part of the messages goes by a second connection at the same
// time. All is written before anything is committed, so that until then it is as with one: a message that is there, a deadlock, a connection that is lost
// change nothing. What fails later is not tried again, for a part of the batch may be there; then these tables are of no more use.
func (f *fresh) commitHalves(ctx context.Context, b projector.Batch) error {
	b.Messages = byTopic(b.Messages)
	mine := b
	var others projector.Batch
	mine.Messages, others.Messages = halves(b)
	return f.try(ctx, "commit a batch", func(ctx context.Context) error {
		return f.quickly(ctx, b, func(messages putting) error { return f.commitBoth(ctx, mine, others, messages) })
	})
}

func (f *fresh) commitBoth(ctx context.Context, mine, others projector.Batch, messages putting) error {
	txs, err := f.pair(ctx)
	for _, tx := range txs {
		if tx != nil {
			defer tx.Rollback()
		}
	}
	if err != nil {
		return err
	}
	second := make(chan error, 1)
	go func() {
		err := messages(ctx, f.in(txs[1]), others)
		if err != nil {
			txs[1].Rollback() // at once: what it has locked, beside a message that was there, the other may wait for
		}
		second <- err
	}()
	err = f.move(ctx, f.in(txs[0]), mine)
	if err == nil {
		err = putAll(ctx, f.in(txs[0]), mine, messages)
	}
	if err != nil {
		txs[0].Rollback()
	}
	if failed := <-second; err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	for _, tx := range txs {
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("half of a batch may be in the tables that are being made; begin anew (%v)", err) // not to be tried again
		}
	}
	return nil
}

// pair begins two transactions. Where there are no connections left, those who have one do not wait for one another: all but one have both.
func (f *fresh) pair(ctx context.Context) (txs [2]*sql.Tx, err error) {
	f.pairing.Lock()
	defer f.pairing.Unlock()
	for i := range txs {
		if txs[i], err = f.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}); err != nil {
			return txs, err
		}
	}
	return txs, nil
}

// halves shares out the messages, so that as many rows go by each connection. What the batch itself changes goes with the changes: the one transaction would
// wait for the other's rows for ever.
func halves(b projector.Batch) (mine, others []projector.MessageRow) {
	changed := make(map[projector.Place]bool, len(b.Edits)+len(b.Recalls))
	for _, e := range b.Edits {
		changed[e.Place] = true
	}
	for _, r := range b.Recalls {
		changed[r.Place] = true
	}
	cut := max(0, (len(b.Messages)-len(b.Tails)-len(b.Own)-len(b.Read))/2)
	mine = slices.Clone(b.Messages[:cut])
	for _, m := range b.Messages[cut:] {
		if changed[projector.Place{Topic: m.Topic, Seq: m.Seq}] {
			mine = append(mine, m)
		} else {
			others = append(others, m)
		}
	}
	return mine, others
}
