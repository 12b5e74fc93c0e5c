package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFailedStarts starts parley in ways that cannot work: it says what is the matter and what to do, and leaves nothing running.
func TestFailedStarts(t *testing.T) {
	dir := t.TempDir()
	running := start(t, "--data", dir, "--log.sync", "100ms")
	two := t.TempDir()
	must(t, start(t, "--data", two, "--log.shards", "2").stop())
	must(t, start(t, "--data", two).stop()) // takes as many as there are
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for name, row := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"two processes on one folder": {[]string{"--data", dir}, exitFailed, []string{dir}},
		"a folder that is a file":     {[]string{"--data", file}, exitFailed, []string{file}},
		"an address that is taken": {[]string{"--data", t.TempDir(), "--listen", strings.TrimPrefix(running.url, "http://")},
			exitFailed, []string{"http.addr", "--http.addr"}},
		"other shards than the log has": {[]string{"--data", two, "--log.shards", "3"}, exitFailed, []string{"2 shards", "3"}},
		"no database":                   {[]string{"--data", t.TempDir(), "--mysql", "u:secret@tcp(127.0.0.1:1)/parley"}, exitFailed, []string{"127.0.0.1:1"}},
		"roles apart without a log":     {[]string{"edge"}, exitUsage, []string{"nats.url", "mysql.dsn"}},
		"wrong settings":                {[]string{"--chat.direct", "nobody", "--log.shards", "65"}, exitUsage, []string{"chat.direct", "log.shards"}},
		"no such command":               {[]string{"conquer"}, exitUsage, []string{"conquer"}},
		"no such flag":                  {[]string{"--conquer"}, exitUsage, []string{"--conquer"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var out, errs bytes.Buffer
			args := row.args
			if !strings.Contains(strings.Join(args, " "), "--listen") {
				args = append(args, "--listen", "127.0.0.1:0")
			}
			code := run(ctx, append(args, "--ops.addr", "127.0.0.1:0"), nil, &out, &errs)
			if code != row.code {
				t.Errorf("exit code %d, want %d", code, row.code)
			}
			for _, s := range row.says {
				if !strings.Contains(errs.String(), s) {
					t.Errorf("it says %q, nothing about %s", errs.String(), s)
				}
			}
			if strings.Contains(errs.String(), "secret") {
				t.Errorf("it gives a password away: %q", errs.String())
			}
			t.Log(errs.String())
		})
	}
}

// TestSignals stops a process by a signal while somebody is connected: the client is sent away so that it comes back by itself.
func TestSignals(t *testing.T) {
	b := build(t)
	for name, ways := range transports {
		t.Run(name, func(t *testing.T) { signalled(t, b, ways) })
	}
}

func signalled(t *testing.T, b binaries, ways []string) {
	dir, addr := t.TempDir(), freeAddress(t)
	first := b.spawn(t, "--data="+dir, "--listen", addr)
	d := startDriver(t)
	ann := register(t, first.url, "ann")
	a := ann.device(d, "a", ways)
	stalled, err := net.Dial("tcp", strings.TrimPrefix(first.url, "http://")) // holds nobody up
	must(t, err)
	defer stalled.Close()
	_, err = fmt.Fprint(stalled, "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
	must(t, err)
	line, err := bufio.NewReader(stalled).ReadString('\n')
	if must(t, err); !strings.Contains(line, "100 Continue") { // the server waits for the rest, which does not come
		t.Fatalf("the answer is %q", line)
	}
	must(t, first.stop())
	var reason string
	if a.expect("disconnect", &reason); reason != "transport close" {
		t.Errorf("disconnected because of %q: the client does not come back by itself", reason)
	}
	b.spawn(t, "--data="+dir, "--listen", addr)
	a.expect("connect")
	a.expect("open")
	a.ok("sign", map[string]any{"user": map[string]string{"id": ann.ID}})
}

// TestReadme runs the README's first conversation as it stands there.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	_, code, _ := strings.Cut(string(readme), "```js\n")
	code, _, found := strings.Cut(code, "```")
	if !found {
		t.Fatal("the README holds no JavaScript")
	}
	p := start(t, "--data", t.TempDir(), "--log.sync", "100ms")
	for _, says := range []string{"bob sees new message", "code: 6"} { // the second time they are friends already
		cmd := exec.Command("node", "--input-type=module", "-e", strings.ReplaceAll(code, "http://localhost:8080", p.url))
		cmd.Dir = "testdata"
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), says) {
			t.Fatalf("%v: without %q:\n%s", err, says, out)
		}
	}
	_, code, _ = strings.Cut(string(readme), "token=$(")
	code, _, _ = strings.Cut("token=$("+code, "```")
	cmd := exec.Command("bash", "-euc", strings.ReplaceAll(code, "localhost:8080", strings.TrimPrefix(p.url, "http://")))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"friends":[{`) || !strings.Contains(string(out), "/api/register") {
		t.Fatalf("%v: without friends or OpenAPI:\n%s", err, out)
	}
}

// TestConfig prints what is in force, without secrets.
func TestConfig(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"config", "--mysql", "u:hunter2@tcp(db:3306)/parley"}, []string{"PARLEY_CHAT_DIRECT=anyone", "HOME=/"}, &out, &errs)
	if code != exitOK || !strings.Contains(out.String(), "direct: anyone") || strings.Contains(out.String(), "hunter2") {
		t.Errorf("exit code %d: %s%s", code, &out, &errs)
	}
}
