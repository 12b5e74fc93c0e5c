package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"time"
)

// answerWithin is how long people wait for an answer: a server that takes connections and says nothing is away.
const answerWithin = 3 * time.Second

// ask is try for what somebody waits for: all tries together are given up after answerWithin.
func (s *Store) ask(ctx context.Context, what string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return s.try(ctx, what, do)
}

// snapshot asks questions that must see one and the same moment. It begins and ends its transaction by statements of ctx; a sql.Tx ends without
// one, and would wait for as long as the server is silent.
func (s *Store) snapshot(ctx context.Context, what string, do func(context.Context, asker) error) error {
	return s.ask(ctx, what, func(ctx context.Context) error {
		c, err := s.begin(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		err = do(ctx, s.in(c))
		if _, failed := c.ExecContext(ctx, "COMMIT"); failed != nil {
			_ = c.Raw(func(any) error { return sqldriver.ErrBadConn }) // nobody else gets it in the middle of a transaction
			err = errors.Join(err, failed)
		}
		return err
	})
}

// begin gives a connection in a transaction that reads. Of those that the server has closed while they were idle there may be many.
func (s *Store) begin(ctx context.Context) (c *sql.Conn, err error) {
	for {
		if c, err = s.pool.Conn(ctx); err != nil {
			return nil, err
		}
		for _, statement := range []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION READ ONLY"} {
			if err == nil {
				_, err = c.ExecContext(ctx, statement)
			}
		}
		if err == nil {
			return c, nil
		}
		c.Close()
		if !errors.Is(err, sqldriver.ErrBadConn) {
			return nil, err
		}
	}
}
