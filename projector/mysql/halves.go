package mysql

import (
	"context"
	"database/sql"
	"fmt"

	"parley/projector"
)

// halve is from how many messages on a batch is worth two connections.
const halve = 1000

// commitHalves is Commit for tables into which nobody else writes and at which nobody looks: a part of the messages goes by a second connection at the same
// time. All is written before anything is committed, so that until then it is as with one: a message that is there, a deadlock, a connection that is lost
// change nothing. What fails later is not tried again, for a part of the batch may be there; then these tables are of no more use.
func (f *fresh) commitHalves(ctx context.Context, b projector.Batch) error {
	b.Messages = byTopic(b.Messages)
	cut := max(0, (len(b.Messages)-len(b.Tails)-len(b.Own)-len(b.Read))/2) // as many rows by each
	return f.try(ctx, "commit a batch", func(ctx context.Context) error {
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
		go func() { second <- putMessages(ctx, f.in(txs[1]), projector.Batch{Messages: b.Messages[cut:]}) }()
		mine := b
		mine.Messages = b.Messages[:cut]
		err = f.move(ctx, f.in(txs[0]), mine)
		if err == nil {
			err = putAll(ctx, f.in(txs[0]), mine)
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
	})
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
