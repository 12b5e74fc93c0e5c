//go:build unix

package main

import (
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// TestDatabaseStandsStill stops the database, which goes on to take connections: who asks is told so within seconds, and so is who comes; those who
// are here talk on. When it goes on, all is there.
func TestDatabaseStandsStill(t *testing.T) {
	server := mysqltest.Start(t)
	p := start(t, "--data", t.TempDir(), "--mysql", server.DSN, "--log.sync", "100ms")
	d := startDriver(t)
	ann, bob, cat := register(t, p.url, "ann"), register(t, p.url, "bob"), register(t, p.url, "cat")
	a, b := ann.device(d, "ann", nil), bob.device(d, "bob", nil)
	befriend(t, a, b, ann, bob)

	server.Freeze()
	begun := time.Now()
	for _, path := range []string{"/api/applies", "/api/users?query=a"} {
		var problem struct{ Code int }
		if status, _ := ask(t, "GET", p.url+path, ann.token, nil, &problem); status != 503 || problem.Code != 8 {
			t.Errorf("%s: %d, code %d; want 503, code 8", path, status, problem.Code)
		}
	}
	var message string
	var data struct{ Code int }
	if cat.connect(d, today, "cat", p.url, nil).expect("connect_error", &message, &data); data.Code != 8 {
		t.Errorf("cat is refused by %q, code %d; want code 8", message, data.Code)
	}
	if took := time.Since(begun); took > limit {
		t.Errorf("all that took %v", took)
	}
	var last reply
	for range 3 {
		a.ok("send", bob.ID, "meanwhile")
		b.expect("reply", nil, &last)
	}

	server.Thaw()
	eventually(t, "the read models answer", func() bool {
		status, _ := ask(t, "GET", p.url+"/api/friends", ann.token, nil, nil)
		return status == 200
	})
	if said := bob.history(t, "u:"+ann.ID); len(said) != 3 || said[2].Seq != last.Seq {
		t.Errorf("bob reads %+v, and heard %d last", said, last.Seq)
	}
}
