package journal

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"

	"parley/domain"
)

// liveQueue is how many live copies may wait for deliver. Beyond it copies are lost, which is logged and shows by Record.Prev.
const liveQueue = 8192

// Live hands on copies of events as they are stored: of all group and person states, and of whom and what it follows.
type Live struct {
	j       *Journal
	deliver func(domain.Record)
	copies  chan *nats.Msg // shared by all subscriptions, so that order holds across them
	quit    chan struct{}
	worker  sync.WaitGroup
	seen    []window // by shard; used by the worker alone

	mu   sync.Mutex
	subs map[string]*interest // by name; nil when closed
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

// Live begins with the state lanes of all groups and persons. deliver gets the copies one at a time, in the order in which they came, from
// one goroutine; an event that several interests cover comes once. A connection's loss, or a deliver that is too slow, leaves holes:
// Record.Prev shows them. deliver must not call Close.
func (j *Journal) Live(deliver func(domain.Record)) (*Live, error) {
	l := &Live{
		j: j, deliver: deliver, copies: make(chan *nats.Msg, liveQueue), quit: make(chan struct{}),
		seen: make([]window, j.Shards()), subs: map[string]*interest{},
	}
	l.worker.Go(l.work)
	if err := l.follow("", "group.*.state", "person.*.state"); err != nil {
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
	if err := l.j.hear(); err != nil {
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

// Close ends the delivery; when it returns, deliver runs no more.
func (l *Live) Close() {
	l.mu.Lock()
	open := l.subs != nil
	for _, i := range l.subs {
		drop(i.subs)
	}
	l.subs = nil
	l.mu.Unlock()
	if open {
		close(l.quit)
	}
	l.worker.Wait()
}

func (l *Live) work() {
	for {
		select {
		case m := <-l.copies:
			l.pass(m)
		case <-l.quit:
			return
		case <-l.j.life.Done():
			return
		}
	}
}

// pass delivers a copy, once.
func (l *Live) pass(m *nats.Msg) {
	r, err := l.j.fromHeaders(m)
	if err != nil {
		l.j.log.Error("a live copy cannot be read and is left out", "subject", m.Subject, "error", err)
		return
	}
	if l.seen[r.Shard].add(r.Seq) {
		l.deliver(r)
	}
}

// hear waits until the log's servers know of every subscription made before. Where a shard has no leader just now, its next one will: it
// is enough then that our own server knows.
func (j *Journal) hear() error {
	ctx, cancel := context.WithTimeout(j.life, patience)
	defer cancel()
	if _, err := j.heard.join(ctx, j.life); err == nil {
		return nil
	}
	return j.conn.FlushWithContext(ctx)
}
