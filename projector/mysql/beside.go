package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/domain"
	"parley/projector"
)

// The prefixes of tables that do not serve: those that are to, and those that did.
const (
	freshPrefix = "new_"
	spentPrefix = "old_"
)

func aside(name string) bool {
	return strings.HasPrefix(name, freshPrefix) || strings.HasPrefix(name, spentPrefix)
}

// Locks of the server's.
const (
	besideLock = "CONCAT('parley.beside.', " + hash + ")" // for whoever has tables beside
	swapLock   = "CONCAT('parley.swap.', " + hash + ")"   // while it is held, nothing is committed into the tables that serve
	open       = "IS_FREE_LOCK(" + swapLock + ")=1"
)

// errFrozen says that the tables are being swapped.
var errFrozen = errors.New("the tables are being swapped")

// awaitSwap waits until nobody swaps tables any more.
func (s *Store) awaitSwap(ctx context.Context) error {
	c, err := s.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	got, err := getLock(ctx, c, swapLock, 5)
	if got {
		_, err = c.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+swapLock+")")
	}
	return err
}

// besideConnections is how many connections there are at most for making tables beside and comparing them: one holds the lock, one the snapshot or the swap,
// and the shards, which read and commit by the others, wait for one another where they are more.
const besideConnections = 16

// Beside makes fresh and empty tables beside those that serve; their names begin with "new_". Tables that an earlier one has left, which ended before
// its Close, are dropped. Where somebody has such tables already it answers projector.ErrBusy.
func (s *Store) Beside(ctx context.Context) (projector.Fresh, error) {
	pool := sql.OpenDB(s.dial) // of its own: what serves has its connections for itself
	pool.SetMaxOpenConns(besideConnections)
	pool.SetMaxIdleConns(8)
	pool.SetConnMaxLifetime(connLifetime)
	f := &fresh{Store: newStore(pool, freshPrefix, s.name, s.logger), serving: s}
	f.life, f.end = context.WithCancel(context.Background())
	err := s.try(ctx, "make tables beside", func(ctx context.Context) error { return f.take(ctx) })
	if err != nil {
		f.end()
		pool.Close()
		return nil, err
	}
	f.wg.Go(f.hold)
	if err := s.try(ctx, "make tables beside", f.make); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// fresh are tables beside those that serve.
type fresh struct {
	*Store
	serving *Store
	conn    *sql.Conn  // holds the lock for as long as it lives
	asking  sync.Mutex // of conn
	pairing sync.Mutex // while a commit takes its two connections, so that of those who have one at most one waits for another

	life context.Context // ends with Close
	end  context.CancelFunc
	wg   sync.WaitGroup
	mu   sync.Mutex
	lost error // why the lock is not held any more
}

// take takes the lock.
func (f *fresh) take(ctx context.Context) error {
	c, err := f.pool.Conn(ctx)
	if err != nil {
		return err
	}
	got, err := getLock(ctx, c, besideLock, 0)
	if err == nil && !got {
		var holder sql.NullInt64
		if err = c.QueryRowContext(ctx, "SELECT IS_USED_LOCK("+besideLock+")").Scan(&holder); err == nil {
			err = fmt.Errorf("%w (by connection %d of the database)", projector.ErrBusy, holder.Int64)
		}
	}
	if err != nil {
		c.Close()
		return err
	}
	f.conn = c
	return nil
}

// holdEvery is how often it is made sure that the lock is held still; the server ends connections that are silent for long.
const holdEvery = 5 * time.Second

func (f *fresh) hold() {
	tick := time.NewTicker(holdEvery)
	defer tick.Stop()
	for {
		select {
		case <-f.life.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(f.life, stmtTimeout)
		err := f.holds(ctx)
		cancel()
		if err != nil {
			return
		}
	}
}

// holds asks the server whether the lock is held still. Once it is not, it is lost.
func (f *fresh) holds(ctx context.Context) error {
	f.asking.Lock()
	defer f.asking.Unlock()
	var mine sql.NullBool
	err := f.conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK("+besideLock+")=CONNECTION_ID()").Scan(&mine)
	if err == nil && !mine.Bool {
		err = errors.New("somebody else has it")
	}
	if err == nil || ctx.Err() == context.Canceled {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = fmt.Errorf("mysql: the lock on the tables beside was lost: %v", err) // not %w: to try again gets no lock
	return f.lost
}

// held fails where the tables beside may be somebody else's by now.
func (f *fresh) held() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// make drops what was left beside, and makes the tables.
func (f *fresh) make(ctx context.Context) error {
	if err := f.sweep(ctx); err != nil {
		return err
	}
	there, err := f.there(ctx, f.db)
	if err != nil {
		return err
	}
	return f.anew(ctx, f.db, there)
}

// sweep drops all of our tables that do not serve.
func (f *fresh) sweep(ctx context.Context) error {
	for _, prefix := range []string{freshPrefix, spentPrefix} {
		there, err := newStore(f.pool, prefix, f.name, f.logger).there(ctx, f.db)
		if err != nil {
			return err
		}
		for name, m := range there {
			if m.version == "" {
				continue
			}
			if _, err := f.db.ExecContext(ctx, "DROP TABLE IF EXISTS "+prefix+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Commit is the Store's, and fails where the tables may be somebody else's.
func (f *fresh) Commit(ctx context.Context, b projector.Batch) error {
	if err := f.held(); err != nil {
		return err
	}
	if len(b.Messages) >= many && b.Erased == nil {
		return f.commitHalves(ctx, b)
	}
	return f.Store.Commit(ctx, b)
}

// Serving gives the checkpoints of the tables that serve, by shard. Those of another version are projector.ErrReplaced beside the answer, or instead
// of it where they cannot be read.
func (f *fresh) Serving(ctx context.Context) (at []domain.Position, err error) {
	err = f.serving.try(ctx, "read the checkpoints", func(ctx context.Context) (err error) {
		there, err := f.serving.there(ctx, f.pool)
		if err != nil {
			return err
		}
		if !entire(there) && !another(there) {
			return projector.ErrNoTables
		}
		at, err = positions(ctx, f.serving.in(f.pool))
		switch {
		case another(there) && number(err) == errBadColumn:
			return projector.ErrReplaced
		case err == nil && another(there):
			return projector.ErrReplaced
		}
		return err
	})
	return at, err
}

// positions gives the checkpoints by shard, whole.
func positions(ctx context.Context, q asker) (at []domain.Position, err error) {
	type row struct {
		shard int
		domain.Position
	}
	found, err := collect(ctx, q, func(r *sql.Rows) (c row, err error) { return c, r.Scan(&c.shard, &c.Epoch, &c.Seq, &c.Time) },
		"SELECT shard, epoch, seq, time FROM {checkpoints} ORDER BY shard")
	for _, c := range found {
		for len(at) <= c.shard {
			at = append(at, domain.Position{})
		}
		at[c.shard] = c.Position
	}
	return at, err
}

// swapWithin is for how many seconds a swap waits for those who are just asking, while whoever asks next waits behind it.
const swapWithin = 1

// How long a swap rests between its tries, first and at most.
const (
	swapRest    = time.Second
	maxSwapRest = 30 * time.Second
)

func longer(rest time.Duration) time.Duration { return min(2*rest, maxSwapRest) }

// Swap puts the fresh tables in the place of those that serve, by one statement, and drops those. Right before, while nothing is committed into the
// tables that serve, it has catchUp bring the fresh ones up to the log's end, so that nobody who asks is thrown back. A question that takes long holds
// it up: it tries again until ctx ends, less and less often, for each try holds up those who commit and ask.
func (f *fresh) Swap(ctx context.Context, catchUp func(context.Context) error) error {
	for rest := swapRest; ; rest = longer(rest) {
		late, err := f.swap(ctx, catchUp)
		if err != nil {
			return err
		}
		if late == nil {
			break
		}
		f.logger.Info("mysql: somebody has been asking for long; the tables will be swapped when they are done", "error", late)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rest):
		}
		if err := catchUp(ctx); err != nil {
			return err
		}
	}
	if err := f.serving.try(ctx, "drop the tables that served", f.sweep); err != nil {
		f.logger.Warn("mysql: the tables that served are left; the next rebuild drops them", "error", err)
	}
	return nil
}

// swap tries once. late says that it could not in time.
func (f *fresh) swap(ctx context.Context, catchUp func(context.Context) error) (late, err error) {
	err = f.serving.locked(ctx, "swap the tables", func(ctx context.Context, _ asker) error {
		c, err := f.pool.Conn(ctx)
		if err != nil {
			return err
		}
		defer letGo(c, swapLock)
		if _, err := c.ExecContext(ctx, "SET SESSION lock_wait_timeout=?", swapWithin); err != nil {
			return err
		}
		there, err := f.serving.there(ctx, c)
		if err != nil {
			return err
		}
		for name, m := range there {
			if m.version == "" {
				return fmt.Errorf("the database %q has a table %q that is not Parley's; give Parley a database of its own", f.name, name)
			}
		}
		switch got, err := getLock(ctx, c, swapLock, 10); {
		case err != nil:
			return err
		case !got:
			return errors.New("somebody else has been swapping tables for 10 s")
		}
		if err := catchUp(ctx); err != nil {
			return err
		}
		if err := f.holds(ctx); err != nil { // else the fresh tables may be somebody else's, half made
			return err
		}
		if _, err = c.ExecContext(ctx, renaming(slices.Sorted(maps.Keys(there)))); number(err) == errLockWait || number(err) == errDeadlock {
			late, err = err, nil
		}
		return err
	})
	return late, err
}

// renaming puts the fresh tables in the place of those that are there. checkpoints goes first and comes last: were a server to end in the middle,
// without undoing its half, nobody would take what there is for whole.
func renaming(there []string) string {
	var moves []string
	for _, name := range there {
		move := name + " TO " + spentPrefix + name
		if name == checkpointsTable {
			moves = slices.Insert(moves, 0, move)
		} else {
			moves = append(moves, move)
		}
	}
	for _, name := range tables() {
		moves = append(moves, freshPrefix+name+" TO "+name)
	}
	return "RENAME TABLE " + strings.Join(moves, ", ")
}

// letGo releases a lock, and ends the connection: whether the server has heard of it or not, it is free then, soon.
func letGo(c *sql.Conn, lock string) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	_, _ = c.ExecContext(ctx, "DO RELEASE_LOCK("+lock+")")
	_ = c.Raw(func(any) error { return sqldriver.ErrBadConn })
	c.Close()
}

// Close drops the fresh tables, where they were not swapped in, and lets others have some.
func (f *fresh) Close() {
	f.end()
	f.wg.Wait()
	if f.held() == nil {
		ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
		if err := f.sweep(ctx); err != nil {
			f.logger.Warn("mysql: tables beside are left; the next rebuild drops them", "error", err)
		}
		cancel()
	}
	letGo(f.conn, besideLock)
	f.pool.Close()
}
