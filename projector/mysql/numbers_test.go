package mysql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/domain"
	"parley/projector"
	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

// crowd is a conversation in which every third message was somebody's who was erased later.
func crowd(n int, without bool) projector.Batch {
	g := domain.InGroup("g")
	b := projector.Batch{To: domain.Position{Epoch: "e", Seq: 1}}
	number := uint64(0)
	for i := range n {
		from := domain.UserID("ann")
		if i%3 == 1 {
			from = "gone"
		}
		if from == "gone" && without {
			continue
		}
		number++
		b.Messages = append(b.Messages, projector.MessageRow{
			MessageKey: projector.MessageKey{Topic: g, From: from, ID: fmt.Sprint(i)}, Seq: uint64(i + 1), Number: number, Msg: json.RawMessage(`"x"`),
		})
		if i%30 == 0 {
			b.Own = append(b.Own, projector.MarkRow{UID: user(i / 30), Topic: g, Seq: uint64(i + 1), Number: number})
			b.Read = append(b.Read, projector.MarkRow{UID: user(i / 30), Topic: g, Seq: uint64(i + 1), Number: number})
		}
	}
	b.Groups = []projector.GroupRow{{Topic: g, Name: "g"}}
	b.Tails = []projector.TailRow{{Topic: g, Seq: b.Messages[len(b.Messages)-1].Seq, Number: number}}
	return b
}

// However many messages were erased in a conversation, each of its rows is read a few times and no more.
func TestComparingCostsTheRows(t *testing.T) {
	const n = 60_000
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	if err := s.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	all := crowd(n, false)
	if err := s.Commit(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	erased := projector.Batch{From: all.To, To: domain.Position{Epoch: "e", Seq: 2}, Erased: &projector.ApplyKey{UID: "gone", Topic: domain.InGroup("g")}}
	if err := s.Commit(t.Context(), erased); err != nil {
		t.Fatal(err)
	}
	fresh, err := s.Beside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if err := fresh.Commit(t.Context(), crowd(n, true)); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "ANALYZE TABLE messages, new_messages, gaps, new_gaps, marks, new_marks")
	now, err := fresh.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer now.Close()
	var c projector.Comparison
	sent := spy(t, db, func() {
		if c, err = now.Compare(t.Context(), func(string, uint64) {}); err != nil {
			t.Fatal(err)
		}
	})
	if len(c.Differences) > 0 {
		t.Errorf("%d differences: %v", len(c.Differences), c.Differences[0])
	}
	read := 0
	for _, statement := range sent {
		read += reads(t, db, statement)
		for _, line := range plan(t, db, statement) {
			kind, typ := strings.ToLower(line["select_type"]), strings.ToLower(line["type"])
			table := strings.TrimPrefix(line["table"], "new_")
			piece := strings.Contains(statement, "WHERE TRUE") || strings.Contains(statement, "FROM "+line["table"]+" GROUP BY") // all of it, or its beginning
			scan := typ == "all" || typ == "index" && !piece
			if strings.Contains(kind, "dependent") || scan && slices.Contains([]string{"t", "messages", "gaps", "marks", "g"}, table) && !strings.Contains(statement, "WHERE TRUE") {
				t.Errorf("%.300s\n%v", statement, line)
			}
		}
	}
	if len(sent) < 50 || read < n || read > 12*n {
		t.Errorf("%d rows were read by %d statements for %d messages", read, len(sent), n)
	}
}

