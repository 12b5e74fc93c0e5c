package mysql

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"parley/domain"
	"parley/projector"
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
func (s *Store) in(q asker) named { return named{q, s.names} }

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
func put[R any](ctx context.Context, tx named, head, tail string, rows []R, values func(R) []any) error {
	text := []byte(tx.names.Replace(head))
	empty, n := len(text), 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		_, err := tx.asker.ExecContext(ctx, string(append(text, tail...)))
		text, n = text[:empty], 0
		return err
	}
	for _, r := range rows {
		begin := len(text)
		if n > 0 {
			text = append(text, ',')
		}
		text = appendRow(text, values(r))
		n++
		if len(text) > empty+maxBytes && n > 1 { // without this one
			row := bytes.Clone(text[begin+1:])
			text, n = text[:begin], n-1
			if err := flush(); err != nil {
				return err
			}
			text, n = append(text, row...), 1
		}
		if n == maxRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// appendRow writes a row of an INSERT: what the driver would do with parameters, without a copy of each and a pass over the statement for all.
func appendRow(text []byte, row []any) []byte {
	for i, v := range row {
		text = append(text, "(,"[min(i, 1)])
		switch v := v.(type) {
		case string:
			text = appendQuoted(text, v)
		case json.RawMessage:
			text = appendQuoted(text, v)
		case []byte:
			text = appendQuoted(append(text, "_binary"...), v)
		case uint64:
			text = strconv.AppendUint(text, v, 10)
		case int64:
			text = strconv.AppendInt(text, v, 10)
		case int:
			text = strconv.AppendInt(text, int64(v), 10)
		case bool:
			text = strconv.AppendBool(text, v)
		default:
			panic(fmt.Sprintf("mysql: a %T in a row", v)) // all there are are above
		}
	}
	return append(text, ')')
}

// appendQuoted writes a string literal, for connections on which backslashes escape, as configure has it.
func appendQuoted[S string | []byte | json.RawMessage](text []byte, s S) []byte {
	text = append(text, '\'')
	for i := range len(s) {
		switch c := s[i]; c {
		case '\'', '\\':
			text = append(text, '\\', c)
		case 0:
			text = append(text, '\\', '0')
		default:
			text = append(text, c)
		}
	}
	return append(text, '\'')
}

// byTopic sorts messages as they lie in the table, so that each page is touched once: those of a topic are in order already.
func byTopic(messages []projector.MessageRow) []projector.MessageRow {
	place := make(map[domain.Topic]int)
	for _, m := range messages {
		place[m.Topic]++
	}
	topics := slices.SortedFunc(maps.Keys(place), func(a, b domain.Topic) int { return strings.Compare(a.Key(), b.Key()) })
	next := 0
	for _, t := range topics {
		next, place[t] = next+place[t], next
	}
	sorted := make([]projector.MessageRow, len(messages))
	for _, m := range messages {
		sorted[place[m.Topic]] = m
		place[m.Topic]++
	}
	return sorted
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
