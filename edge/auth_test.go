package edge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/domain"
	"parley/edge"
)

// keys are a host application's, and the server of their public halves.
type keys struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
	url string
}

func newKeys(t *testing.T) *keys {
	t.Helper()
	k := &keys{}
	var err error
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	k.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	_, k.ed, err = ed25519.GenerateKey(rand.Reader)
	must(t, err)
	point, err := k.ec.PublicKey.Bytes()
	must(t, err)
	b64 := base64.RawURLEncoding.EncodeToString
	set, err := json.Marshal(map[string]any{"keys": []map[string]string{
		{"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": b64(k.rsa.N.Bytes()), "e": b64(big.NewInt(int64(k.rsa.E)).Bytes())},
		{"kty": "EC", "kid": "ec", "use": "sig", "alg": "ES256", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		{"kty": "OKP", "kid": "ed", "use": "sig", "alg": "EdDSA", "crv": "Ed25519", "x": b64(k.ed.Public().(ed25519.PublicKey))},
		{"kty": "oct", "kid": "oct", "k": b64([]byte("a symmetric key has no place in a public set"))},
	}})
	must(t, err)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(set) }))
	t.Cleanup(s.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	k.url = s.URL
	return k
}

func sign(t *testing.T, method jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	must(t, err)
	return s
}

