package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/domain"
	"parley/projector"
)

// Snapshot holds on to the tables that serve as they are now, until its Close.
func (f *fresh) Snapshot(ctx context.Context) (projector.Snapshot, error) {
	c, err := f.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{f: f, conn: c, q: f.serving.in(c)}
	for _, statement := range []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"} {
		if err == nil {
			_, err = c.ExecContext(ctx, statement)
		}
	}
	if err == nil {
		s.at, err = positions(ctx, s.q)
	}
	if err != nil {
		s.Close()
		return nil, f.explain("hold on to the tables that serve", err)
	}
	return s, nil
}

// snapshot is a transaction that sees the tables that serve as they were when it began.
type snapshot struct {
	f    *fresh
	conn *sql.Conn
	q    asker
	at   []domain.Position
}

// At is how far they are folded, by shard.
func (s *snapshot) At() []domain.Position { return s.at }

// Close lets go of them.
func (s *snapshot) Close() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // in the middle of a transaction
	s.conn.Close()
}

// Compare holds every table, but for the checkpoints, against the fresh one of its name: how many rows, and the checksum over what both have, in the order
// of the key and some thousand rows at a time; where they differ, row by row. Numbers in conversations in which messages were erased are compared by
// themselves. It keeps at most projector.MaxDifferences of the differences. report is told how far it is.
func (s *snapshot) Compare(ctx context.Context, report func(table string, rows uint64)) (c projector.Comparison, err error) {
	gapped, err := s.gapped(ctx)
	if err != nil {
		return c, s.f.explain("look for gaps", err)
	}
	for _, name := range tables() {
		if name == checkpointsTable || name == gapsTable {
			continue
		}
		t, err := s.table(ctx, name)
		if err != nil {
			return c, s.f.explain("compare the tables "+name, err)
		}
		t.gapped = gapped
		if err := t.compare(ctx, &c, report); err != nil {
			return c, s.f.explain("compare the tables "+name, err)
		}
	}
	return c, nil
}

// table is one that is compared.
type table struct {
	name         string
	fresh, serve side
	key, columns []column        // the columns are those that both have, beside the key
	none         bool            // there is none to compare with, or of another key
	gapped       map[string]bool // the conversations in which messages were erased, by either
}

type column struct {
	name    string
	numeric bool
}

// table looks at what both have.
func (s *snapshot) table(ctx context.Context, name string) (t table, err error) {
	var others, theirKey []column
	if t.key, t.columns, err = s.f.shape(ctx, freshPrefix+name); err == nil {
		theirKey, others, err = s.f.shape(ctx, name)
	}
	t.name, t.none = name, fmt.Sprint(theirKey) != fmt.Sprint(t.key)
	t.columns = slices.DeleteFunc(both(t.columns, others), func(c column) bool { return c.name == "end_seq" }) // goes with the gaps
	if err == nil {
		err = s.sides(ctx, &t)
	}
	return t, err
}

