package journal

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	maxShards   = 256
	dedupWindow = 2 * time.Minute

	metaEpoch  = "parley-epoch"
	metaShards = "parley-shards"
)

const streamPrefix = "CHAT-"

func streamName(shard int) string { return streamPrefix + strconv.Itoa(shard) }

// streamConfig is how a shard's stream is made.
func (j *Journal) streamConfig(shard, shards, replicas int) jetstream.StreamConfig {
	all := logPrefix + strconv.Itoa(shard) + ".>"
	return jetstream.StreamConfig{
		Name:        streamName(shard),
		Subjects:    []string{all},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew, // a full log refuses; it does not forget
		Replicas:    replicas,
		MaxMsgSize:  maxEvent,
		Duplicates:  dedupWindow,
		AllowRollup: true, // of read marks and statuses
		AllowDirect: true,
		RePublish:   &jetstream.RePublish{Source: all, Destination: livePrefix + all},
		Metadata:    map[string]string{metaEpoch: rand.Text(), metaShards: strconv.Itoa(shards)},

		AllowAtomicPublish: j.host != nil, // of groups; elsewhere it is of no use
	}
}

// settle finds the log, or makes what is missing of one that was never written, and gives its streams, by shard. It tries until
// ctx ends while the servers cannot answer yet.
func (j *Journal) settle(ctx context.Context, shards, replicas int) ([]*jetstream.StreamInfo, error) {
	var cause error // the last one that says more than that time is up
	for {
		streams, err := j.settleOnce(ctx, shards, replicas)
		if err == nil || !notYet(err) {
			return streams, err
		}
		if cause == nil {
			j.log.Warn("the NATS servers are not ready for the log yet; trying on", "error", err)
		}
		if cause == nil || !errors.Is(err, context.DeadlineExceeded) {
			cause = err
		}
		if !pause(ctx, 250*time.Millisecond) {
			return nil, fmt.Errorf("the NATS servers did not get ready for the log: %w", cause)
		}
	}
}

// noPeers is the server's number for a cluster in which too few servers are there yet to hold all replicas.
const noPeers = 10005

// errUnsettled says that the servers of a cluster do not agree yet on what there is.
var errUnsettled = errors.New("the servers do not know it yet")

// notYet tells a cluster that is still finding itself from one that has answered.
func notYet(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, errUnsettled) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &api) && (api.Code == 503 || api.ErrorCode == noPeers)
}

func (j *Journal) settleOnce(ctx context.Context, shards, replicas int) ([]*jetstream.StreamInfo, error) {
	first, err := j.find(ctx, 0)
	if err == nil && first == nil {
		if err = j.noneAfter(ctx, max(shards, 1)); err == nil {
			first, err = j.create(ctx, j.streamConfig(0, max(shards, 1), replicas))
		}
	}
	if err != nil {
		return nil, err
	}
	has, err := strconv.Atoi(first.Config.Metadata[metaShards])
	if err != nil || has < 1 || has > maxShards {
		return nil, fmt.Errorf("stream %s has no %s in its metadata: it is not one of Parley's; use another NATS account", streamName(0), metaShards)
	}
	if shards != 0 && shards != has {
		return nil, fmt.Errorf("the log was made with %d shards and cannot be used with %d: set the number of shards to %d", has, shards, has)
	}
	streams, written, err := j.findAll(ctx, has)
	if err != nil {
		return nil, err
	}
	for shard, s := range streams {
		if s == nil && written { // or made since, by another process that has written already
			if s, err = j.find(ctx, shard); err != nil {
				return nil, err
			}
		}
		if s == nil && written {
			return nil, fmt.Errorf("stream %s is missing from a log that was written to: restore it from a backup", streamName(shard))
		}
		if s == nil {
			if s, err = j.create(ctx, j.streamConfig(shard, has, replicas)); err != nil {
				return nil, err
			}
		}
		if err := sameStream(s.Config, j.streamConfig(shard, has, replicas)); err != nil {
			return nil, err
		}
		streams[shard] = s
	}
	return streams, j.settleAccounts(ctx, replicas, written)
}

