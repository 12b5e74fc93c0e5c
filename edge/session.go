package edge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/domain"
	"parley/edge/socketio"
)

// session is one device's connection.
type session struct {
	edge    *Edge
	socket  *socketio.Socket
	id      string // what friends are told
	me      domain.UserID
	address string // whom it counts for
	person  *person
	turns   chan struct{} // messages under way to the log
	signed  bool          // used by the goroutine of the device's commands alone
	told    told

	recoverable bool // it can come back with an offset
	live        bool // what is in the log is told it, but for what entry covers; guarded by the ledger's lock, as that is
	entry       entry
	upTo        uint64 // the ledger's total with its last offset; guarded likewise
}

// told remembers the applications that a device has been told of, for the same one may come live and be among those that wait when the device
// signs.
type told struct {
	mu   sync.Mutex
	upTo map[applicant]uint64 // the last one's seq
}

// applicant is who has applied, to whom or what.
type applicant struct {
	to   domain.Topic
	from domain.UserID
}

// maxTold is how many applicants are remembered: more than wait in one's list.
const maxTold = 1000

// first says whether an application is a new one, and notes it.
func (t *told) first(a applicant, seq uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if seq <= t.upTo[a] {
		return false
	}
	if t.upTo == nil {
		t.upTo = map[applicant]uint64{}
	}
	for old := range t.upTo { // any one will do
		if len(t.upTo) < maxTold {
			break
		}
		delete(t.upTo, old)
	}
	t.upTo[a] = seq
	return true
}

// maxUnderWay is how many messages of one device may be on their way to the log; the next one waits, and with it what the device sends.
const maxUnderWay = 64

// The words of the refusals to connect are those that the seed's clients know.
const (
	noToken  = "token not exist"
	noAnswer = "try again"
)

// connect lets a device in whose token is good.
func (e *Edge) connect(ctx context.Context, socket *socketio.Socket) (socketio.Session, error) {
	token := tokenOf(socket.Handshake())
	if token == "" {
		return nil, refusal(domain.Refuse(domain.Unauthenticated, noToken))
	}
	address := socketio.Source(socket.Handshake().RemoteAddr)
	if err := e.strangers.take(address, commanding, 1, time.Now()); err != nil {
		return nil, refusal(domain.Refusal(err))
	}
	who, err := e.Tokens.verify(token)
	if err != nil {
		return nil, refusal(domain.Refusal(err))
	}
	if err := e.people.take(string(who.id), connecting, 1, time.Now()); err != nil {
		return nil, e.cannotConnect(who.id, err)
	}
	view, err := e.hub.profiles.ensure(ctx, who.id, who.profile)
	if err != nil {
		return nil, e.cannotConnect(who.id, err)
	}
	socket.Emit("open", map[string]any{
		"code": domain.OK, "handshake": shown(socket.Handshake()), "namespace": "/", "message": "welcome to main channel, please sign",
	})
	s := &session{edge: e, socket: socket, id: publicID(socket), me: who.id, address: address, turns: make(chan struct{}, maxUnderWay)}
	if err := s.enter(ctx, view); err != nil {
		return nil, e.cannotConnect(who.id, err)
	}
	return s, nil
}

// enter lets a device in, and tells it what it has missed if it comes back.
func (s *session) enter(ctx context.Context, view domain.PersonView) error {
	recovery := s.socket.Recover(s.edge.hub.key(s.me))
	s.recoverable = recovery != nil
	if !s.recoverable {
		_, _, err := s.edge.hub.enter(ctx, s, view, false)
		return err
	}
	former, back := recovery.Offset()
	offset, sure, err := s.edge.hub.enter(ctx, s, view, back)
	if err != nil {
		return err
	}
	if back {
		if err := s.resume(ctx, former, sure, recovery); err != nil {
			s.edge.logger.Debug("a client begins anew", "user", s.me, "offset", cut(former, 64), "reason", err)
			recovery.Drop()
			_ = recovery.Send(anew) // if it fails, the connection has ended
		} else {
			recovery.Done()
		}
	}
	_ = recovery.Send(cursorPacket.WithOffset(offset)) // likewise, and if there is no room: then the last that it has missed has said as much
	return nil
}

