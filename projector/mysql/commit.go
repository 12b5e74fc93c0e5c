package mysql

import (
	"context"
	"database/sql"
	"errors"

	"parley/domain"
	"parley/projector"
	"parley/projector/internal/view"
)

// Commit puts a batch down in one transaction, or answers projector.ErrFenced or projector.ErrDuplicate, or projector.ErrSwapped where the tables are
// not those that Prepare has found or made. While they are being swapped it waits. Deadlocks and lost connections
// are tried again a few times. Where the answer to a commit was lost, that finds the checkpoint moved, to where the batch ends: the rows of
// this batch are there too then, and all is well.
func (s *Store) Commit(ctx context.Context, b projector.Batch) error {
	b.Messages = byTopic(b.Messages)
	again := false
	return s.try(ctx, "commit a batch", func(ctx context.Context) error {
		err := s.commit(ctx, b)
		if again && errors.Is(err, projector.ErrFenced) {
			if at, failed := checkpoint(ctx, s.db, b.Shard); failed == nil && at == b.To {
				return nil
			}
		}
		again = true
		return err
	})
}

func (s *Store) commit(ctx context.Context, b projector.Batch) error {
	for {
		err := s.quickly(ctx, b, func(messages putting) error { return s.commitOnce(ctx, b, messages) })
		if err != errFrozen {
			return err
		}
		if err := s.awaitSwap(ctx); err != nil {
			return err
		}
	}
}

func (s *Store) commitOnce(ctx context.Context, b projector.Batch, messages putting) error {
	// Each statement names its rows by their keys, so that it need not see the others as they were.
	tx, err := s.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	in := s.in(tx)
	if err := s.move(ctx, in, b); err != nil {
		return err
	}
	if err := putAll(ctx, in, b, messages); err != nil {
		return err
	}
	return tx.Commit()
}

// move sets the checkpoint, which from then on is locked: whoever else would move it waits, and finds it moved.
func (s *Store) move(ctx context.Context, tx asker, b projector.Batch) error {
	statement := "UPDATE {checkpoints} SET epoch=?, seq=?, time=? WHERE shard=? AND epoch=? AND seq=? AND time=? AND ? IN ('', DEFAULT(generation)) AND {open}"
	mine := s.generation.Load()
	if mine == nil {
		mine = new(string)
	}
	args := []any{b.To.Epoch, b.To.Seq, b.To.Time, b.Shard, b.From.Epoch, b.From.Seq, b.From.Time, *mine}
	if b.From == (domain.Position{}) {
		// It may be other tables than those that Prepare has found, if the shard has no checkpoint there either: a fold from the log's beginning has asked
		// them nothing, so there is nothing of the others in the batch. The shard's next batch names the generation.
		statement = "INSERT INTO {checkpoints} (epoch, seq, time, shard, generation) SELECT ?,?,?,?,'' FROM DUAL WHERE {open}"
		args = args[:4]
	}
	done, err := tx.ExecContext(ctx, statement, args...)
	if number(err) == errDuplicateKey {
		return projector.ErrFenced
	}
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return whyNot(ctx, tx, b, *mine)
}

// whyNot says why the checkpoint could not be moved.
func whyNot(ctx context.Context, tx asker, b projector.Batch, mine string) error {
	type look struct {
		open       bool
		generation sql.NullString
	}
	saw, err := collect(ctx, tx, func(r *sql.Rows) (l look, err error) { return l, r.Scan(&l.open, &l.generation) },
		"SELECT {open}, (SELECT DEFAULT(generation) FROM {checkpoints} LIMIT 1)")
	if err != nil {
		return err
	}
	at, err := checkpoint(ctx, tx, b.Shard)
	switch {
	case err != nil:
		return err
	case mine != "" && saw[0].generation.Valid && saw[0].generation.String != mine:
		return projector.ErrSwapped
	case !saw[0].open, at == b.From: // or it was frozen a moment ago
		return errFrozen
	}
	return projector.ErrFenced
}

// putAll puts all rows down, the messages in a way of their own.
func putAll(ctx context.Context, tx named, b projector.Batch, messages putting) error {
	for _, step := range []putting{
		erase, messages, putEdits, putReacted, putRecalls, putTails, putMarks, putPeople, putSeen, putGroups, putMembers, putMet, putBlocks,
		dropApplies, putApplies,
	} {
		if err := step(ctx, tx, b); err != nil {
			return err
		}
	}
	return nil
}

