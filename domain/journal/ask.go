package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
)

// unavailable says that the log cannot be used now, in words for people, with the cause for operators.
func unavailable(cause error) error {
	e := domain.Refuse(domain.Unavailable, "the messages cannot be stored or read just now; try again")
	e.Cause = cause
	return e
}

// oneTry bounds one try at a question that may be asked again.
const oneTry = time.Second

// persist asks until there is an answer or ctx ends, within patience: a question on its way when a connection breaks is lost.
func persist[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		once, cancel := context.WithTimeout(ctx, oneTry)
		answer, err := ask(once)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return answer, plain(err)
		}
	}
}

// plain puts what the client library calls a full buffer in words: there is none on purpose.
func plain(err error) error {
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return errAway
	}
	return err
}

var errAway = errors.New("not connected to NATS")

// Ends says where each shard ends now: where its last event is, of those that were not erased, and if it is known when that was stored. Calls at the same time
// share their requests, but none is answered from before it came: what the caller has seen stored lies before the end. It costs one request for each shard, two where
// anything was ever replaced or erased in it; the error is Unavailable.
func (j *Journal) Ends(ctx context.Context) ([]domain.Position, error) {
	ends, err := j.ends.join(ctx, j.life)
	if err != nil {
		return nil, unavailable(err)
	}
	return slices.Clone(ends), nil
}

func (j *Journal) askEnds(ctx context.Context) ([]domain.Position, error) {
	streams, err := j.askStreams(ctx)
	if err != nil {
		return nil, err
	}
	ends, errs := make([]domain.Position, len(streams)), make([]error, len(streams))
	var asked sync.WaitGroup
	for shard, s := range streams {
		ends[shard] = endOf(s)
		if s.State.LastSeq > 0 {
			ends[shard].Time = s.State.LastTime.UnixNano()
		}
		if s.State.NumDeleted > 0 {
			asked.Go(func() { ends[shard].Seq, ends[shard].Time, errs[shard] = j.askLast(ctx, shard, ends[shard].Seq) })
		}
	}
	asked.Wait()
	for shard, s := range streams {
		if known := j.known[shard].Load(); s.Config.Replicas > 1 && known > ends[shard].Seq { // a server that was away may take itself for the leader still
			ends[shard].Seq, ends[shard].Time = known, 0
		}
	}
	return ends, errors.Join(errs...)
}

// saw notes that an event is stored.
func (j *Journal) saw(shard int, seq uint64) {
	known := &j.known[shard]
	for was := known.Load(); seq > was && !known.CompareAndSwap(was, seq); was = known.Load() {
	}
}

// askLast gives the place and the time of a shard's last event, whose stream ends at a sequence where what stood there may have been erased.
func (j *Journal) askLast(ctx context.Context, shard int, end uint64) (seq uint64, at int64, err error) {
	last, err := j.askLeader(ctx, streamName(shard), lookup{Seq: end})
	if err == nil && last == nil {
		last, err = j.askLeader(ctx, streamName(shard), lookup{Last: logPrefix + strconv.Itoa(shard) + ".>"})
	}
	if err != nil || last == nil {
		return 0, 0, err
	}
	return last.Seq, last.Time.UnixNano(), nil
}

// endOf is where a stream ends, whether or not what stood there was erased.
func endOf(s *jetstream.StreamInfo) domain.Position {
	return domain.Position{Epoch: s.Config.Metadata[metaEpoch], Seq: s.State.LastSeq}
}

func (j *Journal) askStreams(ctx context.Context) ([]*jetstream.StreamInfo, error) {
	infos, errs := make([]*jetstream.StreamInfo, j.Shards()), make([]error, j.Shards())
	var asked sync.WaitGroup
	for shard := range infos {
		asked.Go(func() { infos[shard], errs[shard] = j.askStream(ctx, shard) })
	}
	asked.Wait()
	return infos, errors.Join(errs...)
}

// askStream asks one shard's leader; that there is no such stream any more is ErrGone.
func (j *Journal) askStream(ctx context.Context, shard int) (*jetstream.StreamInfo, error) {
	info, err := j.find(ctx, shard)
	if err == nil && info == nil {
		err = fmt.Errorf("stream %s: %w", streamName(shard), domain.ErrGone)
	}
	return info, err
}