// with is a good token's claims with some changed; nil takes one out.
func with(change jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix(), "iss": "https://id.example.org", "aud": "parley"}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func TestTokens(t *testing.T) {
	k := newKeys(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tokens, err := edge.NewTokens(ctx, edge.TokenOptions{Secret: secret, TTL: time.Hour, JWKS: k.url, Issuer: "https://id.example.org", Audience: "parley"})
	must(t, err)
	own, err := edge.NewTokens(ctx, edge.TokenOptions{Secret: secret, TTL: time.Hour})
	must(t, err)
	issued, err := own.Issue("ann", "ann")
	must(t, err)
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
	must(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	rs, es, ed, hs := jwt.SigningMethodRS256, jwt.SigningMethodES256, jwt.SigningMethodEdDSA, jwt.SigningMethodHS256
	good := sign(t, rs, "rsa", k.rsa, with(nil))
	ago, ahead := time.Now().Add(-2*time.Minute).Unix(), time.Now().Add(2*time.Minute).Unix()
	head, rest, _ := strings.Cut(good, ".")

	for name, c := range map[string]struct {
		token string
		id    domain.UserID // "" for none
	}{
		"RS256":                      {good, "ann"},
		"ES256":                      {sign(t, es, "ec", k.ec, with(nil)), "ann"},
		"EdDSA":                      {sign(t, ed, "ed", k.ed, with(nil)), "ann"},
		"of half a minute ago":       {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"exp": time.Now().Add(-30 * time.Second).Unix()})), "ann"},
		"HS256 of ours":              {issued, "ann"},
		"HS256 of the host's":        {sign(t, hs, "", secret, with(nil)), "ann"},
		"Bearer":                     {"Bearer " + good, "ann"},
		"spaces":                     {"  " + good + "\n", "ann"},
		"one audience of several":    {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"aud": []string{"else", "parley"}})), "ann"},
		"external sub":               {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"sub": "auth0|5f7c8"})), "~YXV0aDB8NWY3Yzg"},
		"sub with wildcards":         {sign(t, hs, "", secret, with(jwt.MapClaims{"sub": "a.*.>"})), "~YS4qLj4"},
		"no token":                   {"", ""},
		"no sub":                     {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"sub": nil})), ""},
		"empty sub":                  {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"sub": ""})), ""},
		"long sub":                   {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"sub": strings.Repeat("a", 97)})), ""},
		"sub that is no string":      {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"sub": 7})), ""},
		"no exp":                     {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"exp": nil})), ""},
		"expired":                    {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"exp": ago})), ""},
		"expired, HS256":             {sign(t, hs, "", secret, with(jwt.MapClaims{"exp": ago})), ""},
		"not yet":                    {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"nbf": ahead})), ""},
		"another issuer":             {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"iss": "https://evil.example.org"})), ""},
		"no issuer":                  {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"iss": nil})), ""},
		"another audience":           {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"aud": "else"})), ""},
		"no audience":                {sign(t, rs, "rsa", k.rsa, with(jwt.MapClaims{"aud": nil})), ""},
		"another's key":              {sign(t, es, "ec", another, with(nil)), ""},
		"unknown kid":                {sign(t, rs, "nobody", k.rsa, with(nil)), ""},
		"no kid":                     {sign(t, rs, "", k.rsa, with(nil)), "ann"},
		"a kid of another kind":      {sign(t, rs, "ec", k.rsa, with(nil)), ""},
		"HS256 by the public key":    {sign(t, hs, "rsa", public, with(nil)), ""},
		"HS256 by the modulus":       {sign(t, hs, "rsa", k.rsa.N.Bytes(), with(nil)), ""},
		"HS256 by a key of the set":  {sign(t, hs, "oct", []byte("a symmetric key has no place in a public set"), with(nil)), ""},
		"HS256 by another secret":    {sign(t, hs, "", []byte("guessed"), with(nil)), ""},
		"HS256 by an empty secret":   {sign(t, hs, "", []byte{}, with(nil)), ""},
		"HS512 by our secret":        {sign(t, jwt.SigningMethodHS512, "", secret, with(nil)), ""},
		"RS512":                      {sign(t, jwt.SigningMethodRS512, "rsa", k.rsa, with(nil)), ""},
		"none":                       {sign(t, jwt.SigningMethodNone, "", jwt.UnsafeAllowNoneSignatureType, with(nil)), ""},
		"without its signature":      {head + "." + strings.SplitN(rest, ".", 2)[0] + ".", ""},
		"another's claims, our sign": {strings.Join([]string{head, base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"bob","exp":99999999999}`)), strings.SplitN(rest, ".", 2)[1]}, "."), ""},
		"garbage":                    {"a.b.c", ""},
		"a lot of garbage":           {strings.Repeat("a.", 50_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			id, _, err := tokens.Verify(c.token)
			if id != c.id || (err != nil) != (c.id == "") {
				t.Errorf("speaks for %q, %v; want %q", id, err, c.id)
			}
			if r := domain.Refusal(err); err != nil && (r.Code != domain.Unauthenticated || r.Message != "authentication error") {
				t.Errorf("refused by %v", err)
			}
		})
	}
	if id, _, err := own.Verify(good); err == nil {
		t.Errorf("without a key set, RS256 speaks for %q", id)
	}
}

// What is not demanded of a token need not be there.
func TestIssuerAndAudienceAreDemandedOnlyWhereSet(t *testing.T) {
	k := newKeys(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, c := range []struct{ issuer, audience string }{{"", ""}, {"https://id.example.org", ""}, {"", "parley"}} {
		tokens, err := edge.NewTokens(ctx, edge.TokenOptions{Secret: secret, JWKS: k.url, Issuer: c.issuer, Audience: c.audience})
		must(t, err)
		for _, claims := range []jwt.MapClaims{{}, {"iss": nil}, {"aud": nil}, {"iss": "else"}, {"aud": "else"}} {
			claims = with(claims)
			want := (c.issuer == "" || claims["iss"] == c.issuer) && (c.audience == "" || claims["aud"] == c.audience)
			if _, _, err := tokens.Verify(sign(t, jwt.SigningMethodES256, "ec", k.ec, claims)); (err == nil) != want {
				t.Errorf("issuer %q, audience %q: %v gives %v", c.issuer, c.audience, claims, err)
			}
		}
	}
}

func TestTokensNeedASecret(t *testing.T) {
	if _, err := edge.NewTokens(t.Context(), edge.TokenOptions{TTL: time.Hour}); err == nil {
		t.Error("made without a secret")
	}
}

func TestProfileOfAToken(t *testing.T) {
	tokens, err := edge.NewTokens(t.Context(), edge.TokenOptions{Secret: secret})
	must(t, err)
	for name, c := range map[string]struct {
		claims jwt.MapClaims
		want   domain.Profiled
	}{
		"all":           {jwt.MapClaims{"sub": "u1", "username": "ann", "name": "Ann", "avatar": "a.png"}, domain.Profiled{Username: "ann", Name: "Ann", Avatar: "a.png"}},
		"nothing":       {jwt.MapClaims{"sub": "u1"}, domain.Profiled{Name: "u1"}},
		"external":      {jwt.MapClaims{"sub": "auth0|1"}, domain.Profiled{Name: "auth0|1"}},
		"nothing to be": {jwt.MapClaims{"sub": "\u200b"}, domain.Profiled{Name: "~4oCL"}},
		"wrong": {jwt.MapClaims{"sub": "u1", "username": "a b", "name": "\u202e", "avatar": strings.Repeat("é", 513)},
			domain.Profiled{Name: "u1"}},
		"long": {jwt.MapClaims{"sub": strings.Repeat("a", 96), "name": strings.Repeat("a", 65)}, domain.Profiled{Name: strings.Repeat("a", 64)}},
	} {
		_, got, err := tokens.Verify(sign(t, jwt.SigningMethodHS256, "", secret, with(c.claims)))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

// Where a token may stand, and what a client without a good one is told.
func TestWhereATokenStands(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob")
	n := w.edge()
	ann, bob := n.token("ann"), n.token("bob")
	auth := func(token string) string { return `{"token":"` + token + `"}` }
	for name, c := range map[string]struct {
		auth, query string
		header      http.Header
		refused     string
	}{
		"packet":                    {auth: auth(ann)},
		"packet, Bearer":            {auth: auth("Bearer " + ann)},
		"query":                     {query: "&token=" + ann},
		"query, Bearer":             {query: "&token=Bearer%20" + ann},
		"header":                    {header: http.Header{"Authorization": {"Bearer " + ann}}},
		"packet before the rest":    {auth: auth(ann), query: "&token=" + bob, header: http.Header{"Authorization": {bob}}},
		"none":                      {refused: "token not exist"},
		"empty":                     {auth: auth(""), query: "&token=", refused: "token not exist"},
		"bad":                       {auth: auth("x"), refused: "authentication error"},
		"bad, and a good one later": {auth: auth("x"), query: "&token=" + ann, refused: "authentication error"},
		"not a string":              {auth: `{"token":7}`, refused: "token not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			d, refused := dial(t, n.url, c.auth, c.query, c.header)
			if refused.Message != c.refused || (c.refused != "" && refused.Code != domain.Unauthenticated) {
				t.Fatalf("refused with %+v, want %q", refused, c.refused)
			}
			if d == nil {
				return
			}
			open := d.expect("open")
			var o struct {
				Code      int
				Namespace string
				Handshake struct {
					URL   string
					Query map[string]string
				}
			}
			open.arg(t, 0, &o)
			if strings.Contains(string(open.Args[0]), ann) || o.Namespace != "/" || o.Code != 0 || o.Handshake.Query["EIO"] != "4" {
				t.Errorf("open: %s", open.Args[0])
			}
			d.me = "ann"
			d.ok("sign", map[string]any{"user": map[string]any{"id": "ann"}})
		})
	}
}
