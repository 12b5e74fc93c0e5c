package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// outage is a way in which a log cannot be written, and back. Its tests say what a sender hears and how soon, what operators read, and how long it takes to heal.
type outage struct {
	begin, end func()
	reads      bool // the log can be read meanwhile
}

func (o outage) test(t *testing.T, j *journal.Journal) {
	t.Helper()
	from := make([]domain.Position, j.Shards())
	f := follow(t, j, from, 100)
	h := listen(t, j)
	if err := h.FollowPerson("a"); err != nil {
		t.Fatal(err)
	}
	fill(t, j, 0, 200)
	kept := all(t, j)
	if err := j.Ready(within(t)); err != nil {
		t.Fatalf("ready: %v", err)
	}

	o.begin()
	refuse := func(what string) {
		begun := time.Now()
		until(t, "an event is refused", func() bool { // the first ones may still find room
			begun = time.Now()
			_, err := j.Append(within(t), say(ab, "a", fmt.Sprint(what, time.Now().UnixNano(), string(make([]byte, 1000)))))
			if err != nil {
				unavailable(t, "append", err)
				t.Logf("%s: refused with code %d after %v: %v", what, domain.Refusal(err).Code, time.Since(begun).Round(time.Millisecond), err)
			}
			return err != nil
		})
		if took := time.Since(begun); took > late {
			t.Errorf("%s: it took %v to say so", what, took)
		}
	}
	refuse("the first")
	begun := time.Now()
	for i, a := range burst(j, slices.Repeat([]domain.Draft{say(ab, "a", "many")}, 500)) {
		if a.err == nil {
			t.Errorf("the %d. of many was stored", i)
		} else if !isUnavailable(a.err) {
			t.Errorf("the %d. of many: %v", i, a.err)
		}
	}
	if took := time.Since(begun); took > late {
		t.Errorf("many: it took %v to say so", took)
	}
	err := j.Ready(within(t))
	unavailable(t, "ready", err)
	t.Logf("not ready: %v", domain.Refusal(err).Cause)
	if o.reads {
		if got := all(t, j); len(got) < len(kept) {
			t.Errorf("%d events are read, of %d", len(got), len(kept))
		}
		if _, err := j.Since(within(t), ab, 0); err != nil {
			t.Errorf("a conversation is read: %v", err)
		}
		if _, _, err := j.Last(within(t), ab, domain.LaneTalk, ""); err != nil {
			t.Errorf("the last message is read: %v", err)
		}
	}

	o.end()
	begun = time.Now()
	id := "after " + fmt.Sprint(begun.UnixNano())
	until(t, "an event is stored", func() bool {
		_, err := j.Append(within(t), once(say(ab, "a", id), id))
		return err == nil
	})
	t.Logf("healed after %v", time.Since(begun).Round(10*time.Millisecond))
	until(t, "it is ready", func() bool { return j.Ready(within(t)) == nil })
	t.Logf("ready after %v", time.Since(begun).Round(10*time.Millisecond))
	fill(t, j, 1000, 200)
	now := all(t, j)
	for i, r := range kept {
		if i >= len(now) || now[i].Seq != r.Seq && j.Shards() == 1 || text(now[i]) != text(r) {
			t.Fatalf("event %d was %+v and is another", i, r)
		}
	}
	until(t, "who follows has all", func() bool { return f.len() >= len(now) })
	f.check(t, j, from)
	store(t, j, say(ab, "a", "live again"))
	until(t, "the live feed goes on", func() bool {
		heard := h.all()
		return len(heard) > 0 && text(heard[len(heard)-1]) == "live again"
	})
}

func TestNATSKilled(t *testing.T) {
	dir, port := "PARLEY_TEST_DIR="+t.TempDir(), journaltest.FreePort(t)
	nats := begin(t, "nats", dir, fmt.Sprintf("PARLEY_TEST_PORT=%d", port))
	j := openAt(t, port)
	outage{
		begin: nats.kill,
		end:   func() { begin(t, "nats", dir, fmt.Sprintf("PARLEY_TEST_PORT=%d", port)) },
	}.test(t, j)
}

func TestNATSStopped(t *testing.T) {
	port := journaltest.FreePort(t)
	nats := begin(t, "nats", "PARLEY_TEST_DIR="+t.TempDir(), fmt.Sprintf("PARLEY_TEST_PORT=%d", port))
	j := openAt(t, port)
	signal := func(s syscall.Signal) func() {
		return func() {
			if err := nats.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	outage{begin: signal(syscall.SIGSTOP), end: signal(syscall.SIGCONT)}.test(t, j)
}

func openAt(t *testing.T, port int) *journal.Journal {
	t.Helper()
	j, err := journal.Open(within(t), journal.Options{Remote: &journal.Remote{URL: fmt.Sprintf("nats://127.0.0.1:%d", port)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journaltest.Close(t, j) })
	return j
}

func TestQuorumLost(t *testing.T) {
	servers := journaltest.Start(t, 3)
	j := servers.Open(t)
	outage{
		begin: func() { servers.Stop(1); servers.Stop(2) },
		end:   func() { servers.Restart(1); servers.Restart(2) },
	}.test(t, j)
}

// An operator's limit: the log is full.
func TestLimitReached(t *testing.T) {
	servers := journaltest.Start(t, 1)
	j := servers.Open(t)
	outage{
		begin: func() { limitStream(t, servers.URL(), "CHAT-0", 200) },
		end:   func() { limitStream(t, servers.URL(), "CHAT-0", -1) },
		reads: true,
	}.test(t, j)
}

// small mounts a small file system, which fill makes full and empty clears again.
func small(t *testing.T) (dir string, fill, empty func()) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("nothing can be mounted here, as only root may, and not in every container; there is no other disk that may be filled: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	balloon := filepath.Join(dir, "balloon")
	return dir, func() {
			f, err := os.Create(balloon)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for b := make([]byte, 4096); err == nil; {
				_, err = f.Write(b)
			}
		}, func() {
			if err := os.Remove(balloon); err != nil {
				t.Fatal(err)
			}
		}
}

// The disk of the embedded server is full: it is started again by itself once there is room.
func TestDiskFull(t *testing.T) {
	for name, sync := range map[string]func(*journal.Options){"always": journaltest.SyncAlways, "interval": func(*journal.Options) {}} {
		t.Run("sync="+name, func(t *testing.T) {
			dir, fill, empty := small(t)
			j := journaltest.Open(t, journaltest.Dir(filepath.Join(dir, "log")), sync)
			outage{begin: fill, end: empty, reads: true}.test(t, j)
		})
	}
}

// The disk of a server elsewhere is full: it has to be started again once there is room, by whoever runs it.
func TestDiskFullElsewhere(t *testing.T) {
	dir, fill, empty := small(t)
	servers := journaltest.Start(t, 1, func(o *server.Options) { o.StoreDir = dir })
	j := servers.Open(t)
	outage{begin: fill, end: func() { empty(); servers.Stop(0); servers.Restart(0) }, reads: true}.test(t, j)
}
