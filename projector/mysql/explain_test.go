package mysql_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/domain"
	"parley/projector"
	"parley/projector/internal/view"
	"parley/projector/mysql"
)

// spy gives the statements that a store sends while do runs, as the server's general log has them.
func spy(tb testing.TB, db *sql.DB, do func()) (sent []string) {
	tb.Helper()
	for _, set := range []string{"SET GLOBAL log_output='TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log=ON"} {
		if _, err := db.Exec(set); err != nil {
			tb.Fatalf("the plans are read from the general log, which the user of PARLEY_TEST_DSN must be allowed to turn on: %v", err)
		}
	}
	do()
	if _, err := db.Exec("SET GLOBAL general_log=OFF"); err != nil {
		tb.Fatal(err)
	}
	rows, err := db.Query(`SELECT argument FROM mysql.general_log WHERE command_type='Query'
		AND thread_id IN (SELECT ID FROM information_schema.PROCESSLIST WHERE DB=DATABASE()) ORDER BY event_time`)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			tb.Fatal(err)
		}
		for _, kind := range []string{"SELECT", "(SELECT", "UPDATE", "DELETE"} {
			if strings.HasPrefix(strings.TrimSpace(text), kind) && !strings.Contains(text, "general_log") {
				sent = append(sent, text)
			}
		}
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return sent
}

// plan gives the lines of an EXPLAIN, each by column.
func plan(tb testing.TB, db *sql.DB, statement string) (lines []map[string]string) {
	tb.Helper()
	rows, err := db.Query("EXPLAIN " + statement)
	if err != nil {
		tb.Fatalf("EXPLAIN %s: %v", statement, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		tb.Fatal(err)
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			tb.Fatal(err)
		}
		line := make(map[string]string)
		for i, c := range columns {
			line[strings.ToLower(c)] = values[i].String
		}
		lines = append(lines, line)
	}
	return lines
}

// The questions are asked where there are a million messages in a conversation, and thousands of people and groups.
func TestAmongAMillion(t *testing.T) {
	s, db := full(t)
	for name, test := range map[string]func(*testing.T, *mysql.Store, *sql.DB){
		"pages": testPagesCostTheSame, "applications": testPagesOfApplicationsCostTheSame, "counting": testCountingCostsWhatIsCounted,
		"search": testSearchCostsWhatItLooksAt,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, db) })
	}
	t.Run("plans", func(t *testing.T) { testPlans(t, s, db) }) // comes last, for it changes rows
}

// No statement reads a whole table or index, or sorts in the server.
func testPlans(t *testing.T, s *mysql.Store, db *sql.DB) {
	check := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	ctx := context.Background()
	questions := map[string]func(){
		"Person":           func() { check(s.Person(ctx, "u1")) },
		"People":           func() { check(s.People(ctx, "user1", 20)) },
		"People, all":      func() { check(s.People(ctx, "", 20)) },
		"Friends":          func() { check(s.Friends(ctx, "me")) },
		"CountFriends":     func() { check(s.CountFriends(ctx, []domain.UserID{"me", "u1", "u2"})) },
		"CountGroups":      func() { check(s.CountGroups(ctx, []domain.UserID{"me", "u1", "u2"})) },
		"Applies":          func() { _, _, err := s.Applies(ctx, "me", nil, "", 50); check(nil, err) },
		"Applies, page 2":  func() { _, _, err := s.Applies(ctx, "me", nil, place(5), 50); check(nil, err) },
		"Blocked":          func() { check(s.Blocked(ctx, "me")) },
		"Groups":           func() { check(s.Groups(ctx, "me")) },
		"Group":            func() { check(s.Group(ctx, "me", "everyone")) },
		"Members":          func() { check(s.Members(ctx, "me", "everyone", "u2", 50)) },
		"Conversations":    func() { _, _, err := s.Conversations(ctx, "me", "", 50); check(nil, err) },
		"Messages":         func() { _, _, err := s.Messages(ctx, "me", longest, 0, 0, 50); check(nil, err) },
		"Messages before":  func() { _, _, err := s.Messages(ctx, "me", longest, 150_000, 0, 50); check(nil, err) },
		"Messages after":   func() { _, _, err := s.Messages(ctx, "me", longest, 0, 150_000, 50); check(nil, err) },
		"Search":           func() { _, _, err := s.Search(ctx, "me", "hello", "", 50); check(nil, err) },
		"Search, more":     func() { _, _, err := s.Search(ctx, "me", "no such word", "", 50); check(nil, err) },
		"MessageSeq":       func() { _, _, err := s.MessageSeq(ctx, 0, longest, "me", "m77"); check(nil, err) },
		"Topics":           func() { check(s.Topics(ctx, "me")) },
		"Erasing":          func() { check(s.Erasing(ctx)) },
		"fold: Checkpoint": func() { check(s.Checkpoint(ctx, 0)) },
		"fold: Tails":      func() { check(s.Tails(ctx, []domain.Topic{longest, domain.InGroup("g7")})) },
		"fold: Numbers": func() {
			check(s.Numbers(ctx, []projector.Place{{Topic: longest, Seq: 777}, {Topic: domain.InGroup("g7"), Seq: 9}}))
		},
		"fold: Known": func() {
			check(s.Known(ctx, []projector.MessageKey{{Topic: longest, From: "me", ID: "m1"}, {Topic: longest, From: "u0", ID: "m1"}}))
		},
		"fold: Said": func() {
			check(s.Said(ctx, []projector.Place{{Topic: longest, Seq: 770}, {Topic: domain.InGroup("g7"), Seq: 10}}))
		},
		"fold: changes":      func() { check(nil, s.Commit(ctx, changes())) },
		"fold: erased":       func() { check(nil, s.Commit(ctx, gone())) },
		"fold: applications": func() { check(nil, s.Commit(ctx, answer())) },
	}
	for name, ask := range questions {
		sent := spy(t, db, ask)
		if len(sent) == 0 {
			t.Errorf("%s: the general log has no statement", name)
		}
		for _, statement := range sent {
			for _, line := range plan(t, db, statement) {
				extra := strings.ToLower(line["extra"])
				scan := slices.Contains([]string{"all", "index"}, strings.ToLower(line["type"])) && !strings.HasPrefix(line["table"], "<")
				if scan || strings.Contains(extra, "filesort") || strings.Contains(extra, "temporary") {
					t.Errorf("%s\n%s\n%v", name, statement, line)
				}
			}
		}
	}
}