func (s *session) resume(ctx context.Context, offset string, sure bool, recovery *socketio.Recovery) error {
	from, err := parseCursor(offset, s.edge.Log.Shards())
	switch {
	case err != nil:
		return err
	case !sure:
		return errUnsure
	}
	return s.edge.hub.resume(ctx, s.me, &returning{from: from, entry: &s.entry, send: recovery.Send, of: s.person, told: &s.told})
}

// publicID is the id of a connection that others may know: the socket's, but where that is the secret by which a client of Engine.IO 3 polls.
func publicID(socket *socketio.Socket) string {
	if socket.Handshake().Protocol == 3 {
		return rand.Text()
	}
	return socket.ID()
}

// shown is what a client is told of its own handshake: all but the token, which would end up in its console's log.
func shown(h *socketio.Handshake) map[string]any {
	query := maps.Clone(h.Query)
	query.Del("token")
	flat := make(map[string]string, len(query))
	for k := range query {
		flat[k] = query.Get(k)
	}
	path, _, _ := strings.Cut(h.URL, "?")
	return map[string]any{"time": domain.Date(h.Time), "issued": h.Time.UnixMilli(), "address": h.RemoteAddr, "secure": h.Secure,
		"url": path + "?" + query.Encode(), "query": flat}
}

func refusal(r *domain.Error) error {
	data := map[string]any{"code": r.Code}
	if r.RetryAfter > 0 {
		data["retryAfter"] = seconds(r.RetryAfter)
	}
	return &socketio.ConnectError{Message: r.Message, Data: data}
}

// seconds are whole ones, rounded up, so that who waits as told is not too early.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func (e *Edge) cannotConnect(u domain.UserID, err error) error {
	r := domain.Refusal(err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		r = domain.Refuse(domain.Unavailable, noAnswer)
	}
	if r.Code == domain.Internal {
		e.logger.Error("cannot let somebody in", "user", u, "error", err)
	}
	return refusal(r)
}

// Disconnect takes the device away. That one reads too slowly is for operators to see: they set how slow it may be.
func (s *session) Disconnect(reason string) {
	level := slog.LevelDebug
	if reason == socketio.SlowReader {
		level = slog.LevelInfo
	}
	s.edge.logger.Log(context.Background(), level, "a device is gone", "user", s.me, "reason", reason, "address", s.socket.Handshake().RemoteAddr)
	s.edge.hub.leave(s)
}

