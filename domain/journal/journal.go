package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
)

const (
	// patience is how long an answer may take before the log counts as unreachable. An append is told so within it.
	patience = 5 * time.Second

	// maxEvent is how large a stored event may be in bytes, with what goes beside it. A message's 256 KiB fit with room to spare, and so
	// does a group that begins with ten thousand members, if their ids have some 45 characters on average; with the longest there are, 96, it
	// may begin with five thousand.
	maxEvent = 512 << 10
)

// Options say which log to open.
type Options struct {
	// Exactly one of the two: a server inside this process, or one elsewhere.
	Embedded *Embedded
	Remote   *Remote

	// Shards is how many streams a new log is made of, 1 where it is 0. A log that is there already must have as many; 0 takes what it has.
	Shards int
	// Replicas is how many servers hold each stream of a new log, 1 where it is 0. It says nothing about a log that is there already.
	Replicas int

	Logger *slog.Logger // slog.Default where it is nil
}

// Embedded is a NATS server inside this process, the only one of its log.
type Embedded struct {
	Dir          string        // where it keeps the log; made if it is not there. One process at a time may use it.
	SyncInterval time.Duration // how often what was written is synced to the disk; 0: before each acknowledgement
	Listen       string        // host:port at which others may connect, without a password; "": nobody but this process
}

// Remote is a NATS server, or a cluster, that runs by itself.
type Remote struct {
	URL       string // of one or more servers, separated by commas
	Creds     string // the file of a user's credentials; "" for none
	CA        string // the file of the certificates to trust; "" for the system's
	Cert, Key string // the files of a client certificate; "" for none
	Name      string // what the connection is called in the server's lists
}

// Journal is an open log. Its methods may be called from many goroutines.
type Journal struct {
	log  *slog.Logger
	host *host // the embedded server; nil where it is elsewhere

	conn  *nats.Conn // appends, live copies, signals and short questions
	reads *nats.Conn // whole histories, which would hold up the others
	js    jetstream.JetStream

	epochs  []string        // by shard
	known   []atomic.Uint64 // by shard: so far events have been stored, by what this journal has heard
	appends *appender
	streams rounds[[]*jetstream.StreamInfo] // what the leaders say of their streams
	ends    rounds[[]domain.Position]       // where the last events are
	heard   rounds[struct{}]                // the leaders have handled all that this journal sent before
	erasing sync.Mutex                      // one event after another is erased

	mending sync.WaitGroup // who starts the embedded server again

	life context.Context // ends with Close
	end  context.CancelFunc

	closing  sync.Once
	closeErr error

	mu        sync.Mutex
	reconnect chan struct{} // closed and made anew at each reconnect of reads
}

// Open connects to the log, or starts the server that keeps it, and makes the log where there is none. It waits for a server that
// cannot be reached yet until ctx ends. Its errors say what to do: they are for the operator.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if (o.Embedded == nil) == (o.Remote == nil) {
		return nil, errors.New("open the log: give either an embedded or a remote server")
	}
	if o.Shards < 0 || o.Shards > maxShards || o.Replicas < 0 {
		return nil, fmt.Errorf("open the log: shards must be 1 to %d and replicas 1 or more, not %d and %d", maxShards, o.Shards, o.Replicas)
	}
	j := &Journal{log: o.Logger, reconnect: make(chan struct{})}
	if j.log == nil {
		j.log = slog.Default()
	}
	j.life, j.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := j.open(ctx, o); err != nil {
		j.shut(ctx)
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context, o Options) (err error) {
	if o.Embedded != nil {
		if j.host, err = startHost(ctx, *o.Embedded, j.log); err != nil {
			return err
		}
	}
	if j.conn, err = j.connect(ctx, o.Remote, "log"); err != nil {
		return err
	}
	if j.reads, err = j.connect(ctx, o.Remote, "reads"); err != nil {
		return err
	}
	if j.js, err = jetstream.New(j.conn, jetstream.WithDefaultTimeout(patience)); err != nil {
		return err
	}
	if v := j.conn.ConnectedServerVersion(); tooOld(v) {
		return fmt.Errorf("the NATS server is version %s: %d.%d or newer is needed", v, oldestMajor, oldestMinor)
	}
	if most := j.conn.MaxPayload(); most < maxEvent {
		return fmt.Errorf("the NATS server takes messages of at most %d bytes: set its max_payload to %d or more", most, maxEvent)
	}
	streams, err := j.settle(ctx, o.Shards, max(o.Replicas, 1))
	if err != nil {
		return err
	}
	grouped := make([]bool, len(streams))
	j.known = make([]atomic.Uint64, len(streams))
	for shard, s := range streams {
		j.epochs = append(j.epochs, s.Config.Metadata[metaEpoch])
		if grouped[shard] = o.Embedded.syncsEach() && s.Config.AllowAtomicPublish; o.Embedded.syncsEach() && !grouped[shard] {
			j.log.Warn("this stream was made before events were stored in groups: each is synced to the disk by itself, which is slower", "stream", s.Config.Name)
		}
	}
	j.streams.ask = j.askStreams
	j.ends.ask = j.askEnds
	j.heard.ask = j.askHeard
	if j.appends, err = newAppender(j, grouped); err == nil && j.host != nil {
		j.mending.Go(j.mend)
	}
	return err
}

// The oldest server that answers batches of direct gets.
const oldestMajor, oldestMinor = 2, 11

func tooOld(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return err == nil && (major < oldestMajor || major == oldestMajor && minor < oldestMinor)
}

// Close waits for pending appends until ctx ends, then hangs up and stops an embedded server. Follow, Read and the rest
// fail from then on. Closing again gives the same answer.
func (j *Journal) Close(ctx context.Context) error {
	j.closing.Do(func() {
		if err := j.shut(ctx); err != nil {
			j.closeErr = fmt.Errorf("close the log: %w", err)
		}
	})
	return j.closeErr
}

func (j *Journal) shut(ctx context.Context) (err error) {
	if j.appends != nil {
		err = j.appends.close(ctx)
	}
	j.end()
	for _, nc := range []*nats.Conn{j.conn, j.reads} {
		if nc != nil {
			nc.Close()
		}
	}
	j.streams.workers.Wait()
	j.ends.workers.Wait()
	j.heard.workers.Wait()
	j.mending.Wait()
	if j.host != nil {
		err = errors.Join(err, j.host.stop())
	}
	return err
}

// Clustered says whether the log is on a cluster of servers, between which live copies may be lost without anybody being told.
func (j *Journal) Clustered() bool { return j.conn.ConnectedClusterName() != "" }

// Shards says how many shards the log has.
func (j *Journal) Shards() int { return len(j.epochs) }

// Shard says in which one everything about a topic is.
func (j *Journal) Shard(t domain.Topic) int { return shardOf(t, j.Shards()) }

// Epoch names the life of a shard, as it was when the log was opened.
func (j *Journal) Epoch(shard int) string { return j.epochs[shard] }

// reconnected gives a channel that is closed at the next reconnect.
func (j *Journal) reconnected() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.reconnect
}
