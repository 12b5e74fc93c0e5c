package mysql_test

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parley/domain"
	"parley/projector"
	"parley/projector/memory"
	"parley/projector/mysql"
	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

// raw opens the same database without the store.
func raw(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

var tableKeys = map[string]string{
	"people": "uid", "conversations": "topic", "members": "uid, topic", "marks": "uid, topic",
	"messages": "topic, seq", "applies": "topic, uid", "seen": "uid", "blocks": "uid, other", "checkpoints": "shard",
	"recalls": "topic, seq", "edits": "topic, seq, at", "reactions": "topic, seq, emoji, uid",
}

// withoutGaps are what of a table's columns must be the same after a replay, which finds fewer messages where some were erased.
var withoutGaps = map[string]string{
	"messages": "topic, seq, number-(SELECT COUNT(*) FROM gaps g WHERE g.topic=t.topic AND g.seq<=t.seq), sender, id, date, msg, edited, edited_seq, recalled, recaller",
	"marks": `uid, topic, own_seq, own_number-(SELECT COUNT(*) FROM gaps g WHERE g.topic=t.topic AND g.seq<=t.own_seq),
		read_seq, read_number-(SELECT COUNT(*) FROM gaps g WHERE g.topic=t.topic AND g.seq<=t.read_seq)`,
	"conversations": `topic, last_seq, last_number-(SELECT COUNT(*) FROM gaps g WHERE g.topic=t.topic), last_date,
		is_group, name, avatar, description, history, owner, size`,
}

// dump gives every row of every table, but where the gaps are.
func dump(tb testing.TB, db *sql.DB) string {
	tb.Helper()
	var all strings.Builder
	for _, table := range slices.Sorted(maps.Keys(tableKeys)) {
		rows, err := db.Query("SELECT " + cmp.Or(withoutGaps[table], "*") + " FROM " + table + " t ORDER BY " + tableKeys[table])
		if err != nil {
			tb.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			tb.Fatal(err)
		}
		fmt.Fprintln(&all, table, columns)
		values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				tb.Fatal(err)
			}
			fmt.Fprintf(&all, "%q\n", values)
		}
		if err := rows.Err(); err != nil {
			tb.Fatal(err)
		}
	}
	return all.String()
}

// sameDump names the first row that differs.
func sameDump(tb testing.TB, what, want, got string) {
	tb.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			tb.Errorf("%s: the rows differ from line %d on:\n want %s\n got  %s", what, i, strings.Join(w[min(i, len(w)):min(i+2, len(w))], "\n"),
				strings.Join(g[min(i, len(g)):min(i+2, len(g))], "\n"))
			return
		}
	}
}

func drop(tb testing.TB, db *sql.DB, tables ...string) {
	tb.Helper()
	for _, table := range tables {
		if _, err := db.Exec("DROP TABLE IF EXISTS " + table); err != nil {
			tb.Fatal(err)
		}
	}
}

