package mysql

import (
	"context"
	"database/sql"
	"time"

	"parley/domain"
	"parley/projector"
)

// Checkpoint says how far a shard is folded; the zero Position if nothing is.
func (s *Store) Checkpoint(ctx context.Context, shard int) (at domain.Position, err error) {
	err = s.try(ctx, "read the checkpoint", func(ctx context.Context) error {
		at, err = checkpoint(ctx, s.db, shard)
		return err
	})
	return at, err
}

func checkpoint(ctx context.Context, q asker, shard int) (domain.Position, error) {
	found, err := collect(ctx, q, func(r *sql.Rows) (p domain.Position, err error) { return p, r.Scan(&p.Epoch, &p.Seq, &p.Time) },
		"SELECT epoch, seq, time FROM {checkpoints} WHERE shard=?", shard)
	if err != nil || len(found) == 0 {
		return domain.Position{}, err
	}
	return found[0], nil
}

// checkpoints gives those of all shards, by shard.
func (s *Store) checkpoints(ctx context.Context) (at []domain.Position, err error) {
	type row struct {
		shard int
		domain.Position
	}
	err = s.ask(ctx, "read the checkpoints", func(ctx context.Context) error {
		found, err := collect(ctx, s.db, func(r *sql.Rows) (c row, err error) { return c, r.Scan(&c.shard, &c.Epoch, &c.Seq) },
			"SELECT shard, epoch, seq FROM {checkpoints} ORDER BY shard")
		at = nil
		for _, c := range found {
			for len(at) <= c.shard {
				at = append(at, domain.Position{})
			}
			at[c.shard] = c.Position
		}
		return err
	})
	return at, err
}

// Tails gives the ends of those of the conversations that have messages.
func (s *Store) Tails(ctx context.Context, topics []domain.Topic) (tails []projector.TailRow, err error) {
	keys := make([]any, len(topics))
	for i, t := range topics {
		keys[i] = t.Key()
	}
	err = s.try(ctx, "look up the ends of conversations", func(ctx context.Context) error {
		tails, err = collectIn(ctx, s.db, func(r *sql.Rows) (t projector.TailRow, err error) {
			return t, r.Scan(topicOf(&t.Topic), &t.Seq, &t.Number, &t.Date)
		}, "SELECT topic, end_seq, last_number, last_date FROM {conversations} WHERE last_number>0 AND topic IN (", keys)
		return err
	})
	return tails, err
}

// Numbers gives for each place the number of the last message at or before it, 0 for none.
func (s *Store) Numbers(ctx context.Context, places []projector.Place) (numbers []uint64, err error) {
	err = s.try(ctx, "look up the numbers of messages", func(ctx context.Context) error {
		numbers = make([]uint64, len(places))
		for i := 0; i < len(places); i += chunk {
			if err := someNumbers(ctx, s.db, places[i:min(len(places), i+chunk)], numbers[i:]); err != nil {
				return err
			}
		}
		return nil
	})
	return numbers, err
}

// someNumbers adds to the number of the last message that is there those of the erased ones after it.
func someNumbers(ctx context.Context, q asker, places []projector.Place, numbers []uint64) error {
	const one = "(SELECT ? AS place, number, seq FROM {messages} WHERE topic=? AND seq<=? ORDER BY seq DESC LIMIT 1)"
	type found struct {
		place       int
		number, seq uint64
	}
	var args []any
	for i, p := range places {
		args = append(args, i, p.Topic.Key(), p.Seq)
	}
	all, err := collect(ctx, q, func(r *sql.Rows) (f found, err error) { return f, r.Scan(&f.place, &f.number, &f.seq) }, union(one, len(places)), args...)
	if err != nil {
		return err
	}
	last := make([]projector.Place, len(places)) // the message's
	for i, p := range places {
		last[i].Topic = p.Topic
	}
	for _, f := range all {
		numbers[f.place], last[f.place].Seq = f.number, f.seq
	}
	gaps, err := gapsUpTo(ctx, q, append(places[:len(places):len(places)], last...))
	for i := range places {
		if err == nil {
			numbers[i] += gaps[i] - gaps[len(places)+i]
		}
	}
	return err
}

// Known gives those of the messages that are there.
func (s *Store) Known(ctx context.Context, keys []projector.MessageKey) (there []projector.MessageKey, err error) {
	err = s.try(ctx, "look up messages", func(ctx context.Context) error {
		there = nil
		for i := 0; i < len(keys); i += chunk {
			some := keys[i:min(len(keys), i+chunk)]
			var args []any
			for _, key := range some {
				args = append(args, key.Topic.Key(), string(key.From), key.ID)
			}
			found, err := collect(ctx, s.db, func(r *sql.Rows) (key projector.MessageKey, err error) {
				return key, r.Scan(topicOf(&key.Topic), &key.From, &key.ID)
			}, "SELECT topic, sender, id FROM {messages} WHERE "+either(len(some), "topic=? AND sender=? AND id=?"), args...)
			if err != nil {
				return err
			}
			there = append(there, found...)
		}
		return nil
	})
	return there, err
}

// MessageSeq says where the message is that from sent with this id, 0 for nowhere, and up to where in the topic's shard that is certain: what is
// stored after as may hold one. Both are of one moment. It tries once, and for a moment only.
func (s *Store) MessageSeq(ctx context.Context, shard int, t domain.Topic, from domain.UserID, id string) (seq uint64, as domain.Position, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpWithin)
	defer cancel()
	_, err = collect(ctx, s.db, func(r *sql.Rows) (_ struct{}, err error) {
		return struct{}{}, r.Scan(&as.Epoch, &as.Seq, &as.Time, &seq)
	},
		"SELECT COALESCE(c.epoch, ''), COALESCE(c.seq, 0), COALESCE(c.time, 0), COALESCE(m.seq, 0) FROM (SELECT 1 AS one) o "+
			"LEFT JOIN {checkpoints} c ON c.shard=? LEFT JOIN {messages} m ON m.topic=? AND m.sender=? AND m.id=?",
		shard, t.Key(), string(from), id)
	if err != nil {
		return 0, domain.Position{}, s.explain("look up a message", err)
	}
	return seq, as, nil
}

// lookUpWithin is how long MessageSeq may take. It is asked once, without a second try: somebody's message waits for the answer.
const lookUpWithin = 300 * time.Millisecond

// scanTopic reads a topic's key.
type scanTopic struct{ to *domain.Topic }

func topicOf(t *domain.Topic) scanTopic { return scanTopic{t} }

// Scan is called by database/sql.
func (s scanTopic) Scan(v any) error {
	var key string
	switch v := v.(type) {
	case []byte:
		key = string(v)
	case string:
		key = v
	}
	t, err := domain.ParseTopic(key)
	*s.to = t
	return err
}
