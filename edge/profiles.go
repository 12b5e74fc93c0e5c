package edge

import (
	"context"
	"errors"
	"maps"
	"sync"

	"parley/domain"
)

// maxProfiles is how many profiles are remembered; a profile weighs some hundred bytes.
const maxProfiles = 100_000

// profiles remembers who people are. The live feed carries every change of a profile, so what is remembered is right; where the feed may have
// missed one, all is forgotten.
type profiles struct {
	log Log
	mu  sync.RWMutex
	m   map[domain.UserID]domain.PersonView
	was map[domain.UserID]domain.PersonView // what was forgotten last: good enough to show, until it is known again
}

// known gives the profile without asking the log.
func (p *profiles) known(u domain.UserID) (domain.PersonView, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, ok := p.m[u]
	return v, ok
}

// shown is the profile as others see it: where it is not remembered, as it was, and where it never was, the id serves as the name.
func (p *profiles) shown(u domain.UserID) domain.PersonView {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if v, ok := p.m[u]; ok {
		return v
	}
	if v, ok := p.was[u]; ok {
		return v
	}
	return domain.PersonView{ID: u, Name: string(u)}
}

// find gives the profile, from the log where it is not remembered. Nobody by that id, or nobody any more: *domain.Error NotFound.
func (p *profiles) find(ctx context.Context, u domain.UserID) (domain.PersonView, error) {
	v, err := p.look(ctx, u)
	if err == nil && v.Deleted {
		return domain.PersonView{}, errNoUser
	}
	return v, err
}

var errNoUser = domain.Refuse(domain.NotFound, "no such user") // never changed

// look is find, but who is gone for good has a profile that says so.
func (p *profiles) look(ctx context.Context, u domain.UserID) (domain.PersonView, error) {
	if v, ok := p.known(u); ok {
		return v, nil
	}
	r, _, err := p.log.Last(ctx, domain.About(u), domain.LaneState, "")
	if err != nil {
		return domain.PersonView{}, err
	}
	switch e := r.Event.(type) {
	case domain.Profiled:
		return p.learn(u, e, false), nil
	case domain.PersonErased:
		return p.remember(deleted(u), true), nil // nothing comes after it
	}
	return domain.PersonView{}, errNoUser
}

// deleted is how somebody is shown who is gone for good.
func deleted(u domain.UserID) domain.PersonView {
	return domain.PersonView{ID: u, Name: "deleted user", Deleted: true}
}

// meet makes the profile known of somebody who has spoken; one who has none is shown by the id.
func (p *profiles) meet(ctx context.Context, u domain.UserID) error {
	_, err := p.look(ctx, u)
	if err != nil && domain.Refusal(err).Code == domain.NotFound {
		p.learn(u, domain.Profiled{Name: string(u)}, false)
		return nil
	}
	return err
}

// learn remembers a profile. What the live feed says replaces what was read from the log, never the other way round.
func (p *profiles) learn(u domain.UserID, e domain.Profiled, live bool) domain.PersonView {
	return p.remember(domain.PersonView{ID: u, Username: e.Username, Name: e.Name, Avatar: e.Avatar}, live)
}

// remember keeps a view in place of another, but that one is newer that says that somebody is gone, and, unless this one is live, any other.
func (p *profiles) remember(v domain.PersonView, live bool) domain.PersonView {
	p.mu.Lock()
	defer p.mu.Unlock()
	if was, ok := p.m[v.ID]; ok && (!live || was.Deleted) {
		return was
	}
	for old := range p.m { // any one will do
		if len(p.m) < maxProfiles {
			break
		}
		delete(p.m, old)
	}
	p.m[v.ID] = v
	return v
}

// forget drops all profiles: the live feed may have missed a change. They are still good enough to show.
func (p *profiles) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.was)+len(p.m) > maxProfiles {
		p.was = nil
	}
	if p.was == nil {
		p.was = make(map[domain.UserID]domain.PersonView, len(p.m))
	}
	maps.Copy(p.was, p.m)
	clear(p.m)
}

// ensure makes a person known to the log who is not yet, as the token or the registration describes them. Who is gone for good is refused with errToken.
func (p *profiles) ensure(ctx context.Context, u domain.UserID, as domain.Profiled) (domain.PersonView, error) {
	v, err := p.look(ctx, u)
	if err != nil && domain.Refusal(err).Code == domain.NotFound {
		var first uint64
		_, err = p.log.Append(ctx, domain.Draft{Topic: domain.About(u), Event: as, Expect: &first})
		if err != nil && !errors.Is(err, domain.ErrRaced) { // raced: another edge has made them known
			return v, err
		}
		v, err = p.look(ctx, u)
	}
	if err == nil && v.Deleted {
		return domain.PersonView{}, errToken
	}
	return v, err
}
