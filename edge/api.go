package edge

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/domain"
	"parley/edge/socketio"
)

// Limits of a request to the API.
const (
	maxBody = 64 << 10         // bytes
	viewLag = 1 * time.Second  // how long a query waits for the read models to have caught up
	bodyFor = 10 * time.Second // how long a client may take to send a body
)

// serveAPI adds the API, described by an OpenAPI document at /api/openapi.json and .yaml.
func (e *Edge) serveAPI() {
	c := huma.DefaultConfig("Parley", "1")
	c.Info.Description = "Accounts and queries. Commands go over Socket.IO. Who asks too often, from whatever address or for whatever account, is answered with " +
		"429 and the code 5, and told by Retry-After and retryAfter when to try again."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "/api/openapi", "", ""
	c.CreateHooks = nil // no $schema in answers
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"}}
	c.Transformers = append(c.Transformers, withCode)
	api := humago.New(e.mux, c)
	api.UseMiddleware(e.limit(api), e.authenticate(api))
	e.serveAccounts(api)
	e.serveErasure(api)
	e.serveQueries(api)
	describeProblem(api.OpenAPI())
	e.mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		huma.WriteErr(api, humago.NewContext(nil, r, w), http.StatusNotFound, "there is nothing at this address; /api/openapi.json says what there is")
	})
}

// Problem is how the API says no: an RFC 9457 problem document with the code that the same refusal has over Socket.IO.
type Problem struct {
	huma.ErrorModel
	Code       domain.Code `json:"code" doc:"Why, for programs: the protocol's code"`
	RetryAfter int         `json:"retryAfter,omitempty" doc:"In how many seconds to try again, as the header Retry-After says it"`
}

// statuses are the HTTP statuses of the protocol's codes. Never changed.
var statuses = map[domain.Code]int{
	domain.Unauthenticated: http.StatusUnauthorized,
	domain.NotFound:        http.StatusNotFound,
	domain.Forbidden:       http.StatusForbidden,
	domain.Malformed:       http.StatusUnprocessableEntity,
	domain.TooMany:         http.StatusTooManyRequests,
	domain.Conflict:        http.StatusConflict,
	domain.TooLarge:        http.StatusRequestEntityTooLarge,
	domain.Unavailable:     http.StatusServiceUnavailable,
	domain.Internal:        http.StatusInternalServerError,
}

// problem makes the answer to a refusal.
func (e *Edge) problem(err error) error {
	r := domain.Refusal(err)
	if r.Code == domain.Internal && !errors.Is(err, context.Canceled) { // a client that hangs up is no fault of ours
		e.logger.Error("a request failed", "error", err)
	}
	status := statuses[r.Code]
	p := &Problem{ErrorModel: huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: r.Message}, Code: r.Code}
	if r.RetryAfter <= 0 {
		return p
	}
	p.RetryAfter = int(math.Ceil(r.RetryAfter.Seconds()))
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.Itoa(p.RetryAfter)}})
}

// describeProblem adds to the document what a Problem has and the library's own refusals lack.
func describeProblem(doc *huma.OpenAPI) {
	if s := doc.Components.Schemas.Map()["ErrorModel"]; s != nil {
		s.Properties["code"] = &huma.Schema{Type: huma.TypeInteger, Description: "Why, for programs: the protocol's code"}
		s.Properties["retryAfter"] = &huma.Schema{Type: huma.TypeInteger, Description: "In how many seconds to try again, as the header Retry-After says it"}
		s.Required = append(s.Required, "code")
	}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Delete} {
			if op == nil {
				continue
			}
			op.Responses["429"] = &huma.Response{Description: "Too many: nothing has been done", Content: op.Responses["default"].Content,
				Headers: map[string]*huma.Param{"Retry-After": {Description: "In how many seconds to try again", Schema: &huma.Schema{Type: huma.TypeInteger}}}}
		}
	}
}

