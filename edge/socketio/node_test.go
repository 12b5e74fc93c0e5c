package socketio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/edge/socketio"
)

// suiteVersions are those of socket.io-client that the suite runs with; testdata/package.json has an alias for each.
var suiteVersions = []string{"2.2", "2.5", "3.1", "4.8"}

// suiteSetting is a way to run the suite; see testdata/suite/suite.mjs.
type suiteSetting struct {
	Version     string `json:"version"`
	Transports  string `json:"transports"`
	ForceBase64 bool   `json:"forceBase64"`
	Pattern     string `json:"pattern"`
	Refused     bool   `json:"refused"` // in a browser: the server does not let the page in
}

// namedSetting is one with its name as a test.
type namedSetting struct {
	name string
	suiteSetting
}

// suiteSettings are the ways to run the suite with one version.
func suiteSettings(version string) []namedSetting {
	all := make([]namedSetting, 0, 5)
	for _, transports := range []string{"default", "polling", "websocket"} {
		all = append(all, namedSetting{transports, suiteSetting{Version: version, Transports: transports}})
	}
	for _, transports := range []string{"polling", "websocket"} {
		all = append(all, namedSetting{transports + " in base64", suiteSetting{Version: version, Transports: transports, ForceBase64: true, Pattern: "binary|order"}})
	}
	return all
}

// suiteResult is what the suite says about one of its tests.
type suiteResult struct {
	Test  string  `json:"test"`
	Error *string `json:"error"`
	MS    int     `json:"ms"`
}

// report makes a test of ours of it.
func (r suiteResult) report(t *testing.T) {
	t.Run(r.Test, func(t *testing.T) {
		t.Logf("%d ms", r.MS)
		if r.Error != nil {
			t.Error(*r.Error)
		}
	})
}

// The judges: the npm library, unmodified, in Node.
func TestNodeClients(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node.js is not installed; it runs the client libraries that this test drives")
	}
	for _, version := range suiteVersions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for _, setting := range suiteSettings(version) {
				t.Run(setting.name, func(t *testing.T) { runInNode(t, node, setting.suiteSetting) })
			}
		})
	}
}

// runInNode runs the suite and reports each of its tests.
func runInNode(t *testing.T, node string, o suiteSetting) {
	s := newSuiteServer(t, socketio.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var complaints strings.Builder
	suite := exec.CommandContext(ctx, node, "node.mjs", s.url, o.Version, o.Transports, strconv.FormatBool(o.ForceBase64), o.Pattern)
	suite.Dir = "testdata/suite"
	suite.Stderr = &complaints
	out, err := suite.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := suite.Start(); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for lines := bufio.NewScanner(out); lines.Scan(); ran++ {
		var result suiteResult
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			t.Errorf("the suite said %s", lines.Text())
			continue
		}
		result.report(t)
	}
	if err := suite.Wait(); err != nil || ran == 0 {
		t.Errorf("the suite ran %d tests and then failed: %v\n%s\nIs the library installed? `make test` does that, or npm ci in testdata.", ran, err, &complaints)
	}
}
