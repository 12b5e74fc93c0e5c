package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"parley/projector"
)

// page is how many whole rows are read at once.
const page = 500

// differ compares, one by one, the rows after one key and up to another.
func (t table) differ(ctx context.Context, c *projector.Comparison, after, upTo key) error {
	for {
		fresh, err := t.rows(ctx, t.fresh, after, upTo)
		if err != nil {
			return err
		}
		serve, err := t.rows(ctx, t.serve, after, upTo)
		if err != nil {
			return err
		}
		var cut key // where a page ends, and nothing is known of what follows
		for _, full := range [][][]string{fresh, serve} {
			if len(full) == page {
				if last := key(full[page-1][:len(t.key)]); cut == nil || t.order(last, cut) < 0 {
					cut = last
				}
			}
		}
		t.blank(fresh)
		t.blank(serve)
		t.merge(c, fresh, serve, cut)
		if cut == nil {
			return nil
		}
		after = cut
	}
}

// rows gives a page of whole rows, the key first.
func (t table) rows(ctx context.Context, q asker, after, upTo key) ([][]string, error) {
	where, args := t.within(after, upTo)
	return collect(ctx, q, scanStrings(len(t.key)+len(t.columns)),
		"SELECT "+t.all()+" FROM {"+t.name+"} WHERE "+where+" ORDER BY "+t.names(t.key)+" LIMIT "+strconv.Itoa(page), args...)
}

// all names the columns that are compared, the key first.
func (t table) all() string { return t.names(slices.Concat(t.key, t.columns)) }

// merge notes how rows differ, up to cut.
func (t table) merge(c *projector.Comparison, fresh, serve [][]string, cut key) {
	of := func(row []string) key { return row[:len(t.key)] }
	for len(fresh) > 0 || len(serve) > 0 {
		var by, in []string // the rows of the lowest key
		if len(serve) == 0 || len(fresh) > 0 && t.order(of(fresh[0]), of(serve[0])) <= 0 {
			by = fresh[0]
		}
		if len(fresh) == 0 || len(serve) > 0 && t.order(of(serve[0]), of(fresh[0])) <= 0 {
			in = serve[0]
		}
		at := by
		if by == nil {
			at = in
		}
		if cut != nil && t.order(of(at), cut) > 0 {
			return
		}
		if by != nil {
			fresh = fresh[1:]
		}
		if in != nil {
			serve = serve[1:]
		}
		if d, differ := t.difference(by, in); differ {
			c.Add(d)
		}
	}
}

// difference says how the row by the log and the one in the table that serves differ; nil is none.
func (t table) difference(by, in []string) (d projector.Difference, differ bool) {
	d.Table = t.name
	row := by
	switch {
	case by == nil && in == nil:
		return d, false
	case by == nil:
		d.Surplus, row = true, in
	case in == nil:
		d.Missing = true
	}
	for i, c := range t.key {
		d.Key = append(d.Key, projector.Field{Name: c.name, Value: row[i]})
	}
	if d.Missing || d.Surplus {
		return d, true
	}
	for i, c := range t.columns {
		if b, s := by[len(t.key)+i], in[len(t.key)+i]; b != s {
			d.Columns = append(d.Columns, projector.Changed{Name: c.name, Log: brief(b), Table: brief(s), Text: !c.numeric})
		}
	}
	return d, len(d.Columns) > 0
}

// brief stands for a value, in a few bytes.
func brief(value string) string {
	const most = 64
	if len(value) <= most {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// Settle looks again at rows that differed, in the fresh tables and in those that serve as both are now, and leaves out what is a difference no more: rows
// that are the same by now, and columns of which the log has said something newer to the fresh tables since.
func (f *fresh) Settle(ctx context.Context, list []projector.Difference) (left []projector.Difference, err error) {
	s := &snapshot{f: f, q: f.serving.in(f.pool)} // as it is now
	for len(list) > 0 && err == nil {
		some := 1
		for some < min(len(list), page) && list[some].Table == list[0].Table {
			some++
		}
		var t table
		if t, err = s.table(ctx, list[0].Table); err == nil {
			var of []projector.Difference
			of, err = t.settle(ctx, list[:some])
			left = append(left, of...)
		}
		list = list[some:]
	}
	if err != nil {
		return nil, f.explain("compare rows again", err)
	}
	return left, nil
}

func (t table) settle(ctx context.Context, list []projector.Difference) (left []projector.Difference, err error) {
	fresh, err := t.find(ctx, t.fresh, list)
	if err != nil {
		return nil, err
	}
	serve, err := t.find(ctx, t.serve, list)
	if err != nil {
		return nil, err
	}
	for _, was := range list {
		k := joined(was.Key)
		by, in := fresh[k], serve[k]
		if _, differ := t.difference(by, in); !differ || (by == nil) != was.Surplus {
			continue // the same, or the log has said since that there is one, or none
		}
		if !was.Missing && !was.Surplus {
			was.Columns = slices.DeleteFunc(slices.Clone(was.Columns), func(c projector.Changed) bool {
				i := slices.IndexFunc(t.columns, func(o column) bool { return o.name == c.Name })
				return i < 0 || brief(by[len(t.key)+i]) != c.Log
			})
			if len(was.Columns) == 0 {
				continue
			}
		}
		left = append(left, was)
	}
	return left, nil
}

// find gives the rows of these keys, with numbers as they would be without gaps.
func (t table) find(ctx context.Context, q side, list []projector.Difference) (map[string][]string, error) {
	one := ""
	for i, c := range t.key {
		if i > 0 {
			one += " AND "
		}
		one += c.name + "=?"
	}
	var args []any
	for _, d := range list {
		for i, field := range d.Key {
			k := make(key, len(t.key))
			k[i] = field.Value
			args = append(args, t.value(i, k))
		}
	}
	rows, err := collect(ctx, q, scanStrings(len(t.key)+len(t.columns)), "SELECT "+t.all()+" FROM {"+t.name+"} WHERE "+either(len(list), one), args...)
	if err == nil {
		err = t.lessGaps(ctx, q, rows)
	}
	found := make(map[string][]string, len(rows))
	for _, row := range rows {
		fields := make([]projector.Field, len(t.key))
		for i := range t.key {
			fields[i].Value = row[i]
		}
		found[joined(fields)] = row
	}
	return found, err
}

func joined(key []projector.Field) (all string) {
	for _, f := range key {
		all += strconv.Quote(f.Value)
	}
	return all
}
