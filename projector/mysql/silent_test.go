//go:build unix

package mysql_test

import (
	"bytes"
	"errors"
	"net"
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

// soon is more than a question takes to be given up, also where the machine is busy, and much less than a server may take that hangs.
const soon = 15 * time.Second

// isAway fails where a question is not answered, soon, by that the read models cannot be reached.
func isAway(t *testing.T, what string, ask func() error) {
	t.Helper()
	begun := time.Now()
	err := ask()
	var refusal *domain.Error
	if !errors.As(err, &refusal) || refusal.Code != domain.Unavailable {
		t.Errorf("%s of a server that is silent: %v", what, err)
	}
	if took := time.Since(begun); took > soon {
		t.Errorf("%s: answered after %v", what, took)
	}
}

// A server that takes connections and answers nothing is away: whoever asks is told so soon, however many ask. When it goes on, so does
// everything else.
func TestServerStandsStill(t *testing.T) {
	server := mysqltest.Start(t)
	s, db := open(t, server.DSN), raw(t, server.DSN)
	log := projectortest.NewLog(2)
	story(log)
	p, stop := projectortest.Start(t, log, s, projectortest.Quick())
	projectortest.CatchUp(t, log, s)
	for range 2 {
		server.Freeze()
		story(log)
		var all sync.WaitGroup
		for name, ask := range questions(t.Context(), s) {
			for range 3 { // more than there are connections
				all.Go(func() { isAway(t, name, ask) })
			}
		}
		all.Go(func() { isAway(t, "Ready", func() error { return s.Ready(t.Context()) }) })
		all.Wait()
		server.Thaw()
		projectortest.CatchUp(t, log, s)
		projectortest.Until(t, "the projector is well", func() bool { return p.Ready() == nil })
		for name, ask := range questions(t.Context(), s) {
			var refusal *domain.Error
			if err := ask(); err != nil && (!errors.As(err, &refusal) || refusal.Code == domain.Unavailable) {
				t.Errorf("%s, when it goes on: %v", name, err)
			}
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	live := dump(t, db)
	projectortest.Empty(t, s)
	projectortest.Fold(t, log, s, projectortest.Quick())
	sameDump(t, "after the server stood still", dump(t, db), live)
}

// silent is a connection on which nothing comes back any more once a COMMIT was sent.
type silent struct {
	net.Conn
	commits *atomic.Int32 // on how many more connections that is so
	mute    *atomic.Bool
}

func (s silent) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("COMMIT")) && s.commits.Add(-1) >= 0 {
		s.mute.Store(true)
	}
	return s.Conn.Write(b)
}

func (s silent) Read(b []byte) (n int, err error) {
	for n, err = s.Conn.Read(b); s.mute.Load() && err == nil; {
		n, err = s.Conn.Read(b)
	}
	return n, err
}

// speechless opens a store whose next commits are not answered, of as many connections as one says.
func speechless(t *testing.T, change func(*driver.Config)) (s *mysql.Store, commits *atomic.Int32) {
	t.Helper()
	commits = new(atomic.Int32)
	return detour(t, func(c net.Conn) net.Conn { return silent{c, commits, new(atomic.Bool)} }, change), commits
}

// A server that falls silent just when a transaction ends is noticed, too.
func TestSilentCommits(t *testing.T) {
	s, commits := speechless(t, func(c *driver.Config) { c.ReadTimeout = 500 * time.Millisecond })
	commits.Store(1)
	b := projector.Batch{To: domain.Position{Epoch: "e", Seq: 1}, People: []projector.PersonRow{{UID: "ann", Name: "Ann"}}}
	if err := s.Commit(t.Context(), b); err != nil {
		t.Errorf("a commit that is not answered: %v", err)
	}
	if left := commits.Load(); left > 0 {
		t.Error("every commit was answered")
	}
}

func TestSilentSnapshots(t *testing.T) {
	s, commits := speechless(t, func(*driver.Config) {})
	commits.Store(1000)
	isAway(t, "Friends", func() error { _, err := s.Friends(t.Context(), "ann"); return err })
	commits.Store(0)
	if _, err := s.Friends(t.Context(), "ann"); err != nil {
		t.Errorf("Friends, when it answers: %v", err)
	}
}
