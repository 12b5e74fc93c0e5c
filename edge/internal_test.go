package edge

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"parley/domain"
)

// A name that nobody has costs the same hash as one that somebody has.
func TestUnknownNamesTakeTheSamePath(t *testing.T) {
	p, err := newPasswords()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := p.hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]string{"known": hash, "unknown": p.dummy} {
		params, salt, key, err := argon2id.DecodeHash(h)
		if err != nil || *params != argon || len(salt) != int(argon.SaltLength) || len(key) != int(argon.KeyLength) {
			t.Errorf("%s: hashed with %+v, %v; want %+v", name, params, err, argon)
		}
	}
	for _, c := range []struct {
		password, hash string
		same           bool
	}{{"correct horse", hash, true}, {"wrong horse", hash, false}, {"correct horse", "", false}, {"", "", false}} {
		if same, err := p.match(t.Context(), c.password, c.hash); same != c.same || err != nil {
			t.Errorf("%q and %q: %v, %v", c.password, c.hash, same, err)
		}
	}
	if same, err := p.match(t.Context(), "x", "no hash"); same || err == nil {
		t.Errorf("what is no hash: %v, %v", same, err)
	}
}

// Hashing waits for its turn as long as the request does, and known and unknown names wait for the same one.
func TestPasswordsWaitForTheirTurn(t *testing.T) {
	p, err := newPasswords()
	if err != nil {
		t.Fatal(err)
	}
	for range cap(p.turns) {
		p.turns <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, hash := range []string{"", p.dummy} {
		if _, err := p.match(ctx, "x", hash); domain.Refusal(err).Code != domain.TooMany {
			t.Errorf("answered %v, want TooMany", err)
		}
	}
}

func TestVerdictsThatWereDropped(t *testing.T) {
	e := &Edge{}
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	defer e.cancel(nil)
	var v verdicts
	denied := domain.Refuse(domain.Forbidden, "no")
	for seq := uint64(2); seq <= 2*maxDenied+20; seq += 2 {
		v.deny(seq, denied)
	}
	if len(v.denied) != maxDenied {
		t.Errorf("%d denials are kept, want %d", len(v.denied), maxDenied)
	}
	for seq, want := range map[uint64]string{1: "log", 2: "log", 20: "log", 21: "yes", 22: "no", 2*maxDenied + 19: "yes", 2*maxDenied + 20: "no", 2*maxDenied + 21: "yes"} {
		said := make(chan string, 1)
		v.answer(e, &waiter{seq: seq, asklog: func() { said <- "log" }, done: func(err error) {
			if err != nil {
				said <- "no"
			} else {
				said <- "yes"
			}
		}})
		if got := <-said; got != want {
			t.Errorf("%d: %s, want %s", seq, got, want)
		}
	}
	e.work.Wait()
}

func TestProfilesAreBounded(t *testing.T) {
	p := &profiles{m: map[domain.UserID]domain.PersonView{}}
	for range maxProfiles + 1000 {
		p.learn(domain.UserID(rand.Text()), domain.Profiled{Name: "x"}, false)
	}
	if len(p.m) != maxProfiles {
		t.Errorf("%d profiles, want %d", len(p.m), maxProfiles)
	}
	p.learn("ann", domain.Profiled{Name: "new"}, true)
	if got := p.learn("ann", domain.Profiled{Name: "old"}, false); got.Name != "new" {
		t.Errorf("what was read replaced what came live: %+v", got)
	}
	if got := p.shown("nobody"); got.ID != "nobody" || got.Name != "nobody" {
		t.Errorf("who is not known is shown as %+v", got)
	}
}

func TestApplicationsToldAreBounded(t *testing.T) {
	var d told
	for i := range 3 * maxTold {
		if u := domain.UserID(strings.Repeat("a", i%90+1) + newID()); !d.first(applicant{from: u}, 7) || d.first(applicant{from: u}, 7) || d.first(applicant{from: u}, 6) || !d.first(applicant{from: u}, 8) {
			t.Fatal("an application is new once")
		}
	}
	if len(d.upTo) > maxTold {
		t.Errorf("%d are remembered, want at most %d", len(d.upTo), maxTold)
	}
}

// Of the messages that were taken back the last are remembered, so many and no more.
func TestRecallsAreBounded(t *testing.T) {
	c := &conversation{}
	for seq := range uint64(maxRecalls) {
		c.recall(recall{seq, seq})
	}
	if !c.recalled(0) || !c.recalled(maxRecalls-1) || c.recalled(maxRecalls) {
		t.Errorf("of %d not all are remembered", maxRecalls)
	}
	for seq := range uint64(maxRecalls) {
		c.recall(recall{maxRecalls + seq, maxRecalls + seq})
		if c.recalled(seq) || seq < maxRecalls-1 && !c.recalled(seq+1) || len(c.recalls) != maxRecalls {
			t.Fatalf("after one more than %d, %d are remembered", seq, len(c.recalls))
		}
	}
}
