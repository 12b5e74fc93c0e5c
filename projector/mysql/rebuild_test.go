package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/domain"
	"parley/projector"
	"parley/projector/mysql"
	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

// names gives the tables that a database has.
func names(tb testing.TB, db *sql.DB) (all []string) {
	tb.Helper()
	rows, err := db.Query("SHOW TABLES")
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			tb.Fatal(err)
		}
		all = append(all, name)
	}
	return all
}

func exec(tb testing.TB, db *sql.DB, statement string, args ...any) {
	tb.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

// generation names the tables that serve.
func generation(tb testing.TB, db *sql.DB) (comment string) {
	tb.Helper()
	err := db.QueryRow("SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME='checkpoints'").Scan(&comment)
	if err != nil {
		tb.Fatal(err)
	}
	return comment
}

// verified fails where the tables differ from the log.
func verified(tb testing.TB, log projector.Log, s *mysql.Store) projector.Comparison {
	tb.Helper()
	c, err := projector.Verify(tb.Context(), log, s, projector.RebuildOptions{})
	if err != nil || c.Nothing != "" || len(c.Differences) > 0 {
		tb.Fatalf("verify: %v, %q, %v", err, c.Nothing, c.Differences)
	}
	return c
}

// The tables that were made beside take the place of those that served, and whoever folds goes on with them.
func TestRebuildBesideAProjector(t *testing.T) {
	s, db, log := told(t, 2)
	_, stop := projectortest.Start(t, log, s, projectortest.Quick())
	projectortest.CatchUp(t, log, s)
	rows, was, tables := dump(t, db), generation(t, db), names(t, db)

	var steps []projector.Step
	c, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{Batch: 10, Progress: func(p projector.Progress) {
		if len(steps) == 0 || steps[len(steps)-1] != p.Step {
			steps = append(steps, p.Step)
		}
		if p.At > p.End || p.Percent() > 100 {
			t.Errorf("it is at %+v", p)
		}
	}})
	if err != nil || len(c.Differences) > 0 || c.Nothing != "" || len(c.Tables) != len(tableKeys)-1 {
		t.Fatalf("%v, %+v", err, c)
	}
	for _, table := range c.Tables {
		if !table.Comparable || (table.Rows == 0) != (table.Checksum == strings.Repeat("0", 32)) {
			t.Errorf("%+v", table)
		}
	}
	if want := []projector.Step{projector.Reading, projector.Comparing, projector.Swapping}; !slices.Equal(steps, want) {
		t.Errorf("the steps were %q", steps)
	}
	if generation(t, db) == was {
		t.Error("the same tables serve")
	}
	sameDump(t, "after the swap", rows, dump(t, db))
	if left := names(t, db); !slices.Equal(left, tables) {
		t.Errorf("there are %v", left)
	}
	story(log)
	projectortest.CatchUp(t, log, s)
	if again := verified(t, log, s); slices.Equal(again.Tables, c.Tables) {
		t.Error("other rows have the same checksums")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	projectortest.Recount(t, log, s)
}

// Each difference is named; a rebuild changes nothing then, unless it is told to. What a projector remembers of the tables that were wrong does not
// find its way into the new ones.
func TestWhatDiffersIsNamed(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	log := projectortest.NewLog(1)
	log.Append(ab, domain.FriendRequested{By: "ann"}, 0)
	log.Append(ab, domain.FriendAccepted{By: "bob"}, 0)
	talking := func(from, n int) {
		for i := range n {
			log.Append(ab, domain.Message{From: "ann", ID: fmt.Sprint(from + i), Msg: []byte(`"secret"`)}, 0)
		}
	}
	talking(0, 1500)
	log.Append(domain.About("ann"), domain.Profiled{Username: "ann", Name: "Ann"}, 0)
	projectortest.Fold(t, log, s, projectortest.Quick())
	right := dump(t, db)
	for _, tamper := range []string{
		"UPDATE conversations SET last_number=last_number+7",
		"UPDATE messages SET msg='forged' WHERE id='3'",
		"DELETE FROM messages WHERE seq>900 AND seq<=1499",
		"UPDATE people SET name='Eve'",
		"INSERT INTO blocks (uid, other, blocks) VALUES ('x', 'y', 1)",
	} {
		exec(t, db, tamper)
	}
	_, stop := projectortest.Start(t, log, s, projectortest.Quick())
	talking(1500, 1) // so that the projector has looked at the conversation, and remembers it
	projectortest.CatchUp(t, log, s)
	exec(t, db, "UPDATE conversations SET last_number=last_number+1")
	wrong, was := dump(t, db), generation(t, db)

	c, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{})
	if err != nil || c.More > 0 {
		t.Fatalf("%v, %d more", err, c.More)
	}
	said := make(map[string]int)
	for _, d := range c.Differences {
		if d.Missing && d.Table == "messages" {
			said["missing messages"]++
			continue
		}
		said[d.String()]++
		if strings.Contains(d.String(), "secret") || strings.Contains(d.String(), "Eve") {
			t.Errorf("it tells what was written: %s", d)
		}
	}
	for _, want := range []string{
		"conversations topic=user.ann.bob: last_number is 1509, by the log 1501",
		"messages topic=user.ann.bob seq=6: msg differs",
		"people uid=ann: name differs",
		"blocks uid=x other=y: the row is there, and the log knows nothing of it",
	} {
		if said[want] != 1 {
			t.Errorf("%q is not said: %v", want, said)
		}
	}
	if said["missing messages"] != 599 {
		t.Errorf("%d messages are missing, want 599", said["missing messages"])
	}
	if c, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{}); !errors.Is(err, projector.ErrDiffers) || len(c.Differences) < 600 {
		t.Errorf("Rebuild: %v, %d differences", err, len(c.Differences))
	}
	if generation(t, db) != was {
		t.Error("tables were swapped that differ")
	}
	sameDump(t, "what serves", wrong, dump(t, db))
	if _, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	talking(1501, 1)
	projectortest.CatchUp(t, log, s)
	if err := stop(); err != nil {
		t.Error(err)
	}
	verified(t, log, s)
	if rows := dump(t, db); len(rows) < len(right) {
		t.Errorf("there are fewer rows than there were")
	}
	projectortest.Recount(t, log, s)
}