// findAll asks for the streams of all shards, nil for those that are missing, and says whether any of them was ever written to.
func (j *Journal) findAll(ctx context.Context, shards int) (streams []*jetstream.StreamInfo, written bool, err error) {
	streams = make([]*jetstream.StreamInfo, shards)
	for shard := range streams {
		if streams[shard], err = j.find(ctx, shard); err != nil {
			return nil, false, err
		}
		written = written || streams[shard] != nil && streams[shard].State.LastSeq > 0
	}
	return streams, written, nil
}

// find asks for a shard's stream; nil says that there is none.
func (j *Journal) find(ctx context.Context, shard int) (*jetstream.StreamInfo, error) {
	return j.findStream(ctx, streamName(shard))
}

func (j *Journal) findStream(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	s, err := persist(ctx, func(ctx context.Context) (jetstream.Stream, error) { return j.js.Stream(ctx, name) })
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return nil, fmt.Errorf("the NATS server has no JetStream: start it with -js, or enable it for the account (%w)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return s.CachedInfo(), nil
}

// create makes a stream; where another process made it a moment before, that one's is taken.
func (j *Journal) create(ctx context.Context, c jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := j.js.CreateStream(limited, c)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		info, err := j.findStream(ctx, c.Name)
		if err == nil && info == nil {
			err = fmt.Errorf("stream %s is being made, or deleted, by somebody else: %w", c.Name, errUnsettled)
		}
		return info, err
	}
	if err != nil {
		return nil, fmt.Errorf("make stream %s with %d replicas: %w", c.Name, c.Replicas, err)
	}
	return s.CachedInfo(), nil
}

// noneAfter makes sure that a log without its first stream has no other: it was lost then, not never made.
func (j *Journal) noneAfter(ctx context.Context, shards int) error {
	for shard := 1; shard < max(shards, 2); shard++ {
		s, err := j.find(ctx, shard)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if first, err := j.find(ctx, 0); err != nil || first != nil { // made meanwhile by another process
			return err
		}
		return fmt.Errorf("stream %s is missing though %s is there: restore it from a backup", streamName(0), streamName(shard))
	}
	return nil
}

// sameStream says which settings of a stream differ from what the log needs. Where the operator may choose (replicas, compression, how
// large the whole may grow, batches) anything is right.
func sameStream(has, want jetstream.StreamConfig) error {
	type setting struct {
		name      string
		has, want any
	}
	var differ []string
	for _, s := range []setting{
		{"subjects", strings.Join(has.Subjects, ","), strings.Join(want.Subjects, ",")},
		{"metadata " + metaShards, has.Metadata[metaShards], want.Metadata[metaShards]},
		{"metadata " + metaEpoch, has.Metadata[metaEpoch] != "", want.Metadata[metaEpoch] != ""},
		{"storage", has.Storage, want.Storage},
		{"persist_mode", has.PersistMode, want.PersistMode},
		{"retention", has.Retention, want.Retention},
		{"discard", has.Discard, want.Discard},
		{"max_age", has.MaxAge, want.MaxAge},
		{"max_msgs_per_subject", max(has.MaxMsgsPerSubject, 0), want.MaxMsgsPerSubject},
		{"max_msg_size", has.MaxMsgSize <= 0 || has.MaxMsgSize >= want.MaxMsgSize, true},
		{"duplicate_window", has.Duplicates, want.Duplicates},
		{"no_ack", has.NoAck, false},
		{"sealed", has.Sealed, false},
		{"deny_delete", has.DenyDelete, false},
		{"allow_rollup_hdrs", has.AllowRollup, true},
		{"allow_direct", has.AllowDirect, true},
		{"republish", republish(has), republish(want)},
		{"subject_transform", has.SubjectTransform != nil, false},
		{"mirror or sources", has.Mirror != nil || len(has.Sources) > 0, false},
	} {
		if s.has != s.want {
			differ = append(differ, fmt.Sprintf("%s is %v and must be %v", s.name, s.has, s.want))
		}
	}
	if differ == nil {
		return nil
	}
	slices.SortFunc(differ, cmp.Compare[string])
	return fmt.Errorf("stream %s is not as the log needs it: %s; change it with the nats tool, or use another NATS account", has.Name, strings.Join(differ, "; "))
}

func republish(c jetstream.StreamConfig) string {
	if c.RePublish == nil {
		return "none"
	}
	s := c.RePublish.Source + " to " + c.RePublish.Destination
	if c.RePublish.HeadersOnly {
		s += " without what they hold"
	}
	return s
}
