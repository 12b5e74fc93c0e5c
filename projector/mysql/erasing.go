package mysql

import (
	"context"
	"database/sql"

	"parley/domain"
	"parley/projector"
)

// Topics gives all conversations and groups that somebody ever had to do with, in no order. It costs what it answers.
func (s *Store) Topics(ctx context.Context, u domain.UserID) (topics []domain.Topic, err error) {
	err = s.ask(ctx, "read what somebody has to do with", func(ctx context.Context) (err error) {
		topics, err = collect(ctx, s.db, func(r *sql.Rows) (t domain.Topic, err error) { return t, r.Scan(topicOf(&t)) },
			"SELECT topic FROM {members} WHERE uid=?", string(u))
		return err
	})
	return topics, err
}

// Erasing gives those who are gone for good and of whom something may still be in the log, in no order. It costs what it answers.
func (s *Store) Erasing(ctx context.Context) (people []domain.UserID, err error) {
	err = s.ask(ctx, "read who is being erased", func(ctx context.Context) (err error) {
		people, err = collect(ctx, s.db, func(r *sql.Rows) (u domain.UserID, err error) { return u, r.Scan(&u) },
			"SELECT uid FROM {people} WHERE erased=?", int(projector.ErasedBegun))
		return err
	})
	return people, err
}