// withCode gives the refusals that the API layer makes by itself, such as of a malformed body, a code too. They say what is wrong where, but not
// what was given: it may be a password.
func withCode(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &Problem{ErrorModel: *m, Code: domain.Malformed}
	p.Errors = nil
	for _, d := range m.Errors {
		p.Errors = append(p.Errors, &huma.ErrorDetail{Message: d.Message, Location: d.Location})
		p.Detail += "; " + strings.TrimPrefix(d.Location+" ", " ") + d.Message
	}
	for code, status := range statuses {
		if status == m.Status {
			p.Code = code
		}
	}
	if m.Status >= 500 {
		p.Code = domain.Internal
	}
	return p, nil
}

type (
	callerKey  struct{}
	addressKey struct{}
)

// addressOf is whom a request's address counts for.
func addressOf(ctx context.Context) string { return ctx.Value(addressKey{}).(string) }

// limit counts each request for its address before anything is done for it.
func (e *Edge) limit(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		address := socketio.Source(ctx.RemoteAddr())
		if err := e.strangers.take(address, requesting, 1, time.Now()); err != nil {
			e.refuse(api, ctx, err)
			return
		}
		next(huma.WithValue(ctx, addressKey{}, address))
	}
}

// refuse answers a request by a refusal before it is read.
func (e *Edge) refuse(api huma.API, ctx huma.Context, refusal error) {
	err := e.problem(refusal)
	if h := huma.HeadersError(nil); errors.As(err, &h) {
		for name, values := range h.GetHeaders() {
			ctx.SetHeader(name, values[0])
		}
	}
	var p *Problem
	errors.As(err, &p)
	ctx.SetHeader("Content-Type", p.ContentType("application/json"))
	ctx.SetStatus(p.GetStatus())
	if err := api.Marshal(ctx.BodyWriter(), "application/json", p); err != nil {
		e.logger.Debug("a refusal did not get to its client", "error", err)
	}
}

// authenticate lets only those with a good token reach what asks for one. A token outlives its person; it is good no more then.
func (e *Edge) authenticate(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if len(ctx.Operation().Security) == 0 {
			next(ctx)
			return
		}
		who, err := e.Tokens.verify(ctx.Header("Authorization"))
		if err == nil {
			if err := e.people.take(string(who.id), asking, 1, time.Now()); err != nil {
				e.refuse(api, ctx, err)
				return
			}
		}
		if err != nil || e.isErased(ctx.Context(), who.id) {
			ctx.SetHeader("WWW-Authenticate", "Bearer")
			says := "sign in first: send a token as Authorization: Bearer …"
			if ctx.Header("Authorization") != "" {
				says = "the token is not valid here, or no longer: sign in again"
			}
			huma.WriteErr(api, ctx, http.StatusUnauthorized, says)
			return
		}
		next(huma.WithValue(ctx, callerKey{}, who))
	}
}

func caller(ctx context.Context) identity { return ctx.Value(callerKey{}).(identity) }

// fresh waits, briefly, until the read models hold everything that was in the log when it was called: so that whoever has done or been told
// something finds it in what they ask next. It says how many events they lack where they do not get there, or "unknown"; "" where they do.
func (e *Edge) fresh(ctx context.Context) (behind string) {
	ctx, cancel := context.WithTimeout(ctx, viewLag) // also for a log that stands still
	defer cancel()
	ends, err := e.Log.Ends(ctx)
	if err != nil {
		return "unknown"
	}
	missing, err := e.await(ctx, ends)
	switch {
	case err != nil:
		return "unknown"
	case missing > 0:
		return strconv.FormatUint(missing, 10)
	}
	return ""
}

func (e *Edge) await(ctx context.Context, ends []domain.Position) (missing uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, viewLag)
	defer cancel()
	return e.Views.Wait(ctx, ends)
}

// secured is an operation for those who have signed in.
func secured(method, path, id, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary,
		Security: []map[string][]string{{"token": {}}}, MaxBodyBytes: maxBody, BodyReadTimeout: bodyFor}
}
