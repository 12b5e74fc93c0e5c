package socketio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/edge/socketio"
)

// The judges in their natural place: the bundles that the npm packages bring for browsers, in Chromium, on a page of another origin.
func TestBrowserClients(t *testing.T) {
	t.Parallel()
	results := make(chan pageResult)
	page, stranger := servePages(t, results), servePages(t, results)
	var asked sync.Map // what the stranger has tried: transport and revision of Engine.IO
	s := newSuiteServer(t, socketio.Options{CheckOrigin: func(r *http.Request) bool {
		origin, query := r.Header.Get("Origin"), r.URL.Query()
		if origin == stranger {
			asked.Store(query.Get("transport")+query.Get("EIO"), true)
		}
		return origin == page
	}})

	var settings, refused []suiteSetting
	for _, version := range suiteVersions {
		for _, setting := range suiteSettings(version) {
			settings = append(settings, setting.suiteSetting)
		}
		for _, transport := range []string{"polling", "websocket"} {
			refused = append(refused, suiteSetting{Version: version, Transports: transport, Refused: true})
		}
	}
	b := startBrowser(t, pageURL(t, page, s.url, settings, pageURL(t, stranger, s.url, refused, "")), results)

	for _, version := range suiteVersions {
		t.Run(version, func(t *testing.T) {
			for _, setting := range suiteSettings(version) {
				t.Run(setting.name, b.report)
			}
		})
	}
	for _, o := range refused {
		t.Run("refused/"+o.Version+"/"+o.Transports, func(t *testing.T) {
			b.report(t)
			revision := "4"
			if strings.HasPrefix(o.Version, "2.") {
				revision = "3"
			}
			if _, ok := asked.Load(o.Transports + revision); !ok {
				t.Error("the server was not asked")
			}
		})
	}
}

// pageResult is what a page posts; see testdata/suite/page.mjs.
type pageResult struct {
	suiteResult
	Done  bool   `json:"done"`
	Fatal string `json:"fatal"`
}

// servePages serves the suite and the clients' bundles from an origin of its own, which it gives, and hands on what pages post.
func servePages(t *testing.T, results chan<- pageResult) string {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir("testdata")))
	mux.HandleFunc("POST /results", func(w http.ResponseWriter, r *http.Request) {
		var result pageResult
		if err := json.NewDecoder(r.Body).Decode(&result); err != nil {
			result.Fatal = err.Error()
		}
		select {
		case results <- result:
		case <-r.Context().Done():
		}
	})
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h.URL
}

// pageURL is where the suite runs with these settings against a server, and goes on to next.
func pageURL(t *testing.T, origin, server string, settings []suiteSetting, next string) string {
	list, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"url": {server}, "settings": {string(list)}}
	if next != "" {
		query.Set("next", next)
	}
	return origin + "/suite/page.html?" + query.Encode()
}

// browser is a Chromium that runs pages.
type browser struct {
	results <-chan pageResult
	stop    func()
	gone    chan struct{} // closed when it and all its helpers have ended
	errors  bytes.Buffer  // what it said until then
}

// startBrowser opens a page for the length of a test.
func startBrowser(t *testing.T, url string, results <-chan pageResult) *browser {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("Chromium is not installed; `make test` does that on Debian")
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &browser{results: results, stop: stop, gone: make(chan struct{})}
	cmd := exec.CommandContext(ctx, path,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir="+t.TempDir(),
		"--no-first-run", "--no-default-browser-check", "--no-proxy-server", "--disable-extensions", "--disable-sync", "--disable-breakpad",
		"--disable-background-networking", "--disable-component-update", "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
		"--mute-audio", "--password-store=basic", url)
	cmd.Stderr = &b.errors // which its helpers share: Wait waits for them too
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = limit
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(b.gone)
		cmd.Wait() // whoever waits for results gets to know
	}()
	t.Cleanup(func() {
		stop()
		<-b.gone
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what has not ended by itself
	})
	return b
}

// report reports the tests of one setting.
func (b *browser) report(t *testing.T) {
	for ran := 0; ; ran++ {
		select {
		case r := <-b.results:
			switch {
			case r.Fatal != "":
				t.Errorf("in the page: %s", r.Fatal)
				continue
			case !r.Done:
				r.suiteResult.report(t)
				continue
			case ran == 0:
				t.Error("the suite ran no tests")
			}
			return
		case <-time.After(time.Minute): // three times the suite's own limit
			t.Error("the page says nothing")
			b.stop()
		case <-b.gone:
			said := b.errors.String()
			b.errors.Reset() // once is enough
			t.Fatalf("Chromium has ended.\n%s", said)
		}
	}
}
