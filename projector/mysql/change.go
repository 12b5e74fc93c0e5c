package mysql

import (
	"context"
	"database/sql"
	"slices"

	"parley/projector"
)

// overMessages gives head and tail of an INSERT that replaces columns of messages, of which the fold has seen that they are there: it finds them by
// topic and seq, and the other columns that have no default are given to no effect.
func overMessages(columns ...string) (head, tail string) {
	head, tail = upsert("{messages}", "topic,seq,number,sender,id,date", columns...)
	return head, tail
}

func overMessage(p projector.Place, values ...any) []any {
	return append([]any{p.Topic.Key(), p.Seq, 0, "", "", 0}, values...)
}

// putEdits keeps what the messages said at first and all edits of them, and puts the last over each.
func putEdits(ctx context.Context, tx named, b projector.Batch) error {
	for some := range slices.Chunk(b.Edits, chunk) {
		var args []any
		for _, e := range some {
			args = append(args, e.Topic.Key(), e.Seq)
		}
		const first = "INSERT INTO {edits} (topic, seq, at, date, msg) SELECT topic, seq, 0, 0, msg FROM {messages} WHERE edited_seq=0 AND ("
		if _, err := tx.ExecContext(ctx, first+either(len(some), "topic=? AND seq=?")+")", args...); err != nil {
			return err
		}
		err := put(ctx, tx, "INSERT INTO {edits} (topic, seq, at, date, msg) VALUES ", "", some, func(e projector.EditRow) []any {
			return []any{e.Topic.Key(), e.Seq, e.At, e.Date, e.Msg}
		})
		if err != nil {
			return err
		}
		head, tail := overMessages("msg", "edited", "edited_seq")
		err = put(ctx, tx, head, tail, some, func(e projector.EditRow) []any { return overMessage(e.Place, e.Msg, e.Date, e.At) })
		if err != nil {
			return err
		}
	}
	return nil
}

func putReacted(ctx context.Context, tx named, b projector.Batch) error {
	var on, off []projector.ReactionRow
	for _, r := range b.Reacted {
		if r.On {
			on = append(on, r)
		} else {
			off = append(off, r)
		}
	}
	row := func(r projector.ReactionRow) []any {
		return []any{r.Topic.Key(), r.Seq, []byte(r.Emoji), string(r.UID)}
	}
	head, tail := upsert("{reactions}", "topic,seq,emoji,uid", "at")
	if err := put(ctx, tx, head, tail, on, func(r projector.ReactionRow) []any { return append(row(r), r.At) }); err != nil {
		return err
	}
	return drop(ctx, tx, "DELETE r FROM {reactions} r FORCE INDEX (PRIMARY) WHERE (r.topic, r.seq, r.emoji, r.uid) IN (", off, row)
}

func putRecalls(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := overMessages("msg", "recalled", "recaller")
	err := put(ctx, tx, head, tail, b.Recalls, func(r projector.RecallRow) []any { return overMessage(r.Place, "", r.Date, string(r.By)) })
	if err != nil {
		return err
	}
	place := func(r projector.RecallRow) []any { return []any{r.Topic.Key(), r.Seq} }
	if err := put(ctx, tx, "INSERT INTO {recalls} (topic, seq) VALUES ", "", b.Recalls, place); err != nil {
		return err
	}
	for _, table := range []string{"{edits}", "{reactions}"} {
		if err := drop(ctx, tx, "DELETE r FROM "+table+" r FORCE INDEX (PRIMARY) WHERE (r.topic, r.seq) IN (", b.Recalls, place); err != nil {
			return err
		}
	}
	return nil
}

// Said gives those of the messages at some places that are there.
func (s *Store) Said(ctx context.Context, places []projector.Place) (there []projector.SaidRow, err error) {
	err = s.try(ctx, "look up messages to be changed", func(ctx context.Context) error {
		there = nil
		for i := 0; i < len(places); i += chunk {
			some := places[i:min(len(places), i+chunk)]
			var args []any
			for _, p := range some {
				args = append(args, p.Topic.Key(), p.Seq)
			}
			found, err := collect(ctx, s.db, func(r *sql.Rows) (m projector.SaidRow, err error) {
				return m, r.Scan(topicOf(&m.Topic), &m.Seq, &m.From, &m.Recalled)
			}, "SELECT topic, seq, sender, recalled>0 FROM {messages} WHERE "+either(len(some), "topic=? AND seq=?"), args...)
			if err != nil {
				return err
			}
			there = append(there, found...)
		}
		return nil
	})
	return there, err
}
