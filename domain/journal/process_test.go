package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

// TestMain makes of the test's program another one, where a test has started it so.
func TestMain(m *testing.M) {
	switch os.Getenv("PARLEY_TEST_IS") {
	case "":
		os.Exit(m.Run())
	case "nats":
		beNATS(os.Getenv("PARLEY_TEST_DIR"), os.Getenv("PARLEY_TEST_PORT"))
	case "writer":
		beWriter(os.Getenv("PARLEY_TEST_DIR"), os.Getenv("PARLEY_TEST_SYNC"))
	}
}

// process is this program as another one.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner // of what it says
}

func begin(t *testing.T, is string, settings ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0])}
	p.Env = append(os.Environ(), append(settings, "PARLEY_TEST_IS="+is)...)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err == nil {
		_, err = p.StdinPipe()
	}
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	t.Cleanup(p.kill)
	if !p.lines.Scan() {
		t.Fatalf("%s did not begin", is)
	}
	return p
}

// kill ends it at once, and waits until it has; twice does no harm.
func (p *process) kill() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// acked gives what a writer says for a while.
func (p *process) acked(d time.Duration) (all []string) {
	for end := time.Now().Add(d); time.Now().Before(end) && p.lines.Scan(); {
		all = append(all, p.lines.Text())
	}
	return all
}

// missing says how many messages were acknowledged, and how many of those are not in the log where they were said to be.
func missing(t *testing.T, j *journal.Journal, acked []string) (messages, lost int) {
	t.Helper()
	there := map[string]bool{}
	for _, r := range all(t, j) {
		there[fmt.Sprintf("%d %d %s", r.Shard, r.Seq, text(r))] = true
	}
	for _, a := range acked {
		if a == "mark" { // later ones have replaced it
			continue
		}
		messages++
		if !there[a] {
			lost++
		}
	}
	return messages, lost
}

// A process that is killed at a random moment under load loses nothing that was acknowledged, however rarely it syncs.
func TestKilled(t *testing.T) {
	for _, sync := range []string{"0s", "1m"} {
		t.Run("sync="+sync, func(t *testing.T) {
			dir := t.TempDir()
			for range 3 {
				p := begin(t, "writer", "PARLEY_TEST_DIR="+dir, "PARLEY_TEST_SYNC="+sync)
				acked := p.acked(time.Duration(100+rand.IntN(700)) * time.Millisecond)
				p.kill()
				j := journaltest.Open(t, journaltest.Dir(dir))
				if messages, lost := missing(t, j, acked); messages == 0 || lost > 0 {
					t.Errorf("of %d acknowledged messages %d were lost", messages, lost)
				}
				journaltest.Close(t, j)
			}
		})
	}
}

func beNATS(dir, port string) {
	n, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	s, err := server.NewServer(&server.Options{ServerName: "n", Host: "127.0.0.1", Port: n, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		panic("the server does not take connections")
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until whoever began it has gone
}

// beWriter appends to an embedded log, several hundred at a time and now and then one alone, and says of each where it is once it is acknowledged.
func beWriter(dir, sync string) {
	interval, err := time.ParseDuration(sync)
	if err != nil {
		panic(err)
	}
	j, err := journal.Open(context.Background(), journal.Options{Embedded: &journal.Embedded{Dir: dir, SyncInterval: interval}, Shards: 2})
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	said := make(chan string, 1000)
	for round := 0; ; round++ {
		n := 1 + round%5*100
		for i := range n {
			id := fmt.Sprintf("%d-%d", round, i)
			d := say(domain.Direct("a", domain.UserID(fmt.Sprintf("b%d", i%9))), "a", id+" "+strings.Repeat("x", i%200))
			isMark := i%10 == 9
			if isMark {
				d = mark(domain.Direct("a", "b0"), "a", uint64(round+1))
			}
			j.AppendAsync(d, func(at domain.Stored, err error) {
				if err != nil {
					panic(err)
				}
				if isMark {
					said <- "mark"
					return
				}
				said <- fmt.Sprintf("%d %d %s", at.Shard, at.Seq, text(domain.Record{Event: d.Event}))
			})
		}
		for range n {
			fmt.Println(<-said)
		}
	}
}
