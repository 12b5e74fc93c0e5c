package socketio_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// orders say what a crowd of clients is to do. It is another process, this test binary again, so that what is measured here is the
// server alone, and so that each of the two processes needs no more than one file descriptor for a connection.
type orders struct {
	Address   string
	Clients   int
	Protocols []int // dealt out in turn
	By        string
	Namespace string
	Again     bool // those who lose the connection come back at once
}

// crowdVariable is where a crowd finds its orders.
const crowdVariable = "SOCKETIO_TEST_CROWD"

// crowd is the side of the process that has started it.
type crowd struct {
	tb     testing.TB
	orders orders
	stdin  io.WriteCloser
	lines  chan string // what it says
	heard  int         // broadcasts that have been received by everyone
}

// newCrowd starts a crowd, and returns when everyone has joined.
func newCrowd(tb testing.TB, o orders) *crowd {
	needFiles(tb, o)
	c := startCrowd(tb, o)
	if refused := c.expect("joined"); refused != 0 {
		tb.Fatalf("%d were refused", refused)
	}
	return c
}

func startCrowd(tb testing.TB, o orders) *crowd {
	text, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	process := exec.Command(self)
	process.Env = append(os.Environ(), crowdVariable+"="+string(text))
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := process.Start(); err != nil {
		tb.Fatal(err)
	}
	c := &crowd{tb: tb, orders: o, stdin: stdin, lines: make(chan string, 1000)}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			c.lines <- s.Text()
		}
		process.Wait()
	}()
	tb.Cleanup(c.disperse)
	return c
}

// needFiles sees to it that there may be enough connections.
func needFiles(tb testing.TB, o orders) {
	need := uint64(o.Clients + 100)
	if o.By == byUpgrade {
		need += uint64(o.Clients)
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		tb.Fatal(err)
	}
	if files.Cur < need {
		tb.Fatalf("%d clients need %d file descriptors and there may be %d: raise the limit, as root, with `ulimit -n %d`",
			o.Clients, need, files.Cur, need)
	}
}

// tell gives a command.
func (c *crowd) tell(command string) {
	if _, err := io.WriteString(c.stdin, command+"\n"); err != nil {
		c.tb.Fatal(err)
	}
}

// expect waits for something that the crowd says, with a number, and counts the broadcasts heard until then.
func (c *crowd) expect(what string) (n int) {
	c.tb.Helper()
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.tb.Fatal("the clients' process has ended")
			}
			word, number, _ := strings.Cut(line, " ")
			if word == "heard" {
				c.heard++
			}
			if word == what {
				n, _ = strconv.Atoi(number)
				return n
			}
		case <-time.After(crowdLimit):
			c.tb.Fatalf("waited in vain for the crowd to have %s", what)
		}
	}
}

// crowdLimit is how long so many clients may take for anything, under the race detector too.
const crowdLimit = time.Minute

// drain waits until everyone has received so many broadcasts.
func (c *crowd) drain(broadcasts int) {
	c.tb.Helper()
	for c.heard < broadcasts {
		c.expect("heard")
	}
}

// disperse ends the crowd. It may be called again.
func (c *crowd) disperse() {
	c.stdin.Close()
	for range c.lines {
	}
}
