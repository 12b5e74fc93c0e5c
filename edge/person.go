package edge

import (
	"context"
	"sync/atomic"
	"time"

	"parley/domain"
	"parley/edge/socketio"
)

// person is somebody with at least one device connected to this edge.
type person struct {
	id   domain.UserID
	view domain.PersonView

	sessions atomic.Pointer[[]*session] // read without a lock, replaced under hub.mu
	back     *returning                 // whom this one stands for, who comes back; nil for somebody who is here
	owed     atomic.Int32               // how much goes on by which they will be told what they have not been told yet
	erased   atomic.Bool                // gone for good: nothing more is done for their devices

	// These are guarded by hub.mu.
	entered       bool // a device has come so far that others may see it
	status        domain.Status
	statusSeq     uint64 // where the log says so; 0: not that we knew
	following     bool   // the feed of their direct conversations is open
	friends       []*watched
	changed       map[domain.UserID]bool // friendships that changed while friends were being read; nil afterwards
	conversations map[*conversation]struct{}
	from          []domain.Position // by shard: what is stored later they are to hear; nil until that is known

	settled chan struct{} // closed when all of it is there, or err says why not
	err     error
}

// send queues a packet for all of the person's devices.
func (p *person) send(packet *socketio.Packet) {
	for _, s := range *p.sessions.Load() {
		s.socket.Send(packet) // a device that is gone, or too slow, is cut off and comes back
	}
}

// connection gives the id of the oldest connection; "" for none.
func (p *person) connection() string {
	sessions := *p.sessions.Load()
	if len(sessions) == 0 {
		return ""
	}
	return sessions[len(sessions)-1].id
}

// enter adds a device. When it returns, nothing that is stored later than its entry is missed by it. offset is that entry's; sure says whether it is
// certain.
func (h *hub) enter(ctx context.Context, s *session, view domain.PersonView, back bool) (offset string, sure bool, err error) {
	if err := h.settle(ctx, s, view); err != nil {
		return "", false, err
	}
	p, within := s.person, time.Second
	if back {
		within = patience
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_, failed := h.fence(ctx) // who comes anew does without
	for pause := time.Millisecond; back && failed == nil && !h.ledger.certain(p.id); pause *= 2 {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			failed = ctx.Err()
		}
	}
	offset, sure = h.ledger.join(s)
	h.mu.Lock()
	p.entered = true
	h.mu.Unlock()
	h.edge.presence.update(p.id)
	return offset, sure && failed == nil, nil
}

// pay notes that something has ended that was owed to a person.
func (h *hub) pay(p *person) {
	if p.owed.Add(-1) == 0 {
		h.ledger.settle(p)
	}
}

// settle adds a device to a person, and the person with the first one.
func (h *hub) settle(ctx context.Context, s *session, view domain.PersonView) error {
	h.mu.Lock()
	p := h.people[view.ID]
	first := p == nil
	if first {
		p = &person{id: view.ID, view: view, status: domain.StatusOnline, settled: make(chan struct{}),
			changed: map[domain.UserID]bool{}, conversations: map[*conversation]struct{}{}}
		p.sessions.Store(&[]*session{})
		h.people[p.id] = p
	}
	s.person = p
	all := append([]*session{s}, *p.sessions.Load()...)
	p.sessions.Store(&all)
	h.mu.Unlock()
	if now, err := h.profiles.look(ctx, p.id); err == nil && now.Deleted { // since view was read; what comes later cuts off this device, too
		p.erased.Store(true)
	}

	if first { // for all who come meanwhile, so it does not end with this one's connection
		ctx, cancel := context.WithTimeout(h.edge.ctx, patience)
		defer cancel()
		p.err = h.settleIn(ctx, p)
		close(p.settled)
	}
	select {
	case <-p.settled:
	case <-ctx.Done():
		h.leave(s)
		return ctx.Err()
	}
	err := p.err
	if err == nil && p.erased.Load() {
		err = errToken
	}
	if err != nil {
		h.leave(s)
	}
	return err
}

