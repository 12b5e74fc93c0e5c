package mysql

import (
	"context"

	"parley/projector"
)

// erase takes away what the batch says of somebody. It costs as much as that person has said in the conversation: the other messages keep their
// numbers, and where the erased ones were are gaps, which are not unread. Numbers less the gaps before them are what a replay gives.
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
		"INSERT INTO {gaps} (topic, seq) SELECT topic, seq FROM {messages} WHERE sender=? AND topic=?",
		"DELETE FROM {messages} WHERE sender=? AND topic=?",
	} {
		if _, err := tx.ExecContext(ctx, statement, u, t); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE {conversations} c LEFT JOIN (SELECT topic, seq, date FROM {messages} WHERE topic=? ORDER BY seq DESC LIMIT 1) m
		ON m.topic=c.topic SET c.last_seq=COALESCE(m.seq,0), c.last_date=COALESCE(m.date,0) WHERE c.topic=?`, t, t)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, "DELETE FROM {conversations} WHERE topic=? AND is_group=0 AND last_seq=0", t)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err
	}
	for _, statement := range []string{ // nothing was ever said by the two: numbers begin anew
		"DELETE FROM {gaps} WHERE topic=?",
		"UPDATE {marks} SET own_number=0, read_number=0 WHERE topic=?",
	} {
		if _, err := tx.ExecContext(ctx, statement, t); err != nil {
			return err
		}
	}
	return nil
}