// What is right in a conversation with gaps is no difference, whether the log still has what was erased or not; and each number that is wrong is named.
func TestNumbersAmongGaps(t *testing.T) {
	for name, gone := range map[string]bool{"the log has them still": false, "the log has them no more": true} {
		t.Run(name, func(t *testing.T) {
			dsn := mysqltest.DSN(t)
			s, db := open(t, dsn), raw(t, dsn)
			log := projectortest.NewLog(1)
			g := domain.InGroup("g")
			log.Append(g, domain.GroupCreated{By: "ann", Name: "g", Members: []domain.UserID{"bob", "eve"}}, 0)
			var last uint64
			for i := range 40 {
				log.Append(g, domain.Message{From: "eve", ID: fmt.Sprint(i), Msg: json.RawMessage(`"x"`)}, 0)
				last = log.Append(g, domain.Message{From: "ann", ID: fmt.Sprint(i), Msg: json.RawMessage(`"x"`)}, 0)
			}
			log.Append(g, domain.ReadMarked{By: "bob", Seq: 41}, 0)
			log.Append(g, domain.GroupErased{UID: "eve"}, 0)
			projectortest.Fold(t, log, s, projectortest.Quick())
			var gaps int
			if err := db.QueryRow("SELECT COUNT(*) FROM gaps").Scan(&gaps); err != nil || gaps != 40 {
				t.Fatalf("%d gaps, %v", gaps, err)
			}
			if gone {
				log.Remove(func(r domain.Record) bool { m, ok := r.Event.(domain.Message); return ok && m.From == "eve" })
			}
			verified(t, log, s)
			exec(t, db, "UPDATE messages SET number=number+1 WHERE seq=41")
			exec(t, db, "UPDATE messages SET number=0, msg='forged' WHERE seq=43")
			exec(t, db, "UPDATE marks SET own_number=own_number+2 WHERE uid='ann'")
			exec(t, db, "UPDATE marks SET read_number=read_number+3 WHERE uid='bob'")
			exec(t, db, "UPDATE conversations SET last_number=last_number+4")
			c, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{})
			if err != nil || c.Nothing != "" {
				t.Fatal(err, c.Nothing)
			}
			var said []string
			for _, d := range c.Differences {
				said = append(said, d.String())
			}
			slices.Sort(said)
			want := []string{
				"conversations topic=group.g: last_number is 44, by the log 40",
				"marks uid=ann topic=group.g: own_number is 42, by the log 40",
				"marks uid=bob topic=group.g: read_number is 23, by the log 20",
				"messages topic=group.g seq=41: number is 21, by the log 20",
				"messages topic=group.g seq=43: msg differs",
				"messages topic=group.g seq=43: number is -21, by the log 21",
			}
			if !slices.Equal(said, want) {
				t.Errorf("after seq %d:\n%s\nwant\n%s", last, strings.Join(said, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// An older version may have no gaps, or have them uncounted: what it has is compared nevertheless.
func TestOlderTablesAreCompared(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	log := projectortest.NewLog(1)
	log.Append(ab, domain.FriendRequested{By: "ann"}, 0)
	log.Append(ab, domain.FriendAccepted{By: "bob"}, 0)
	log.Append(ab, domain.Message{From: "ann", ID: "1", Msg: json.RawMessage(`"x"`)}, 0)
	projectortest.Fold(t, log, s, projectortest.Quick())
	for _, table := range names(t, db) {
		exec(t, db, "ALTER TABLE "+table+" COMMENT='parley read models older abc'")
	}
	for _, older := range []string{"ALTER TABLE gaps DROP COLUMN n", "DROP TABLE gaps", "DROP TABLE recalls"} {
		exec(t, db, older)
		c := verified(t, log, s)
		for _, table := range c.Tables {
			if table.Comparable != (table.Table != "recalls" || older != "DROP TABLE recalls") {
				t.Errorf("%s: %+v", older, table)
			}
		}
	}
	exec(t, db, "UPDATE messages SET number=7")
	c, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{})
	if err != nil || len(c.Differences) != 1 || c.Differences[0].String() != "messages topic=user.ann.bob seq=3: number is 7, by the log 1" {
		t.Errorf("%v, %v", err, c.Differences)
	}
}

// More shards than there are connections commit at once into tables beside, each by two: they wait for one another, and none for ever.
func TestManyShardsShareTheConnections(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	fresh, err := s.Beside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	const shards = 40
	done := make(chan error, shards)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for shard := range shards {
		b := projector.Batch{Shard: shard, To: domain.Position{Epoch: "e", Seq: 1}}
		for i := range 1000 {
			key := projector.MessageKey{Topic: domain.InGroup(domain.GroupID(fmt.Sprint("g", shard))), From: "ann", ID: fmt.Sprint(i)}
			b.Messages = append(b.Messages, projector.MessageRow{MessageKey: key, Seq: uint64(i + 1), Number: uint64(i + 1), Msg: json.RawMessage(`"x"`)})
		}
		go func() { done <- fresh.Commit(ctx, b) }()
	}
	most := 0
	for left := shards; left > 0; {
		select {
		case err := <-done:
			if left--; err != nil {
				t.Error(err)
			}
		default:
			var n int
			if err := db.QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB=DATABASE()").Scan(&n); err != nil {
				t.Fatal(err)
			}
			most = max(most, n)
		}
	}
	if most > 16+8 { // those of what serves, and this one
		t.Errorf("there were %d connections", most)
	}
}
