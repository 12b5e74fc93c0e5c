package mysql

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"parley/domain"
	"parley/projector"
)

//go:embed schema.sql
var schema string

// tables gives the names of the tables, in the order in which they are made.
func tables() (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`).FindAllStringSubmatch(schema, -1) {
		names = append(names, m[1])
	}
	return names
}

// checkpointsTable is the last one, in every version: where it is, the others are too.
const checkpointsTable = "checkpoints"

// made is what the comment of a table says.
type made struct {
	version    string // names the shape of all the tables; "" where the table is not ours
	generation string // the same for all that were made together, and for no others
}

// ours begins the comment of each of our tables.
const ours = "parley read models "

func (m made) comment() string { return ours + m.version + " " + m.generation }

func parseMade(comment string) (m made) {
	if says, ok := strings.CutPrefix(comment, ours); ok {
		m.version, m.generation, _ = strings.Cut(says, " ")
	}
	return m
}

// version names the shape of the tables that this program makes.
func version() string {
	sum := sha256.Sum256([]byte(schema))
	return hex.EncodeToString(sum[:6])
}

// there gives, by name, the tables of this store, of whichever version, and those of somebody else that have the name of one.
func (s *Store) there(ctx context.Context, q asker) (map[string]made, error) {
	type table struct{ name, comment string }
	found, err := collect(ctx, q, func(r *sql.Rows) (t table, err error) { return t, r.Scan(&t.name, &t.comment) },
		"SELECT TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")
	there := make(map[string]made)
	for _, t := range found {
		m := parseMade(t.comment)
		name, own := strings.CutPrefix(t.name, s.prefix)
		strange := m.version != "" && m.version != version() // of another version there may be others; of this one, it is somebody's copy
		if own && (slices.Contains(tables(), name) || strange && (s.prefix != "" || !aside(name))) {
			there[name] = m
		}
	}
	return there, err
}

// another says whether one of the tables is of another version of Parley.
func another(there map[string]made) bool {
	for _, m := range there {
		if m.version != "" && m.version != version() {
			return true
		}
	}
	return false
}

// entire says whether the tables were made together and, as far as can be told of those of another version, none is missing.
func entire(there map[string]made) bool {
	last := there[checkpointsTable]
	for _, m := range there {
		if m != last {
			return false
		}
	}
	for _, name := range tables() {
		if last.version == version() && there[name] != last {
			return false
		}
	}
	return last.version != ""
}

// Prepare makes the tables, all of them, where some are missing, were not made together, or have rows and no checkpoint. Those of another version it leaves alone and answers
// projector.ErrReplaced, unless they are not whole and replace says that they may be dropped. It touches no table that is not Parley's, and says so
// where one is in the way.
func (s *Store) Prepare(ctx context.Context, replace bool) error {
	return s.locked(ctx, "make the tables", func(ctx context.Context, c asker) error {
		there, err := s.there(ctx, c)
		if err != nil {
			return err
		}
		whole := entire(there)
		switch {
		case another(there) && (whole || !replace):
			return projector.ErrReplaced
		case whole:
			s.working(there)
			if lost, err := orphans(ctx, c); err != nil || !lost {
				return err
			}
			s.logger.Warn("mysql: there are rows and no checkpoints: the tables are made anew", "database", s.name)
		}
		return s.anew(ctx, c, there)
	})
}

// orphans says whether there are rows and nothing that says how far they go: to fold over them would not make them right.
func orphans(ctx context.Context, q asker) (bool, error) {
	var rows []string
	for _, name := range tables() {
		if name != checkpointsTable {
			rows = append(rows, "EXISTS (SELECT 1 FROM {"+name+"})")
		}
	}
	found, err := collect(ctx, q, func(r *sql.Rows) (lost bool, err error) { return lost, r.Scan(&lost) },
		"SELECT NOT EXISTS (SELECT 1 FROM {"+checkpointsTable+"}) AND ("+strings.Join(rows, " OR ")+")")
	return err == nil && found[0], err
}

// working notes which tables this store's projector works at.
func (s *Store) working(there map[string]made) {
	generation := there[checkpointsTable].generation
	s.generation.Store(&generation)
}

// Reset makes the tables anew and empty if the shard's checkpoint is was, else it answers projector.ErrFenced. Those of another version it
// leaves alone and answers projector.ErrReplaced.
func (s *Store) Reset(ctx context.Context, shard int, was domain.Position) error {
	return s.locked(ctx, "empty the tables", func(ctx context.Context, c asker) error {
		there, err := s.there(ctx, c)
		if err != nil {
			return err
		}
		if another(there) {
			return projector.ErrReplaced
		}
		at, err := checkpoint(ctx, c, shard)
		if err != nil {
			return err
		}
		if at != was {
			return projector.ErrFenced
		}
		return s.anew(ctx, c, there)
	})
}

// Whole says nil if all the tables are there. Else it is projector.ErrNoTables, or projector.ErrReplaced where they are of another version, or
// projector.ErrSwapped where they are not those that Prepare has found or made.
func (s *Store) Whole(ctx context.Context) error {
	return s.try(ctx, "look for the tables", func(ctx context.Context) (err error) {
		for range 2 { // a server may answer from the midst of a swap
			if err = s.whole(ctx); !errors.Is(err, projector.ErrNoTables) {
				return err
			}
		}
		return err
	})
}

func (s *Store) whole(ctx context.Context) error {
	there, err := s.there(ctx, s.db)
	if err != nil {
		return err
	}
	for _, name := range tables() {
		if there[name].version == "" {
			return fmt.Errorf("table %s: %w", name, projector.ErrNoTables)
		}
	}
	mine := s.generation.Load()
	switch {
	case another(there):
		return projector.ErrReplaced
	case !entire(there):
		return fmt.Errorf("they were not made together: %w", projector.ErrNoTables)
	case mine != nil && *mine != there[checkpointsTable].generation:
		return projector.ErrSwapped
	}
	return nil
}

// anew drops and makes all tables. checkpoints goes first and comes last, so that no batch is committed into half of them: every
// commit begins there.
func (s *Store) anew(ctx context.Context, c asker, there map[string]made) error {
	drop := []string{s.prefix + checkpointsTable}
	for name, m := range there {
		if m.version == "" {
			return fmt.Errorf("the database %q has a table %q that is not Parley's; give Parley a database of its own", s.name, s.prefix+name)
		}
		if name != checkpointsTable {
			drop = append(drop, s.prefix+name)
		}
	}
	if _, err := c.ExecContext(ctx, "DROP TABLE IF EXISTS "+strings.Join(drop, ", ")); err != nil {
		return err
	}
	now := made{version(), strings.ToLower(rand.Text()[:12])}
	for _, statement := range strings.Split(schema, ";\n") {
		if !strings.Contains(statement, "CREATE TABLE") {
			continue
		}
		statement = strings.Replace(statement, "CREATE TABLE ", "CREATE TABLE "+s.prefix, 1)
		statement = strings.Replace(statement, "DEFAULT '{generation}'", "DEFAULT '"+now.generation+"'", 1)
		if _, err := c.ExecContext(ctx, statement+" COMMENT='"+now.comment()+"'"); err != nil {
			return err
		}
	}
	s.working(map[string]made{checkpointsTable: now})
	s.logger.Info("mysql: tables made", "database", s.name, "prefix", s.prefix)
	return nil
}

// hash names what is done in this database; a lock's name has at most 64 characters in MySQL.
const hash = "LEFT(SHA1(DATABASE()), 16)"

// locked does something while no other projector makes tables in this database.
func (s *Store) locked(ctx context.Context, what string, do func(context.Context, asker) error) error {
	return s.try(ctx, what, func(ctx context.Context) error {
		c, err := s.pool.Conn(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		const name = "CONCAT('parley.', " + hash + ")"
		switch got, err := getLock(ctx, c, name, 30); {
		case err != nil:
			return err
		case !got:
			return fmt.Errorf("another projector has been making tables for 30 s")
		}
		defer c.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+name+")")
		return do(ctx, s.in(c))
	})
}

// getLock takes a lock of the server's, which the connection holds until it lets go of it or ends. It waits for so many seconds.
func getLock(ctx context.Context, c *sql.Conn, name string, seconds int) (got bool, err error) {
	var answer sql.NullInt64
	err = c.QueryRowContext(ctx, "SELECT GET_LOCK("+name+", ?)", seconds).Scan(&answer)
	return answer.Int64 == 1, err
}
