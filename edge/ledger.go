package edge

import (
	"slices"
	"sync"
	"time"

	"parley/domain"
	"parley/edge/socketio"
)

// ledger says what of the log this edge has dealt with. Its lock is held while a record is dealt with, so that to whoever has it each record was told to all
// whom it concerns, or to nobody yet.
type ledger struct {
	mu      sync.Mutex
	total   uint64                 // the sum of reached
	newest  int64                  // when the last of what was dealt with was stored, in milliseconds
	reached reached                // by shard, copies came up to here: all was taken, but for what waits, and what was lost and nobody knows of yet
	stored  []int64                // when what stands there was stored, in nanoseconds; 0 where that is not known
	proven  reached                // up to here nothing was lost
	taken   []*recent              // by shard
	waiting map[*conversation]head // with records that have come and are not dealt with
	cached  string                 // the cursor's text; "" where it is to be made
	holes   map[int]struct{}       // shards with one that could not be read yet: nothing behind it is taken
	lossy   bool                   // copies may be lost without anybody being told
	vague   map[*session]struct{}  // whose last offset was unknown
	clouded bool                   // and was, of some of them, for what everybody's depends on
	stale   uint64                 // so many events later an offset is renewed
}

// head is the first record that waits in a conversation, and the last that was dealt with.
type head struct {
	first  spot
	seen   uint64
	unsure bool // what is before it may be missing
}

// remembered is how many of the latest places of a shard it is known of whether what stands there was taken. A multiple of 64.
const remembered = 1 << 18

// recent is which of the latest records of a shard were taken.
type recent struct {
	upTo uint64
	bits [remembered / 64]uint64
}

// add notes a record; false where it was noted before, or is too long ago for that to be known.
func (r *recent) add(seq uint64) bool {
	switch {
	case seq >= r.upTo+remembered:
		clear(r.bits[:])
	case seq > r.upTo:
		for s := r.upTo + 1; s < seq; s++ {
			r.bits[s%remembered/64] &^= 1 << (s % 64)
		}
	case r.upTo-seq >= remembered || r.bits[seq%remembered/64]&(1<<(seq%64)) != 0:
		return false
	}
	r.upTo = max(r.upTo, seq)
	r.bits[seq%remembered/64] |= 1 << (seq % 64)
	return true
}

// newLedger makes one; lossy says that live copies may be lost without anybody being told.
func newLedger(lossy bool) *ledger {
	return &ledger{lossy: lossy, stale: maxSpan / 4, holes: map[int]struct{}{}, waiting: map[*conversation]head{}, vague: map[*session]struct{}{}}
}

// begin notes where the log ends before anything is heard of it.
func (l *ledger) begin(ends []domain.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for shard, end := range ends {
		l.come(shard, end.Seq, end.Time)
		l.proven.set(shard, end.Seq)
		l.taken = append(l.taken, &recent{upTo: end.Seq})
	}
}

// newest gives when the last of some ends of the log was stored, in milliseconds.
func newest(ends []domain.Position) (at int64) {
	for _, end := range ends {
		at = max(at, end.Time/int64(time.Millisecond))
	}
	return at
}

// take notes that a record has come; false where it was dealt with, or waits. The caller holds l.mu and deals with it.
func (l *ledger) take(r domain.Record) bool {
	for len(l.taken) <= r.Shard {
		l.taken = append(l.taken, &recent{})
	}
	if !l.taken[r.Shard].add(r.Seq) {
		return false
	}
	l.come(r.Shard, r.Seq, r.Time.UnixNano())
	return true
}

// come notes that copies have come up to a place, and when what stands there was stored. The caller holds l.mu.
func (l *ledger) come(shard int, seq uint64, at int64) {
	for len(l.stored) <= shard {
		l.stored = append(l.stored, 0)
	}
	if was := l.reached.at(shard); seq > was || len(l.reached) <= shard {
		l.total += seq - was
		l.reached.set(shard, seq)
		l.stored[shard] = at
	}
	l.newest = max(l.newest, at/int64(time.Millisecond))
	l.cached = ""
}

// release gives the lock back.
func (l *ledger) release() {
	l.clear()
	l.mu.Unlock()
}

// reach notes that all copies up to some ends of the log have come; false where there is a hole that could not be read yet.
func (l *ledger) reach(ends []domain.Position) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.holes) > 0 {
		return false
	}
	for shard, end := range ends {
		l.come(shard, end.Seq, end.Time)
	}
	return true
}

// open notes whether a shard has a hole that could not be read yet.
func (l *ledger) open(shard int, hole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if delete(l.holes, shard); hole {
		l.holes[shard] = struct{}{}
	}
}

// isOpen says whether it has. The caller holds l.mu.
func (l *ledger) isOpen(shard int) bool {
	_, hole := l.holes[shard]
	return hole
}

// forgo takes for proven what has come: whatever is missing concerned nobody.
func (l *ledger) forgo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for shard, seq := range l.reached {
		l.proven.set(shard, seq)
	}
}

// prove notes that up to there a shard has been read from the log.
func (l *ledger) prove(shard int, at domain.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proven.set(shard, max(at.Seq, l.proven.at(shard)))
	l.come(shard, at.Seq, at.Time)
}

// unproven gives from where a shard has to be read to find all that may have been lost; whole is false where that is farther back than it is remembered what
// was taken.
func (l *ledger) unproven(shard int) (from domain.Position, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	reached := l.reached.at(shard)
	if from.Seq = l.proven.at(shard); !l.lossy { // then what came last says that all before it has come
		from.Seq = reached
	}
	if whole = reached < from.Seq+remembered; !whole {
		from.Seq = reached - remembered + 1
	}
	if from.Seq == reached && shard < len(l.stored) {
		from.Time = l.stored[shard]
	}
	return from, whole
}

