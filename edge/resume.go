package edge

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"strconv"
	"sync"
	"time"

	"parley/domain"
	"parley/edge/socketio"
)

// What a device may have missed and still be told; else it is told to begin anew, which is cheaper for both.
const (
	maxSpan   = 200_000 // events since, whomever they concern: about a second's reading
	maxMissed = 10_000  // that concern the device. Their bytes may fill half of what may wait for one connection
)

// resumeWithin is how long one reading of the log may take. A device may have to wait for the one before its own, and its library gives the server 20 s to answer.
const resumeWithin = 8 * time.Second

// spanOfOne is how many events since count as one more device that connects, so that nobody can have the log read again and again.
const spanOfOne = 10_000

var (
	errTooOld  = errors.New("too much has been stored since")
	errTooMuch = errors.New("it has missed too much")
	errOther   = errors.New("the log has not been what it is")
	errUnread  = errors.New("the log was not read to where it ends")
	errUnsure  = errors.New("what was dealt with here is not certain")
)

// returning is a device that comes back, or somebody who asks over HTTP, and is to be told what was missed.
type returning struct {
	from  cursor
	entry *entry
	send  func(*socketio.Packet) error
	of    *person // nil over HTTP
	told  *told   // likewise
	as    *person // who is told in its place

	// The round alone uses these.
	open  map[domain.Topic]bool // of whose conversations something waited at from
	found int                   // how many of those
	count int
	err   error

	done chan struct{}
}

// missed says whether a record is one that it was not told.
func (b *returning) missed(r domain.Record) bool {
	return b.err == nil && b.entry.covers(r) && (r.Seq > b.from.reached.at(r.Shard) || b.open[r.Topic])
}

// meet notes that something waited in a conversation.
func (b *returning) meet(t domain.Topic) {
	if b.open == nil {
		b.open = map[domain.Topic]bool{}
	}
	b.open[t] = true
	b.found++
}

// tell sends what was missed.
func (b *returning) tell(p *socketio.Packet) {
	if b.err != nil {
		return
	}
	if b.count++; b.count > maxMissed {
		b.err = errTooMuch
		return
	}
	b.err = b.send(p)
}

// real gives the person whom a stand-in stands for, of whom it may be asked who their friends are; nil for somebody who is not connected.
func (p *person) real() *person {
	if p.back != nil {
		return p.back.of
	}
	return p
}

// key says whose offsets they are, and of which log.
func (h *hub) key(u domain.UserID) string { return string(u) + "." + h.life }