// Ready says whether the log can be written and read now, and if not, what is in the way: the latest append of a shard has failed not long ago, nothing can be
// written to the embedded server's folder, a stream is full, or has no majority. It costs two requests for each shard, and with an embedded server a small file; it
// stores nothing.
func (j *Journal) Ready(ctx context.Context) error {
	if j.host != nil {
		if err := j.host.writable(); err != nil {
			return unavailable(err)
		}
	}
	streams, err := j.streams.join(ctx, j.life)
	if err != nil {
		return unavailable(err)
	}
	for shard, s := range streams {
		if err := j.usable(shard, s); err != nil {
			return unavailable(fmt.Errorf("stream %s: %w", streamName(shard), err))
		}
	}
	if _, err := j.heard.join(ctx, j.life); err != nil {
		return unavailable(err)
	}
	for shard := range streams {
		if f := j.appends.fault(shard); f.cause != nil && time.Since(f.at) < distrust {
			return unavailable(fmt.Errorf("stream %s: the latest event could not be stored, %v ago: %w", streamName(shard), time.Since(f.at).Round(time.Second), f.cause))
		}
	}
	return nil
}

func (j *Journal) usable(shard int, s *jetstream.StreamInfo) error {
	if epoch := endOf(s).Epoch; epoch != j.epochs[shard] {
		return fmt.Errorf("epoch is %s and was %s when the log was opened: %w; restart", epoch, j.epochs[shard], domain.ErrGone)
	}
	if c := s.Config; c.MaxBytes > 0 && s.State.Bytes+maxEvent > uint64(c.MaxBytes) || c.MaxMsgs > 0 && s.State.Msgs >= uint64(c.MaxMsgs) {
		return errors.New("it is full: raise its limits")
	}
	if s.Cluster == nil || s.Config.Replicas < 2 {
		return nil
	}
	up := 0
	if s.Cluster.Leader != "" {
		up++
	}
	for _, peer := range s.Cluster.Replicas {
		if !peer.Offline {
			up++
		}
	}
	if up <= s.Config.Replicas/2 {
		return fmt.Errorf("%d of %d replicas are there, which is no majority", up, s.Config.Replicas)
	}
	return nil
}

// askHeard makes sure that every shard's leader has handled all that this journal sent before, subscriptions among them: their servers
// hear of those on the same way as this message comes. What it sends is never stored, since it expects a stream of no such name.
func (j *Journal) askHeard(ctx context.Context) (struct{}, error) {
	errs := make([]error, j.Shards())
	var asked sync.WaitGroup
	for shard := range errs {
		asked.Go(func() {
			m := nats.NewMsg(fmt.Sprintf("%s%d.heard", logPrefix, shard))
			m.Header.Set(jetstream.ExpectedStreamHeader, "none")
			_, errs[shard] = persist(ctx, func(ctx context.Context) (*nats.Msg, error) { return j.conn.RequestMsgWithContext(ctx, m) })
		})
	}
	asked.Wait()
	return struct{}{}, errors.Join(errs...)
}

// stored is a message as a stream's leader gives it.
type stored struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Headers []byte    `json:"hdrs"`
	Data    []byte    `json:"data"`
	Time    time.Time `json:"time"`
}

// lookup names one message: the last of a subject, the one at a sequence, or the first of a subject from a sequence or an instant on.
type lookup struct {
	Seq   uint64     `json:"seq,omitempty"`
	Start *time.Time `json:"start_time,omitempty"`
	Next  string     `json:"next_by_subj,omitempty"`
	Last  string     `json:"last_by_subj,omitempty"`
}

// noMessage is the server's number for a message that is not there.
const noMessage = 10037

// askLeader looks a message up at the stream's leader, so that all that was stored before is seen; nil says that there is none.
func (j *Journal) askLeader(ctx context.Context, stream string, l lookup) (*stored, error) {
	which, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	m, err := persist(ctx, func(ctx context.Context) (*nats.Msg, error) {
		return j.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, which)
	})
	if err != nil {
		return nil, fmt.Errorf("read from stream %s: %w", stream, err)
	}
	var answer struct {
		Message *stored             `json:"message"`
		Error   *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return nil, fmt.Errorf("read from stream %s: %w", stream, err)
	}
	switch {
	case answer.Error != nil && answer.Error.ErrorCode == noMessage:
		return nil, nil
	case answer.Error != nil:
		return nil, fmt.Errorf("read from stream %s: %w", stream, answer.Error)
	}
	return answer.Message, nil
}
