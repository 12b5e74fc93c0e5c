package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// binaries are parley and nats-server, built once for all tests that run them as processes.
type binaries struct{ parley, nats string }

func build(tb testing.TB) binaries {
	tb.Helper()
	dir := tb.TempDir()
	b := binaries{filepath.Join(dir, "parley"), filepath.Join(dir, "nats-server")}
	for out, pkg := range map[string]string{b.parley: "parley/cmd/parley", b.nats: "github.com/nats-io/nats-server/v2"} {
		args := []string{"build", "-o", out, pkg}
		if out == b.parley {
			args = []string{"build", "-race", "-o", out, pkg}
		}
		if text, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			tb.Fatalf("go build %s: %v\n%s", pkg, err, text)
		}
	}
	return b
}

// spawn starts a parley of its own process.
func (b binaries) spawn(tb testing.TB, role string, args ...string) *process {
	tb.Helper()
	args = append([]string{role, "--listen", "127.0.0.1:0", "--ops.addr", "127.0.0.1:0"}, args...)
	cmd := exec.Command(b.parley, args...)
	cmd.Stderr = tb.Output()
	out, err := cmd.StdoutPipe()
	must(tb, err)
	must(tb, cmd.Start())
	p := &process{}
	p.stop = func() error { return stopProcess(cmd) }
	tb.Cleanup(func() {
		if cmd.ProcessState == nil {
			if err := p.stop(); err != nil {
				tb.Errorf("%s: %v", role, err)
			}
		}
	})
	p.watch(tb, out)
	return p
}

// stopProcess asks a process to stop and waits for it, longer than it promises to take.
func stopProcess(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	kill := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer kill.Stop()
	return cmd.Wait()
}

// natsServer starts a NATS server with JetStream and gives its URL.
func (b binaries) natsServer(tb testing.TB) string {
	tb.Helper()
	addr := freeAddress(tb)
	config := filepath.Join(tb.TempDir(), "nats.conf")
	must(tb, os.WriteFile(config, []byte(fmt.Sprintf("listen: %s\njetstream { store_dir: %q, sync_interval: 100ms }\n", addr, tb.TempDir())), 0o600))
	cmd := exec.Command(b.nats, "-c", config)
	cmd.Stderr = io.Discard
	must(tb, cmd.Start())
	tb.Cleanup(func() { stopProcess(cmd) })
	return "nats://" + addr
}

// TestFourProcesses is the conversation with the roles apart: a NATS server, a database, a projector, and two edges with the friends on
// different ones.
func TestFourProcesses(t *testing.T) {
	b := build(t)
	nats, dsn := b.natsServer(t), mysqltest.DSN(t)
	secret := "a secret that is long enough for HS256"
	apart := func(args ...string) []string {
		return append([]string{"--nats", nats, "--mysql", dsn, "--data", t.TempDir(), "--auth.secret", secret}, args...)
	}
	first := b.spawn(t, "edge", apart()...)
	projector := b.spawn(t, "projector", apart()...)
	second := b.spawn(t, "edge", apart()...)
	said := converse(t, []string{first.url, second.url}, nil)
	said.inMySQL(t, dsn)

	before := dump(t, dsn)
	must(t, projector.stop()) // so that it is the restarted one that makes them again
	dropAll(t, dsn)
	b.spawn(t, "projector", apart()...)
	sameRows(t, dsn, before)
	t.Run("history after the tables were dropped", func(t *testing.T) { said.inHistory(t) })
}
