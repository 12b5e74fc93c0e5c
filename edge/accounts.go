package edge

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/domain"
)

type registration struct {
	Body struct {
		Username string `json:"username" doc:"1 to 32 letters, digits, _, . and -; case does not tell names apart"`
		Password string `json:"password" minLength:"8" maxLength:"256"`
		Name     string `json:"name,omitempty" doc:"What others see; the username where it is left out"`
	}
}

type login struct {
	Body struct {
		Username string `json:"username" maxLength:"256"`
		Password string `json:"password" maxLength:"256"`
	}
}

type signedIn struct {
	Body struct {
		User  domain.PersonView `json:"user"`
		Token string            `json:"token" doc:"For Authorization: Bearer …, and for Socket.IO's auth.token"`
	}
}

func (e *Edge) serveAccounts(api huma.API) {
	register := huma.Operation{Method: http.MethodPost, Path: "/api/register", OperationID: "register", Summary: "Make an account and sign in",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: maxBody, BodyReadTimeout: bodyFor}
	huma.Register(api, register, func(ctx context.Context, in *registration) (*signedIn, error) {
		if err := e.strangers.take(addressOf(ctx), signing, 1, time.Now()); err != nil {
			return nil, e.problem(err)
		}
		return e.answerSignIn(e.register(ctx, in.Body.Username, in.Body.Password, in.Body.Name))
	})
	signIn := huma.Operation{Method: http.MethodPost, Path: "/api/login", OperationID: "login", Summary: "Sign in",
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyFor}
	huma.Register(api, signIn, func(ctx context.Context, in *login) (*signedIn, error) {
		if err := e.strangers.take(addressOf(ctx), signing, 1, time.Now()); err != nil {
			return nil, e.problem(err)
		}
		return e.answerSignIn(e.login(ctx, in.Body.Username, in.Body.Password))
	})
}

// register makes an account. Once begun it does not end with the request. Should the edge die half-way, or the log not say whether the person
// is known, signing in completes it; only what is certainly refused leaves no account.
func (e *Edge) register(ctx context.Context, username, password, name string) (view domain.PersonView, err error) {
	if name == "" {
		name = username
	}
	if username, err = domain.ParseUsername(username); err != nil {
		return view, err
	}
	if name, err = domain.ParseName(name); err != nil {
		return view, err
	}
	hash, err := e.passwords.hash(ctx, password)
	if err != nil {
		return view, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	a := domain.Account{Username: username, ID: domain.UserID(newID()), Password: hash}
	if err := e.Accounts.CreateAccount(ctx, a); err != nil {
		return view, err
	}
	view, err = e.hub.profiles.ensure(ctx, a.ID, domain.Profiled{Username: username, Name: name})
	if err == nil {
		return view, nil
	}
	left := err
	if ctx.Err() == nil && domain.Refusal(err).Code != domain.Unavailable { // else they may be known, and be nobody's without the account
		left = e.Accounts.EraseAccount(ctx, username, a.ID)
	}
	if left != nil {
		e.logger.Warn("an account is left whose person may not be known; signing in completes it", "username", username, "error", left)
	}
	return view, err
}

// login finds whose username and password these are. It takes as long for an unknown name as for a known one, and says no more.
func (e *Edge) login(ctx context.Context, username, password string) (view domain.PersonView, err error) {
	var a domain.Account
	same, err := e.guess(ctx, username, func() (bool, error) {
		if a, err = e.Accounts.Account(ctx, username); err != nil && domain.Refusal(err).Code != domain.NotFound {
			return false, err
		}
		return e.passwords.match(ctx, password, a.Password)
	})
	if err != nil {
		return view, err
	}
	if same {
		view, err = e.hub.profiles.ensure(ctx, a.ID, domain.Profiled{Username: a.Username, Name: a.Username})
	}
	if !same || err == errToken { // the account of somebody who has just been erased is about to be
		return view, domain.Refuse(domain.Unauthenticated, "username or password is wrong")
	}
	return view, err
}

// guess finds out whether a password is an account's. Wrong ones count for the account: from one address, so that who tries there has to wait and not whose
// account it is, and from everywhere, so that many addresses do not try as many at once. They are counted before anything is done for them.
func (e *Edge) guess(ctx context.Context, username string, isRight func() (bool, error)) (right bool, err error) {
	account, begun := cut(strings.ToLower(strings.ToUpper(username)), domain.MaxUsername), time.Now() // of some letters there are two in lower case
	from := addressOf(ctx) + " " + account
	if err := e.strangers.take(from, guessing, 1, begun); err != nil {
		return false, err
	}
	if err := e.strangers.take(account, everywhere, 1, begun); err != nil {
		return false, err
	}
	if right, err = isRight(); right || err != nil {
		e.strangers.giveBack(from, guessing, 1, begun)
		e.strangers.giveBack(account, everywhere, 1, begun)
	}
	return right, err
}

func (e *Edge) answerSignIn(view domain.PersonView, err error) (*signedIn, error) {
	if err != nil {
		return nil, e.problem(err)
	}
	out := &signedIn{}
	out.Body.User = view
	if out.Body.Token, err = e.Tokens.Issue(view.ID, view.Username); err != nil {
		return nil, e.problem(err)
	}
	return out, nil
}
