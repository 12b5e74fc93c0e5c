package projector

import (
	"context"
	"fmt"
	"strings"

	"parley/domain"
)

// Snapshot is the tables that serve as they were at one moment.
type Snapshot interface {
	// At is how far they were folded, by shard.
	At() []domain.Position
	// Compare holds them against the fresh tables and tells report how many rows of a table it has compared.
	Compare(ctx context.Context, report func(table string, rows uint64)) (Comparison, error)
	Close()
}

// Comparison is what came of comparing the tables that serve with what the log says.
type Comparison struct {
	Nothing     string // why nothing was compared; "" if it was
	Tables      []Compared
	Differences []Difference // at most MaxDifferences
	More        int          // differences beyond those, which nobody has looked at twice
	Behind      uint64       // how many places of the log the tables that serve are behind it, where they differ
}

// MaxDifferences is how many differences are kept one by one.
const MaxDifferences = 10_000

// Add notes a difference.
func (c *Comparison) Add(d Difference) {
	if len(c.Differences) == MaxDifferences {
		c.More++
		return
	}
	c.Differences = append(c.Differences, d)
}

// Compared is a table: how many rows it has by the log, and their checksum, which depends on nothing but what is in them, and leaves out the numbers in
// conversations in which messages were erased: these are compared one by one.
type Compared struct {
	Table      string
	Comparable bool // else the tables that serve have none, or one with another key
	Rows       uint64
	Checksum   string
}

// Difference is a row that is not as the log says.
type Difference struct {
	Table            string
	Key              []Field
	Missing, Surplus bool // it is not there, or should not be
	Columns          []Changed
}

// Field is a column and its value.
type Field struct{ Name, Value string }

// Changed is a column that differs.
type Changed struct {
	Name       string
	Log, Table string // what it is by the log, and in the table; a hash stands for what is long
	Text       bool   // may be what people have written
}

// String names the row and what is wrong with it, without what people have written.
func (d Difference) String() string {
	key := make([]string, len(d.Key))
	for i, f := range d.Key {
		key[i] = f.Name + "=" + f.Value
	}
	at := d.Table + " " + strings.Join(key, " ")
	switch {
	case d.Missing:
		return at + ": the row is missing"
	case d.Surplus:
		return at + ": the row is there, and the log knows nothing of it"
	}
	columns := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		if columns[i] = c.Name + " differs"; !c.Text {
			columns[i] = fmt.Sprintf("%s is %s, by the log %s", c.Name, c.Table, c.Log)
		}
	}
	return at + ": " + strings.Join(columns, ", ")
}