// changes is a batch that edits, takes back and answers messages.
func changes() projector.Batch {
	b := projector.Batch{Shard: 1, To: domain.Position{Epoch: "e", Seq: 1}}
	for i := range 600 {
		p := projector.Place{Topic: longest, Seq: 10*uint64(i) + 5*someTalk}
		b.Recalls = append(b.Recalls, projector.RecallRow{Place: projector.Place{Topic: longest, Seq: 10*uint64(i) + 3*someTalk}, By: "me", Date: 2})
		b.Edits = append(b.Edits, projector.EditRow{Place: p, At: 1 << 41, Msg: json.RawMessage(`"edited"`), Date: 2})
		for on := range 2 {
			b.Reacted = append(b.Reacted, projector.ReactionRow{ReactionKey: projector.ReactionKey{Place: p, Emoji: "y", UID: user(i)}, On: on == 1})
		}
	}
	return b
}

// gone is a batch that takes away what somebody said.
func gone() projector.Batch {
	return projector.Batch{Shard: 2, To: domain.Position{Epoch: "e", Seq: 1}, Erased: &projector.ApplyKey{UID: "u7", Topic: domain.InGroup("g7")}}
}

// answer is a batch that takes applications away and moves the checkpoint.
func answer() projector.Batch {
	b := projector.Batch{From: domain.Position{Epoch: "e", Seq: 1}, To: domain.Position{Epoch: "e", Seq: 2}}
	for i := range 600 { // more than go into one statement
		b.Answered = append(b.Answered, projector.ApplyKey{UID: "me", Topic: domain.InGroup(domain.GroupID(fmt.Sprint("g", i)))})
	}
	for i := range 5 {
		b.Ended = append(b.Ended, domain.InGroup(domain.GroupID(fmt.Sprint("g", 1000+i))))
	}
	return b
}

// A page of history reads as many rows as it shows, and one more, wherever it is.
func testPagesCostTheSame(t *testing.T, s *mysql.Store, db *sql.DB) {
	const limit = 50
	for _, at := range []struct{ before, after uint64 }{{0, 0}, {10 * longTalk, 0}, {5 * longTalk, 0}, {10 * limit * 2, 0}, {0, 10}, {0, 5 * longTalk}} {
		sent := spy(t, db, func() {
			list, more, err := s.Messages(t.Context(), "me", longest, at.before, at.after, limit)
			if err != nil || len(list) != limit || !more {
				t.Errorf("%+v: %d messages, more %v, %v", at, len(list), more, err)
			}
		})
		n := 0
		for _, statement := range sent {
			n += reads(t, db, statement)
		}
		if n > limit+3+8 { // who one is and what is readable, and a few reactions
			t.Errorf("%+v: %d rows were read for %d messages", at, n, limit)
		}
	}
}

// A search reads what it says that it looks at, and no more.
func testSearchCostsWhatItLooksAt(t *testing.T, s *mysql.Store, db *sql.DB) {
	sent := spy(t, db, func() {
		found, next, err := s.Search(t.Context(), "me", "hello", "", 20)
		if err != nil || len(found) != 20 || next == "" {
			t.Errorf("%d found, then %q, %v", len(found), next, err)
		}
	})
	n := 0
	for _, statement := range sent {
		if strings.Contains(statement, "ORDER BY seq DESC") {
			n += reads(t, db, statement)
		}
	}
	if n == 0 || n > 1100 {
		t.Errorf("%d rows were read where 20 of the newest were wanted", n)
	}
}

