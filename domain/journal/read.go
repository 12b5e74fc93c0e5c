package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"parley/domain"
)

var errBehind = errors.New("the consumer does not bring what the log holds")

// readBatch is how many events Read gives at once at most.
const readBatch = 1024

// Read gives all events of a shard after a position, in order and in batches, up to the end as it was at the call. It returns the
// position up to which fn has taken them, with an error too. The zero position is the beginning. It rides out lost connections until ctx
// ends; its error is fn's own, ErrGone where the log does not hold the position, or names an event that cannot be read. Events of a kind that only newer versions
// know are left out. fn must not keep the slice.
//
// Whether the log holds a position is asked when reading begins and after each lost connection. It costs two requests, three where the
// event at the position was erased or replaced since; without Position.Time, one, and a log that was restored and has grown past the
// position again goes unnoticed.
func (j *Journal) Read(ctx context.Context, shard int, after domain.Position, fn func([]domain.Record) error) (domain.Position, error) {
	f := &follower{j: j, shard: shard, at: after, batch: readBatch, fn: fn, lenient: true}
	err := f.run(ctx)
	return f.at, err
}

// Follow gives all events of a shard after a position, in order, until ctx ends or fn fails: at once whatever is there, at most batch of
// them. The zero position is the beginning. It rides out lost connections and changes of leader without loss, repetition or disorder.
// Its error is ctx's, fn's own, ErrGone where the log does not hold the position (any more), or names an event that cannot be read. fn must
// not keep the slice.
func (j *Journal) Follow(ctx context.Context, shard int, after domain.Position, batch int, fn func([]domain.Record) error) error {
	f := &follower{j: j, shard: shard, at: after, batch: max(batch, 1), fn: fn, until: math.MaxUint64}
	return f.run(ctx)
}

// ReadTo gives the events of a shard after a position and not after end, in order, at most batch of them at once, and returns when it has given
// all that are left of them. It is else as Follow. With a position at or beyond end it only makes sure that the log holds that position.
func (j *Journal) ReadTo(ctx context.Context, shard int, after domain.Position, end uint64, batch int, fn func([]domain.Record) error) error {
	if end == 0 {
		return nil // not the end of the log, as 0 is to a follower
	}
	f := &follower{j: j, shard: shard, at: after, batch: max(batch, 1), fn: fn, until: end}
	return f.run(ctx)
}

// follower reads a shard from its own position through one consumer after another.
type follower struct {
	j       *Journal
	shard   int
	at      domain.Position
	until   uint64 // where to stop; 0: at the end, once it is known
	batch   int
	fn      func([]domain.Record) error
	lenient bool // leaves out what this version does not know

	due   bool // the leader had more than dueAt when it was last asked
	dueAt uint64
	short time.Time // since when the log has been said to end before the position; zero: it is not
}

// stepsDown is how long a server of a cluster may take itself for a stream's leader after the others have another one, as it was cut off or stood still:
// it answers with the end that it knows. NATS has it find out within some 10 s; so long a shorter log is not believed.
const stepsDown = 20 * time.Second

var errStale = errors.New("the log is said to end before what has been read of it; the server that says so may have been away")

// errAgain says that a consumer is of no more use and the next one goes on.
type errAgain struct{ cause error }

func (e errAgain) Error() string { return e.cause.Error() }

func (f *follower) run(ctx context.Context) error {
	wait, told := 50*time.Millisecond, ""
	for {
		was := f.at.Seq
		err := f.once(ctx)
		var again errAgain
		switch {
		case ctx.Err() != nil && err != nil:
			return ctx.Err()
		case f.j.life.Err() != nil:
			return unavailable(errClosed)
		case !errors.As(err, &again):
			return err
		}
		if f.at.Seq > was {
			wait, told = 50*time.Millisecond, ""
		}
		if cause := again.Error(); cause != told { // not once a second for as long as NATS is away
			f.j.log.Warn("reading the log goes on with a new consumer", "shard", f.shard, "after", f.at.Seq, "cause", cause)
			told = cause
		}
		renewed := f.j.reconnected()
		select {
		case <-time.After(wait):
		case <-renewed:
		case <-ctx.Done():
		case <-f.j.life.Done():
		}
		wait = min(2*wait, time.Second)
	}
}

// once reads through one consumer.
func (f *follower) once(ctx context.Context) error {
	if err := f.check(ctx); err != nil {
		return err
	}
	if f.at.Seq >= f.until {
		return nil
	}
	c, err := f.j.consume(ctx, f.shard, f.at.Seq+1, f.batch, f.lenient)
	if err != nil {
		return errAgain{err}
	}
	defer c.close()
	return f.drain(ctx, c)
}

