package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

// Store is a database with the read models. It is for any number of goroutines.
type Store struct {
	pool    *sql.DB
	db      asker // the pool, for statements with the tables' names in braces
	names   *strings.Replacer
	prefix  string // of the tables' names
	name    string // of the database
	logger  *slog.Logger
	lookout *lookout
	dial    sqldriver.Connector

	generation atomic.Pointer[string] // of the tables that the projector works at; nil where none does
	inserts    atomic.Bool            // LOAD DATA is not to be had
}

const (
	dialTimeout  = 5 * time.Second
	openTimeout  = 10 * time.Second
	stmtTimeout  = time.Minute // for one attempt at a batch, and for one answer, so that a server that hangs is noticed
	connLifetime = 5 * time.Minute
)

// Open connects to the database that a DSN names, "user:password@tcp(host:3306)/database", with at most so many connections. It makes
// nothing there: Prepare does. The errors say what to do: DSNs that are not understood, servers that do not answer, users and databases
// that do not exist. Close the Store when it is no longer needed.
func Open(ctx context.Context, dsn string, connections int, logger *slog.Logger) (*Store, error) {
	c, err := driver.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("mysql.dsn must look like user:password@tcp(host:3306)/database: %w", err)
	}
	if c.DBName == "" {
		return nil, fmt.Errorf("mysql.dsn must name a database after the last slash: user:password@tcp(host:3306)/database")
	}
	if err := configure(c, logger); err != nil {
		return nil, err
	}
	connector, err := driver.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("mysql.dsn: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(max(connections, 1))
	db.SetMaxIdleConns(max(connections, 1))
	db.SetConnMaxLifetime(connLifetime)

	ping, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := db.PingContext(ping); err != nil {
		db.Close()
		return nil, whatToDo(err, c)
	}
	s := newStore(db, "", c.DBName, logger)
	s.dial = connector
	s.lookout = newLookout(s.checkpoints)
	return s, nil
}

// newStore has tables of such names.
func newStore(db *sql.DB, prefix, name string, logger *slog.Logger) *Store {
	s := &Store{pool: db, names: naming(prefix), prefix: prefix, name: name, logger: logger}
	s.db = s.in(db)
	return s
}

// configure sets what the statements rely on.
func configure(c *driver.Config, logger *slog.Logger) error {
	c.InterpolateParams = true // one round trip for each statement
	c.ClientFoundRows = true   // a compare-and-set counts the rows that it found
	c.MultiStatements = false
	if c.Timeout == 0 {
		c.Timeout = dialTimeout
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = stmtTimeout // a COMMIT has no other bound
	}
	if c.Params == nil {
		c.Params = make(map[string]string)
	}
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'" // what does not fit is an error, and backslashes escape
	c.Logger = driverLog{logger}
	c.Collation = ""
	if err := c.Apply(driver.Charset("utf8mb4", "")); err != nil {
		return fmt.Errorf("mysql.dsn: %w", err)
	}
	return nil
}

// driverLog takes what the driver has to say, mostly of connections that were closed by the server.
type driverLog struct{ *slog.Logger }

func (l driverLog) Print(v ...any) { l.Debug("mysql: the driver says: " + fmt.Sprint(v...)) }

// Close ends all connections and waits. It is always nil.
func (s *Store) Close() error {
	s.lookout.close()
	_ = s.pool.Close() // fails only where the server could not be told, because the connection was gone
	return nil
}