// place is a cursor in the list of what waits: after all that was asked at a date.
func place(date int) string {
	return view.ApplyPlace{Date: int64(date), Topic: "group.a"}.String()
}

// A page of what waits is found by keys alone, as many as it shows in each list that it is made of, and where they end; wherever it is, and
// whatever waits beyond it. What a block hides is stepped over.
func testPagesOfApplicationsCostTheSame(t *testing.T, s *mysql.Store, db *sql.DB) {
	const limit, answered = 20, manyGroups/20 + 1
	const page, small = limit + 4, manyApplicants + 3 // keys, and where they end
	for _, c := range []struct {
		types []domain.ApplyType
		after string
		lists int
		most  int // keys
	}{
		{nil, "", 2 + answered, 4*page + (answered-1)*small},
		{nil, place(1500), 2 + answered, 4*page + (answered-1)*small},
		{[]domain.ApplyType{domain.ApplyFriend}, "", 1, page},
		{[]domain.ApplyType{domain.ApplyFriend}, place(2500), 1, page},
		{[]domain.ApplyType{domain.ApplyInvite}, "", 1, 2 * page}, // and a look whether each is hidden
		{[]domain.ApplyType{domain.ApplyInvite}, place(2500), 1, 2 * page},
		{[]domain.ApplyType{domain.ApplyInvite}, place(manyBlocked + 4), 1, 2 * (manyBlocked + 6)}, // the first few, and all that are hidden
		{[]domain.ApplyType{domain.ApplyGroup}, place(500), answered, page + (answered-1)*small},
	} {
		sent := spy(t, db, func() {
			applies, next, err := s.Applies(t.Context(), "me", c.types, c.after, limit)
			if err != nil || (len(applies) != limit || next == "") && c.most != 2*(manyBlocked+6) {
				t.Errorf("%v after %q: %d applications, then %q, %v", c.types, c.after, len(applies), next, err)
			}
		})
		lists, n := 0, 0
		for _, statement := range sent {
			if !strings.HasPrefix(statement, "(SELECT") {
				continue
			}
			lists += strings.Count(statement, "FROM applies")
			n += reads(t, db, statement)
			for _, line := range plan(t, db, statement) {
				if line["table"] == "a" && (!strings.HasPrefix(line["key"], "to_") || !strings.Contains(line["extra"], "Using index")) {
					t.Errorf("%v after %q: %v", c.types, c.after, line)
				}
			}
		}
		if lists != c.lists || n > c.most {
			t.Errorf("%v after %q: %d rows were read in %d lists, want at most %d in %d", c.types, c.after, n, lists, c.most, c.lists)
		}
	}
}

// Friends and groups are counted by an index alone, an entry for each.
func testCountingCostsWhatIsCounted(t *testing.T, s *mysql.Store, db *sql.DB) {
	people := []domain.UserID{"me", "u1", "u2", "nobody"}
	for name, count := range map[string]func(context.Context, []domain.UserID) (map[domain.UserID]int, error){"friends": s.CountFriends, "groups": s.CountGroups} {
		var all int
		sent := spy(t, db, func() {
			counts, err := count(t.Context(), people)
			if err != nil || counts["me"] < 300 {
				t.Errorf("%s: %v, %v", name, counts, err)
			}
			for _, n := range counts {
				all += n
			}
		})
		for _, statement := range sent {
			for _, line := range plan(t, db, statement) {
				if line["key"] != "by_uid" || !strings.Contains(line["extra"], "Using index") {
					t.Errorf("%s\n%v", statement, line)
				}
			}
			if n := reads(t, db, statement); n > all+2*len(people)+1 {
				t.Errorf("%d rows were read for %d %s", n, all, name)
			}
		}
		if len(sent) != 1 {
			t.Errorf("%d statements for %s", len(sent), name)
		}
	}
}

// reads counts the rows that a statement has the server read.
func reads(tb testing.TB, db *sql.DB, statement string) (n int) {
	tb.Helper()
	ctx := tb.Context()
	c, err := db.Conn(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "FLUSH STATUS"); err != nil {
		tb.Fatal(err)
	}
	if _, err := c.ExecContext(ctx, statement); err != nil {
		tb.Fatal(err)
	}
	rows, err := c.QueryContext(ctx, "SHOW SESSION STATUS LIKE 'Handler_read%'")
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var count int
		if err := rows.Scan(&name, &count); err != nil {
			tb.Fatal(err)
		}
		n += count
	}
	return n
}
