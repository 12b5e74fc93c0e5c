package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// binaries are parley and nats-server, built once for all tests that run them as processes.
type binaries struct{ parley, nats string }

// TestMain removes what the tests have built.
func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

var built struct {
	once sync.Once
	dir  string
	binaries
	err error
}

func build(tb testing.TB) binaries {
	tb.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "parley-binaries-"); built.err != nil {
			return
		}
		built.binaries = binaries{filepath.Join(built.dir, "parley"), filepath.Join(built.dir, "nats-server")}
		for _, args := range [][]string{
			{"build", "-race", "-o", built.parley, "parley/cmd/parley"},
			{"build", "-o", built.nats, "github.com/nats-io/nats-server/v2"},
		} {
			if text, err := exec.Command("go", args...).CombinedOutput(); err != nil {
				built.err = fmt.Errorf("go %v: %w\n%s", args, err, text)
				return
			}
		}
	})
	must(tb, built.err)
	return built.binaries
}

// spawn starts a parley of its own process.
func (b binaries) spawn(tb testing.TB, role string, args ...string) *process {
	tb.Helper()
	args = append([]string{role, "--listen", "127.0.0.1:0", "--ops.addr", "127.0.0.1:0", "--http.drain", "0s"}, args...)
	cmd := exec.Command(b.parley, args...)
	cmd.Stderr = tb.Output()
	out, err := cmd.StdoutPipe()
	must(tb, err)
	must(tb, cmd.Start())
	p := &process{}
	p.stop = func() error { return stopProcess(cmd) }
	p.kill = func() { killProcess(cmd) }
	p.signal = cmd.Process.Signal
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

// killProcess ends a process without a goodbye.
func killProcess(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

// natsProcess is a NATS server with JetStream, which can be stopped and started again at the same address and on the same files.
type natsProcess struct {
	url  string
	tb   testing.TB
	args []string
	cmd  *exec.Cmd
}

// natsServer starts one.
func (b binaries) natsServer(tb testing.TB) *natsProcess {
	tb.Helper()
	addr := freeAddress(tb)
	config := filepath.Join(tb.TempDir(), "nats.conf")
	must(tb, os.WriteFile(config, []byte(fmt.Sprintf("listen: %s\njetstream { store_dir: %q, sync_interval: 100ms }\n", addr, tb.TempDir())), 0o600))
	n := &natsProcess{url: "nats://" + addr, tb: tb, args: []string{b.nats, "-c", config}}
	n.start()
	tb.Cleanup(func() { stopProcess(n.cmd) })
	return n
}

func (n *natsProcess) start() {
	n.tb.Helper()
	n.cmd = exec.Command(n.args[0], n.args[1:]...)
	n.cmd.Stderr = io.Discard
	must(n.tb, n.cmd.Start())
}

// TestFourProcesses is the conversation with the roles apart: a NATS server, a database, a projector, and two edges with the friends on
// different ones.
func TestFourProcesses(t *testing.T) {
	b := build(t)
	nats, dsn := b.natsServer(t), mysqltest.DSN(t)
	secret := "a secret that is long enough for HS256"
	apart := func(args ...string) []string {
		return append([]string{"--nats", nats.url, "--mysql", dsn, "--data", t.TempDir(), "--auth.secret", secret}, args...)
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
