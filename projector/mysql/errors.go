package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"parley/domain"
	"parley/projector/internal/view"
)

// The servers' error numbers that mean something here.
const (
	errDatabaseDenied  = 1044
	errAccessDenied    = 1045
	errUnknownDatabase = 1049
	errBadColumn       = 1054
	errDuplicateKey    = 1062
	errLockWait        = 1205
	errDeadlock        = 1213
	errNoSuchTable     = 1146
	errTableDenied     = 1142
)

// again are those after which the same transaction may succeed: shutting down, killed, lock wait timeout, deadlock, table changed
// meanwhile, too many connections.
var again = []uint16{1053, 1317, errLockWait, errDeadlock, 1412, 1040}

func number(err error) uint16 {
	var e *driver.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// lost says that the connection is gone, or could not be made.
func lost(err error) bool {
	var network net.Error
	return errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, driver.ErrInvalidConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// passing says that the same transaction may succeed after all.
func passing(err error) bool { return lost(err) || slices.Contains(again, number(err)) }

const attempts = 5

// try does what can be done again, a few times where a deadlock or a lost connection was in the way. Its errors are those that Store's
// methods give.
func (s *Store) try(ctx context.Context, what string, do func(context.Context) error) error {
	pause := 10 * time.Millisecond
	for i := 1; ; i++ {
		err := attempt(ctx, do)
		if err == nil {
			return nil
		}
		if i == attempts || ctx.Err() != nil || !passing(err) {
			return s.explain(what, err)
		}
		s.logger.Debug("mysql: trying again", "what", what, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause *= 3
	}
}

func attempt(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stmtTimeout)
	defer cancel()
	return do(ctx)
}

// explain makes of a server's error what callers act on.
func (s *Store) explain(what string, err error) error {
	var refusal *domain.Error
	switch {
	case errors.As(err, &refusal):
		return err
	case number(err) == errNoSuchTable, number(err) == errBadColumn: // or of another version
		return view.BeingMade()
	case lost(err):
		return &domain.Error{
			Code: domain.Unavailable, Message: "the read models cannot be reached just now; try again in a moment",
			Cause: fmt.Errorf("mysql: %s: %w", what, err),
		}
	case number(err) == errTableDenied, number(err) == errDatabaseDenied:
		return fmt.Errorf("mysql: %s: %w: let the user of mysql.dsn work there: GRANT ALL ON `%s`.* TO …", what, err, s.name)
	}
	return fmt.Errorf("mysql: %s: %w", what, err)
}

// whatToDo explains why a database cannot be opened.
func whatToDo(err error, c *driver.Config) error {
	switch n := number(err); {
	case n == errUnknownDatabase:
		return fmt.Errorf("mysql: there is no database %q; make it: CREATE DATABASE `%s` CHARACTER SET utf8mb4: %w", c.DBName, c.DBName, err)
	case n == errDatabaseDenied:
		return fmt.Errorf("mysql: user %q may not use the database %q; make it if it is not there, and let the user work there: GRANT ALL ON `%s`.* TO …: %w",
			c.User, c.DBName, c.DBName, err)
	case n == errAccessDenied:
		return fmt.Errorf("mysql: %s does not let user %q in; check user and password in mysql.dsn: %w", c.Addr, c.User, err)
	case lost(err), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("mysql: no server answers at %s(%s); start it, or correct mysql.dsn: %w", c.Net, c.Addr, err)
	}
	return fmt.Errorf("mysql: cannot open the database %q at %s: %w", c.DBName, c.Addr, err)
}
