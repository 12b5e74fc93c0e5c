package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// statements keeps what is executed.
type statements struct {
	asker
	all []string
}

func (s *statements) ExecContext(_ context.Context, text string, args ...any) (sql.Result, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("parameters %v", args)
	}
	s.all = append(s.all, text)
	return nil, nil
}

func TestStatementsAreBounded(t *testing.T) {
	const head, tail = "INSERT INTO t VALUES ", " AND SO ON"
	row := len("('')")
	for name, c := range map[string]struct {
		sizes []int // of the rows' only string
		want  []int // rows in each statement
	}{
		"none":                  {nil, nil},
		"one":                   {[]int{5}, []int{1}},
		"as many as go":         {make([]int, maxRows), []int{maxRows}},
		"one more":              {make([]int, maxRows+1), []int{maxRows, 1}},
		"as large as goes":      {[]int{0, maxBytes - 2*row - 1}, []int{2}},
		"one byte more":         {[]int{0, maxBytes - 2*row}, []int{1, 1}},
		"larger by itself":      {[]int{2 * maxBytes}, []int{1}},
		"larger, in the middle": {[]int{1, 1, 2 * maxBytes, 1, 1}, []int{2, 1, 2}},
	} {
		var into statements
		var rows []string
		for _, n := range c.sizes {
			rows = append(rows, strings.Repeat("x", n))
		}
		if err := put(t.Context(), named{&into, naming("")}, head, tail, rows, func(s string) []any { return []any{s} }); err != nil {
			t.Fatal(err)
		}
		var got []int
		var back []string
		for _, s := range into.all {
			inner, ok1 := strings.CutPrefix(s, head+"('")
			inner, ok2 := strings.CutSuffix(inner, "')"+tail)
			if !ok1 || !ok2 {
				t.Errorf("%s: a statement %.40q…", name, s)
			}
			some := strings.Split(inner, "'),('")
			got, back = append(got, len(some)), append(back, some...)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || strings.Join(back, ",") != strings.Join(rows, ",") {
			t.Errorf("%s: rows in statements: %v, want %v", name, got, c.want)
		}
	}
}