// Event carries out one command.
func (s *session) Event(ctx context.Context, ev *socketio.Event) error {
	command, known := commands[ev.Name]
	q := &request{session: s, event: ev, command: command, life: ctx}
	if s.person.erased.Load() {
		q.answer(nil, errToken)
		return nil
	}
	if !known {
		q.answer(nil, domain.Refuse(domain.Malformed, "there is no command %q", cut(ev.Name, 32)))
		return nil
	}
	if slices.ContainsFunc(ev.Args, socketio.Arg.HasBinary) {
		q.answer(nil, domain.Refuse(domain.Malformed, "%s takes no binary data; put it into a string, as base64", ev.Name))
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if n := len(ev.Args); !command.takes(n) {
		q.answer(nil, domain.Refuse(domain.Malformed, "%s takes (%s), not %d of them", ev.Name, command.usage(), n))
		return nil
	}
	command.run(q, ctx)
	return nil
}

// request is one command on its way to its answer.
type request struct {
	*session
	event   *socketio.Event
	command command
	life    context.Context // the connection's
}

// reply is what a command's ack carries. A command that has words of its own gives it whole as its data.
type reply struct {
	Code    domain.Code `json:"code"`
	Message string      `json:"message"`
	Data    any         `json:"data,omitempty"`
}

// answer ends a request: with the ack, or, where the client asked for none, with "fail" if it did not succeed.
func (q *request) answer(data any, err error) {
	r, whole := data.(reply)
	switch {
	case err != nil:
		r = q.refused(err)
	case !whole:
		r = reply{domain.OK, "ok", data}
	}
	if q.event.WantsAck() {
		q.event.Ack(r)
	} else if err != nil {
		q.socket.Emit("fail", map[string]any{"event": cut(q.event.Name, 64), "code": r.Code, "message": r.Message, "data": r.Data})
	}
}

func (q *request) refused(err error) reply {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled): // the latter when the device has gone
		err = domain.Refuse(domain.Unavailable, "no answer from the log; sending again with the same id is safe")
	case errors.Is(err, domain.ErrRaced):
		err = domain.Refuse(domain.Conflict, "others were faster, several times; look and try again")
	}
	e := domain.Refusal(err)
	if e.Code == domain.Internal {
		q.edge.logger.Error("a command failed", "command", q.event.Name, "user", q.me, "error", err)
	}
	r := reply{Code: e.Code, Message: e.Message}
	if e.RetryAfter > 0 {
		r.Data = map[string]any{"retryAfter": seconds(e.RetryAfter)}
	}
	return r
}

// str decodes the argument at i, a string.
func (q *request) str(i int) (s string, err error) {
	if q.event.Decode(i, &s) != nil {
		return "", domain.Refuse(domain.Malformed, "%s must be a string", q.command.arg(i))
	}
	return s, nil
}

// uid decodes the argument at i, another person's id.
func (q *request) uid(i int) (domain.UserID, error) {
	u, err := q.anyone(i)
	if err == nil && u == q.me {
		err = domain.Refuse(domain.Malformed, "%s must be another's, this one is yours", q.command.arg(i))
	}
	return u, err
}

// anyone decodes the argument at i, a person's id.
func (q *request) anyone(i int) (domain.UserID, error) {
	s, err := q.str(i)
	if err != nil {
		return "", err
	}
	return domain.ParseUserID(s)
}

// somebody decodes the argument at i, the id of a person that there is.
func (q *request) somebody(ctx context.Context, i int) (domain.UserID, error) {
	u, err := q.anyone(i)
	if err == nil {
		err = q.known(ctx, u)
	}
	return u, err
}

// gid decodes the argument at i, a group's id.
func (q *request) gid(i int) (domain.GroupID, error) {
	s, err := q.str(i)
	if err != nil {
		return "", err
	}
	return domain.ParseGroupID(s)
}

// conversation decodes the argument at i, a conversation's id.
func (q *request) conversation(i int) (domain.Topic, error) {
	s, err := q.str(i)
	if err != nil {
		return domain.Topic{}, err
	}
	return domain.ParseConversationID(q.me, s)
}

// object decodes the argument at i, an object, into v.
func (q *request) object(i int, v any) error {
	raw := q.event.Args[i].JSON()
	if len(raw) == 0 || raw[0] != '{' {
		return domain.Refuse(domain.Malformed, "%s must be an object", q.command.arg(i))
	}
	err := json.Unmarshal(raw, v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return domain.Refuse(domain.Malformed, "%s must be %s", wrong.Field, kinds[wrong.Type.Kind()])
	}
	return err
}

// kinds are how people call what a field of a command's object may be. Never changed.
var kinds = map[reflect.Kind]string{reflect.String: "a string", reflect.Slice: "a list of strings", reflect.Struct: "an object"}

// texts is a list of strings in a command's object. An element that is none is the list's fault.
type texts []string

// UnmarshalJSON is called by encoding/json, which puts the field's name to the error.
func (t *texts) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, (*[]string)(t)) != nil {
		return &json.UnmarshalTypeError{Type: reflect.TypeFor[texts]()}
	}
	return nil
}
