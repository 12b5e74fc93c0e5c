package journal

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"parley/domain"
)

// liveQueue is how many live copies may wait for deliver. Beyond it copies are lost, which is logged and told.
const liveQueue = 8192

// electedPrefix is where the servers say that a stream, whose name follows, has another leader.
const electedPrefix = "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED."

// Live hands on copies of events as they are stored: of all group states and all that is about persons, and of whom and what it follows.
type Live struct {
	j         *Journal
	deliver   func(domain.Record)
	lost      func()
	copies    chan *nats.Msg   // shared by all subscriptions, so that order holds across them
	renewed   chan nats.Status // says when the connection is there again, before its first copy comes
	elected   chan *nats.Msg   // says when any stream has another leader
	fences    chan chan struct{}
	elections *nats.Subscription
	life      context.Context // ends with Close
	end       context.CancelFunc
	worker    sync.WaitGroup

	// The worker alone uses these.
	seen []window // by shard
	ends []fence  // those that copies are before still, in the order of their ends
	due  int      // copies until lost is to be called for want of room; 0: no copy is known to have been lost so

	mu   sync.Mutex
	subs map[string]*interest // by name; nil when closed
}

// fence is closed when some more copies have been delivered.
type fence struct {
	left int
	done chan struct{}
}

// interest is what has been asked for under one name, however often.
type interest struct {
	subs  []*nats.Subscription
	count int
}

// window remembers the latest sequences of a shard, to know an event that comes through several subscriptions.
type window [256]uint64

// add says whether seq is new.
func (w *window) add(seq uint64) bool {
	slot := &w[seq%uint64(len(w))]
	if *slot == seq {
		return false
	}
	*slot = seq
	return true
}

