package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/projector/mysql/mysqltest"
)

// TestErasedIsNowhere erases somebody who has said something to a friend and in a group. Neither what they said nor what they were called is left, in
// no table and in no block of the log, nor comes it back when the tables are made anew; what the others said stays.
func TestErasedIsNowhere(t *testing.T) {
	const username, marker, greeting, others = "zoe-the-erased", "sesame-4711-open", "hello 你好", "plum-0815-jam"
	dsn, data := mysqltest.DSN(t), t.TempDir()
	p := start(t, "--data", data, "--mysql", dsn, "--log.shards", "3")
	d := startDriver(t)
	zoe, bob := register(t, p.url, username), register(t, p.url, "bob")
	phone, desk := zoe.device(d, "zoe's", nil), bob.device(d, "bob's", nil)
	befriend(t, phone, desk, zoe, bob)
	group := map[string]any{"name": "plums", "members": []string{zoe.ID}}
	var made struct{ GID string }
	must(t, json.Unmarshal(desk.ok("createGroup", group).Data, &made))
	for i := range 20 {
		phone.ok("send", bob.ID, fmt.Sprint(marker, " ", i))
		phone.ok("groupSend", map[string]any{"gid": made.GID}, map[string]any{"txt": fmt.Sprint(marker, " ", i), "id": fmt.Sprint("zoe-", i)})
		desk.ok("send", zoe.ID, fmt.Sprint(others, " ", i))
		desk.ok("groupSend", map[string]any{"gid": made.GID}, fmt.Sprint(others, " ", i))
	}
	zoe.history(t, "g:"+made.GID) // all is in the tables
	texts := []string{marker, username, strings.ToUpper(username), greeting, zoe.Name}
	for _, text := range []string{marker, username, others} {
		if tables(t, dsn, text) == "" || blocks(t, data, text) == "" {
			t.Fatalf("%s is in tables %q and blocks %q", text, tables(t, dsn, text), blocks(t, data, text))
		}
	}
	if status := call(t, "DELETE", p.url+"/api/me", zoe.token, map[string]string{"password": "wrong"}, nil); status != 403 {
		t.Fatalf("with a wrong password: %d", status)
	}
	if status, _ := ask(t, "DELETE", p.url+"/api/me", zoe.token, map[string]string{"password": "correct horse"}, nil); status != 204 {
		t.Fatalf("erase: %d", status)
	}
	phone.expect("disconnect")
	if status := call(t, "GET", p.url+"/api/me", zoe.token, nil, nil); status != 401 {
		t.Errorf("the token: %d", status)
	}
	back := zoe.connect(d, today, "zoe again", p.url, nil)
	var message string
	var refused struct{ Code int }
	back.expect("connect_error", &message, &refused)
	if message != "authentication error" || refused.Code != 1 {
		t.Errorf("refused with %q, %+v", message, refused)
	}
	nowhere := func(when string) {
		t.Helper()
		for _, text := range texts {
			eventually(t, text+" is in no block, "+when, func() bool { return blocks(t, data, text) == "" })
			eventually(t, text+" is in no table, "+when, func() bool { return tables(t, dsn, text) == "" })
		}
		key := base64.RawURLEncoding.EncodeToString([]byte(strings.ToUpper(username))) // where the account lay
		eventually(t, "nor is the account, "+when, func() bool { return blocks(t, data, key) == "" })
		if history := bob.history(t, "g:"+made.GID); len(history) != 20 {
			t.Errorf("%s bob reads %d messages in the group", when, len(history))
		}
		if history := bob.history(t, "u:"+zoe.ID); len(history) != 20 {
			t.Errorf("%s bob reads %d messages of their own", when, len(history))
		}
		var shown struct {
			Name, Username string
			Deleted        bool
		}
		bob.get(t, "/api/users/"+zoe.ID, &shown)
		if shown.Name != "deleted user" || shown.Username != "" || !shown.Deleted {
			t.Errorf("%s zoe is shown as %+v", when, shown)
		}
	}
	nowhere("when erased")
	eventually(t, "the log says that it is done", func() bool { return tables(t, dsn, `erased="2"`) != "" })
	before := dump(t, dsn)
	dropAll(t, dsn)
	eventually(t, "the rows come back", func() bool { return len(dump(t, dsn)) == len(before) })
	nowhere("when made anew")
	must(t, p.stop())
	nowhereInFiles(t, data, append(texts, base64.RawURLEncoding.EncodeToString([]byte(strings.ToUpper(username))))...)
}

// tables names the first table with a row that holds some text; "" for none.
func tables(t *testing.T, dsn, text string) string {
	t.Helper()
	all := dump(t, dsn)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, row := range all[name] {
			if strings.Contains(row, text) {
				return name
			}
		}
	}
	return ""
}

// blocks names the first block of a stream that holds some text; "" for none.
func blocks(t *testing.T, dir, text string) string {
	t.Helper()
	return file(t, dir, ".blk", text)
}

// nowhereInFiles fails where any file holds one of some texts.
func nowhereInFiles(t *testing.T, dir string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if found := file(t, dir, "", text); found != "" {
			t.Errorf("%s holds %q", found, text)
		}
	}
}

// file names the first file of a kind in a folder that holds some text; "" for none.
func file(t *testing.T, dir, kind, text string) (found string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || kind != "" && filepath.Ext(path) != kind {
			return nil // a block is put in its own place while it is written anew
		}
		b, err := os.ReadFile(path)
		if err == nil && found == "" && bytes.Contains(b, []byte(text)) {
			found = path
		}
		return nil
	}))
	return found
}