// settleIn begins to follow all that concerns a person and reads who their friends and groups are.
func (h *hub) settleIn(ctx context.Context, p *person) error {
	if err := h.live.FollowPerson(p.id); err != nil {
		return err
	}
	h.mu.Lock()
	p.following = true
	h.mu.Unlock()
	if err := h.readStatus(ctx, p.id); err != nil { // before anybody may see them
		return err
	}
	ends, err := h.edge.Log.Ends(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	p.from = ends
	h.mu.Unlock()
	friends, err := h.friendsAt(ctx, p, ends)
	if err != nil { // the rest follows when they are there again
		h.befriended(p, nil)
		h.resettle(p)
		return nil
	}
	for _, f := range friends {
		switch {
		case f.Deleted:
			h.profiles.remember(f.PersonView, false)
		case f.Name != "": // else the read models do not know them yet
			h.profiles.learn(f.ID, domain.Profiled{Username: f.Username, Name: f.Name, Avatar: f.Avatar}, false)
		}
	}
	h.befriended(p, friends)
	groups, err := h.edge.Views.Groups(ctx, p.id)
	if err != nil {
		h.resettle(p)
		return nil
	}
	first := make(chan error, 1)
	p.owed.Add(1)
	h.edge.spawn(func() {
		defer h.pay(p)
		h.until([]*person{p}, func(ctx context.Context) error {
			err := h.admitAll(ctx, p, groups)
			select {
			case first <- err:
			default: // nobody waits any more
			}
			return err
		})
	})
	select {
	case err := <-first:
		return err
	case <-time.After(followWithin):
	case <-ctx.Done():
	}
	return nil
}

// followWithin is how long who enters waits for all groups to be followed. Those that are not by then follow after, and what was said in them
// meanwhile is heard then.
const followWithin = 2 * time.Second

// friendsAt gives a person's friends as of some ends of the log. Where the read models are behind, it gives those alone whom the log confirms, so that
// nobody is seen by whom they have removed or blocked, and the person is settled again later.
func (h *hub) friendsAt(ctx context.Context, p *person, ends []domain.Position) ([]domain.FriendView, error) {
	behind, late := h.edge.await(ctx, ends)
	friends, err := h.edge.Views.Friends(ctx, p.id)
	if err != nil || late == nil && behind == 0 {
		return friends, err
	}
	h.resettle(p)
	return h.confirm(ctx, p.id, friends), nil
}

// admitAll lets a person hear their groups, for as long as they are here, some at a time so that the broker is asked once for many.
func (h *hub) admitAll(ctx context.Context, p *person, groups []domain.GroupView) error {
	errs := make(chan error, len(groups))
	inTurns(groups, func(g domain.GroupView) {
		var in bool
		var err error
		for !in && err == nil && h.isHere(p) {
			in, err = h.conversation(domain.InGroup(g.ID)).admit(ctx, p)
		}
		errs <- err
	})
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// isHere says whether a person has not gone, nor gone and come back.
func (h *hub) isHere(p *person) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.people[p.id] == p
}

// isSettled says whether who and what concerns a person is known, and they are in, or cannot be let in.
func (p *person) isSettled() bool {
	select {
	case <-p.settled:
		return true
	default:
		return false
	}
}

// leave takes a device away, and the person with the last one.
func (h *hub) leave(s *session) {
	h.ledger.leave(s)
	h.mu.Lock()
	p := s.person
	var left []*session
	for _, other := range *p.sessions.Load() {
		if other != s {
			left = append(left, other)
		}
	}
	p.sessions.Store(&left)
	last := len(left) == 0 && h.people[p.id] == p
	var conversations map[*conversation]struct{}
	if last {
		delete(h.people, p.id)
		delete(h.unsettled, p)
		for _, w := range p.friends {
			h.unwatch(p, w)
		}
		p.friends = nil
		conversations, p.conversations = p.conversations, map[*conversation]struct{}{}
	}
	h.mu.Unlock()
	if last {
		for c := range conversations {
			c.dismiss(p)
		}
		if <-p.settled; p.following {
			h.live.UnfollowPerson(p.id)
		}
	}
	h.edge.presence.update(p.id)
}