// Both stores fold the same random history in different pieces, some of them twice, and answer alike; and the rows are the same after
// a replay, in which most marks are missing.
func TestDifferential(t *testing.T) {
	dsn := mysqltest.DSN(t)
	disk, db := open(t, dsn), raw(t, dsn)
	if err := disk.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		projectortest.Empty(t, disk)
		mem := memory.New()
		log := projectortest.NewLog(rapid.SampledFrom([]int{1, 3}).Draw(rt, "shards"))
		seed := rapid.Uint64().Draw(rt, "seed")
		log.Split = func(n int) int { return 1 + int(next(&seed)%uint64(n)) }
		log.Repeat = func(n int) int { return int(next(&seed) % uint64(n+1)) }
		o := projectortest.Quick()
		o.Batch = 30
		h := projectortest.NewHistory(log)
		for range rapid.IntRange(1, 3).Draw(rt, "runs") {
			h.Go(rt, projectortest.Steps(rt, 50))
			o.Cache = rapid.SampledFrom([]int{1, 4, 1000}).Draw(rt, "cache")
			projectortest.Fold(t, log, disk, o)
		}
		projectortest.Fold(t, log, mem, o)
		want := projectortest.Answers(t, mem)
		projectortest.Same(rt, want, projectortest.Answers(t, disk))

		rows := dump(t, db)
		projectortest.Fold(t, log, disk, o)
		sameDump(t, "folding on where there is nothing new", rows, dump(t, db))
		drop(t, db, append(slices.Collect(maps.Keys(tableKeys)), "gaps")...)
		projectortest.Fold(t, log, disk, o)
		sameDump(t, "a replay", rows, dump(t, db))
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// next is a small generator, so that a failing case fails again.
func next(seed *uint64) uint64 {
	*seed = *seed*6364136223846793005 + 1442695040888963407
	return *seed >> 33
}

// story appends a history that touches every table.
func story(log *projectortest.Log) {
	rapid.Custom(func(rt *rapid.T) int {
		projectortest.NewHistory(log).Go(rt, 400)
		return 0
	}).Example(1)
}

// told is an empty store, its database, and a log that has the story.
func told(t *testing.T, shards int) (*mysql.Store, *sql.DB, *projectortest.Log) {
	t.Helper()
	dsn, log := mysqltest.DSN(t), projectortest.NewLog(shards)
	story(log)
	return open(t, dsn), raw(t, dsn), log
}

func TestEveryTableDroppedWhileItRuns(t *testing.T) {
	s, db, log := told(t, 2)
	p, stop := projectortest.Start(t, log, s, projectortest.Quick())
	projectortest.CatchUp(t, log, s)
	want := dump(t, db)
	if strings.Count(want, "\n") < 60 {
		t.Fatalf("this history leaves too few rows to mean anything:\n%s", want)
	}
	for _, table := range append(slices.Sorted(maps.Keys(tableKeys)), "people, seen, conversations, members, blocks, marks, messages, applies, checkpoints") {
		drop(t, db, table)
		projectortest.Until(t, "the rows are back without "+table, func() bool {
			return s.Whole(t.Context()) == nil && p.Ready() == nil
		})
		projectortest.CatchUp(t, log, s)
		sameDump(t, "without "+table, want, dump(t, db))
	}
	for range 3 { // while there is something to fold
		drop(t, db, "messages", "checkpoints", "marks")
		story(log)
		projectortest.CatchUp(t, log, s)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	live := dump(t, db)
	drop(t, db, append(slices.Collect(maps.Keys(tableKeys)), "gaps")...)
	projectortest.Fold(t, log, s, projectortest.Quick())
	sameDump(t, "live against a replay", live, dump(t, db))
}

func TestNobodyElseMakesOrLosesTables(t *testing.T) {
	dsn := mysqltest.DSN(t)
	db := raw(t, dsn)
	if _, err := db.Exec("CREATE TABLE members (a INT)"); err != nil {
		t.Fatal(err)
	}
	s := open(t, dsn)
	if err := s.Prepare(t.Context(), true); err == nil || !strings.Contains(err.Error(), `"members" that is not Parley's`) {
		t.Errorf("a table of somebody else's is in the way: %v", err)
	}
	var n int
	if err := db.QueryRow("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA=DATABASE()").Scan(&n); err != nil || n != 1 {
		t.Errorf("there are %d tables, %v; want the one that was there", n, err)
	}
}

func TestAnotherVersionIsMadeAnew(t *testing.T) {
	s, db, log := told(t, 1)
	projectortest.Fold(t, log, s, projectortest.Quick())
	want := dump(t, db)
	if _, err := db.Exec("ALTER TABLE marks DROP COLUMN own_number, COMMENT='parley read models of another version'"); err != nil {
		t.Fatal(err)
	}
	projectortest.Fold(t, log, s, projectortest.Quick())
	sameDump(t, "after another version", want, dump(t, db))
}

var _ projectortest.Store = (*mysql.Store)(nil)

// A projector whose tables another version makes anew, as it works, leaves them to that one and ends.
func TestAnotherVersionTakesTheTables(t *testing.T) {
	for name, take := range map[string]func(t *testing.T, db *sql.DB, table string) (alter string){
		"emptied": func(t *testing.T, db *sql.DB, table string) string {
			if _, err := db.Exec("DELETE FROM " + table); err != nil {
				t.Fatal(err)
			}
			return ""
		},
		"of another shape": func(_ *testing.T, _ *sql.DB, table string) string {
			if table == "checkpoints" {
				return "DROP COLUMN time, "
			}
			return ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := mysqltest.DSN(t)
			s, db := open(t, dsn), raw(t, dsn)
			log := projectortest.NewLog(2)
			story(log)
			p, stop := projectortest.Start(t, log, s, projectortest.Quick())
			projectortest.CatchUp(t, log, s)
			for _, table := range slices.Sorted(maps.Keys(tableKeys)) {
				alter := take(t, db, table)
				if _, err := db.Exec("ALTER TABLE " + table + " " + alter + "COMMENT='parley read models of another version'"); err != nil {
					t.Fatal(err)
				}
			}
			projectortest.Until(t, "it has ended", func() bool { return errors.Is(p.Ready(), projector.ErrReplaced) })
			if err := stop(); !errors.Is(err, projector.ErrReplaced) {
				t.Errorf("Run: %v", err)
			}
			if err := s.Reset(t.Context(), 0, domain.Position{}); !errors.Is(err, projector.ErrReplaced) {
				t.Errorf("Reset: %v", err)
			}
			if err := s.Prepare(t.Context(), false); !errors.Is(err, projector.ErrReplaced) {
				t.Errorf("Prepare: %v", err)
			}
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("whoever only asks is not ready: %v", err)
			}
			var left int
			err := db.QueryRow("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA=DATABASE() AND TABLE_COMMENT='parley read models of another version'").Scan(&left)
			if err != nil || left != len(tableKeys) {
				t.Errorf("%d of %d tables are left alone, %v", left, len(tableKeys), err)
			}
			projectortest.Fold(t, log, open(t, dsn), projectortest.Quick()) // at its start it may
		})
	}
}