func putMessages(ctx context.Context, tx named, b projector.Batch) error {
	err := put(ctx, tx, "INSERT INTO {messages} (topic,seq,number,sender,id,date,msg) VALUES ", "", b.Messages, func(m projector.MessageRow) []any {
		return []any{m.Topic.Key(), m.Seq, m.Number, string(m.From), m.ID, m.Date, m.Msg}
	})
	if number(err) == errDuplicateKey {
		return projector.ErrDuplicate
	}
	return err
}

func putTails(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := upsert("{conversations}", "topic", "last_seq", "end_seq", "last_number", "last_date")
	return put(ctx, tx, head, tail, b.Tails, func(t projector.TailRow) []any {
		return []any{t.Topic.Key(), t.Seq, t.Seq, t.Number, t.Date}
	})
}

func putMarks(ctx context.Context, tx named, b projector.Batch) error {
	row := func(m projector.MarkRow) []any { return []any{string(m.UID), m.Topic.Key(), m.Seq, m.Number} }
	head, tail := upsert("{marks}", "uid,topic", "own_seq", "own_number")
	if err := put(ctx, tx, head, tail, b.Own, row); err != nil {
		return err
	}
	head, tail = upsert("{marks}", "uid,topic", "read_seq", "read_number")
	return put(ctx, tx, head, tail, b.Read, row)
}

func putPeople(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := upsert("{people}", "uid", "username", "name", "avatar", "username_key", "name_key", "erased")
	return put(ctx, tx, head, tail, b.People, func(p projector.PersonRow) []any {
		return []any{string(p.UID), p.Username, p.Name, p.Avatar, []byte(view.Key(p.Username)), []byte(view.Key(p.Name)), int(p.Erased)}
	})
}

func putSeen(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := upsert("{seen}", "uid", "date")
	return put(ctx, tx, head, tail, b.Seen, func(p projector.SeenRow) []any { return []any{string(p.UID), p.Date} })
}

func putGroups(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := upsert("{conversations}", "topic", "is_group", "name", "avatar", "description", "history", "owner", "size")
	return put(ctx, tx, head, tail, b.Groups, func(g projector.GroupRow) []any {
		return []any{g.Topic.Key(), true, g.Name, g.Avatar, g.Description, string(g.History), string(g.Owner), g.Size}
	})
}

func putMembers(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := upsert("{members}", "uid,topic", "present", "role", "answers", "since", "joined_seq", "left_seq", "hidden_seq")
	return put(ctx, tx, head, tail, b.Members, func(m projector.MemberRow) []any {
		return []any{string(m.UID), m.Topic.Key(), m.Present, string(m.Role), m.Answers, m.Since, m.Joined, m.Left, m.Hidden}
	})
}

// putMet adds those who have no row yet; the others keep theirs.
func putMet(ctx context.Context, tx named, b projector.Batch) error {
	const head = "INSERT INTO {members} (uid, topic, present, role, answers, since, joined_seq, left_seq, hidden_seq) VALUES "
	return put(ctx, tx, head, " ON DUPLICATE KEY UPDATE uid=VALUES(uid)", b.Met, func(m projector.ApplyKey) []any {
		return []any{string(m.UID), m.Topic.Key(), false, "", false, 0, 0, 0, 0}
	})
}

func putBlocks(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := upsert("{blocks}", "uid,other", "blocks")
	return put(ctx, tx, head, tail, b.Blocks, func(r projector.BlockRow) []any { return []any{string(r.By), string(r.UID), r.Blocks} })
}

// dropApplies names the index: by another one, which the server takes for as good, it lasts ten times as long.
func dropApplies(ctx context.Context, tx named, b projector.Batch) error {
	const head = "DELETE a FROM {applies} a FORCE INDEX (PRIMARY) WHERE "
	if err := drop(ctx, tx, head+"a.topic IN (", b.Ended, func(t domain.Topic) []any { return []any{t.Key()} }); err != nil {
		return err
	}
	return drop(ctx, tx, head+"(a.topic, a.uid) IN (", b.Answered, func(a projector.ApplyKey) []any {
		return []any{a.Topic.Key(), string(a.UID)}
	})
}

func putApplies(ctx context.Context, tx named, b projector.Batch) error {
	head, tail := upsert("{applies}", "topic,uid", "type", "sender", "data", "date", "seq")
	return put(ctx, tx, head, tail, b.Applies, func(a projector.ApplyRow) []any {
		return []any{a.Topic.Key(), string(a.UID), string(a.Type), string(a.From), string(a.Data), a.Date, a.Seq}
	})
}
