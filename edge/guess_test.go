package edge_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"parley/domain"
	"parley/edge"
)

// from is a node as it is reached from an address.
func (n *node) from(address string) *node {
	h := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = address
		n.e.ServeHTTP(rw, r)
	}))
	n.Cleanup(h.Close)
	other := *n
	other.url = h.URL
	return &other
}

// tooMany is whether an answer of the API's is that there were too many, and says when to try again, both times alike.
func tooMany(t *testing.T, status int, header http.Header, p limited) bool {
	t.Helper()
	if status != http.StatusTooManyRequests {
		return false
	}
	if p.Code != domain.TooMany || p.RetryAfter < 1 || header.Get("Retry-After") != fmt.Sprint(p.RetryAfter) || p.Detail == "" ||
		header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("429 with %+v, %v", p, header)
	}
	return true
}

type limited struct {
	Code       domain.Code
	Detail     string
	RetryAfter int
}

// login signs in with ann's account.
func (n *node) login(username, password string) (int, http.Header, limited) {
	n.Helper()
	var p limited
	status, header := n.ask(http.MethodPost, "/api/login", "", fmt.Sprintf(`{"username":%q,"password":%q}`, username, password), &p)
	return status, header, p
}

// asked counts what is asked of the accounts.
type asked struct {
	edge.Accounts
	times atomic.Int64
}

func (a *asked) Account(ctx context.Context, username string) (domain.Account, error) {
	a.times.Add(1)
	return a.Accounts.Account(ctx, username)
}

// Who guesses at a password waits, however the name is written, and nothing is looked up or computed for what is refused; whose account it is signs in from
// elsewhere. Right ones do not count, and who guesses from many addresses waits, too.
func TestGuessesArePaced(t *testing.T) {
	w := newWorld(t, 1)
	counted := &asked{Accounts: w.journal}
	n := w.edge(func(o *edge.Options) { o.Settings.Guesses, o.Accounts = 1, counted })
	n.register("sis")
	here := n.from("192.0.2.1:1")
	for range 2 {
		if status, _, p := here.login("sis", "correct horse"); status != http.StatusOK {
			t.Fatalf("signing in: %d, %+v", status, p)
		}
	}
	guess := func(n *node, name string) bool {
		t.Helper()
		status, header, p := n.login(name, "a guess")
		if status == http.StatusUnauthorized {
			return true
		}
		if !tooMany(t, status, header, p) {
			t.Errorf("a guess: %d, %+v", status, p)
		}
		return false
	}
	begun, guesses := time.Now(), 0
	for i := range 3 {
		if guess(here, []string{"sis", "SIS", "\u017fi\u017f"}[i%3]) { // which are the same account
			guesses++
		}
	}
	if most := 1 + int(time.Since(begun)/time.Minute); guesses < 1 || guesses > most {
		t.Errorf("%d guesses were answered, want %d", guesses, most)
	}
	before := counted.times.Load()
	if guess(here, "sis") || counted.times.Load() != before {
		t.Error("it is looked up what is refused")
	}
	if status, _, _ := here.login("sis", "correct horse"); status != http.StatusTooManyRequests {
		t.Errorf("the right one after the wrong ones: %d", status)
	}
	if !guess(here, "somebody else") {
		t.Error("the account of somebody else waits, too")
	}
	if status, _, p := n.from("192.0.2.2:1").login("sis", "correct horse"); status != http.StatusOK {
		t.Errorf("signing in elsewhere: %d, %+v", status, p)
	}
	for i := 3; guesses < 30; i++ {
		if !guess(n.from(fmt.Sprintf("192.0.2.%d:1", i)), "sis") {
			break
		}
		guesses++
	}
	if most := 10 + int(time.Since(begun)/(6*time.Second)); guesses < 10 || guesses > most {
		t.Errorf("%d guesses from many addresses were answered, want %d", guesses, most)
	}
}

// Who has a token guesses at the password for DELETE /api/me no faster.
func TestGuessesToEraseArePaced(t *testing.T) {
	w := newWorld(t, 1)
	n := w.edge(func(o *edge.Options) { o.Settings.Guesses = 1 })
	_, token := n.register("ann")
	for i := range 2 {
		var p limited
		status, header := n.ask(http.MethodDelete, "/api/me", token, `{"password":"a guess"}`, &p)
		if got := tooMany(t, status, header, p); got != (i >= 1) || !got && status != http.StatusForbidden {
			t.Errorf("guess %d: %d, %+v", i+1, status, p)
		}
	}
}

// Signing in and up from one address counts together, also where it fails, before anything is done for it.
func TestSigningInIsPaced(t *testing.T) {
	w := newWorld(t, 1)
	n := w.edge(func(o *edge.Options) { o.Settings.Logins = 1 })
	here := n.from("192.0.2.1:1")
	begun, passed := time.Now(), 0
	for i := range 200 {
		var p limited
		status, header := here.ask(http.MethodPost, "/api/register", "", `{"username":"a b","password":"12345678"}`, &p) // no work for a core
		if i == 0 {
			status, header, p = here.login("ann", "a guess")
		}
		if tooMany(t, status, header, p) {
			break
		}
		passed++
	}
	if most := 60 + int(time.Since(begun)/time.Second); passed < 59 || passed > most {
		t.Errorf("%d passed at once in %v", passed, time.Since(begun))
	}
	n.from("192.0.2.2:1").register("ann")
}

// Queries are counted for each person and for each address, and what is refused is not answered from the read models.
func TestQueriesArePaced(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	n := w.edge(func(o *edge.Options) { o.Settings.Requests, o.Settings.AddressRequests = 1, 2 })
	query := func(n *node, u domain.UserID) (passed bool) {
		t.Helper()
		var p limited
		status, header := n.ask(http.MethodGet, "/api/me", n.token(u), "", &p)
		if status != http.StatusOK && !tooMany(t, status, header, p) {
			t.Errorf("%d, %+v", status, p)
		}
		return status == http.StatusOK
	}
	all := func(n *node, u domain.UserID) (passed int) {
		for ; passed < 100 && query(n, u); passed++ {
		}
		return passed
	}
	w.fold()
	begun := time.Now()
	here, there := n.from("192.0.2.1:1"), n.from("192.0.2.2:1")
	ann := all(here, "ann")
	if most := 10 + int(time.Since(begun)/time.Second); ann < 10 || ann > most {
		t.Errorf("%d of ann's passed, want %d", ann, most)
	}
	for range 20 { // however they are answered: with no token, too
		if status, _ := here.ask(http.MethodGet, "/api/me", "", "", nil); status == http.StatusTooManyRequests {
			break
		}
	}
	begun = time.Now()
	if bob := all(here, "bob"); bob > 2+2*int(time.Since(begun)/time.Second) {
		t.Errorf("%d of bob's passed at an address that has done too much", bob)
	}
	if bob := all(there, "bob"); bob < 7 {
		t.Errorf("%d of bob's passed elsewhere", bob)
	}
}
