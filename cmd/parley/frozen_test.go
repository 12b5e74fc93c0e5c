//go:build unix

package main

import (
	"encoding/json"
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// TestDatabaseStandsStill stops the database, which goes on to take connections: who asks is told so within seconds, who comes is let in, and all
// talk on. When it goes on, all is there, and who came meanwhile hears once what was said in their groups.
func TestDatabaseStandsStill(t *testing.T) {
	server := mysqltest.Start(t)
	p := start(t, "--data", t.TempDir(), "--mysql", server.DSN, "--log.sync", "100ms")
	d := startDriver(t)
	ann, bob, cat := register(t, p.url, "ann"), register(t, p.url, "bob"), register(t, p.url, "cat")
	a, b := ann.device(d, "ann", nil), bob.device(d, "bob", nil)
	befriend(t, a, b, ann, bob)
	c := cat.device(d, "cat", nil)
	befriend(t, a, c, ann, cat)
	var made struct{ GID string }
	if err := json.Unmarshal(a.ok("createGroup", map[string]any{"name": "g", "members": []string{cat.ID}}).Data, &made); err != nil {
		t.Fatal(err)
	}
	c.expect("group")
	c.close()
	a.expect("userout")

	server.Freeze()
	begun := time.Now()
	for _, path := range []string{"/api/applies", "/api/users?query=a"} {
		var problem struct{ Code int }
		if status, _ := ask(t, "GET", p.url+path, ann.token, nil, &problem); status != 503 || problem.Code != 8 {
			t.Errorf("%s: %d, code %d; want 503, code 8", path, status, problem.Code)
		}
	}
	c = cat.connect(d, today, "cat again", p.url, nil)
	c.expect("open")
	if took := time.Since(begun); took > limit {
		t.Errorf("all that took %v", took)
	}
	var last reply
	for range 3 {
		a.ok("send", bob.ID, "meanwhile")
		b.expect("reply", nil, &last)
	}
	a.ok("send", cat.ID, "to cat")
	c.expect("reply")
	a.ok("groupSend", map[string]any{"gid": made.GID}, "to all")

	server.Thaw()
	eventually(t, "the read models answer", func() bool {
		status, _ := ask(t, "GET", p.url+"/api/friends", ann.token, nil, nil)
		return status == 200
	})
	c.expect("groupReply")
	a.ok("groupSend", map[string]any{"gid": made.GID}, "and again")
	c.expect("groupReply")
	if n := len(c.all("groupReply")); n != 2 {
		t.Errorf("cat heard %d messages of the group, want 2", n)
	}
	if said := bob.history(t, "u:"+ann.ID); len(said) != 3 || said[2].Seq != last.Seq {
		t.Errorf("bob reads %+v, and heard %d last", said, last.Seq)
	}
}
