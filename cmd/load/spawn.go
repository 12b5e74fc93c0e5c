package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

var address = regexp.MustCompile(`http://[^/,\s]+`)

// spawn starts a process and waits until it has printed a line that begins so, and holds its address. stop asks it to end, and waits.
func spawn(cmd *exec.Cmd, serving string) (url string, pid int, stop func(), err error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", 0, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", 0, nil, err
	}
	said := ""
	stop = func() {
		in.Close()
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		kill := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		defer kill.Stop()
		_ = cmd.Wait() // by a signal or not, it has ended
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), serving) {
			go io.Copy(io.Discard, out)
			return address.FindString(lines.Text()), cmd.Process.Pid, stop, nil
		}
	}
	stop()
	return "", 0, nil, fmt.Errorf("%s did not start: %s", cmd, said)
}
