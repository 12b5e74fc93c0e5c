package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

func jetStream(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// changeStream does to a stream what an operator might.
func changeStream(t *testing.T, url, name string, change func(*jetstream.StreamConfig)) {
	t.Helper()
	js := jetStream(t, url)
	s, err := js.Stream(within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	change(&c)
	if _, err := js.UpdateStream(within(t), c); err != nil {
		t.Fatal(err)
	}
}

func limitStream(t *testing.T, url, name string, messages int64) {
	t.Helper()
	changeStream(t, url, name, func(c *jetstream.StreamConfig) { c.MaxMsgs = messages })
}

// describe gives a stream's settings and state, to see that nothing touched it.
func describe(t *testing.T, url, name string) string {
	t.Helper()
	s, err := jetStream(t, url).Stream(within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	info := s.CachedInfo()
	b, err := json.Marshal([]any{info.Created, info.Config, info.State})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func tryOpen(t *testing.T, o journal.Options) error {
	t.Helper()
	j, err := journal.Open(within(t), o)
	if err == nil {
		journaltest.Close(t, j)
	}
	return err
}

// says fails unless err holds all the words.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestStreamsThatDoNotMatchAreLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		shards int
		change func(*jetstream.StreamConfig)
		words  []string
	}{
		"fewer shards": {1, func(*jetstream.StreamConfig) {}, []string{"3 shards", "with 1"}},
		"more shards":  {4, func(*jetstream.StreamConfig) {}, []string{"3 shards", "with 4"}},
		"forgets":      {3, func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, []string{"CHAT-1", "max_age is 1h0m0s and must be 0s"}},
		"drops old":    {3, func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, []string{"discard"}},
		"no copies":    {3, func(c *jetstream.StreamConfig) { c.RePublish = nil }, []string{"republish is none and must be chat.1.> to live.chat.1.>"}},
		"two settings": {3, func(c *jetstream.StreamConfig) { c.AllowDirect = false; c.MaxMsgsPerSubject = 5 }, []string{"allow_direct is false", "max_msgs_per_subject is 5"}},
		"no epoch":     {3, func(c *jetstream.StreamConfig) { delete(c.Metadata, "parley-epoch") }, []string{"parley-epoch"}},
	} {
		t.Run(name, func(t *testing.T) {
			servers := journaltest.Start(t, 1)
			j := servers.Open(t, journaltest.Shards(3))
			fill(t, j, 0, 100)
			journaltest.Close(t, j)
			changeStream(t, servers.URL(), "CHAT-1", c.change)
			before := describe(t, servers.URL(), "CHAT-1")
			says(t, tryOpen(t, journal.Options{Remote: &journal.Remote{URL: servers.URL()}, Shards: c.shards}), c.words...)
			if after := describe(t, servers.URL(), "CHAT-1"); after != before {
				t.Errorf("the stream was %s and is %s", before, after)
			}
		})
	}
}

// What an operator may choose does not keep the log from opening.
func TestOperatorsChoice(t *testing.T) {
	servers := journaltest.Start(t, 1)
	journaltest.Close(t, servers.Open(t))
	changeStream(t, servers.URL(), "CHAT-0", func(c *jetstream.StreamConfig) {
		c.MaxBytes, c.Compression, c.Description = 1<<30, jetstream.S2Compression, "ours"
	})
	store(t, servers.Open(t), say(ab, "a", "x"))
}

func TestForeignStream(t *testing.T) {
	servers := journaltest.Start(t, 1)
	if _, err := jetStream(t, servers.URL()).CreateStream(within(t), jetstream.StreamConfig{Name: "CHAT-0", Subjects: []string{"other.>"}}); err != nil {
		t.Fatal(err)
	}
	before := describe(t, servers.URL(), "CHAT-0")
	says(t, tryOpen(t, journal.Options{Remote: &journal.Remote{URL: servers.URL()}}), "CHAT-0", "not one of Parley's")
	if after := describe(t, servers.URL(), "CHAT-0"); after != before {
		t.Errorf("the stream was %s and is %s", before, after)
	}
}

// A set of streams that was never finished is; one that was written to and has lost a stream is not mended by an empty one.
func TestMissingStreams(t *testing.T) {
	for _, c := range []struct {
		name, missing string
		written       bool
		words         []string // of the error; nil for none
	}{
		{"half made", "CHAT-2", false, nil},
		{"no accounts yet", "KV_ACCOUNTS", false, nil},
		{"lost", "CHAT-2", true, []string{"CHAT-2 is missing", "backup"}},
		{"first one lost", "CHAT-0", true, []string{"CHAT-0 is missing", "backup"}},
		{"accounts lost", "KV_ACCOUNTS", true, []string{"KV_ACCOUNTS", "missing", "backup"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			servers := journaltest.Start(t, 1)
			j := servers.Open(t, journaltest.Shards(3))
			if c.written {
				fill(t, j, 0, 100)
			}
			journaltest.Close(t, j)
			js := jetStream(t, servers.URL())
			if err := js.DeleteStream(within(t), c.missing); err != nil {
				t.Fatal(err)
			}
			err := tryOpen(t, journal.Options{Remote: &journal.Remote{URL: servers.URL()}, Shards: 3})
			if c.words != nil {
				says(t, err, c.words...)
				if _, err := js.Stream(within(t), c.missing); err == nil {
					t.Errorf("%s was made again", c.missing)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			j = servers.Open(t, journaltest.Shards(3))
			fill(t, j, 0, 100)
			if got := len(all(t, j)); got != 100 {
				t.Errorf("%d of 100 are there", got)
			}
		})
	}
}

// One event in the last shard is enough: none that is missing before it is made anew.
func TestMissingBeforeTheOnlyOneThatWasWritten(t *testing.T) {
	servers := journaltest.Start(t, 1)
	j := servers.Open(t, journaltest.Shards(3))
	topic := domain.InGroup("g")
	for n := 0; journal.ShardOf(topic, 3) != 2; n++ {
		topic = domain.InGroup(domain.GroupID(fmt.Sprint("g", n)))
	}
	store(t, j, say(topic, "a", "x"))
	journaltest.Close(t, j)
	js := jetStream(t, servers.URL())
	if err := js.DeleteStream(within(t), "CHAT-1"); err != nil {
		t.Fatal(err)
	}
	says(t, tryOpen(t, journal.Options{Remote: &journal.Remote{URL: servers.URL()}}), "CHAT-1 is missing", "backup")
	if _, err := js.Stream(within(t), "CHAT-1"); err == nil {
		t.Error("CHAT-1 was made again")
	}
}

// Several that find no log at the same moment make one.
func TestOpenTogether(t *testing.T) {
	servers := journaltest.Start(t, 1)
	opened := make([]*journal.Journal, 4)
	var wg sync.WaitGroup
	for i := range opened {
		wg.Go(func() {
			var err error
			if opened[i], err = journal.Open(within(t), journal.Options{Remote: &journal.Remote{URL: servers.URL()}, Shards: 3}); err != nil {
				t.Errorf("open: %v", err)
			}
		})
	}
	wg.Wait()
	for _, j := range opened {
		if j == nil {
			continue
		}
		for shard := range 3 {
			if j.Epoch(shard) != opened[0].Epoch(shard) {
				t.Errorf("shard %d has two epochs", shard)
			}
		}
		journaltest.Close(t, j)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	journaltest.Open(t, journaltest.Dir(dir))
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options journal.Options
		words   []string
	}{
		"neither":      {journal.Options{}, []string{"either an embedded or a remote"}},
		"shards":       {journal.Options{Embedded: &journal.Embedded{Dir: dir}, Shards: 1000}, []string{"1 to 256", "1000"}},
		"no folder":    {journal.Options{Embedded: &journal.Embedded{}}, []string{"folder"}},
		"in use":       {journal.Options{Embedded: &journal.Embedded{Dir: dir}}, []string{dir, "in use by another process"}},
		"unwritable":   {journal.Options{Embedded: &journal.Embedded{Dir: filepath.Join(file, "x")}}, []string{file, "make it writable"}},
		"bad listener": {journal.Options{Embedded: &journal.Embedded{Dir: t.TempDir(), Listen: "nowhere"}}, []string{"nowhere", "host:port"}},
		"no creds":     {journal.Options{Remote: &journal.Remote{URL: "nats://127.0.0.1:1", Creds: file + ".creds"}}, []string{file + ".creds"}},
		"bad CA":       {journal.Options{Remote: &journal.Remote{URL: "nats://127.0.0.1:1", CA: file}}, []string{file}},
	} {
		t.Run(name, func(t *testing.T) { says(t, tryOpen(t, c.options), c.words...) })
	}
	t.Run("nobody there", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
		defer cancel()
		_, err := journal.Open(ctx, journal.Options{Remote: &journal.Remote{URL: "nats://127.0.0.1:1"}})
		says(t, err, "127.0.0.1:1", "cannot be reached")
	})
}

// Neither errors nor logs show how one signs in.
func TestSecretsInURLsAreNotShown(t *testing.T) {
	for url, want := range map[string]string{
		"nats://s3cret@127.0.0.1:1":                               "127.0.0.1:1",
		"s3cret@127.0.0.1:1":                                      "127.0.0.1:1",
		"nats://me:s3cret@127.0.0.1:1, tls://s3cret@127.0.0.1:2 ": "127.0.0.1:1, 127.0.0.1:2",
		"nats://s3cret%@127.0.0.1:1":                              "not a URL",
		"nats://127.0.0.1:1,nats://s3cret:s3cret":                 "not a URL",
		"": "not a URL",
	} {
		var log strings.Builder
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		_, err := journal.Open(ctx, journal.Options{Remote: &journal.Remote{URL: url}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		cancel()
		says(t, err, want)
		if all := log.String() + err.Error(); strings.Contains(all, "s3cret") {
			t.Errorf("%s: the secret is in %s", url, all)
		}
	}
}

// A server that comes later is waited for; one with a listener serves others.
func TestListen(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", journaltest.FreePort(t))
	opened := make(chan error, 1)
	go func() {
		opened <- tryOpen(t, journal.Options{Remote: &journal.Remote{URL: "nats://" + address}})
	}()
	j := journaltest.Open(t, func(o *journal.Options) { o.Embedded.Listen = address })
	store(t, j, say(ab, "a", "x"))
	if err := <-opened; err != nil {
		t.Errorf("open from elsewhere: %v", err)
	}
}

func TestTooOld(t *testing.T) {
	for version, want := range map[string]bool{"1.4.1": true, "2.10.27": true, "2.11.0": false, "2.15.2": false, "2.12.0-RC.1": false, "3.0": false, "unknown": false} {
		if got := journal.TooOld(version); got != want {
			t.Errorf("version %s is too old: %v, want %v", version, got, want)
		}
	}
}

// A cluster that is not complete yet is waited for, as long as one likes.
func TestTooFewServers(t *testing.T) {
	servers := journaltest.Prepare(t, 3) // once the three have found one another, two are enough
	servers.Restart(0)
	servers.Restart(1)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	o := journal.Options{Remote: &journal.Remote{URL: servers.URL()}, Replicas: 3}
	_, err := journal.Open(ctx, o)
	says(t, err, "did not get ready", "CHAT-0")
	opened := make(chan error, 1)
	go func() { opened <- tryOpen(t, o) }()
	servers.Restart(2)
	if err := <-opened; err != nil {
		t.Errorf("open when all are there: %v", err)
	}
}