// lifeOf names the life of a log.
func lifeOf(log Log) string {
	h := fnv.New64a()
	for shard := range log.Shards() {
		h.Write([]byte(log.Epoch(shard) + ".")) // never fails
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// resumption brings devices what they have missed: those who come at about the same time by one reading of the log.
type resumption struct {
	mu      sync.Mutex
	next    []*returning
	running bool
}

// resume tells a device all that it has missed between a cursor and its coming in, oldest first. Its error says why that cannot be done; part of it may have been
// sent then.
func (h *hub) resume(ctx context.Context, u domain.UserID, b *returning) error {
	span := uint64(0)
	for shard, end := range b.entry.reached {
		if b.from.reached.at(shard) > end { // of a log that has been lost, or of an edge that is ahead of this one, which fences rule out
			return errOther
		}
		span += end - b.from.begin(shard)
	}
	if span > maxSpan || h.edge.people.take(string(u), connecting, int(span/spanOfOne), time.Now()) != nil {
		return errTooOld
	}
	b.done = make(chan struct{})
	b.standIn(u)
	h.back.mu.Lock()
	if !h.back.running && !h.edge.spawn(h.bringBack) {
		h.back.mu.Unlock()
		return errClosing
	}
	h.back.running = true
	h.back.next = append(h.back.next, b)
	h.back.mu.Unlock()
	<-b.done // soon: bringBack ends with the edge
	return b.err
}

// slack is by how much the clocks of this cluster's machines may differ.
const slack = 5 * time.Minute

// same leaves out those whose cursors are of a log that has lost its end since, by a power cut or since a backup was restored, and has grown again: then what stands up
// to them is newer than they are. That is asked of cursors alone that are older than this edge, which does not outlive such a log: once, by the oldest, and by the
// others only where that is not enough.
func (r *round) same(ctx context.Context, shard int) error {
	var old []*returning
	for _, b := range r.all {
		if b.err == nil && b.from.newest <= r.hub.begun.Add(slack).UnixMilli() {
			old = append(old, b)
		}
	}
	slices.SortFunc(old, func(a, b *returning) int { return cmp.Compare(a.from.newest, b.from.newest) })
	first, found := uint64(0), true // what was stored after the last that was asked about; that is before what was stored after a later one
	for _, b := range old {
		seq := b.from.reached.at(shard)
		if !found || first > seq {
			continue
		}
		var err error
		if first, found, err = r.hub.edge.Log.FirstSince(ctx, shard, time.UnixMilli(b.from.newest+1)); err != nil {
			return err
		}
		if found && first <= seq {
			b.err = errOther
		}
	}
	return nil
}

// bringBack serves those who wait, round by round.
func (h *hub) bringBack() {
	for {
		h.back.mu.Lock()
		all := h.back.next
		h.back.next, h.back.running = nil, len(all) > 0
		h.back.mu.Unlock()
		if len(all) == 0 {
			return
		}
		h.serve(all)
	}
}

// serve is one round.
func (h *hub) serve(all []*returning) {
	ctx, cancel := context.WithTimeout(h.edge.ctx, resumeWithin)
	defer cancel()
	r := newRound(h, all)
	var err error
	for shard := 0; shard < h.edge.Log.Shards() && err == nil; shard++ {
		err = r.read(ctx, shard)
	}
	if err != nil {
		h.edge.logger.Warn("what clients have missed cannot be read; they are told to begin anew", "clients", len(all), "error", err)
	}
	for _, b := range all {
		if b.err == nil && err == nil && b.found < len(b.from.waiting) {
			b.err = errOther // what waited is replaced, and it cannot be said what conversation it was of
		}
		if b.err == nil {
			b.err = err
		}
		close(b.done)
	}
}

// trimmed leaves out those who have missed something that the log does not hold any more, because an operator has shortened it.
func (r *round) trimmed(ctx context.Context, shard int) error {
	first, found, err := r.hub.edge.Log.FirstSince(ctx, shard, time.Unix(0, 0))
	if err != nil {
		return err
	}
	for _, b := range r.all {
		if begin := b.from.begin(shard); b.err == nil && begin < b.entry.reached.at(shard) && (!found || begin+1 < first) {
			b.err = errTooOld
		}
	}
	return nil
}

// read tells of one shard.
func (r *round) read(ctx context.Context, shard int) error {
	from, to := uint64(0), uint64(0)
	for _, b := range r.all {
		if begin, end := b.from.begin(shard), b.entry.reached.at(shard); begin < end {
			if to == 0 || begin < from {
				from = begin
			}
			to = max(to, end)
		}
	}
	if err := r.same(ctx, shard); err != nil {
		return err
	}
	if to == 0 {
		return nil
	}
	if err := r.trimmed(ctx, shard); err != nil {
		return err
	}
	at := domain.Position{Epoch: r.hub.edge.Log.Epoch(shard), Seq: from}
	at, err := r.hub.edge.Log.Read(ctx, shard, at, func(records []domain.Record) error {
		if past := slices.IndexFunc(records, func(rec domain.Record) bool { return rec.Seq > to }); past >= 0 {
			records = records[:past]
			if err := r.deal(ctx, records); err != nil {
				return err
			}
			return errEnough
		}
		return r.deal(ctx, records)
	})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err == nil && at.Seq < to: // whoever was asked did not know of more
		return errUnread
	}
	return err
}
