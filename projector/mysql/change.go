package mysql

import (
	"context"
	"database/sql"

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

func putEdits(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := overMessages("msg", "edited")
	return put(ctx, tx, head, tail, b.Edits, func(e projector.EditRow) []any { return overMessage(e.Place, string(e.Msg), e.Date) })
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
	const head, tail = "INSERT INTO {reactions} (topic, seq, emoji, uid) VALUES ", " ON DUPLICATE KEY UPDATE uid=VALUES(uid)"
	if err := put(ctx, tx, head, tail, on, row); err != nil {
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
	return drop(ctx, tx, "DELETE r FROM {reactions} r FORCE INDEX (PRIMARY) WHERE (r.topic, r.seq) IN (", b.Recalls, place)
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