// shape gives the columns of a table, those of the key by themselves; none where there is no such table.
func (f *fresh) shape(ctx context.Context, of string) (key, columns []column, err error) {
	type described struct {
		column
		inKey bool
	}
	found, err := collect(ctx, f.db, func(r *sql.Rows) (c described, err error) { return c, r.Scan(&c.name, &c.numeric, &c.inKey) },
		`SELECT COLUMN_NAME, NUMERIC_PRECISION IS NOT NULL, COLUMN_KEY='PRI' FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME=? ORDER BY ORDINAL_POSITION`, of)
	for _, c := range found {
		if !c.inKey {
			columns = append(columns, c.column)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	key, err = collect(ctx, f.db, func(r *sql.Rows) (c column, err error) { return c, r.Scan(&c.name) },
		"SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME=? AND INDEX_NAME='PRIMARY' ORDER BY SEQ_IN_INDEX", of)
	for i := range key {
		for _, c := range found {
			key[i].numeric = key[i].numeric || c.name == key[i].name && c.numeric
		}
	}
	return key, columns, err
}

func both(some, others []column) (in []column) {
	for _, c := range some {
		for _, o := range others {
			if c == o {
				in = append(in, c)
			}
		}
	}
	return in
}

// piece is how many rows are compared at once.
const piece = 5000

// key is where a row is: the values of the key's columns. nil is before all rows, or after.
type key []string

// sum is what a run of rows comes to, whatever their order.
type sum struct{ rows, one, two uint64 }

func (t table) compare(ctx context.Context, c *projector.Comparison, report func(string, uint64)) error {
	done := projector.Compared{Table: t.name}
	if t.none {
		c.Tables = append(c.Tables, done)
		return nil
	}
	done.Comparable = true
	var total sum
	for after, last := key(nil), false; !last; {
		upTo, err := t.boundary(ctx, after)
		if err != nil {
			return err
		}
		last = upTo == nil // beyond there may be some in the table that serves
		apart, err := t.gappedIn(ctx, after, upTo)
		if err != nil {
			return err
		}
		fresh, err := t.sum(ctx, t.fresh, after, upTo, apart)
		if err != nil {
			return err
		}
		serves, err := t.sum(ctx, t.serve, after, upTo, apart)
		if err != nil {
			return err
		}
		if fresh != serves {
			if err := t.differ(ctx, c, after, upTo); err != nil {
				return err
			}
		}
		total = sum{total.rows + fresh.rows, total.one ^ fresh.one, total.two ^ fresh.two}
		report(t.name, total.rows)
		after = upTo
	}
	done.Rows, done.Checksum = total.rows, fmt.Sprintf("%016x%016x", total.one, total.two)
	c.Tables = append(c.Tables, done)
	return t.compareNumbers(ctx, c)
}

// boundary gives the key of the last of the next rows of the fresh table; nil where there are none.
func (t table) boundary(ctx context.Context, after key) (key, error) {
	where, args := t.within(after, nil)
	names := t.names(t.key)
	found, err := collect(ctx, t.fresh, scanStrings(len(t.key)), "SELECT "+names+" FROM (SELECT "+names+" FROM {"+t.name+"} WHERE "+where+
		" ORDER BY "+names+" LIMIT "+strconv.Itoa(piece)+") x ORDER BY "+strings.ReplaceAll(names, ",", " DESC,")+" DESC LIMIT 1", args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// sum adds up the rows after one key and up to another, but no more of them than one too many. The numbers in some conversations are left out.
func (t table) sum(ctx context.Context, q asker, after, upTo key, apart []any) (sum, error) {
	where, args := t.within(after, upTo)
	var quoted, numbers []string
	for _, c := range slices.Concat(t.key, t.columns) {
		if v := "QUOTE(t." + c.name + ")"; t.ranked(c) {
			numbers = append(numbers, v)
		} else {
			quoted = append(quoted, v)
		}
	}
	if numbers != nil && apart != nil {
		var in []string
		for some := range slices.Chunk(apart, chunk) {
			in = append(in, "t.topic IN ("+holes(len(some))+")")
		}
		numbers = []string{"IF(" + strings.Join(in, " OR ") + ",'',CONCAT_WS(','," + strings.Join(numbers, ",") + "))"}
		args = slices.Concat(apart, args)
	}
	found, err := collect(ctx, q, func(r *sql.Rows) (s sum, err error) { return s, r.Scan(&s.rows, &s.one, &s.two) },
		"SELECT COUNT(*), COALESCE(BIT_XOR(CAST(CONV(LEFT(h,16),16,10) AS UNSIGNED)),0), COALESCE(BIT_XOR(CAST(CONV(RIGHT(h,16),16,10) AS UNSIGNED)),0)"+
			" FROM (SELECT SHA1(CONCAT_WS(',',"+strings.Join(append(quoted, numbers...), ",")+")) AS h FROM {"+t.name+"} t WHERE "+where+
			" ORDER BY "+t.names(t.key)+" LIMIT "+strconv.Itoa(piece+1)+") x", args...)
	if err != nil {
		return sum{}, err
	}
	return found[0], nil
}

// within gives the condition on the rows after one key and up to another. The servers take it for ranges of the index.
func (t table) within(after, upTo key) (where string, args []any) {
	where = "TRUE"
	if after != nil {
		part, values := t.beyond(after, ">", ">")
		where, args = where+" AND "+part, append(args, values...)
	}
	if upTo != nil {
		part, values := t.beyond(upTo, "<", "<=")
		where, args = where+" AND "+part, append(args, values...)
	}
	return where, args
}

// beyond compares the key with k, column by column: by sign, but for the last column.
func (t table) beyond(k key, sign, last string) (part string, args []any) {
	n := len(t.key) - 1
	part, args = t.key[n].name+last+"?", []any{t.value(n, k)}
	for n--; n >= 0; n-- {
		name, v := t.key[n].name, t.value(n, k)
		part, args = "("+name+sign+"? OR "+name+"=? AND "+part+")", append([]any{v, v}, args...)
	}
	return part, args
}

// value gives a key's column as the server compares it.
func (t table) value(n int, k key) any {
	if v, err := strconv.ParseUint(k[n], 10, 64); t.key[n].numeric && err == nil {
		return v
	}
	return k[n]
}

// order compares keys as the server does.
func (t table) order(a, b key) int {
	for i := range t.key {
		if t.key[i].numeric && len(a[i]) != len(b[i]) {
			return cmp.Compare(len(a[i]), len(b[i]))
		}
		if c := strings.Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func (t table) names(columns []column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return strings.Join(names, ",")
}

func scanStrings(n int) func(*sql.Rows) ([]string, error) {
	return func(r *sql.Rows) ([]string, error) {
		values, into := make([]sql.NullString, n), make([]any, n)
		for i := range values {
			into[i] = &values[i]
		}
		err := r.Scan(into...)
		row := make([]string, n)
		for i, v := range values {
			row[i] = v.String
		}
		return row, err
	}
}
