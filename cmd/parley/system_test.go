package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// process is a parley under test: inside this process, or one of its own.
type process struct {
	url  string // of the page and the API
	ops  string // of the health endpoints
	stop func() error
	kill func() // of one that is a process of its own

	signal func(os.Signal) error // likewise
}

var printed = regexp.MustCompile(`(page and API|health) at (http://[^/,\s]+)`)

// watch reads what a process prints until it has said where its last endpoint is.
func (p *process) watch(tb testing.TB, out io.Reader) {
	tb.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		tb.Log(lines.Text())
		for _, m := range printed.FindAllStringSubmatch(lines.Text(), -1) {
			if m[1] == "health" {
				p.ops = m[2]
			} else {
				p.url = m[2]
			}
		}
		if strings.HasPrefix(lines.Text(), "parley: serving") {
			go io.Copy(io.Discard, out)
			return
		}
	}
	tb.Fatal("the process did not start")
}

// start runs parley inside this process, on ports of its own.
func start(tb testing.TB, args ...string) *process {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	out, in := io.Pipe()
	done := make(chan int, 1)
	args = append([]string{"--listen", "127.0.0.1:0", "--ops.addr", "127.0.0.1:0"}, args...)
	go func() {
		done <- run(ctx, args, nil, in, tb.Output())
		in.Close()
	}()
	p := &process{}
	p.stop = sync.OnceValue(func() error {
		cancel()
		if code := <-done; code != exitOK {
			return fmt.Errorf("exit code %d", code)
		}
		return nil
	})
	tb.Cleanup(func() {
		if err := p.stop(); err != nil {
			tb.Error(err)
		}
	})
	p.watch(tb, out)
	return p
}

// page is what is there; "" where there is no answer.
func page(url string) string {
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

// transports are the ways in which an unmodified client may come.
var transports = map[string][]string{"default": nil, "websocket": {"websocket"}, "polling": {"polling"}}

func TestConversationInMemory(t *testing.T) {
	for name, ways := range transports {
		t.Run(name, func(t *testing.T) {
			p := start(t, "--data", t.TempDir(), "--log.sync", "100ms")
			converse(t, []string{p.url}, ways)
		})
	}
}

func TestConversationInMySQL(t *testing.T) {
	dsn := mysqltest.DSN(t)
	p := start(t, "--data", t.TempDir(), "--mysql", dsn, "--log.shards", "3")
	said := converse(t, []string{p.url}, nil)
	said.inMySQL(t, dsn)
}

func TestPage(t *testing.T) {
	p := start(t, "--data", t.TempDir(), "--log.sync", "100ms")
	for path, holds := range map[string]string{"/": "Parley", "/style.css": "--ink", "/api/openapi.json": "/api/register", "/api/openapi.yaml": "/api/register"} {
		res, err := http.Get(p.url + path)
		must(t, err)
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		must(t, err)
		if res.StatusCode != 200 || !strings.Contains(string(b), holds) {
			t.Errorf("%s: %d, without %q: %.200s", path, res.StatusCode, holds, b)
		}
	}
	for path, status := range map[string]int{"/healthz": 200, "/readyz": 200, "/nowhere": 404} {
		eventually(t, fmt.Sprintf("%s is %d", path, status), func() bool { // the projector may just be starting
			res, err := http.Get(p.ops + path)
			must(t, err)
			res.Body.Close()
			return res.StatusCode == status
		})
	}
	if figures := page(p.ops + "/metrics"); !strings.Contains(figures, "parley_connections 0\n") || !strings.Contains(figures, "go_goroutines ") {
		t.Errorf("/metrics: %.500s", figures)
	}
	var problem struct{ Status, Code int }
	if got := call(t, "GET", p.url+"/api/nowhere", "", nil, &problem); got != 404 || problem.Status != 404 || problem.Code != 2 {
		t.Errorf("/api/nowhere: %d, %+v", got, problem)
	}
}

// user is somebody who has registered.
type user struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
	token    string
	url      string // the edge they use
}

func register(tb testing.TB, url, username string) *user {
	tb.Helper()
	var out struct {
		User  user   `json:"user"`
		Token string `json:"token"`
	}
	body := map[string]string{"username": username, "password": "correct horse", "name": strings.ToUpper(username)}
	if status := call(tb, "POST", url+"/api/register", "", body, &out); status != 201 {
		tb.Fatalf("register %s: %d", username, status)
	}
	out.User.token, out.User.url = out.Token, url
	return &out.User
}

// device connects and signs in. Every second one has the old library, so that people talk across the generations.
func (u *user) device(d *driver, name string, ways []string) *client {
	d.tb.Helper()
	library := []string{today, old}[d.devices%2]
	d.devices++
	return u.deviceAt(d, library, name, u.url, ways)
}

// deviceAt connects by one of the libraries, to any edge, and signs in.
func (u *user) deviceAt(d *driver, library, name, url string, ways []string) *client {
	d.tb.Helper()
	c := u.connect(d, library, name, url, ways)
	c.expect("connect")
	var hello struct {
		Code      int    `json:"code"`
		Namespace string `json:"namespace"`
	}
	c.expect("open", &hello)
	if hello.Code != 0 || hello.Namespace != "/" {
		d.tb.Fatalf("open: %+v", hello)
	}
	a := c.ok("sign", map[string]any{"user": map[string]string{"id": u.ID}, "rooms": []string{}})
	if a.Message != "sign success" {
		d.tb.Fatalf("sign: %+v", a)
	}
	c.expect("userin")
	return c
}

// connect opens a connection and does not wait for it. A load balancer may tell by its query whose it is.
func (u *user) connect(d *driver, library, name, url string, ways []string) *client {
	return d.connectWith(library, name, url, ways, map[string]any{"auth": map[string]string{"token": u.token}, "query": map[string]string{"client": name}})
}

// get asks the API as this user, until the answer does not say that it is behind.
func (u *user) get(tb testing.TB, path string, out any) {
	tb.Helper()
	var answer json.RawMessage
	eventually(tb, path+" is up to date", func() bool {
		status, header := ask(tb, "GET", u.url+path, u.token, nil, &answer)
		if status != 200 {
			tb.Fatalf("GET %s: %d %s", path, status, answer)
		}
		return header.Get("Parley-Behind") == ""
	})
	must(tb, json.Unmarshal(answer, out))
}

type message struct {
	Seq  uint64          `json:"seq"`
	ID   string          `json:"id"`
	From string          `json:"from"`
	Date string          `json:"date"`
	Msg  json.RawMessage `json:"msg"`
}

func (u *user) history(tb testing.TB, conversation string) []message {
	tb.Helper()
	var out struct{ Messages []message }
	u.get(tb, "/api/conversations/"+conversation+"/messages?limit=100", &out)
	return out.Messages
}

func (u *user) unread(tb testing.TB) map[string]int {
	tb.Helper()
	var out struct {
		Conversations []struct {
			ID     string
			Unread int
		}
	}
	u.get(tb, "/api/conversations", &out)
	counts := map[string]int{}
	for _, c := range out.Conversations {
		counts[c.ID] = c.Unread
	}
	return counts
}
