package mysql_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"parley/domain"
	"parley/projector"
	"parley/projector/mysql"
	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

func TestOpenSaysWhatToDo(t *testing.T) {
	good := mysqltest.DSN(t)
	db := raw(t, good)
	head, name := good[:strings.LastIndex(good, "/")+1], good[strings.LastIndex(good, "/")+1:]
	name, _, _ = strings.Cut(name, "?")
	nobody := "parley_nobody_" + name[len(name)-8:]
	if _, err := db.Exec("CREATE USER " + nobody + "@'%' IDENTIFIED BY 'se-cret'"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Exec("DROP USER " + nobody + "@'%'") })
	as := func(user, password string) string {
		c, err := driver.ParseDSN(good)
		if err != nil {
			t.Fatal(err)
		}
		c.User, c.Passwd = user, password
		return c.FormatDSN()
	}
	for dsn, want := range map[string]string{
		"nonsense":                             "must look like user:password@tcp(host:3306)/database",
		"u:se-cret@tcp(127.0.0.1:1)/":          "must name a database",
		"u:se-cret@tcp(127.0.0.1:1)/db":        "no server answers at tcp(127.0.0.1:1); start it, or correct mysql.dsn",
		"u:se-cret@unix(/no/socket)/db":        "no server answers",
		"u:se-cret@tcp(127.0.0.1:1)/db?tls=no": "mysql.dsn",
		head + "parley_none":                   "CREATE DATABASE `parley_none`",
		as(nobody, "wrong se-cret"):            "check user and password",
		as(nobody, "se-cret"):                  "GRANT ALL ON `" + name + "`",
	} {
		s, err := mysql.Open(t.Context(), dsn, 2, quiet)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", dsn)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", dsn, err, want)
		}
		if strings.Contains(err.Error(), "se-cret") {
			t.Errorf("%s: the password is in the error: %v", dsn, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := mysql.Open(ctx, good, 2, quiet); !errors.Is(err, context.Canceled) {
		t.Errorf("Open after its context ended: %v", err)
	}
	if _, err := db.Exec("GRANT SELECT, INSERT ON " + name + ".* TO " + nobody + "@'%'"); err != nil {
		t.Fatal(err)
	}
	if err := open(t, as(nobody, "se-cret")).Prepare(t.Context(), true); err == nil || !strings.Contains(err.Error(), "GRANT ALL") {
		t.Errorf("Prepare without the right to: %v", err)
	}
}

// A node that only asks makes no tables, and says that they are being made.
func TestBeforeThereAreTables(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	for name, ask := range questions(t.Context(), s) {
		var refusal *domain.Error
		if err := ask(); !errors.As(err, &refusal) || refusal.Code != domain.Unavailable || !strings.Contains(refusal.Message, "being made") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Ready(t.Context()); !errors.Is(err, projector.ErrNoTables) {
		t.Errorf("Ready: %v", err)
	}
	if rows, err := db.Query("SHOW TABLES"); err != nil || rows.Next() {
		t.Errorf("there are tables now, or %v", err)
	} else {
		rows.Close()
	}
}

// questions are all that an edge asks.
func questions(ctx context.Context, s *mysql.Store) map[string]func() error {
	in := domain.InGroup("g")
	return map[string]func() error{
		"Person":        func() error { _, err := s.Person(ctx, "ann"); return err },
		"People":        func() error { _, err := s.People(ctx, "a", 5); return err },
		"Friends":       func() error { _, err := s.Friends(ctx, "ann"); return err },
		"Applies":       func() error { _, _, err := s.Applies(ctx, "ann", nil, "", 5); return err },
		"Blocked":       func() error { _, err := s.Blocked(ctx, "ann"); return err },
		"Groups":        func() error { _, err := s.Groups(ctx, "ann"); return err },
		"Group":         func() error { _, err := s.Group(ctx, "ann", "g"); return err },
		"Members":       func() error { _, err := s.Members(ctx, "ann", "g", "", 5); return err },
		"Conversations": func() error { _, _, err := s.Conversations(ctx, "ann", "", 5); return err },
		"Messages":      func() error { _, _, err := s.Messages(ctx, "ann", in, 0, 0, 5); return err },
		"MessageSeq":    func() error { _, _, err := s.MessageSeq(ctx, 0, in, "ann", "1"); return err },
	}
}

// hold blocks a commit: it locks ann's row by another connection, which free lets go.
func hold(t *testing.T, s *mysql.Store, db *sql.DB) (first projector.Batch, tx *sql.Tx) {
	t.Helper()
	if err := s.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	first = projector.Batch{To: domain.Position{Epoch: "e", Seq: 1}, People: []projector.PersonRow{{UID: "ann", Name: "Ann"}}}
	if err := s.Commit(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	if _, err := tx.Exec("SELECT * FROM people WHERE uid='ann' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	return first, tx
}

// begin commits a second batch and waits until it is blocked.
func begin(t *testing.T, s *mysql.Store, db *sql.DB, first projector.Batch) (done chan error) {
	t.Helper()
	second := projector.Batch{From: first.To, To: domain.Position{Epoch: "e", Seq: 2}, People: []projector.PersonRow{{UID: "ann", Name: "Anna"}}}
	done = make(chan error, 1)
	go func() { done <- s.Commit(t.Context(), second) }()
	projectortest.Until(t, "the commit waits for a lock", func() bool {
		time.Sleep(150 * time.Millisecond) // the server makes this table anew only where it was not read for 100 ms
		var n int
		err := db.QueryRow("SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state='LOCK WAIT'").Scan(&n)
		return err == nil && n > 0
	})
	return done
}

func isAnna(t *testing.T, s *mysql.Store, done chan error) {
	t.Helper()
	if err := <-done; err != nil {
		t.Fatalf("Commit: %v", err)
	}
	at, err := s.Checkpoint(t.Context(), 0)
	p, err2 := s.Person(t.Context(), "ann")
	if err != nil || err2 != nil || at.Seq != 2 || p.Name != "Anna" {
		t.Errorf("%v %v, %v %v", at, p, err, err2)
	}
}

func TestDeadlockIsTriedAgain(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	first, tx := hold(t, s, db)
	for i := range 100 { // so that the server rather undoes the commit than this
		if _, err := tx.Exec("INSERT INTO marks (uid, topic) VALUES (?, 'group.g')", fmt.Sprint("u", i)); err != nil {
			t.Fatal(err)
		}
	}
	done := begin(t, s, db, first)
	if _, err := tx.Exec("UPDATE checkpoints SET seq=seq WHERE shard=0"); err != nil {
		t.Fatalf("the commit was to be undone, not this: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	isAnna(t, s, done)
}

// kill ends all connections to the database but this one.
func kill(t *testing.T, db *sql.DB) {
	t.Helper()
	rows, err := db.Query("SELECT ID FROM information_schema.PROCESSLIST WHERE DB=DATABASE() AND ID<>CONNECTION_ID()")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(fmt.Sprint("KILL ", id)); err != nil {
			t.Logf("KILL %d: %v", id, err)
		}
	}
}

func TestLostConnectionsAreTriedAgain(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db, holder := open(t, dsn), raw(t, dsn), raw(t, dsn)
	first, tx := hold(t, s, holder)
	done := begin(t, s, db, first)
	kill(t, db) // the commit, and tx which it waits for
	tx.Rollback()
	isAnna(t, s, done)
	for range 3 {
		kill(t, db)
		if _, err := s.Person(t.Context(), "ann"); err != nil {
			t.Errorf("a question after its connection was lost: %v", err)
		}
		if _, _, err := s.Conversations(t.Context(), "ann", "", 5); err != nil {
			t.Errorf("a question after its connection was lost: %v", err)
		}
	}
}

func TestServerAway(t *testing.T) {
	dsn := mysqltest.DSN(t)
	c, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, addr := c.Net, c.Addr
	r := &road{path: filepath.Join(t.TempDir(), "s"), server: func() (net.Conn, error) { return net.Dial(network, addr) }}
	c.Net, c.Addr = "unix", r.path
	r.open(t)
	defer func() { r.cut() }()
	s := open(t, c.FormatDSN())
	log := projectortest.NewLog(2)
	story(log)
	p, stop := projectortest.Start(t, log, s, projectortest.Quick())
	projectortest.CatchUp(t, log, s)
	for range 2 {
		r.cut()
		story(log)
		projectortest.Until(t, "the projector is in trouble", func() bool { return p.Ready() != nil })
		_, err = s.Person(t.Context(), "ann")
		var refusal *domain.Error
		if !errors.As(err, &refusal) || refusal.Code != domain.Unavailable {
			t.Errorf("a question while the server is away: %v", err)
		}
		r.open(t)
		projectortest.Until(t, "the projector is well again", func() bool { return p.Ready() == nil })
		projectortest.CatchUp(t, log, s)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dsn)
	live := dump(t, db)
	projectortest.Empty(t, s)
	projectortest.Fold(t, log, s, projectortest.Quick())
	sameDump(t, "after the server was away", dump(t, db), live)
}

// forgetful is a connection that breaks when the server has committed and before it says so.
type forgetful struct {
	net.Conn
	once   *sync.Once
	breaks *atomic.Bool // at the next answer
}

func (f forgetful) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("COMMIT")) {
		f.once.Do(func() { f.breaks.Store(true) })
	}
	return f.Conn.Write(b)
}

func (f forgetful) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if f.breaks.Load() {
		return 0, io.EOF
	}
	return n, err
}

func TestOwnCommitIsNoFence(t *testing.T) {
	once := new(sync.Once)
	s := detour(t, func(c net.Conn) net.Conn { return forgetful{c, once, new(atomic.Bool)} }, func(*driver.Config) {})
	b := projector.Batch{To: domain.Position{Epoch: "e", Seq: 1, Time: 5}, People: []projector.PersonRow{{UID: "ann", Name: "Ann"}}}
	if err := s.Commit(t.Context(), b); err != nil {
		t.Errorf("a commit whose answer was lost: %v", err)
	}
	once.Do(func() { t.Error("no answer was lost") })
	if at, err := s.Checkpoint(t.Context(), 0); err != nil || at != b.To {
		t.Errorf("the checkpoint is %v, %v", at, err)
	}
	if err := s.Commit(t.Context(), b); !errors.Is(err, projector.ErrFenced) {
		t.Errorf("another's commit of the same: %v", err)
	}
}

// However many wait, the server is asked once every few milliseconds.
func TestManyWhoWaitShareTheirQuestions(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	if err := s.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	const many = 500
	begun := time.Now()
	first := projector.Batch{To: domain.Position{Epoch: "e", Seq: 1}}
	sent := spy(t, db, func() {
		var all sync.WaitGroup
		for range many {
			all.Go(func() {
				if behind, err := s.Wait(t.Context(), []domain.Position{first.To}); behind != 0 || err != nil {
					t.Errorf("Wait: %d, %v", behind, err)
				}
			})
		}
		projectortest.Until(t, "somebody has waited", func() bool {
			behind, err := s.Wait(expired(t), []domain.Position{first.To})
			return behind == 1 && err == nil
		})
		if err := s.Commit(t.Context(), first); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	took := time.Since(begun)
	if most := 10 + int(took/(5*time.Millisecond)); len(sent) == 0 || len(sent) > most { // some are the commit's
		t.Errorf("%d questions in %v for %d who waited, want at most %d", len(sent), took, many, most)
	}
}

func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
