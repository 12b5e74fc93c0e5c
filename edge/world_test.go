package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
	"parley/edge"
	"parley/projector"
	"parley/projector/memory"
)

// TestMain fails where a goroutine is left when all tests have ended; one that is just ending is waited for.
func TestMain(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(limit); code == 0; {
		left := goleak.Find()
		if left == nil {
			break
		}
		if time.Now().After(end) {
			fmt.Fprintln(os.Stderr, left)
			code = 1
		}
	}
	os.Exit(code)
}

var secret = []byte("a secret for the length of a test")

// nobody reads these.
var nobody = slog.New(slog.DiscardHandler)

// world is a log with a projector on it, and as many edges as a test asks for.
type world struct {
	testing.TB
	journal *journal.Journal
	views   *memory.Store
	tokens  *edge.Tokens
	folds   bool   // the projector works
	rest    func() // ends that
}

func newWorld(tb testing.TB, shards int) *world {
	tb.Helper()
	w := newLog(tb, journaltest.Open(tb, journaltest.Shards(shards), quiet))
	w.project()
	return w
}

func quiet(o *journal.Options) { o.Logger = nobody }

// newLog is a world whose projector does not work yet.
func newLog(tb testing.TB, j *journal.Journal) *world {
	tb.Helper()
	w := &world{TB: tb, journal: j, views: memory.New()}
	var err error
	w.tokens, err = edge.NewTokens(tb.Context(), edge.TokenOptions{Secret: secret, TTL: time.Hour})
	must(tb, err)
	return w
}

// project sets the projector to work.
func (w *world) project() {
	w.folds = true
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- projector.New(w.journal, w.views, projector.Options{Logger: nobody}).Run(ctx) }()
	w.rest = sync.OnceFunc(func() {
		w.folds = false
		stop()
		if err := <-done; err != nil {
			w.Errorf("the projector failed: %v", err)
		}
	})
	w.Cleanup(w.rest)
}

// fold waits until the read models hold what the log does. An edge waits for that too, but gives up before a slow machine gets there.
func (w *world) fold() {
	w.Helper()
	if !w.folds {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ends, err := w.journal.Ends(ctx)
	must(w, err)
	behind, err := w.views.Wait(ctx, ends)
	must(w, err)
	if behind > 0 {
		w.Fatalf("the read models are %d events behind after %v", behind, limit)
	}
}

// everywhere runs a test on a log of one shard and on one of three.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) { test(t, newWorld(t, shards)) })
	}
}

// node is an edge that listens.
type node struct {
	*world
	e   *edge.Edge
	url string
}

// edge starts an edge, made of the world's parts where a test does not change them. It neither takes another edge for dead nor asks the log
// about a message because a machine is slow: tests in which it is to do so set Beat (beating) and LiveWait.
func (w *world) edge(change ...func(*edge.Options)) *node {
	w.Helper()
	o := edge.Options{
		Log: w.journal, Signals: w.journal, Accounts: w.journal, Views: w.views, Tokens: w.tokens,
		Follow: func(deliver func(domain.Record), lost func()) (edge.Live, error) {
			return w.journal.Live(deliver, lost)
		},
		Settings: edge.Settings{MaxMessage: 64 << 10, Beat: time.Hour, LiveWait: time.Hour,
			Logger: slog.New(slog.NewTextHandler(w.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))},
	}
	o.Settings.Socket.Logger = o.Settings.Logger
	o.Settings.Socket.PingTimeout = time.Hour // nor a device
	for _, c := range change {
		c(&o)
	}
	e, err := edge.New(o)
	must(w, err)
	h := httptest.NewServer(e)
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := e.Shutdown(ctx); err != nil {
			w.Errorf("shutdown: %v", err)
		}
		h.Close()
	})
	return &node{world: w, e: e, url: h.URL}
}

// beating lets an edge tell the others often that it is alive, and soon believe of one that is silent that it is not.
func beating(o *edge.Options) { o.Settings.Beat = 100 * time.Millisecond }

// token speaks for a user.
func (w *world) token(u domain.UserID) string {
	w.Helper()
	token, err := w.tokens.Issue(u, "")
	must(w, err)
	return token
}

// device connects one of a user's devices.
func (n *node) device(u domain.UserID) *device {
	n.Helper()
	n.fold()
	return n.enter(u)
}

// enter connects a device whether or not the read models are up to date.
func (n *node) enter(u domain.UserID) *device {
	n.Helper()
	d, refused := dial(n, n.url, fmt.Sprintf(`{"token":%q}`, n.token(u)), "", nil)
	if d == nil {
		n.Fatalf("%s is refused: %+v", u, refused)
	}
	d.me = u
	return d
}

// knock begins to connect one of a user's devices.
func (n *node) knock(u domain.UserID) *websocket.Conn {
	n.Helper()
	n.fold()
	return knock(n, n.url, fmt.Sprintf(`{"token":%q}`, n.token(u)), "", nil)
}

// get asks the API and decodes the answer, which is up to date: one that says that it is behind is not taken. It gives the status.
func (n *node) get(u domain.UserID, path string, out any) (status int) {
	n.Helper()
	var answer json.RawMessage
	eventually(n, path+" is up to date", func() bool {
		var header http.Header
		status, header = n.ask(http.MethodGet, path, n.token(u), "", &answer)
		return header.Get("Parley-Behind") == ""
	})
	must(n, json.Unmarshal(answer, out))
	return status
}

func (n *node) ask(method, path, token, body string, out any) (int, http.Header) {
	n.Helper()
	req, err := http.NewRequest(method, n.url+path, strings.NewReader(body))
	must(n, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Close = true // no connection is kept for later
	res, err := http.DefaultClient.Do(req)
	must(n, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(n, err)
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			n.Fatalf("%s %s: %d %s", method, path, res.StatusCode, b)
		}
	}
	return res.StatusCode, res.Header
}

// append stores an event as it is, and gives its place.
func (w *world) append(t domain.Topic, e domain.Event) uint64 {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	at, err := w.journal.Append(ctx, domain.Draft{Topic: t, Event: e})
	must(w, err)
	return at.Seq
}

// say stores a message as it is, and gives its place.
func (w *world) say(t domain.Topic, from domain.UserID, txt string) uint64 {
	w.Helper()
	msg, err := json.Marshal(txt)
	must(w, err)
	return w.append(t, domain.Message{From: from, ID: "id-" + txt, Msg: msg})
}

// people makes users known.
func (w *world) people(all ...domain.UserID) {
	w.Helper()
	for _, u := range all {
		w.append(domain.About(u), domain.Profiled{Username: string(u), Name: "Name of " + string(u)})
	}
}

// befriend makes two users friends.
func (w *world) befriend(x, y domain.UserID) {
	w.Helper()
	w.append(domain.Direct(x, y), domain.FriendRequested{By: x})
	w.append(domain.Direct(x, y), domain.FriendAccepted{By: y})
}

// group makes a group.
func (w *world) group(g domain.GroupID, owner domain.UserID, members ...domain.UserID) domain.Topic {
	w.Helper()
	w.append(domain.InGroup(g), domain.GroupCreated{By: owner, Name: "group " + string(g), Members: members})
	return domain.InGroup(g)
}

// eventually waits until something is so.
func eventually(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	for end := time.Now().Add(limit); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("waited %v in vain: %s", limit, what)
		}
	}
}

// gid is a group as a command names it.
func gid(g domain.GroupID) map[string]any { return map[string]any{"gid": g} }
