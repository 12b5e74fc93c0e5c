package edge

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/domain"
)

type farewell struct {
	Body *struct {
		Password string `json:"password,omitempty" maxLength:"256" doc:"Of those who have an account here"`
	}
}

func (e *Edge) serveErasure(api huma.API) {
	op := secured(http.MethodDelete, "/api/me", "eraseMe", "Erase oneself, with all that one has said, for good")
	op.DefaultStatus = http.StatusNoContent
	op.Description = "From the answer on nobody is signed in any more as this person, and others see a deleted user. What was said is overwritten " +
		"in the log soon after. It cannot be undone."
	huma.Register(api, op, func(ctx context.Context, in *farewell) (*struct{}, error) {
		password := ""
		if in.Body != nil {
			password = in.Body.Password
		}
		if err := e.eraseMe(ctx, caller(ctx).id, password); err != nil {
			return nil, e.problem(err)
		}
		return nil, nil
	})
}

// eraseMe begins to erase whoever asks for it, if it is the person. Nothing is done before all that is needed for it can be had. When it returns, they
// are gone for everybody, and those concerned have been told, as far as there was time for it; the rest follows.
func (e *Edge) eraseMe(ctx context.Context, me domain.UserID, password string) error {
	if err := e.people.take(string(me), deciding, 1, time.Now()); err != nil {
		return err
	}
	last, username, err := e.ofPerson(ctx, me)
	if err != nil {
		return err
	}
	if err := e.isReally(ctx, me, username, password); err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := e.caughtUp(soon); err != nil {
		return err
	}
	if _, err := e.Views.Topics(soon, me); err != nil {
		return err
	}
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), patience) // once begun it does not end with the request
	defer end()
	for {
		_, err := e.Log.Append(ctx, domain.Draft{Topic: domain.About(me), Event: domain.PersonErased{}, Expect: &last})
		if err == nil {
			break
		}
		if errors.Is(err, domain.ErrRaced) { // maybe by a second such request: then they are gone already
			last, _, err = e.ofPerson(ctx, me)
		}
		if err != nil {
			return err
		}
	}
	e.hub.erased(me)
	select {
	case <-e.erasures.begin(e, me):
	case <-ctx.Done():
	}
	return nil
}

// ofPerson gives where the last event of a person's state is, and the username. Who is gone already is refused with errToken.
func (e *Edge) ofPerson(ctx context.Context, u domain.UserID) (last uint64, username string, err error) {
	records, err := e.Log.State(ctx, domain.About(u), 0)
	for _, r := range records {
		last = r.Seq
		switch e := r.Event.(type) {
		case domain.Profiled:
			username = e.Username
		case domain.PersonErased:
			return last, username, errToken
		}
	}
	return last, username, err
}

// isReally says nil where a password is the person's, or they have no account here. That it is wrong is Forbidden and not Unauthenticated, as it is to
// who signs in: the token is good, and a client that is told otherwise would sign them out for a slip of the finger.
func (e *Edge) isReally(ctx context.Context, u domain.UserID, username, password string) error {
	if username == "" {
		return nil
	}
	a, err := e.Accounts.Account(ctx, username)
	if err != nil && domain.Refusal(err).Code != domain.NotFound {
		return err
	}
	switch {
	case err != nil || a.ID != u: // another application's, who is called so there
		return nil
	case password == "":
		return domain.Refuse(domain.Malformed, "password must be given: you have an account here")
	}
	same, err := e.guess(ctx, username, func() (bool, error) { return e.passwords.match(ctx, password, a.Password) })
	if err == nil && !same {
		err = domain.Refuse(domain.Forbidden, "the password is wrong")
	}
	return err
}

// caughtUp waits until the read models hold all that was in the log when it was called. Where they do not get there until ctx ends, or are away, it says
// so with code Unavailable.
func (e *Edge) caughtUp(ctx context.Context) error {
	ends, err := e.Log.Ends(ctx)
	for missing := uint64(1); err == nil; {
		if missing, err = e.await(ctx, ends); err == nil && missing == 0 {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
	}
	late := domain.Refuse(domain.Unavailable, "it is not known yet where you have said something; try again in a moment")
	late.Cause = errors.Join(errBehind, err)
	return late
}

// isErased says whether somebody is gone for good: by the log, or where that is away by the read models.
func (e *Edge) isErased(ctx context.Context, u domain.UserID) bool {
	within, cancel := context.WithTimeout(ctx, viewLag)
	defer cancel()
	v, err := e.hub.profiles.look(within, u)
	if err != nil && domain.Refusal(err).Code != domain.NotFound {
		v, _ = e.Views.Person(ctx, u)
	}
	return v.Deleted
}

// erased goes by the log's saying that somebody is gone for good: they are at home nowhere any more, and seen so by nobody.
func (h *hub) erased(u domain.UserID) {
	h.profiles.remember(deleted(u), true)
	h.mu.RLock()
	p := h.people[u]
	h.mu.RUnlock()
	if p != nil {
		p.erased.Store(true)
	}
	h.edge.presence.update(u)
	h.edge.presence.hide(u, ^uint64(0))
	if p == nil {
		return
	}
	for _, s := range *p.sessions.Load() { // one that comes later sees the mark
		s.socket.Disconnect(true)
	}
}