// Live begins with the state lanes of all groups, and with all lanes of persons. deliver gets the copies one at a time, in the order in which they came, from
// one goroutine; an event that several interests cover comes once. Where copies may have been lost, lost is called in their place on the
// same goroutine: after the connection was lost, once the servers know of all subscriptions again; where deliver has been too slow; for a copy
// that cannot be read, unless it is of a kind that only newer versions know: such are left out; and where a stream has another leader. All that was lost is in the log then, and nothing later has been delivered before, but in the
// last case: the former leader may have sent no copies of the last that it stored, and the new one some already. What is lost between the servers of
// a cluster is not told. Record.Prev shows some of that, but only within a lane. Neither may call Close.
func (j *Journal) Live(deliver func(domain.Record), lost func()) (*Live, error) {
	l := &Live{
		j: j, deliver: deliver, lost: lost, copies: make(chan *nats.Msg, liveQueue), renewed: j.conn.StatusChanged(nats.CONNECTED),
		elected: make(chan *nats.Msg, 64), fences: make(chan chan struct{}),
		seen: make([]window, j.Shards()), subs: map[string]*interest{},
	}
	l.life, l.end = context.WithCancel(j.life)
	l.worker.Go(l.work)
	var err error
	if l.elections, err = j.conn.ChanSubscribe(electedPrefix+"*", l.elected); err != nil {
		err = unavailable(plain(err))
	} else {
		err = l.follow("", "group.*.state", "person.>")
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// FollowPerson adds all direct conversations of u. When it returns the servers know of it: what is stored from now on comes. It costs a
// round trip, shared by calls at the same time. Who follows twice unfollows twice. The error is Unavailable.
func (l *Live) FollowPerson(u domain.UserID) error {
	return l.follow("person "+string(u), "user."+string(u)+".>", "user.*."+string(u)+".>")
}

// UnfollowPerson ends FollowPerson; copies that are on their way still come.
func (l *Live) UnfollowPerson(u domain.UserID) { l.unfollow("person " + string(u)) }

// FollowGroup adds all of a group, as FollowPerson does.
func (l *Live) FollowGroup(g domain.GroupID) error {
	return l.follow("group "+string(g), "group."+string(g)+".>")
}

// UnfollowGroup ends FollowGroup; the group's state goes on coming.
func (l *Live) UnfollowGroup(g domain.GroupID) { l.unfollow("group " + string(g)) }

func (l *Live) follow(name string, subjects ...string) error {
	if err := l.subscribe(name, subjects); err != nil {
		return unavailable(fmt.Errorf("follow %s: %w", name, err))
	}
	if err := l.j.hear(l.j.life); err != nil {
		l.unfollow(name)
		return unavailable(fmt.Errorf("follow %s: %w", name, err))
	}
	return nil
}

func (l *Live) subscribe(name string, subjects []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subs == nil {
		return errClosed
	}
	if i := l.subs[name]; i != nil {
		i.count++
		return nil
	}
	var subs []*nats.Subscription
	for _, s := range subjects {
		sub, err := l.j.conn.ChanSubscribe(livePrefix+logPrefix+"*."+s, l.copies)
		if err != nil {
			drop(subs)
			return err
		}
		subs = append(subs, sub)
	}
	l.subs[name] = &interest{subs, 1}
	return nil
}

func (l *Live) unfollow(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.subs[name]
	if i == nil {
		return
	}
	if i.count--; i.count == 0 {
		drop(i.subs)
		delete(l.subs, name)
	}
}

func drop(subs []*nats.Subscription) {
	for _, s := range subs {
		_ = s.Unsubscribe() // fails only where the connection is closed, and the subscription with it
	}
}

// Close ends the delivery; when it returns, neither deliver nor lost runs any more.
func (l *Live) Close() {
	l.mu.Lock()
	open := l.subs != nil
	for _, i := range l.subs {
		drop(i.subs)
	}
	l.subs = nil
	if l.elections != nil {
		drop([]*nats.Subscription{l.elections})
	}
	l.mu.Unlock()
	l.end()
	l.worker.Wait()
	if open {
		l.j.conn.RemoveStatusListener(l.renewed)
	}
}

func (l *Live) work() {
	for {
		select {
		case m := <-l.copies:
			select { // a copy may have come by the new connection
			case <-l.renewed:
				l.resume()
			default:
			}
			l.pass(m)
			l.overflow()
			l.passFences(1)
		case <-l.renewed:
			l.resume()
		case m := <-l.elected:
			if strings.HasPrefix(m.Subject, electedPrefix+streamPrefix) {
				l.lost()
			}
		case done := <-l.fences:
			select { // copies that came before it may have been lost with the former connection
			case <-l.renewed:
				l.resume()
			default:
			}
			l.ends = append(l.ends, fence{len(l.copies), done})
			l.passFences(0)
		case <-l.life.Done():
			return
		}
	}
}

// Fence returns when deliver has had, or lost has stood for, all copies of what had been stored when it was called, as far as it was followed then. It costs a
// round trip to each shard's leader, shared by calls at the same time; the error is Unavailable.
func (l *Live) Fence(ctx context.Context) error {
	// The leader answers on the way by which it sends the copies.
	if _, err := l.j.heard.join(ctx, l.j.life); err != nil {
		return unavailable(err)
	}
	done := make(chan struct{})
	select {
	case l.fences <- done:
	case <-l.life.Done():
		return unavailable(errClosed)
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
	select {
	case <-done:
		return nil
	case <-l.life.Done():
		return unavailable(errClosed)
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// passFences notes that so many copies were delivered.
func (l *Live) passFences(copies int) {
	for i := range l.ends {
		l.ends[i].left -= copies
	}
	for len(l.ends) > 0 && l.ends[0].left <= 0 {
		close(l.ends[0].done)
		l.ends = l.ends[1:]
	}
}

// resume goes on after the connection was lost. Copies wait until the servers know again what is followed: none may overtake one that
// still is lost.
func (l *Live) resume() {
	if err := l.j.hear(l.life); err != nil && l.life.Err() == nil { // where it has broken again, it will be renewed again
		l.j.log.Warn("the servers may not know yet which live copies are wanted", "error", err)
	}
	l.lost()
}

// overflow calls lost where there was no room for a copy. That can only be where the queue is full, or one short of it now that one has been
// taken. What came after the lost one is behind nearly as many as the queue holds: half of them later is soon enough for all that are lost
// meanwhile.
func (l *Live) overflow() {
	switch {
	case l.due > 1:
		l.due--
	case l.due == 1:
		l.due = 0
		l.lost()
	}
	if l.due == 0 && len(l.copies) >= liveQueue-1 {
		l.due = liveQueue / 2
	}
}

// pass delivers a copy, once.
func (l *Live) pass(m *nats.Msg) {
	r, err := l.j.fromHeaders(m)
	if isUnknown(err) { // clients of this version would not know it either
		l.j.log.Debug("a live copy is of a newer version and is left out", "error", err)
		return
	}
	if err != nil {
		l.j.log.Error("a live copy cannot be read and is left out", "subject", m.Subject, "error", err)
		l.lost()
		return
	}
	l.j.saw(r.Shard, r.Seq)
	if l.seen[r.Shard].add(r.Seq) {
		l.deliver(r)
	}
}

// hear waits until the log's servers know of every subscription made before. Where a shard has no leader just now, its next one will: it
// is enough then that our own server knows.
func (j *Journal) hear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := j.heard.join(ctx, j.life); err == nil {
		return nil
	}
	return j.conn.FlushWithContext(ctx)
}
