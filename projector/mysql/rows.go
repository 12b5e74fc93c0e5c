package mysql

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

// asker is a database, a connection or a transaction.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// named puts the names of a Store's tables into statements.
type named struct {
	asker
	names *strings.Replacer
}

func (n named) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return n.asker.QueryContext(ctx, n.names.Replace(query), args...)
}

func (n named) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return n.asker.ExecContext(ctx, n.names.Replace(query), args...)
}

// in lets statements say {messages} where they mean the table of that name, whatever the Store calls it.
func (s *Store) in(q asker) asker { return named{q, s.names} }

// naming puts prefix before the tables' names.
func naming(prefix string) *strings.Replacer {
	names := []string{"{open}", open}
	if prefix != "" { // nobody else writes there
		names[1] = "TRUE"
	}
	for _, name := range tables() {
		names = append(names, "{"+name+"}", prefix+name)
	}
	return strings.NewReplacer(names...)
}

// collect gives all rows of an answer.
func collect[R any](ctx context.Context, q asker, scan func(*sql.Rows) (R, error), query string, args ...any) (all []R, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// chunk is how many keys go into one statement. MariaDB makes a join of an IN with more than 1000.
const chunk = 500

// collectIn is collect for a query that ends in IN ( and takes any number of keys.
func collectIn[R any](ctx context.Context, q asker, scan func(*sql.Rows) (R, error), query string, keys []any) (all []R, err error) {
	for len(keys) > 0 {
		some := keys[:min(len(keys), chunk)]
		keys = keys[len(some):]
		found, err := collect(ctx, q, scan, query+holes(len(some))+")", some...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// either gives a condition on n keys, of which each would do, from that on one.
func either(n int, key string) string {
	return strings.TrimSuffix(strings.Repeat("("+key+") OR ", n), " OR ")
}

// union gives n SELECTs in brackets as one.
func union(one string, n int) string {
	return strings.TrimSuffix(strings.Repeat(one+" UNION ALL ", n), " UNION ALL ")
}

// holes gives n question marks.
func holes(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// The bounds of one INSERT: well below what servers take by default, 16 MiB, and large enough to be cheap.
const (
	maxRows  = 1000
	maxBytes = 1 << 20
)

// put writes rows by as few statements as their number and size allow. head ends in VALUES; tail is what follows the rows.
func put[R any](ctx context.Context, tx asker, head, tail string, rows []R, values func(R) []any) error {
	var text strings.Builder
	var args []any
	n, size := 0, 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, text.String()+tail, args...)
		text.Reset()
		args, n, size = args[:0], 0, 0
		return err
	}
	for _, r := range rows {
		row := values(r)
		bytes := weight(row)
		if n == maxRows || n > 0 && size+bytes > maxBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		if n == 0 {
			text.WriteString(head)
		} else {
			text.WriteByte(',')
		}
		text.WriteString("(" + holes(len(row)) + ")")
		args = append(args, row...)
		n, size = n+1, size+bytes
	}
	return flush()
}

// drop deletes rows by their keys, many by one statement. head ends in IN (.
func drop[K any](ctx context.Context, tx asker, head string, keys []K, values func(K) []any) error {
	for some := range slices.Chunk(keys, chunk) {
		var rows []string
		var args []any
		for _, k := range some {
			key := values(k)
			rows, args = append(rows, "("+holes(len(key))+")"), append(args, key...)
		}
		if _, err := tx.ExecContext(ctx, head+strings.Join(rows, ",")+")", args...); err != nil {
			return err
		}
	}
	return nil
}

func weight(row []any) (bytes int) {
	for _, v := range row {
		switch v := v.(type) {
		case string:
			bytes += len(v)
		case []byte:
			bytes += len(v)
		}
		bytes += 8
	}
	return bytes
}

// upsert gives head and tail of an INSERT that replaces columns where the key is there. (MySQL calls VALUES() deprecated; MariaDB does
// not know what it would have instead.)
func upsert(table, key string, columns ...string) (head, tail string) {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + "=VALUES(" + c + ")"
	}
	return "INSERT INTO " + table + " (" + key + "," + strings.Join(columns, ",") + ") VALUES ",
		" ON DUPLICATE KEY UPDATE " + strings.Join(set, ",")
}
