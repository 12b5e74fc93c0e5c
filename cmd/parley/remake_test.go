package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// command runs parley until it ends and gives what it said, and its exit code.
func (b binaries) command(tb testing.TB, args ...string) (out string, code int) {
	tb.Helper()
	cmd := exec.Command(b.parley, args...)
	said, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		tb.Fatal(err)
	}
	return string(said), cmd.ProcessState.ExitCode()
}

// apart is an installation with the roles apart.
type apart struct {
	binaries
	*testing.T
	dsn      string
	settings []string
}

func takeApart(t *testing.T) *apart {
	b := build(t)
	a := &apart{binaries: b, T: t, dsn: mysqltest.DSN(t)}
	a.settings = []string{"--nats", b.natsServer(t).url, "--mysql", a.dsn, "--data", t.TempDir(), "--auth.secret", "a secret that is long enough for HS256"}
	return a
}

// role starts a process.
func (a *apart) role(role string, more ...string) *process {
	a.Helper()
	return a.spawn(a.T, role, append(a.settings, more...)...)
}

// run runs a command and gives what it said.
func (a *apart) run(wantCode int, args ...string) string {
	a.Helper()
	out, code := a.command(a.T, append(args, a.settings...)...)
	if code != wantCode {
		a.Fatalf("parley %v: exit code %d, want %d:\n%s", args, code, wantCode, out)
	}
	return out
}

// chat has two people talk, by clients of both libraries at an edge of their own each, and ask for all there is to ask, for as long as a test wants.
type chat struct {
	*apart
	people  [2]*user
	devices [2]*client
	stop    context.CancelFunc
	wg      sync.WaitGroup

	mu   sync.Mutex
	said [2][]string // the ids, in the order of their acks
}

func (a *apart) chat(edges [2]string) *chat {
	a.Helper()
	d := startDriver(a.T)
	c := &chat{apart: a}
	for i, name := range []string{"ann", "bob"} {
		c.people[i] = register(a.T, edges[i], name)
		c.devices[i] = c.people[i].device(d, name, nil)
	}
	befriend(a.T, c.devices[0], c.devices[1], c.people[0], c.people[1])
	eventually(a.T, "the read models are there", func() bool {
		return call(a.T, "GET", edges[0]+"/api/friends", c.people[0].token, nil, nil) == http.StatusOK
	})
	ctx, stop := context.WithCancel(a.Context())
	c.stop = stop
	for i := range c.people {
		c.wg.Go(func() { c.talk(ctx, i) })
		c.wg.Go(func() { c.ask(ctx, i) })
	}
	a.Cleanup(c.end)
	return c
}

func (c *chat) end() {
	c.stop()
	c.wg.Wait()
}

// talk says one thing after another, each as soon as the one before is stored, and reads what the other one says.
func (c *chat) talk(ctx context.Context, i int) {
	me, other := c.devices[i], c.people[1-i]
	for n := 0; ctx.Err() == nil; n++ {
		time.Sleep(10 * time.Millisecond) // the processes under test need the machine, too
		id := fmt.Sprint(c.people[i].Username, "-", n)
		a := me.emitted("send", me.emitLater("send", other.ID, map[string]any{"txt": id, "id": id}))
		if a.Code != 0 {
			c.Errorf("%s's send: code %d, %s", c.people[i].Username, a.Code, a.Message)
			return
		}
		var at struct{ Seq uint64 }
		if err := json.Unmarshal(a.Data, &at); err != nil {
			c.Error(err)
			return
		}
		c.mu.Lock()
		c.said[i] = append(c.said[i], id)
		c.mu.Unlock()
		if n%5 == 0 {
			me.emitted("read", me.emitLater("read", "u:"+other.ID, map[string]any{"seq": at.Seq}))
		}
	}
}

// ask asks the API one question after another: none fails, and what was stored before a question is in the answer, once and in order.
func (c *chat) ask(ctx context.Context, i int) {
	u := c.people[i]
	with := c.people[1-i].ID
	var answered int
	for ctx.Err() == nil {
		c.mu.Lock()
		before := append([]string(nil), c.said[i]...)
		c.mu.Unlock()
		for _, path := range []string{"/api/friends", "/api/conversations", "/api/applies", "/api/users?query=a", "/api/conversations/u:" + with + "/messages?limit=100"} {
			var answer struct{ Messages []message }
			status, header, err := c.get(u, path, &answer)
			if err != nil || status != http.StatusOK {
				c.Errorf("GET %s: %d, %v", path, status, err)
				return
			}
			if answered++; len(answer.Messages) > 0 && header.Get("Parley-Behind") == "" && len(before) > 0 {
				c.inOrder(answer.Messages, before[len(before)-1])
			}
		}
	}
	c.Logf("%s's %d questions were answered", u.Username, answered)
}

