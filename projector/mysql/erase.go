package mysql

import (
	"context"
	"database/sql"
	"slices"

	"parley/domain"
	"parley/projector"
)

// erase takes away what the batch says of somebody. It costs as much as that person has said in the conversation: the other messages keep their
// numbers, and where the erased ones were are gaps, which are not unread. Numbers less the gaps before them are what a replay gives.
func erase(ctx context.Context, tx named, b projector.Batch) error {
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
		"DELETE r FROM {messages} m JOIN {edits} r ON r.topic=m.topic AND r.seq=m.seq WHERE m.sender=? AND m.topic=?",
		"DELETE r FROM {messages} m JOIN {recalls} r ON r.topic=m.topic AND r.seq=m.seq WHERE m.sender=? AND m.topic=?",
	} {
		if _, err := tx.ExecContext(ctx, statement, u, t); err != nil {
			return err
		}
	}
	if err := putGaps(ctx, tx, u, b.Erased.Topic); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM {messages} WHERE sender=? AND topic=?", u, t); err != nil {
		return err
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

// putGaps puts down where somebody's messages are, which are about to be taken away, and counts anew the gaps from the first of them on.
func putGaps(ctx context.Context, tx named, u string, topic domain.Topic) error {
	t := topic.Key()
	scan := func(r *sql.Rows) (n uint64, err error) { return n, r.Scan(&n) }
	seqs, err := collect(ctx, tx, scan, "SELECT seq FROM {messages} WHERE sender=? AND topic=?", u, t)
	if err != nil || len(seqs) == 0 {
		return err
	}
	first := slices.Min(seqs)
	later, err := collect(ctx, tx, scan, "SELECT seq FROM {gaps} WHERE topic=? AND seq>?", t, first)
	if err != nil {
		return err
	}
	before, err := gapsUpTo(ctx, tx, []projector.Place{{Topic: topic, Seq: first}})
	if err != nil {
		return err
	}
	n := before[0]
	seqs = append(seqs, later...)
	slices.Sort(seqs)
	head, tail := upsert("{gaps}", "topic,seq", "n")
	return put(ctx, tx, head, tail, seqs, func(seq uint64) []any { n++; return []any{t, seq, n} })
}

// gapsUpTo says how many gaps there are up to each of some places. It reads one entry of an index for each.
func gapsUpTo(ctx context.Context, q asker, places []projector.Place) ([]uint64, error) {
	const one = "(SELECT ? AS place, n FROM {gaps} WHERE topic=? AND seq<=? ORDER BY seq DESC LIMIT 1)"
	counts := make([]uint64, len(places))
	type found struct {
		place int
		n     uint64
	}
	for first := 0; first < len(places); first += chunk {
		some := places[first:min(len(places), first+chunk)]
		var args []any
		for i, p := range some {
			args = append(args, first+i, p.Topic.Key(), p.Seq)
		}
		all, err := collect(ctx, q, func(r *sql.Rows) (f found, err error) { return f, r.Scan(&f.place, &f.n) }, union(one, len(some)), args...)
		if err != nil {
			return nil, err
		}
		for _, f := range all {
			counts[f.place] = f.n
		}
	}
	return counts, nil
}
