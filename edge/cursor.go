package edge

import (
	"strconv"
	"strings"

	"parley/domain"
)

// cursor is up to where a device has been told what concerns it. As text it is the offset of Socket.IO's connection state recovery: in base 36, the millisecond
// in which the newest of that was stored, how far each shard has come, and the places of what waits, as "!shard.seq". It says nothing that a client may not know.
type cursor struct {
	newest  int64   // nothing up to there was stored later, in milliseconds since 1970
	reached reached // by shard: all up to here, but for
	waiting []spot  // the first records that wait of some conversations, and what came after them there
}

// spot is a place in the log.
type spot struct {
	shard int
	seq   uint64
}

// unknown is the offset of a device of which it cannot be said what it has been told.
const unknown = "-"

// maxWaiting is how many conversations' records may wait where that is still written into a cursor.
const maxWaiting = 16

// maxCursor is the length of the longest text that is looked at, in bytes: that of a cursor over 256 shards.
const maxCursor = 4096

func (c cursor) String() string {
	b := strconv.AppendInt(make([]byte, 0, 32), c.newest, 36)
	for _, seq := range c.reached {
		b = strconv.AppendUint(append(b, '.'), seq, 36)
	}
	for _, w := range c.waiting {
		b = strconv.AppendInt(append(b, '!'), int64(w.shard), 36)
		b = strconv.AppendUint(append(b, '.'), w.seq, 36)
	}
	return string(b)
}

var errCursor = domain.Refuse(domain.Malformed, "after must be a cursor that this server has given") // never changed

// parseCursor reads a cursor over so many shards.
func parseCursor(s string, shards int) (c cursor, err error) {
	if len(s) > maxCursor {
		return c, errCursor
	}
	front, rest, holes := strings.Cut(s, "!")
	fields := strings.Split(front, ".")
	if len(fields) != 1+shards {
		return c, errCursor
	}
	newest, err := strconv.ParseUint(fields[0], 36, 50)
	if err != nil {
		return c, errCursor
	}
	c.newest = int64(newest)
	for shard, f := range fields[1:] {
		seq, err := strconv.ParseUint(f, 36, 63)
		if err != nil {
			return c, errCursor
		}
		c.reached.set(shard, seq)
	}
	for holes {
		var one string
		one, rest, holes = strings.Cut(rest, "!")
		w, err := parseSpot(one)
		if err != nil || w.shard >= shards || w.seq > c.reached.at(w.shard) || len(c.waiting) == maxWaiting {
			return c, errCursor
		}
		c.waiting = append(c.waiting, w)
	}
	return c, nil
}

func parseSpot(s string) (spot, error) {
	shard, seq, _ := strings.Cut(s, ".")
	n, err := strconv.ParseUint(shard, 36, 16)
	if err != nil {
		return spot{}, err
	}
	at, err := strconv.ParseUint(seq, 36, 63)
	if err != nil || at == 0 {
		return spot{}, errCursor
	}
	return spot{int(n), at}, nil
}

// begin is from where a shard must be read to find all that was missed: what comes after it.
func (c cursor) begin(shard int) uint64 {
	from := c.reached.at(shard)
	for _, w := range c.waiting {
		if w.shard == shard {
			from = min(from, w.seq-1)
		}
	}
	return from
}

// entry is what had been dealt with when a device came in: it hears what is dealt with later.
type entry struct {
	reached reached                 // never changed
	waiting map[domain.Topic]uint64 // conversations of which only what is up to a sequence had been
}

// covers says whether a record had been dealt with.
func (e *entry) covers(r domain.Record) bool {
	if r.Seq > e.reached.at(r.Shard) {
		return false
	}
	seen, waits := e.waiting[r.Topic]
	return !waits || r.Seq <= seen
}
