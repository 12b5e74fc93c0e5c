package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"parley/domain"
	"parley/projector"
)

// gapsTable has what is not compared: where messages were erased. A replay that finds them erased has no gaps there.
const gapsTable = "gaps"

// numbered are the columns that hold a number, which is compared as it would be without the gaps up to the seq in another column; "" is all of them.
var numbered = map[string]map[string]string{
	"messages":      {"number": "seq"},
	"marks":         {"own_number": "own_seq", "read_number": "read_seq"},
	"conversations": {"last_number": ""},
}

func (t table) ranked(c column) bool {
	_, ok := numbered[t.name][c.name]
	return ok
}

// side is the tables of one side of a comparison.
type side struct {
	asker
	gaps bool // there are gaps to look for
}

// sides says where the rows of t are. An older version may have no gaps at all; or gaps that nobody has counted, and then its numbers are not compared.
func (s *snapshot) sides(ctx context.Context, t *table) error {
	t.fresh, t.serve = side{s.f.db, true}, side{s.q, false}
	if numbered[t.name] == nil && t.name != gapsTable {
		return nil
	}
	key, columns, err := s.f.shape(ctx, gapsTable)
	t.serve.gaps = slices.ContainsFunc(columns, func(c column) bool { return c.name == "n" })
	if key != nil && !t.serve.gaps {
		t.columns = slices.DeleteFunc(t.columns, t.ranked)
	}
	return err
}

// gapped gives the conversations in which messages were erased, by either side.
func (s *snapshot) gapped(ctx context.Context) (map[string]bool, error) {
	t, err := s.table(ctx, gapsTable)
	if err != nil {
		return nil, err
	}
	gapped := make(map[string]bool)
	for _, q := range []side{t.fresh, t.serve} {
		if !q.gaps {
			continue
		}
		topics, err := collect(ctx, q, scanStrings(1), "SELECT topic FROM {gaps} GROUP BY topic")
		if err != nil {
			return nil, err
		}
		for _, topic := range topics {
			gapped[topic[0]] = true
		}
	}
	return gapped, nil
}

// gappedIn gives those of the gapped conversations of which the fresh table has rows after one key and up to another. What the other table has beside
// them makes a difference by itself.
func (t table) gappedIn(ctx context.Context, after, upTo key) (topics []any, err error) {
	if len(t.gapped) == 0 || upTo == nil || !slices.ContainsFunc(t.columns, t.ranked) {
		return nil, nil
	}
	where, args := t.within(after, upTo)
	found, err := collect(ctx, t.fresh, scanStrings(1), "SELECT topic FROM {"+t.name+"} WHERE "+where+" GROUP BY topic", args...)
	for _, topic := range found {
		if t.gapped[topic[0]] {
			topics = append(topics, topic[0])
		}
	}
	return topics, err
}

// at is where a column is in a row; -1 for nowhere.
func (t table) at(name string) int {
	return slices.IndexFunc(slices.Concat(t.key, t.columns), func(c column) bool { return c.name == name })
}

// blank takes away the numbers that are compared by themselves.
func (t table) blank(rows [][]string) {
	topic := t.at("topic")
	for i, c := range t.columns {
		if !t.ranked(c) {
			continue
		}
		for _, row := range rows {
			if t.gapped[row[topic]] {
				row[len(t.key)+i] = ""
			}
		}
	}
}

// lessGaps makes of numbers what they would be without gaps. It reads one entry of an index for each.
func (t table) lessGaps(ctx context.Context, q side, rows [][]string) error {
	if !q.gaps || !slices.ContainsFunc(t.columns, t.ranked) {
		return nil
	}
	var places []projector.Place
	var numbers []*string
	for _, row := range rows {
		topic, err := domain.ParseTopic(row[t.at("topic")])
		if err != nil {
			continue // nothing was ever said there
		}
		for name, upTo := range numbered[t.name] {
			at, seq := t.at(name), ^uint64(0)
			if upTo != "" && t.at(upTo) >= 0 {
				seq, _ = strconv.ParseUint(row[t.at(upTo)], 10, 64) // as the server wrote it
			}
			if at >= 0 {
				places, numbers = append(places, projector.Place{Topic: topic, Seq: seq}), append(numbers, &row[at])
			}
		}
	}
	counts, err := gapsUpTo(ctx, q, places)
	for i, n := range counts {
		number, _ := strconv.ParseUint(*numbers[i], 10, 64)
		*numbers[i] = less(number, n)
	}
	return err
}

// less is number less n, also where that is below zero, for which the servers' own unsigned numbers have no room.
func less(number, n uint64) string {
	if number < n {
		return "-" + strconv.FormatUint(n-number, 10)
	}
	return strconv.FormatUint(number-n, 10)
}

// compareNumbers compares numbers in the conversations in which messages were erased, as they would be without the gaps. Rows that only one side has were
// named before.
func (t table) compareNumbers(ctx context.Context, c *projector.Comparison) error {
	if !slices.ContainsFunc(t.columns, t.ranked) {
		return nil
	}
	topics := slices.Sorted(maps.Keys(t.gapped))
	if t.name == "conversations" {
		for some := range slices.Chunk(topics, page) {
			rows := make([]projector.Difference, len(some))
			for i, topic := range some {
				rows[i].Key = []projector.Field{{Name: "topic", Value: topic}}
			}
			if err := t.numbersOf(ctx, c, rows); err != nil {
				return err
			}
		}
		return nil
	}
	compare := t.messagesOf
	if t.name == "marks" {
		compare = t.marksOf
	}
	for _, topic := range topics {
		if err := compare(ctx, c, topic); err != nil {
			return err
		}
	}
	return nil
}

