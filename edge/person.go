package edge

import (
	"context"
	"sync"
	"sync/atomic"

	"parley/domain"
	"parley/edge/socketio"
)

// person is somebody with at least one device connected to this edge.
type person struct {
	id   domain.UserID
	view domain.PersonView

	sessions atomic.Pointer[[]*session] // read without a lock, replaced under hub.mu

	// These are guarded by hub.mu.
	following     bool // the feed of their direct conversations is open
	friends       map[domain.UserID]struct{}
	changed       map[domain.UserID]bool // friendships that changed while friends were being read; nil afterwards
	conversations map[*conversation]struct{}

	settled chan struct{} // closed when all of it is there, or err says why not
	err     error
}

// send queues a packet for all of the person's devices.
func (p *person) send(packet *socketio.Packet) {
	for _, s := range *p.sessions.Load() {
		s.socket.Send(packet) // a device that is gone, or too slow, is cut off and comes back
	}
}

// enter adds a device. When it returns, nothing that is stored later is missed by it.
func (h *hub) enter(ctx context.Context, s *session, view domain.PersonView) error {
	h.mu.Lock()
	p := h.people[view.ID]
	first := p == nil
	if first {
		p = &person{id: view.ID, view: view, settled: make(chan struct{}), friends: map[domain.UserID]struct{}{},
			changed: map[domain.UserID]bool{}, conversations: map[*conversation]struct{}{}}
		p.sessions.Store(&[]*session{})
		h.people[p.id] = p
	}
	s.person = p
	all := append([]*session{s}, *p.sessions.Load()...)
	p.sessions.Store(&all)
	h.mu.Unlock()

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
	if p.err != nil {
		h.leave(s)
		return p.err
	}
	h.edge.presence.update(p.id, true)
	return nil
}

// settleIn begins to follow all that concerns a person and reads who their friends and groups are.
func (h *hub) settleIn(ctx context.Context, p *person) error {
	if err := h.live.FollowPerson(p.id); err != nil {
		return err
	}
	h.mu.Lock()
	p.following = true
	h.mu.Unlock()
	ends, err := h.edge.Log.Ends(ctx)
	if err != nil {
		return err
	}
	if _, err := h.edge.await(ctx, ends); err != nil { // behind is better than not at all
		return err
	}
	friends, err := h.edge.Views.Friends(ctx, p.id)
	if err != nil {
		return err
	}
	for _, f := range friends {
		if f.Name != "" { // else the read models do not know them yet
			h.profiles.learn(f.ID, domain.Profiled{Username: f.Username, Name: f.Name, Avatar: f.Avatar}, false)
		}
	}
	h.mu.Lock()
	for _, f := range friends {
		if _, newer := p.changed[f.ID]; !newer && h.people[p.id] == p {
			h.watch(p, f.ID, true)
		}
	}
	p.changed = nil
	h.mu.Unlock()
	groups, err := h.edge.Views.Groups(ctx, p.id)
	if err != nil {
		return err
	}
	return h.admitAll(ctx, p, groups)
}

// admitAll lets a person hear their groups, some at a time so that the broker is asked once for many.
func (h *hub) admitAll(ctx context.Context, p *person, groups []domain.GroupView) error {
	var wait sync.WaitGroup
	turns := make(chan struct{}, 16)
	errs := make([]error, len(groups))
	for i, g := range groups {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			for in := false; !in && errs[i] == nil; {
				in, errs[i] = h.conversation(domain.InGroup(g.ID)).admit(ctx, p)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// leave takes a device away, and the person with the last one.
func (h *hub) leave(s *session) {
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
		for f := range p.friends {
			h.watch(p, f, false)
		}
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
	h.edge.presence.update(p.id, false)
}
