package mysql_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parley/domain"
	"parley/projector"
	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

// many is from how many messages on a batch is loaded.
const many = 1000

// batch says texts, and after them something else until there are n messages, from the place on at which another ended.
func batch(from domain.Position, n int, texts ...string) projector.Batch {
	b := projector.Batch{From: from, To: domain.Position{Epoch: "e", Seq: from.Seq + uint64(n)}}
	for i := range n {
		text := "x"
		if i < len(texts) {
			text = texts[i]
		}
		seq := from.Seq + uint64(i+1)
		key := projector.MessageKey{Topic: domain.InGroup("g"), From: "ann", ID: fmt.Sprint(seq)}
		b.Messages = append(b.Messages, projector.MessageRow{MessageKey: key, Seq: seq, Number: seq, Date: -1, Msg: json.RawMessage(text)})
	}
	return b
}

// loads is how often anybody has asked a server to load something.
func loads(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	var name string
	if err := db.QueryRow("SHOW GLOBAL STATUS LIKE 'Com_load'").Scan(&name, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Where the server takes loads it gets them, from a thousand messages on; where not, it is asked once, and the rows are the same.
func TestLoads(t *testing.T) {
	own := mysqltest.Start(t)
	db := raw(t, own.DSN)
	exec(t, db, "SET GLOBAL local_infile=1")
	log := projectortest.NewLog(1)
	g := domain.InGroup("g")
	log.Append(g, domain.GroupCreated{By: "ann", Name: "g"}, 0)
	for i := range 3*(many+1) - 1 {
		log.Append(g, domain.Message{From: "ann", ID: fmt.Sprint(i), Msg: json.RawMessage(`"x"`)}, 0)
	}
	s := open(t, own.DSN)
	for _, c := range []struct{ on, batch, loads int }{{1, many - 1, 0}, {1, many + 1, 3}, {0, many + 1, 1}} {
		exec(t, db, "SET GLOBAL local_infile=?", c.on)
		s := open(t, own.DSN)
		before := loads(t, db)
		o := projectortest.Quick()
		o.Batch = c.batch
		exec(t, db, "DROP TABLE IF EXISTS checkpoints") // so that all is folded anew
		projectortest.Fold(t, log, s, o)
		if n := loads(t, db) - before; n != c.loads {
			t.Errorf("local_infile=%d, %d events at once: %d loads, want %d", c.on, c.batch, n, c.loads)
		}
	}
	for _, c := range []struct{ on, loads int }{{1, 2 * 3}, {0, 2}} { // by two connections
		exec(t, db, "SET GLOBAL local_infile=?", c.on)
		before := loads(t, db)
		v, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{Batch: many + 1})
		if err != nil || v.Nothing != "" || len(v.Differences) > 0 {
			t.Errorf("local_infile=%d: %v, %q, %v", c.on, err, v.Nothing, v.Differences)
		}
		if n := loads(t, db) - before; n != c.loads {
			t.Errorf("local_infile=%d, beside: %d loads, want %d", c.on, n, c.loads)
		}
	}
}

// What is loaded comes back as it was.
func TestLoadedTextsAsTheyAre(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	if err := s.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	var at domain.Position
	text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("\x00\t\n\r\\N'\"0btnrZ\x1a ,;é元🙂\u2028")), rapid.Rune()))
	rapid.Check(t, func(t *rapid.T) {
		texts := append(rapid.SliceOfN(text, 1, 50).Draw(t, "texts"), `\N`, `NULL`, "\t", "\n", "\\", "\\\n", "\x00", "", "\r\n", strings.Repeat("\t\\", 40_000))
		b := batch(at, many, texts...)
		if err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for i, want := range texts {
			var got, id string
			err := db.QueryRow("SELECT msg, id FROM messages WHERE topic='group.g' AND seq=? AND date=-1 AND sender='ann'", b.Messages[i].Seq).Scan(&got, &id)
			if err != nil || got != want || id != b.Messages[i].ID {
				t.Fatalf("%.100q came back as %.100q, %v", want, got, err)
			}
		}
		at = b.To
	})
}

// What does not fit is refused whole, a message that is there is told, and neither keeps the next ones from being loaded.
func TestLoadsNothingElse(t *testing.T) {
	own := mysqltest.Start(t)
	s, db := open(t, own.DSN), raw(t, own.DSN)
	exec(t, db, "SET GLOBAL local_infile=1")
	if err := s.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	beside, err := s.Beside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	for name, into := range map[string]projector.Store{"": s, "new_": beside} {
		first := batch(domain.Position{}, 2*many)
		if err := into.Commit(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		for what, spoil := range map[string]func(*projector.MessageRow){
			"a message that is there":      func(m *projector.MessageRow) { m.ID = "7" },
			"a place where there is one":   func(m *projector.MessageRow) { m.Seq = 7 },
			"an id that is too long":       func(m *projector.MessageRow) { m.ID = strings.Repeat("x", 65) },
			"an id that is not ASCII":      func(m *projector.MessageRow) { m.ID = "é" },
			"a sender who is too long":     func(m *projector.MessageRow) { m.From = domain.UserID(strings.Repeat("x", 97)) },
			"a text that is not Unicode":   func(m *projector.MessageRow) { m.Msg = json.RawMessage("x\xffy") },
			"a text that is cut in a rune": func(m *projector.MessageRow) { m.Msg = json.RawMessage("\xf0\x9f\x99") },
		} {
			for _, at := range []int{0, 2*many - 1} { // of either half
				b := batch(first.To, 2*many)
				spoil(&b.Messages[at])
				there := strings.Contains(what, "there")
				if err := into.Commit(t.Context(), b); err == nil || errors.Is(err, projector.ErrDuplicate) != there {
					t.Fatalf("%q, %s: %v", name, what, err)
				}
				var n int
				if err := db.QueryRow("SELECT COUNT(*) FROM " + name + "messages").Scan(&n); err != nil || n != 2*many {
					t.Errorf("%q, %s: %d messages, %v", name, what, n, err)
				}
			}
		}
		before := loads(t, db)
		if err := into.Commit(t.Context(), batch(first.To, many)); err != nil || loads(t, db) == before {
			t.Errorf("%q: %v, after %d loads", name, err, before)
		}
	}
}