// marksOf compares the numbers in the marks in a conversation. The index is the fresh table's; the other may have none for this.
func (t table) marksOf(ctx context.Context, c *projector.Comparison, topic string) error {
	for after, more := "", true; more; {
		rows, err := collect(ctx, t.fresh, func(r *sql.Rows) (d projector.Difference, err error) {
			d.Key = []projector.Field{{Name: "uid"}, {Name: "topic", Value: topic}}
			return d, r.Scan(&d.Key[0].Value)
		}, "SELECT uid FROM {marks} WHERE topic=? AND uid>? ORDER BY uid LIMIT "+strconv.Itoa(page), topic, after)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := t.numbersOf(ctx, c, rows); err != nil {
			return err
		}
		after, more = rows[len(rows)-1].Key[0].Value, len(rows) == page
	}
	return nil
}

// numbersOf compares the numbers in the rows of some keys.
func (t table) numbersOf(ctx context.Context, c *projector.Comparison, rows []projector.Difference) error {
	fresh, err := t.find(ctx, t.fresh, rows)
	if err != nil {
		return err
	}
	serve, err := t.find(ctx, t.serve, rows)
	if err != nil {
		return err
	}
	for _, row := range rows {
		by, in := fresh[joined(row.Key)], serve[joined(row.Key)]
		if by == nil || in == nil {
			continue
		}
		d, _ := t.difference(by, in)
		d.Columns = slices.DeleteFunc(d.Columns, func(c projector.Changed) bool { return !t.ranked(column{name: c.Name}) })
		if len(d.Columns) > 0 {
			c.Add(d)
		}
	}
	return nil
}

// messagesOf compares the messages' numbers in a conversation. It reads both sides once, in order, some thousand rows at a time.
func (t table) messagesOf(ctx context.Context, c *projector.Comparison, topic string) error {
	fresh, serve := numbersIn(t.fresh, topic), numbersIn(t.serve, topic)
	by, err := fresh.next(ctx)
	in, failed := serve.next(ctx)
	for by != nil && in != nil && err == nil && failed == nil {
		if by.seq == in.seq && by.number != in.number {
			c.Add(projector.Difference{
				Table: t.name, Key: []projector.Field{{Name: "topic", Value: topic}, {Name: "seq", Value: fmt.Sprint(by.seq)}},
				Columns: []projector.Changed{{Name: "number", Log: by.number, Table: in.number}},
			})
		}
		b, i := by.seq, in.seq
		if b <= i {
			by, err = fresh.next(ctx)
		}
		if i <= b {
			in, failed = serve.next(ctx)
		}
	}
	if err == nil {
		err = failed
	}
	return err
}

// numbers gives the messages of a conversation in order, with their numbers as they would be without the gaps.
type numbers struct {
	messages, gaps cursor
	n              uint64 // how many gaps there are up to here
}

type placed struct {
	seq    uint64
	number string
}

func numbersIn(q side, topic string) *numbers {
	const after = " WHERE topic=? AND seq>? ORDER BY seq LIMIT ?"
	return &numbers{
		messages: cursor{q: q, query: "SELECT seq, number FROM {messages}" + after, topic: topic},
		gaps:     cursor{q: q, query: "SELECT seq, n FROM {gaps}" + after, topic: topic, end: !q.gaps},
	}
}

// next gives the next one; nil where there is none.
func (s *numbers) next(ctx context.Context) (*placed, error) {
	m, err := s.messages.peek(ctx)
	if m == nil || err != nil {
		return nil, err
	}
	s.messages.skip()
	for {
		gap, err := s.gaps.peek(ctx)
		if err != nil {
			return nil, err
		}
		if gap == nil || gap[0] > m[0] {
			return &placed{m[0], less(m[1], s.n)}, nil
		}
		s.n = gap[1]
		s.gaps.skip()
	}
}

// cursor reads rows of a conversation, of which the first column is the seq, in its order.
type cursor struct {
	q            asker
	query, topic string
	rows         [][2]uint64 // read, and not taken yet
	after        uint64
	end          bool // there are no more
}

// peek gives the next row; nil where there is none.
func (c *cursor) peek(ctx context.Context) (row *[2]uint64, err error) {
	if len(c.rows) == 0 && !c.end {
		c.rows, err = collect(ctx, c.q, func(r *sql.Rows) (row [2]uint64, err error) { return row, r.Scan(&row[0], &row[1]) }, c.query, c.topic, c.after, piece)
		if err != nil {
			return nil, err
		}
		if c.end = len(c.rows) < piece; len(c.rows) > 0 {
			c.after = c.rows[len(c.rows)-1][0]
		}
	}
	if len(c.rows) == 0 {
		return nil, nil
	}
	return &c.rows[0], nil
}

func (c *cursor) skip() { c.rows = c.rows[1:] }
