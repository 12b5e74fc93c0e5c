package mysql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"parley/domain"
	"parley/projector"
)

//go:embed schema.sql
var schema string

// ours begins the comment of each of our tables; the schema's version follows.
const ours = "parley read models "

// tables gives the names of the tables, in the order in which they are made.
func tables() (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`).FindAllStringSubmatch(schema, -1) {
		names = append(names, m[1])
	}
	return names
}

// version names the shape of the tables.
func version() string {
	sum := sha256.Sum256([]byte(schema))
	return ours + hex.EncodeToString(sum[:6])
}

// Prepare makes the tables. If one of them is missing or of another version, all are made anew and empty; but those of another version only
// if replace says so, else it answers projector.ErrReplaced. It touches no table that is not Parley's, and says so where one is in the way.
func (s *Store) Prepare(ctx context.Context, replace bool) error {
	return s.locked(ctx, "make the tables", func(ctx context.Context, c asker) error {
		there, err := comments(ctx, c)
		if err != nil {
			return err
		}
		whole := true
		for _, name := range tables() {
			whole = whole && there[name] == version()
		}
		switch {
		case whole:
			return nil
		case !replace && replaced(there):
			return projector.ErrReplaced
		}
		return s.anew(ctx, c, there)
	})
}

// replaced says whether one of the tables is of another version of Parley.
func replaced(there map[string]string) bool {
	for _, comment := range there {
		if strings.HasPrefix(comment, ours) && comment != version() {
			return true
		}
	}
	return false
}

// Reset makes the tables anew and empty if the shard's checkpoint is was, else it answers projector.ErrFenced. Those of another version it
// leaves alone and answers projector.ErrReplaced.
func (s *Store) Reset(ctx context.Context, shard int, was domain.Position) error {
	return s.locked(ctx, "empty the tables", func(ctx context.Context, c asker) error {
		there, err := comments(ctx, c)
		if err != nil {
			return err
		}
		if replaced(there) {
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

// Whole says nil if all the tables are there, else projector.ErrNoTables, or projector.ErrReplaced where they are of another version.
func (s *Store) Whole(ctx context.Context) error {
	return s.try(ctx, "look for the tables", func(ctx context.Context) error {
		there, err := comments(ctx, s.db)
		if err != nil {
			return err
		}
		for _, name := range tables() {
			if !strings.HasPrefix(there[name], ours) {
				return fmt.Errorf("table %s: %w", name, projector.ErrNoTables)
			}
		}
		if replaced(there) {
			return projector.ErrReplaced
		}
		return nil
	})
}

// comments gives the comments of those tables that have the names of ours.
func comments(ctx context.Context, q asker) (map[string]string, error) {
	names := tables()
	type table struct{ name, comment string }
	found, err := collect(ctx, q, func(r *sql.Rows) (t table, err error) { return t, r.Scan(&t.name, &t.comment) },
		"SELECT TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ("+holes(len(names))+")",
		anys(names)...)
	there := make(map[string]string, len(found))
	for _, t := range found {
		there[t.name] = t.comment
	}
	return there, err
}

// anew drops and makes all tables. checkpoints goes first and comes last, so that no batch is committed into half of them: every
// commit begins there.
func (s *Store) anew(ctx context.Context, c asker, there map[string]string) error {
	names := tables()
	for name, comment := range there {
		if !strings.HasPrefix(comment, ours) {
			return fmt.Errorf("the database %q has a table %q that is not Parley's; give Parley a database of its own", s.name, name)
		}
	}
	drop := []string{names[len(names)-1]}
	drop = append(drop, names[:len(names)-1]...)
	if _, err := c.ExecContext(ctx, "DROP TABLE IF EXISTS "+strings.Join(drop, ", ")); err != nil {
		return err
	}
	for _, statement := range strings.Split(schema, ";\n") {
		if !strings.Contains(statement, "CREATE TABLE") {
			continue
		}
		if _, err := c.ExecContext(ctx, statement+" COMMENT='"+version()+"'"); err != nil {
			return err
		}
	}
	s.logger.Info("mysql: tables made", "database", s.name)
	return nil
}

// locked does something while no other projector makes tables in this database.
func (s *Store) locked(ctx context.Context, what string, do func(context.Context, asker) error) error {
	return s.try(ctx, what, func(ctx context.Context) error {
		c, err := s.pool.Conn(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		const name = "CONCAT('parley.', LEFT(SHA1(DATABASE()), 16))" // a lock's name has at most 64 characters in MySQL
		var got sql.NullInt64
		if err := c.QueryRowContext(ctx, "SELECT GET_LOCK("+name+", 30)").Scan(&got); err != nil {
			return err
		}
		if got.Int64 != 1 {
			return fmt.Errorf("another projector has been making tables for 30 s")
		}
		defer c.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+name+")")
		return do(ctx, s.in(c))
	})
}