var ab = domain.Direct("ann", "bob")

// While nobody folds, the log forgets what the tables hold: marks and statuses that newer ones have replaced. They are no differences.
func TestWhatTheLogHasForgottenIsNoDifference(t *testing.T) {
	s, db, log := told(t, 2)
	for _, u := range projectortest.People {
		log.Append(domain.About(u), domain.StatusSet{Status: domain.StatusOnline}, 0)
		log.Append(ab, domain.ReadMarked{By: u, Seq: 1}, 0)
	}
	log.Append(domain.Direct("x", "y"), domain.ReadMarked{By: "x", Seq: 1}, 0)
	projectortest.Fold(t, log, s, projectortest.Quick())
	for _, u := range projectortest.People {
		log.Append(domain.About(u), domain.StatusSet{Status: domain.StatusInvisible}, 1)
		log.Append(ab, domain.ReadMarked{By: u, Seq: 2}, 0)
	}
	verified(t, log, s)
	exec(t, db, "UPDATE marks SET read_seq=77 WHERE uid='x'")
	exec(t, db, "UPDATE seen SET date=0 WHERE uid='ann'") // of which the log says something newer
	c, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{})
	if err != nil || len(c.Differences) != 1 || c.Differences[0].Table != "marks" {
		t.Errorf("%v, %v; want one mark", err, c.Differences)
	}
}

// More rows than are compared at once, and what differs at the ends of the pieces.
func TestManyRowsAreCompared(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	log := projectortest.NewLog(1)
	for i := range 10_001 {
		log.Append(domain.About(domain.UserID(fmt.Sprintf("u%05d", i))), domain.Profiled{Username: fmt.Sprint(i)}, 0)
	}
	o := projectortest.Quick()
	o.Batch = 2000
	projectortest.Fold(t, log, s, o)
	verified(t, log, s)
	for _, uid := range []string{"u00000", "u04999", "u05000", "u05001", "u09999", "u10000"} {
		exec(t, db, "UPDATE people SET avatar='x' WHERE uid=?", uid)
	}
	exec(t, db, "INSERT INTO seen (uid, date) SELECT uid, 1 FROM people LIMIT 7000")
	c, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{})
	if err != nil || len(c.Differences) != 7006 {
		t.Errorf("%v, %d differences; want 7006", err, len(c.Differences))
	}
	for range projector.MaxDifferences {
		c.Add(projector.Difference{})
	}
	if len(c.Differences) != projector.MaxDifferences || c.More != 7006 {
		t.Errorf("%d are kept, and %d more", len(c.Differences), c.More)
	}
}