// suspects says whether the record before one, in its lane, may have been lost. The caller holds l.mu.
func (l *ledger) suspects(r domain.Record) bool { return l.lossy && r.Prev > l.proven.at(r.Shard) }

// wait notes what waits in a conversation; nil is nothing. The caller holds l.mu.
func (l *ledger) wait(c *conversation, h *head) {
	if was, waits := l.waiting[c]; h == nil && waits {
		delete(l.waiting, c)
	} else if h == nil || waits && was == *h {
		return
	} else {
		l.waiting[c] = *h
	}
	l.cached = ""
}

// offset gives the text of the cursor of those who have been told all that was dealt with. The caller holds l.mu.
func (l *ledger) offset() string {
	if l.cached == "" {
		l.cached = unknown
		if c := (cursor{newest: l.newest, reached: l.reached}); l.addWaiting(&c) {
			l.cached = c.String()
		}
	}
	return l.cached
}

// addWaiting puts what waits into a cursor; false where that cannot be said.
func (l *ledger) addWaiting(c *cursor) bool {
	if len(l.waiting) > maxWaiting {
		return false
	}
	for _, h := range l.waiting {
		if h.unsure {
			return false
		}
		c.waiting = append(c.waiting, h.first)
	}
	return true
}

// join lets a device hear what is dealt with from now on, and gives the offset of whoever needs nothing before. sure says whether it is certain what was
// dealt with.
func (l *ledger) join(s *session) (offset string, sure bool) {
	l.mu.Lock()
	defer l.release()
	s.live, s.upTo, s.entry = true, l.total, entry{reached: slices.Clone(l.reached)}
	sure = l.sure(s.me)
	for c, h := range l.waiting {
		if s.entry.waiting == nil {
			s.entry.waiting = make(map[domain.Topic]uint64, len(l.waiting))
		}
		s.entry.waiting[c.topic] = h.seen
		if h.seen == 0 {
			s.entry.waiting[c.topic] = h.first.seq - 1
		}
	}
	if offset = l.offset(); offset == unknown || s.person.owed.Load() > 0 {
		l.blur(s, offset)
		return unknown, sure
	}
	return offset, sure
}

// sure says whether it is certain what was dealt with of what may concern somebody. The caller holds l.mu.
func (l *ledger) sure(u domain.UserID) bool {
	for c, h := range l.waiting {
		if _, _, direct := c.topic.Pair(); h.unsure && (!direct || c.topic.Peer(u) != "") {
			return false
		}
	}
	return true
}

// certain is sure for who does not hold l.mu.
func (l *ledger) certain(u domain.UserID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sure(u)
}

// blur notes that a device's last offset is unknown, though everybody's is the given one.
func (l *ledger) blur(s *session, common string) {
	if s.recoverable {
		l.vague[s] = struct{}{}
		l.clouded = l.clouded || common == unknown
	}
}

// leave forgets a device.
func (l *ledger) leave(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.live = false
	delete(l.vague, s)
}

// publish hands a packet that tells of a record to the devices of some people, with the offset of those who have been told that, too, or without: then
// another one of the same record follows. The caller holds l.mu.
func (l *ledger) publish(r domain.Record, to []*person, packet *socketio.Packet, last bool) {
	offset := unknown
	if last {
		offset = l.offset()
	}
	var exact, vague *socketio.Packet // made when the first one is sent
	for _, p := range to {
		certain := offset != unknown && p.owed.Load() == 0
		for _, s := range *p.sessions.Load() {
			switch {
			case !s.live || s.entry.covers(r):
			case !last:
				s.socket.Send(packet)
			case certain:
				if exact == nil {
					exact = packet.WithOffset(offset)
				}
				l.point(s, exact)
			default:
				if vague == nil {
					vague = packet.WithOffset(unknown)
				}
				s.socket.Send(vague)
				l.blur(s, offset)
			}
		}
	}
}

// cursorPacket tells a device nothing but its offset.
var cursorPacket = func() *socketio.Packet { p, _ := socketio.NewPacket("cursor"); return p }() // never changed

// clear gives those an offset whose last one was unknown, if it can be said now. The caller holds l.mu.
func (l *ledger) clear() {
	if !l.clouded || l.offset() == unknown {
		return
	}
	l.clouded = false
	packet := cursorPacket.WithOffset(l.offset())
	for s := range l.vague {
		if s.person.owed.Load() == 0 {
			l.point(s, packet)
		}
	}
}

// point gives a device a packet with everybody's offset. The caller holds l.mu.
func (l *ledger) point(s *session, packet *socketio.Packet) {
	s.socket.Send(packet) // a device that is gone, or too slow, is cut off and comes back
	s.upTo = l.total
	delete(l.vague, s)
}

// settle gives the devices of a person an offset who is told everything now.
func (l *ledger) settle(p *person) {
	l.mu.Lock()
	defer l.mu.Unlock()
	offset := l.offset()
	for _, s := range *p.sessions.Load() {
		if _, vague := l.vague[s]; !vague {
			continue
		}
		if offset == unknown {
			l.clouded = true
			continue
		}
		l.point(s, cursorPacket.WithOffset(offset))
	}
}

// renew gives those devices of some people a new offset who have had none for long: who hears nothing would have one that is too old to come back with, though they
// have missed nothing.
func (l *ledger) renew(people []*person) {
	l.mu.Lock()
	defer l.mu.Unlock()
	offset := l.offset()
	if offset == unknown {
		return
	}
	packet := cursorPacket.WithOffset(offset)
	for _, p := range people {
		for _, s := range *p.sessions.Load() {
			if s.live && s.recoverable && p.owed.Load() == 0 && l.total-s.upTo >= l.stale {
				l.point(s, packet)
			}
		}
	}
}