// check makes sure that the log holds the position still.
func (f *follower) check(ctx context.Context) error {
	info, err := f.j.askStream(ctx, f.shard)
	if errors.Is(err, domain.ErrGone) {
		return err
	}
	if err != nil {
		return errAgain{err}
	}
	end := endOf(info)
	if f.at == (domain.Position{}) {
		f.at.Epoch = end.Epoch
	}
	if f.at.Epoch != end.Epoch || f.at.Seq <= end.Seq {
		f.short = time.Time{}
	} else if f.short.IsZero() {
		f.short = time.Now()
	}
	if info.Config.Replicas > 1 && !f.short.IsZero() && time.Since(f.short) < stepsDown {
		return errAgain{errStale}
	}
	if f.at.Epoch != end.Epoch || f.at.Seq > end.Seq {
		return fmt.Errorf("shard %d is at %s-%d, asked for what comes after %s-%d: %w", f.shard, end.Epoch, end.Seq, f.at.Epoch, f.at.Seq, domain.ErrGone)
	}
	if f.until == 0 {
		f.until = end.Seq
	}
	return f.checkTime(ctx)
}

// checkTime makes sure that at the position stands what stood there. Where nothing does any more, since the event was erased or, a read
// mark, replaced, no event up to there may be newer. This does not notice a log that was restored and has grown again where all
// that grew up to the position is gone too, or where the servers' clocks were set back meanwhile.
func (f *follower) checkTime(ctx context.Context) error {
	if f.at.Time == 0 {
		return nil
	}
	there, err := f.j.askLeader(ctx, streamName(f.shard), lookup{Seq: f.at.Seq})
	if err != nil {
		return errAgain{err}
	}
	was := time.Unix(0, f.at.Time).UTC()
	if there != nil && there.Time.Equal(was) {
		return nil
	}
	if there == nil {
		later := was.Add(1)
		there, err = f.j.askLeader(ctx, streamName(f.shard), lookup{Start: &later, Next: ">"})
		if err != nil {
			return errAgain{err}
		}
		if there == nil || there.Seq > f.at.Seq {
			return nil
		}
	}
	return fmt.Errorf("shard %d: event %d was stored at %v, and what was read up to %d ended at %v; was a backup restored? %w",
		f.shard, there.Seq, there.Time, f.at.Seq, was, domain.ErrGone)
}

// drain takes what the consumer brings, until the end is reached or the consumer fails.
func (f *follower) drain(ctx context.Context, c *consumer) error {
	watch := time.NewTicker(watchInterval)
	defer watch.Stop()
	renewed := f.j.reconnected()
	var taken []domain.Record
	for f.at.Seq < f.until {
		if c.nothingLeft(f.at.Seq) && f.until != math.MaxUint64 {
			if err := f.skip(ctx); err != nil {
				return err
			}
			if f.at.Seq >= f.until {
				break
			}
		}
		select {
		case <-c.came:
			taken = c.take(taken)
			batch, past := f.within(taken)
			if len(batch) > 0 {
				last := batch[len(batch)-1]
				known := batch
				if f.lenient {
					known = slices.DeleteFunc(batch, func(r domain.Record) bool { return r.Event == nil })
				}
				if len(known) > 0 {
					if err := f.fn(known); err != nil {
						return err
					}
				}
				f.at.Seq, f.at.Time = last.Seq, last.Time.UnixNano()
			}
			if past {
				f.at.Seq, f.at.Time = f.until, 0
			}
		case <-c.broken:
			if c.some() { // what came before it broke is good
				continue
			}
			return c.cause
		case <-watch.C:
			if err := f.watch(ctx, c); err != nil {
				return err
			}
		case <-renewed:
			return errAgain{errors.New("reconnected")}
		case <-ctx.Done():
			return ctx.Err()
		case <-f.j.life.Done():
			return unavailable(errClosed)
		}
	}
	return nil
}

// within gives those of the records that come after the position, up to the end. A consumer on a replica that is behind begins too early. past says
// that the end was passed.
func (f *follower) within(records []domain.Record) (_ []domain.Record, past bool) {
	for len(records) > 0 && records[0].Seq <= f.at.Seq {
		records = records[1:]
	}
	for len(records) > 0 && records[len(records)-1].Seq > f.until {
		records, past = records[:len(records)-1], true
	}
	return records, past
}

// skip moves to the end where nothing is left before it: the last events may have been erased.
func (f *follower) skip(ctx context.Context) error {
	more, err := f.more(ctx)
	if err == nil && !more {
		f.at.Seq, f.at.Time = f.until, 0
	}
	return err
}

// more asks the leader whether there is an event after the position.
func (f *follower) more(ctx context.Context) (bool, error) {
	next, err := f.j.askLeader(ctx, streamName(f.shard), lookup{Seq: f.at.Seq + 1, Next: ">"})
	if err != nil {
		return false, errAgain{err}
	}
	return next != nil && next.Seq <= f.until, nil
}

// watch gives up a consumer that has gone quiet, and one that did not bring what the leader had the last time.
func (f *follower) watch(ctx context.Context, c *consumer) error {
	if c.some() {
		return nil
	}
	if quiet := c.quiet(); quiet > quietLimit {
		return errAgain{fmt.Errorf("nothing heard of the consumer for %v", quiet.Round(time.Millisecond))}
	}
	if f.due && f.dueAt == f.at.Seq {
		return errAgain{errBehind}
	}
	var err error
	f.due, err = f.more(ctx)
	f.dueAt = f.at.Seq
	return err
}
