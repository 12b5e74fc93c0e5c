package mysql

import (
	"context"
	"database/sql"
	"fmt"

	"parley/domain"
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

func putEdits(ctx context.Context, tx asker, b projector.Batch) error {
	head, tail := overMessages("msg", "edited")
	return put(ctx, tx, head, tail, b.Edits, func(e projector.EditRow) []any { return overMessage(e.Place, string(e.Msg), e.Date) })
}

func putReacted(ctx context.Context, tx asker, b projector.Batch) error {
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

func putRecalls(ctx context.Context, tx asker, b projector.Batch) error {
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

// erase takes away what the batch says of somebody. It costs as much as was said in the conversation since that person's first message there.
func erase(ctx context.Context, tx asker, b projector.Batch) error {
	if b.Erased == nil {
		return nil
	}
	u, t := string(b.Erased.UID), b.Erased.Topic.Key()
	if _, own := b.Erased.Topic.Person(); own {
		_, err := tx.ExecContext(ctx, "DELETE FROM {seen} WHERE uid=?", u)
		return err
	}
	for _, statement := range []string{
		"DELETE FROM {marks} WHERE uid=? AND topic=?",
		"DELETE FROM {reactions} WHERE uid=? AND topic=?",
		"DELETE r FROM {messages} m JOIN {reactions} r ON r.topic=m.topic AND r.seq=m.seq WHERE m.sender=? AND m.topic=?",
		"DELETE r FROM {messages} m JOIN {recalls} r ON r.topic=m.topic AND r.seq=m.seq WHERE m.sender=? AND m.topic=?",
	} {
		if _, err := tx.ExecContext(ctx, statement, u, t); err != nil {
			return err
		}
	}
	first, err := one[uint64](ctx, tx, "SELECT COALESCE(MIN(seq),0) FROM {messages} WHERE topic=? AND sender=?", t, u)
	if err != nil || first == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM {messages} WHERE topic=? AND sender=?", t, u); err != nil {
		return err
	}
	return numberAnew(ctx, tx, b.Erased.Topic, first)
}

// numberAnew numbers the messages of a conversation from a seq on, and with them the numbers at marks, and says anew where it ends.
func numberAnew(ctx context.Context, tx asker, t domain.Topic, from uint64) error {
	key := t.Key()
	before, err := one[uint64](ctx, tx, "SELECT COALESCE(MAX(number),0) FROM (SELECT number FROM {messages} WHERE topic=? AND seq<? ORDER BY seq DESC LIMIT 1) m", key, from)
	if err != nil {
		return err
	}
	const at = "COALESCE((SELECT m.number FROM {messages} m WHERE m.topic=k.topic AND m.seq<=k.%s ORDER BY m.seq DESC LIMIT 1),0)"
	for _, s := range []struct {
		text string
		args []any
	}{
		{`UPDATE {messages} m JOIN (SELECT seq, ROW_NUMBER() OVER (ORDER BY seq) AS n FROM {messages} WHERE topic=? AND seq>?) a ON a.seq=m.seq
			SET m.number=a.n+? WHERE m.topic=?`, []any{key, from, before, key}},
		{fmt.Sprintf("UPDATE {marks} k SET k.own_number="+at+" WHERE k.topic=? AND k.own_seq>=?", "own_seq"), []any{key, from}},
		{fmt.Sprintf("UPDATE {marks} k SET k.read_number="+at+" WHERE k.topic=? AND k.read_seq>=?", "read_seq"), []any{key, from}},
		{`UPDATE {conversations} c LEFT JOIN (SELECT topic, seq, number, date FROM {messages} WHERE topic=? ORDER BY seq DESC LIMIT 1) m ON m.topic=c.topic
			SET c.last_seq=COALESCE(m.seq,0), c.last_number=COALESCE(m.number,0), c.last_date=COALESCE(m.date,0) WHERE c.topic=?`, []any{key, key}},
		{"DELETE FROM {conversations} WHERE topic=? AND is_group=0 AND last_number=0", []any{key}},
	} {
		if _, err := tx.ExecContext(ctx, s.text, s.args...); err != nil {
			return err
		}
	}
	return nil
}
