package journal

import (
	"crypto/rand"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
)

// The most that is a group. The server takes a thousand messages in one batch.
const (
	maxGroup      = 1000
	maxGroupBytes = 4 << 20
)

// Headers by which messages are one batch: all of them are stored, or none is.
const (
	headerBatch       = "Nats-Batch-Id"
	headerBatchSeq    = "Nats-Batch-Sequence"
	headerBatchCommit = "Nats-Batch-Commit"
)

// group is what was published together and has one acknowledgement.
type group struct {
	shard  int
	drafts []*pending // nil for those that were given up
	sent   time.Time
}

// messages gives what to publish for a group, of which the last one asks for the acknowledgement.
func (g *group) messages(reply string) []*nats.Msg {
	batch := ""
	if len(g.drafts) > 1 {
		batch = rand.Text()
	}
	msgs := make([]*nats.Msg, len(g.drafts))
	for i, p := range g.drafts {
		msgs[i] = p.msg
		p.msg.Reply = ""
		for _, key := range []string{headerBatch, headerBatchSeq, headerBatchCommit} {
			delete(p.msg.Header, key) // it may have been in another group before
		}
		if batch != "" {
			p.msg.Header[headerBatch], p.msg.Header[headerBatchSeq] = []string{batch}, []string{strconv.Itoa(i + 1)}
		}
	}
	last := msgs[len(msgs)-1]
	last.Reply = reply
	if batch != "" {
		last.Header[headerBatchCommit] = []string{"1"}
	}
	return msgs
}

// line is what waits to be stored in a shard, and what is on its way there.
//
// A group is synced to the disk once, and each event that is stored by itself is synced by itself. But the server keeps a group in files of its own until it has
// all of it, which takes as long as some dozens of events, by the disk: so a group is worth it only where more than that wait. How many is found out by the
// line: it is a window, as many events as may be on their way one by one. What comes while it is full makes up a group.
type line struct {
	grouped bool // it may take groups; else everything goes at once
	queue   []*pending
	flying  int  // how many are on their way
	closed  bool // a group is, and nothing else goes before its answer

	most   int           // how many the next group may hold
	doubts int           // how many at the front of the queue were refused as a group, without those that were stored since
	trust  int           // how many a group may hold where there is no doubt: fewer while much comes that cannot be in one, as when all send again
	window int           // how many must wait for a group to be made
	each   time.Duration // what one by itself takes the server, lately
	landed time.Time     // when the last answer came
	tried  time.Time     // when the window was last changed, or left as it is
	fault  fault
}

const firstWindow, leastWindow, mostWindow = 16, 8, 512

func newLine(grouped bool) line {
	return line{grouped: grouped, most: maxGroup, trust: maxGroup, window: firstWindow}
}

// take gives what is to be published next; nil for nothing.
func (l *line) take() []*pending {
	if len(l.queue) == 0 || l.closed || l.grouped && l.flying >= l.window {
		return nil
	}
	n := 1
	if l.grouped {
		if fits := l.fits(); fits >= l.window {
			n, l.closed = fits, true
		} else {
			l.clear(1) // it will have an answer of its own
		}
	}
	drafts := slices.Clone(l.queue[:n])
	l.queue = l.queue[n:]
	l.flying += n
	return drafts
}

// fits says how many of those that wait can be one group. Within a group, the server cannot check what is expected of a subject to which the same group writes.
func (l *line) fits() (n int) {
	most := min(len(l.queue), l.most)
	if most < l.window {
		return 0
	}
	bytes, written := 0, make(map[string]bool, most)
	for _, p := range l.queue[:most] {
		bytes += p.size
		if bytes > maxGroupBytes || written[p.msg.Subject] && p.msg.Header.Get(jetstream.ExpectedLastSubjSeqHeader) != "" {
			break
		}
		written[p.msg.Subject] = true
		n++
	}
	return n
}

// answered takes note of the answer to a group; false says that all of it was refused and is to be tried again. It had something in it that cannot be stored,
// a lost race or what is there already, and the server does not say what: groups are halved, until those that are left go one by one.
func (l *line) answered(g *group, now time.Time, at domain.Stored, err error) bool {
	l.gone(g)
	n, begun := len(g.drafts), g.sent
	if l.landed.After(begun) {
		begun = l.landed
	}
	took := now.Sub(begun)
	l.landed = now
	if n > 1 {
		l.tried = now
	} else if l.flying >= leastWindow && now.Sub(l.tried) >= time.Second { // it may be worth it by now
		l.window, l.tried = max(l.window*3/4, leastWindow), now
	}
	switch {
	case n > 1 && err != nil:
		left := slices.DeleteFunc(g.drafts, func(p *pending) bool { return p == nil })
		l.queue = slices.Concat(left, l.queue)
		l.doubts, l.most = len(left), len(left)/2
		return false
	case n == 1 && l.each == 0:
		l.each = took
	case n == 1:
		l.each += (took - l.each) / 32 // answers come in bunches
	case took > l.each*time.Duration(n): // it was not worth it
		l.window = min(2*l.window, mostWindow)
	case took < l.each*time.Duration(n)/2:
		l.window = max(l.window*3/4, leastWindow)
	}
	if err != nil || at.Duplicate {
		l.trust /= 2
	} else {
		l.trust = min(l.trust+n, maxGroup)
	}
	if n > 1 {
		l.clear(n)
	} else {
		l.clear(0)
	}
	return true
}

// clear takes note that n more of those in doubt are all right, or go alone. What spoils a group is among the others.
func (l *line) clear(n int) {
	if l.doubts = max(l.doubts-n, 0); l.doubts > 0 {
		l.most = l.doubts / 2
	} else {
		l.most = l.trust
	}
}

// gone takes note that a group is not on its way any more.
func (l *line) gone(g *group) {
	l.flying -= len(g.drafts)
	if len(g.drafts) > 1 {
		l.closed = false
	}
}