func (c *chat) get(u *user, path string, into any) (status int, h http.Header, err error) {
	req, err := http.NewRequest("GET", u.url+path, nil)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+u.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	return res.StatusCode, res.Header, json.NewDecoder(res.Body).Decode(into)
}

// inOrder checks the newest page of a conversation, which holds what was stored before it was asked for, or what the same one has said since.
func (c *chat) inOrder(page []message, stored string) {
	who, _, _ := strings.Cut(stored, "-")
	last := -1
	for i, m := range page {
		if i > 0 && m.Seq <= page[i-1].Seq {
			c.Errorf("message %d is read after %d", m.Seq, page[i-1].Seq)
		}
		if n := nth(m.ID); strings.HasPrefix(m.ID, who+"-") {
			if n <= last {
				c.Errorf("%s is read after number %d", m.ID, last)
			}
			last = n
		}
	}
	if last < nth(stored) {
		c.Errorf("%s was stored before, and the last that is read is %d", stored, last)
	}
}

// nth gives which of somebody's messages it is.
func nth(id string) (n int) {
	_, number, _ := strings.Cut(id, "-")
	fmt.Sscan(number, &n)
	return n
}

// heardAll ends the talk and checks what each device has heard: all that was stored, once and in order.
func (c *chat) heardAll() {
	c.Helper()
	c.end()
	for i, d := range c.devices {
		want := c.said[1-i]
		if len(want) == 0 {
			c.Fatal("nothing was said")
		}
		c.Logf("%s said %d messages", c.people[1-i].Username, len(want))
		d.wait("all to be heard", func() bool { return len(heardReplies(d)) >= len(want) })
		d.mu.Lock()
		got := heardReplies(d)
		d.mu.Unlock()
		if len(got) != len(want) {
			c.Errorf("%s heard %d messages of %d", c.people[i].Username, len(got), len(want))
			continue
		}
		for n := range want {
			if got[n] != want[n] {
				c.Errorf("%s heard %s where %s was said", c.people[i].Username, got[n], want[n])
				break
			}
		}
	}
}

// heardReplies gives the ids of the messages of others that a device has heard. The driver's lock is held.
func heardReplies(d *client) (ids []string) {
	for _, h := range d.heard {
		if h.Event != "reply" {
			continue
		}
		var who struct{ Self bool }
		var said reply
		if json.Unmarshal(h.Args[0], &who) == nil && !who.Self && json.Unmarshal(h.Args[1], &said) == nil {
			ids = append(ids, said.ID)
		}
	}
	return ids
}

// tablesAre gives what the comments of the tables say.
func tablesAre(t *testing.T, dsn string) map[string]string {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	defer db.Close()
	rows, err := db.Query("SELECT TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA=DATABASE()")
	must(t, err)
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, comment string
		must(t, rows.Scan(&name, &comment))
		all[name] = comment
	}
	return all
}

func execute(t *testing.T, dsn, statement string) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	defer db.Close()
	_, err = db.Exec(statement)
	must(t, err)
}