func TestOneRebuildAtATime(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, other, db := open(t, dsn), open(t, dsn), raw(t, dsn)
	log := projectortest.NewLog(1)
	story(log)
	projectortest.Fold(t, log, s, projectortest.Quick())
	tables := names(t, db)
	fresh, err := s.Beside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(context.Context, projector.Log, projector.Rebuilder, projector.RebuildOptions) (projector.Comparison, error){
		"rebuild": projector.Rebuild, "verify": projector.Verify,
	} {
		if _, err := do(t.Context(), log, other, projector.RebuildOptions{}); !errors.Is(err, projector.ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	fresh.Close()
	verified(t, log, other)
	if left := names(t, db); !slices.Equal(left, tables) {
		t.Errorf("there are %v", left)
	}
}

// What an interrupted rebuild has left is dropped, and nothing that is somebody else's.
func TestLeftOvers(t *testing.T) {
	s, db, log := told(t, 1)
	projectortest.Fold(t, log, s, projectortest.Quick())
	want := append(names(t, db), "new_order", "old_friends", "old_people")
	for _, table := range []string{"new_people", "new_messages", "old_checkpoints", "old_gone"} {
		exec(t, db, "CREATE TABLE "+table+" (a INT) COMMENT='parley read models of-some-version abc'")
	}
	for _, table := range []string{"new_order", "old_friends", "old_people"} {
		exec(t, db, "CREATE TABLE "+table+" (a INT)")
	}
	if err := s.Whole(t.Context()); err != nil {
		t.Errorf("with left-overs: %v", err)
	}
	verified(t, log, s)
	got := names(t, db)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	exec(t, db, "CREATE TABLE new_marks (a INT)")
	if _, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{}); err == nil || !strings.Contains(err.Error(), `"new_marks" that is not Parley's`) {
		t.Errorf("with somebody else's table in the way: %v", err)
	}
	drop(t, db, "new_marks")
	_, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{})
	if err == nil || !strings.Contains(err.Error(), "old_people") {
		t.Errorf("with somebody else's table where the old one would go: %v", err)
	}
	verified(t, log, s)
}

// Tables of two generations, as a server that dies in a swap might leave them, are not taken for whole.
func TestTablesOfTwoGenerations(t *testing.T) {
	s, db, log := told(t, 1)
	projectortest.Fold(t, log, s, projectortest.Quick())
	want := dump(t, db)
	exec(t, db, "DELETE FROM marks")
	exec(t, db, "ALTER TABLE marks COMMENT='"+generation(t, db)+"x'")
	if err := s.Whole(t.Context()); !errors.Is(err, projector.ErrNoTables) {
		t.Errorf("Whole: %v", err)
	}
	projectortest.Fold(t, log, s, projectortest.Quick())
	sameDump(t, "made anew", want, dump(t, db))
}

// Tables of another log are not swapped by mistake: whoever rebuilds may have named the wrong one.
func TestTablesOfAnotherLog(t *testing.T) {
	s, db, log := told(t, 1)
	projectortest.Fold(t, log, s, projectortest.Quick())
	was := generation(t, db)
	for name, other := range map[string]func() *projectortest.Log{
		"another life": func() *projectortest.Log { log.Remake("second"); return log },
		"fewer shards": func() *projectortest.Log {
			exec(t, db, "INSERT INTO checkpoints (shard, epoch, seq, time, generation) VALUES (1, 'second', 1, 1, '')")
			return log
		},
	} {
		log := other()
		c, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{})
		if err != nil || !strings.Contains(c.Nothing, "another log") {
			t.Errorf("%s: verify: %v, %q", name, err, c.Nothing)
		}
		if _, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{}); !errors.Is(err, projector.ErrDiffers) || !strings.Contains(err.Error(), "another log") {
			t.Errorf("%s: Rebuild: %v", name, err)
		}
		if generation(t, db) != was {
			t.Errorf("%s: the tables were swapped", name)
		}
	}
	log.Append(ab, domain.FriendRequested{By: "ann"}, 0)
	if _, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{Force: true}); err != nil || generation(t, db) == was {
		t.Errorf("told to go on: %v", err)
	}
	verified(t, log, s)
}

// An event that cannot be folded ends a rebuild, and leaves what serves.
func TestRebuildMeetsAnUnknownEvent(t *testing.T) {
	s, db, log := told(t, 1)
	projectortest.Fold(t, log, s, projectortest.Quick())
	log.Append(ab, nil, 0)
	want := dump(t, db)
	var unknown *domain.UnknownEventError
	if _, err := projector.Rebuild(t.Context(), log, s, projector.RebuildOptions{}); !errors.As(err, &unknown) {
		t.Errorf("Rebuild: %v", err)
	}
	sameDump(t, "what serves", want, dump(t, db))
}
