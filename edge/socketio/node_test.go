package socketio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"parley/edge/socketio"
)

// The judges: the npm library, unmodified, in Node.
func TestNodeClients(t *testing.T) {
	if _, err := os.Stat("testdata/node_modules/socket.io-client"); err != nil {
		t.Fatal("the client library is not installed: run `make test`, or npm ci in edge/socketio/testdata")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node.js is not installed; it runs the client library that this test drives")
	}
	for _, transports := range []string{"default", "polling", "websocket"} {
		t.Run(transports, func(t *testing.T) {
			s := newSite(t, socketio.Options{})
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/renew" {
					s.shutdown(t)
					s.renew(socketio.Options{})
					return
				}
				s.server.Load().ServeHTTP(w, r)
			}))
			defer front.Close()
			runSuite(t, node, front.URL, transports)
		})
	}
}

// runSuite runs testdata/suite.mjs and reports each of its tests as one of ours.
func runSuite(t *testing.T, node, url, transports string) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	suite := exec.CommandContext(ctx, node, "suite.mjs", url, transports)
	suite.Dir = "testdata"
	suite.Stderr = os.Stderr
	out, err := suite.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := suite.Start(); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for lines := bufio.NewScanner(out); lines.Scan(); ran++ {
		var result struct{ Test, Error string }
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			t.Errorf("the suite said %s", lines.Text())
			continue
		}
		t.Run(result.Test, func(t *testing.T) {
			if result.Error != "" {
				t.Error(result.Error)
			}
		})
	}
	if err := suite.Wait(); err != nil {
		t.Errorf("the suite failed: %v", err)
	}
	if ran == 0 {
		t.Error("the suite ran no tests")
	}
}
