package edge

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/alexedwards/argon2id"
	"github.com/golang-jwt/jwt/v5"

	"parley/domain"
	"parley/edge/socketio"
)

// TokenOptions are how tokens are made and which are believed.
type TokenOptions struct {
	Secret   []byte        // of HS256, for our own tokens and a host application's
	TTL      time.Duration // how long our own are good
	JWKS     string        // URL of a host application's keys, for RS256, ES256 and EdDSA; "" for none
	Issuer   string        // demanded of tokens by JWKS; "" for any
	Audience string        // demanded of tokens by JWKS; "" for any
}

// Tokens makes and checks JSON Web Tokens (RFC 7519).
type Tokens struct {
	o    TokenOptions
	jwks keyfunc.Keyfunc
}

// NewTokens fetches the key set where there is one and keeps it fresh until ctx ends. Without a secret it fails: anyone could sign with it.
func NewTokens(ctx context.Context, o TokenOptions) (*Tokens, error) {
	if len(o.Secret) == 0 {
		return nil, errors.New("auth.secret is empty")
	}
	t := &Tokens{o: o}
	if o.JWKS == "" {
		return t, nil
	}
	var err error
	if t.jwks, err = keyfunc.NewDefaultCtx(ctx, []string{o.JWKS}); err != nil {
		return nil, fmt.Errorf("auth.jwks %s: %w", o.JWKS, err)
	}
	return t, nil
}

type claims struct {
	jwt.RegisteredClaims
	Username string `json:"username,omitempty"`
	Name     string `json:"name,omitempty"`
	Avatar   string `json:"avatar,omitempty"`
}

// identity is who a token speaks for. Profile is what it says of them, for a person who is not known yet.
type identity struct {
	id      domain.UserID
	profile domain.Profiled
}

// Issue makes a token for a person who has signed in here.
func (t *Tokens) Issue(u domain.UserID, username string) (string, error) {
	now := time.Now()
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims{Username: username, RegisteredClaims: jwt.RegisteredClaims{
		Subject:   string(u),
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(t.o.TTL)),
	}}).SignedString(t.o.Secret)
}

var errToken = domain.Refuse(domain.Unauthenticated, "authentication error") // never changed

// verify believes a token or says errToken. The scheme "Bearer" before it, in any case (RFC 9110, 11.1), is passed over.
func (t *Tokens) verify(token string) (identity, error) {
	token = strings.TrimSpace(token)
	if scheme, rest, ok := strings.Cut(token, " "); ok && strings.EqualFold(scheme, "bearer") {
		token = strings.TrimSpace(rest)
	}
	var c claims
	parsed, err := jwt.ParseWithClaims(token, &c, t.key,
		jwt.WithValidMethods([]string{"HS256", "RS256", "ES256", "EdDSA"}), jwt.WithoutClaimsValidation())
	if err != nil || t.validator(parsed.Method.Alg()).Validate(c) != nil {
		return identity{}, errToken
	}
	id, err := domain.ExternalUserID(c.Subject)
	if err != nil {
		return identity{}, errToken
	}
	return identity{id, profile(id, c)}, nil
}

func (t *Tokens) key(token *jwt.Token) (any, error) {
	_, critical := token.Header["crit"]
	switch {
	case critical: // RFC 7515, 4.1.11: what must be understood is not
		return nil, errors.New("an extension is demanded")
	case token.Method.Alg() == "HS256": // never a public key as the secret, and never the secret as a public key
		return t.o.Secret, nil
	case t.jwks == nil:
		return nil, errors.New("no key set")
	}
	return t.jwks.Keyfunc(token)
}

// validator checks what a token says of its time and, where a key set has signed it, of whom it is from and for.
func (t *Tokens) validator(alg string) *jwt.Validator {
	demands := []jwt.ParserOption{jwt.WithExpirationRequired(), jwt.WithLeeway(time.Minute)}
	if alg != "HS256" && t.o.Issuer != "" {
		demands = append(demands, jwt.WithIssuer(t.o.Issuer))
	}
	if alg != "HS256" && t.o.Audience != "" {
		demands = append(demands, jwt.WithAudience(t.o.Audience))
	}
	return jwt.NewValidator(demands...)
}

// profile is what a token says of a person, cut to what a profile may hold; without a name the id serves.
func profile(u domain.UserID, c claims) domain.Profiled {
	p := domain.Profiled{Username: c.Username, Name: c.Name, Avatar: c.Avatar}
	if _, err := domain.ParseUsername(p.Username); err != nil {
		p.Username = ""
	}
	if _, err := domain.ParseName(p.Name); err != nil {
		if p.Name, err = domain.ParseName(cut(u.Subject(), domain.MaxName)); err != nil {
			p.Name = cut(string(u), domain.MaxName)
		}
	}
	if _, err := domain.ParseAvatar(p.Avatar); err != nil {
		p.Avatar = ""
	}
	return p
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// tokenOf finds the token of a Socket.IO connection: in the CONNECT packet, else the query, else the header.
func tokenOf(h *socketio.Handshake) string {
	var auth struct {
		Token string `json:"token"`
	}
	if json.Unmarshal(h.Auth, &auth) == nil && auth.Token != "" {
		return auth.Token
	}
	if t := h.Query.Get("token"); t != "" {
		return t
	}
	return h.Header.Get("Authorization")
}

// passwords hashes with argon2id, a few at a time: each takes 19 MiB and tens of milliseconds of a core (OWASP's parameters).
type passwords struct {
	turns chan struct{}
	dummy string // what an unknown name's password is compared with, so that it takes as long as a known one's
}

var argon = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32} // never changed

func newPasswords() (*passwords, error) {
	p := &passwords{turns: make(chan struct{}, runtime.NumCPU())}
	var err error
	p.dummy, err = p.hash(context.Background(), rand.Text())
	return p, err
}

func (p *passwords) hash(ctx context.Context, password string) (hash string, err error) {
	err = p.turn(ctx, func() (err error) {
		hash, err = argon2id.CreateHash(password, &argon)
		return err
	})
	return hash, err
}

// match compares a password with a hash, or with nobody's where hash is "".
func (p *passwords) match(ctx context.Context, password, hash string) (same bool, err error) {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	err = p.turn(ctx, func() (err error) {
		same, err = argon2id.ComparePasswordAndHash(password, hash)
		return err
	})
	return same && known, err
}

// turn has fn done when it is its turn. Who would wait for long is refused, so that no more wait than can be done meanwhile.
func (p *passwords) turn(ctx context.Context, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
		return fn()
	case <-ctx.Done():
		return domain.Refuse(domain.Unavailable, "too many people are signing in; try again in a moment")
	}
}

// newID makes an id of 80 random bits that nobody else has.
func newID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}