// TestRebuildWhileClientsChat rebuilds again and again, also killed at random moments, while people chat: not one message is lost, doubled or out of order in
// anybody's view, no query fails, and in the end the tables are identical. A row that was tampered with is named.
func TestRebuildWhileClientsChat(t *testing.T) {
	t.Parallel()
	a := takeApart(t)
	a.role("projector")
	a.role("projector")
	c := a.chat([2]string{a.role("edge").url, a.role("edge").url})
	eventually(t, "there is something to rebuild", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.said[0]) > 30 })

	was := tablesAre(t, a.dsn)["people"]
	began := time.Now()
	out := a.run(exitOK, "rebuild")
	took := time.Since(began)
	if !strings.Contains(out, "swapped in") || !strings.Contains(out, "messages") || tablesAre(t, a.dsn)["people"] == was {
		t.Errorf("rebuild says:\n%s", out)
	}
	swapped := 0
	for range 5 {
		was := tablesAre(t, a.dsn)["people"]
		cmd := exec.Command(a.parley, append([]string{"rebuild"}, a.settings...)...)
		must(t, cmd.Start())
		time.Sleep(time.Duration(rand.Float64() * float64(took))) // any moment will do
		killProcess(cmd)
		if now := tablesAre(t, a.dsn)["people"]; now == "" {
			t.Error("there are no tables after a rebuild was killed")
		} else if now != was {
			swapped++
		}
	}
	t.Logf("%d of 5 rebuilds had swapped when they were killed, one takes %v", swapped, took.Round(time.Millisecond))
	eventually(t, "a rebuild runs after those that were killed", func() bool {
		_, code := a.command(t, append([]string{"rebuild"}, a.settings...)...)
		return code == exitOK // the database lets go of a lock when it notices that its holder is gone
	})
	a.run(exitOK, "verify")
	c.heardAll()
	out = a.run(exitOK, "verify")
	if !strings.Contains(out, "no difference") {
		t.Errorf("verify says:\n%s", out)
	}
	before := dump(t, a.dsn)
	a.run(exitOK, "rebuild")
	sameRows(t, a.dsn, before)

	execute(t, a.dsn, "UPDATE messages SET number=number+1000 WHERE id='ann-7'")
	row := "messages topic=user."
	for _, command := range []string{"verify", "rebuild"} {
		if out := a.run(exitFailed, command); !strings.Contains(out, row) || !strings.Contains(out, "number is 1") || strings.Count(out, "differs:") != 1 {
			t.Errorf("%s says:\n%s", command, out)
		}
	}
	a.run(exitOK, "rebuild", "--force")
	sameRows(t, a.dsn, before)
}

// TestAnotherVersionServesMeanwhile starts a projector on tables of another version: they serve until those of its own are swapped in.
func TestAnotherVersionServesMeanwhile(t *testing.T) {
	t.Parallel()
	a := takeApart(t)
	projector := a.role("projector")
	c := a.chat([2]string{a.role("edge").url, a.role("edge").url})
	eventually(t, "there is something to rebuild", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.said[0]) > 30 })
	must(t, projector.stop())
	was := tablesAre(t, a.dsn)
	for name := range was {
		execute(t, a.dsn, "ALTER TABLE "+name+" COMMENT='parley read models another-version abc'")
	}
	a.role("projector")
	eventually(t, "the tables are of this version", func() bool {
		now := tablesAre(t, a.dsn)
		return strings.HasPrefix(now["people"], was["people"][:len("parley read models 123456789012")]) && len(now) == len(was)
	})
	c.heardAll()
	a.run(exitOK, "verify")
}

// TestNothingToRebuild says why where it is so.
func TestNothingToRebuild(t *testing.T) {
	dir, dsn := t.TempDir(), mysqltest.DSN(t)
	start(t, "--data", dir, "--log.sync", "100ms")
	empty := t.TempDir()
	if err := os.Mkdir(filepath.Join(empty, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"rebuild", "verify"} {
		for name, row := range map[string]struct {
			args []string
			code int
			says string
		}{
			"in memory":           {nil, exitUsage, "mysql.dsn must be set"},
			"no log there":        {[]string{"--data", t.TempDir(), "--mysql", dsn}, exitUsage, "no log in"},
			"the log is in use":   {[]string{"--data", dir, "--mysql", dsn}, exitFailed, "--nats nats://127.0.0.1:4222"},
			"with an argument":    {[]string{"now"}, exitUsage, "now"},
			"there are no tables": {[]string{"--data", empty, "--mysql", dsn}, map[string]int{"rebuild": exitOK, "verify": exitFailed}[command], "no tables to compare"},
		} {
			var out, errs bytes.Buffer
			code := run(t.Context(), append([]string{command}, row.args...), nil, &out, &errs)
			if said := out.String() + errs.String(); code != row.code || !strings.Contains(said, row.says) {
				t.Errorf("%s, %s: exit code %d, %q", command, name, code, said)
			}
		}
		dropped(t, dsn)
	}
}

// dropped empties a database.
func dropped(t *testing.T, dsn string) {
	t.Helper()
	for name := range tablesAre(t, dsn) {
		execute(t, dsn, "DROP TABLE "+name)
	}
}
