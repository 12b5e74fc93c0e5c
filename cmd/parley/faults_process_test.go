//go:build linux

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// kept is a process with a supervisor, which starts it again whenever it has ended.
type kept struct {
	name  string
	args  []string
	log   string                               // the file of what it says
	talks func(life int, stdin io.WriteCloser) // of one that is spoken to: a life begins
	says  func(life int, line []byte)          // and a line that it says

	mu      sync.Mutex
	changed *sync.Cond
	cmd     *exec.Cmd
	held    bool // it is not to be started
	over    bool // for good
	ended   chan struct{}
	lives   int
}

// again is how long a supervisor waits before it starts again what has ended.
const again = 200 * time.Millisecond

func keep(tb testing.TB, dir, name string, args ...string) *kept {
	k := &kept{name: name, args: args, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	k.changed = sync.NewCond(&k.mu)
	tb.Cleanup(func() { k.end(tb) })
	return k
}

// begin has the supervisor begin.
func (k *kept) begin(tb testing.TB) *kept {
	tb.Helper()
	log, err := os.Create(k.log)
	must(tb, err)
	go func() {
		runtime.LockOSThread() // the process ends with this thread, however the test does
		defer log.Close()
		defer close(k.ended)
		for k.live(tb, log) {
			time.Sleep(again) // as supervisors do
		}
	}()
	return k
}

// live is one life of the process; false is the last one's end.
func (k *kept) live(tb testing.TB, log *os.File) bool {
	k.mu.Lock()
	for k.held && !k.over {
		k.changed.Wait()
	}
	if k.over {
		k.mu.Unlock()
		return false
	}
	k.lives++
	life := k.lives
	cmd := exec.Command(k.args[0], k.args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = log, log
	var in io.WriteCloser
	var out io.ReadCloser
	if k.says != nil {
		cmd.Stdout = nil
		in, _ = cmd.StdinPipe()
		out, _ = cmd.StdoutPipe()
	}
	if err := cmd.Start(); err != nil {
		tb.Errorf("%s: %v", k.name, err)
		k.over = true
	}
	k.cmd = cmd
	k.mu.Unlock()
	if out != nil {
		k.talks(life, in)
		lines := bufio.NewReaderSize(out, 1<<20)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil { // what a process was about to say when it was killed is half a line
				break
			}
			log.Write(line)
			k.says(life, bytes.TrimSpace(line))
		}
	}
	cmd.Wait()
	return true
}

func (k *kept) signal(s syscall.Signal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cmd != nil && k.cmd.Process != nil {
		k.cmd.Process.Signal(s) // it may just have ended
	}
}

// down ends the process by a signal, and keeps it down until up.
func (k *kept) down(s syscall.Signal) {
	k.hold(true)
	k.signal(s)
}

func (k *kept) up() { k.hold(false) }

func (k *kept) hold(held bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = held
	k.changed.Broadcast()
}

// end asks the process to end, for good.
func (k *kept) end(tb testing.TB) {
	k.mu.Lock()
	k.over = true
	k.changed.Broadcast()
	k.mu.Unlock()
	k.signal(syscall.SIGCONT)
	k.signal(syscall.SIGTERM)
	kill := time.AfterFunc(limit, func() { tb.Errorf("%s does not stop", k.name); k.signal(syscall.SIGKILL) })
	defer kill.Stop()
	if k.ended != nil {
		<-k.ended
	}
}

// complaints gives what the process has said that no process of ours may say.
func (k *kept) complaints() (found []string) {
	said, _ := os.ReadFile(k.log)
	lines := bytes.Split(said, []byte("\n"))
	for i, line := range lines {
		for bad, more := range map[string]int{"DATA RACE": 40, "panic:": 40, "fatal error:": 40, "level=ERROR": 1} {
			if bytes.Contains(line, []byte(bad)) {
				found = append(found, k.name+": "+string(bytes.Join(lines[i:min(i+more, len(lines))], []byte("\n"))))
			}
		}
	}
	return slices.Compact(found)
}
