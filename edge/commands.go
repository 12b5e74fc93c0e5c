package edge

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"parley/domain"
)

// command is something that a client may ask for.
type command struct {
	args  []string // what they are called, for people
	least int      // how many must be given
	run   func(q *request, ctx context.Context)
}

func (c command) usage() string { return strings.Join(c.args, ", ") }

// commands are all there are. Their names are part of the protocol. Never changed.
var commands = map[string]command{
	"sign":         {[]string{"{user, rooms}"}, 1, now((*request).sign)},
	"send":         {[]string{"uid", "msg"}, 2, (*request).send},
	"groupSend":    {[]string{"{gid, user}", "msg"}, 2, (*request).groupSend},
	"read":         {[]string{"conversation", "seq"}, 2, now((*request).read)},
	"sendApply":    {[]string{"uid", "data"}, 1, now((*request).sendApply)},
	"acceptFriend": {[]string{"uid"}, 1, now((*request).acceptFriend)},
	"rejectFriend": {[]string{"uid", "reply"}, 1, now((*request).rejectFriend)},
	"removeFriend": {[]string{"uid"}, 1, now((*request).removeFriend)},
	"block":        {[]string{"uid"}, 1, now((*request).block)},
	"unblock":      {[]string{"uid"}, 1, now((*request).unblock)},
	"createGroup":  {[]string{"{name, members}"}, 1, now((*request).createGroup)},
	"invite":       {[]string{"gid", "uid"}, 2, now((*request).invite)},
	"acceptGroup":  {[]string{"gid", "uid"}, 1, now((*request).acceptGroup)},
	"rejectGroup":  {[]string{"gid", "uid"}, 1, now((*request).rejectGroup)},
	"leaveGroup":   {[]string{"gid"}, 1, now((*request).leaveGroup)},
	"removeMember": {[]string{"gid", "uid"}, 2, now((*request).removeMember)},
}

// now is a command that has its answer when it returns.
func now(run func(q *request, ctx context.Context) (any, error)) func(*request, context.Context) {
	return func(q *request, ctx context.Context) { q.answer(run(q, ctx)) }
}

// sign is the seed's way to say "here I am". Who it is has been settled by the token; the answer is who else is here.
func (q *request) sign(ctx context.Context) (any, error) {
	var a struct {
		User struct {
			ID json.RawMessage `json:"id"`
		} `json:"user"`
	}
	if err := q.object(0, &a); err != nil {
		return nil, err
	}
	var id string
	switch err := json.Unmarshal(a.User.ID, &id); {
	case len(a.User.ID) == 0, string(a.User.ID) == "null", err == nil && id == "":
		return nil, domain.Refuse(domain.NotFound, "id not exist")
	case err != nil || id != string(q.me) && id != q.me.Subject(): // the host application knows its own name for the person
		return nil, domain.Refuse(domain.Unauthenticated, "user.id must be the one that the token is for")
	}
	online := q.edge.presence.of(q.person)
	q.socket.Emit("userin", online, q.person.view)
	if !q.signed {
		q.signed = true
		q.deliverApplies(ctx)
	}
	return reply{domain.OK, "sign success", online}, nil
}

// How many applications, and how many bytes of what goes with them, a device gets when it signs; it can ask for the rest.
const (
	maxPushed      = 100
	maxPushedBytes = 256 << 10
)

// deliverApplies hands over the applications for friendship that came while the person was away.
func (q *request) deliverApplies(ctx context.Context) {
	q.edge.fresh(ctx) // behind is better than not at all
	applies, err := q.edge.Views.Applies(ctx, q.me)
	if err != nil {
		q.edge.logger.Warn("cannot read what waits for an answer", "user", q.me, "error", err)
		return
	}
	told, weight := 0, 0
	for _, a := range applies { // the newest first
		if a.Type != "friend" {
			continue
		}
		told, weight = told+1, weight+len(a.Data)
		if told > maxPushed || weight > maxPushedBytes {
			return
		}
		if q.told.first(a.From.ID, a.Seq) {
			q.socket.Emit("apply", application(a.Data, a.From.ID, a.Seq, a.Date))
		}
	}
}

// attempts is how often a decision is made again because another event came first.
const attempts = 8

// decide makes a decision on a topic's state and stores what follows. Where this edge keeps the conversation it waits, too, until it has gone
// by it. The first try believes what the edge knows; a refusal counts only when it comes from the log.
func (e *Edge) decide(ctx context.Context, t domain.Topic, on func(standing) (domain.Event, error)) error {
	for try := range attempts {
		s, upTo, err := e.hub.newest(ctx, t, try > 0)
		if err != nil {
			return err
		}
		event, err := on(s)
		if err != nil && try == 0 {
			continue
		}
		if err != nil {
			return err
		}
		stored, err := e.Log.Append(ctx, domain.Draft{Topic: t, Event: event, Expect: &upTo})
		if errors.Is(err, domain.ErrRaced) {
			continue
		}
		if c := e.hub.kept(t); err == nil && c != nil {
			err = c.settled(ctx, stored, event)
		}
		return err
	}
	return domain.ErrRaced
}

// known says whether there is somebody by that id.
func (q *request) known(ctx context.Context, u domain.UserID) error {
	_, err := q.edge.hub.profiles.find(ctx, u)
	return err
}

// friendship decides on how the caller and the person named by the first argument stand.
func (q *request) friendship(ctx context.Context, c domain.FriendCommand) (any, error) {
	u, err := q.uid(0)
	if err != nil {
		return nil, err
	}
	if err := q.known(ctx, u); err != nil {
		return nil, err
	}
	return nil, q.edge.decide(ctx, domain.Direct(q.me, u), func(s standing) (domain.Event, error) {
		return s.(*friendship).Decide(c)
	})
}

func (q *request) sendApply(ctx context.Context) (any, error) {
	var greeting json.RawMessage
	if len(q.event.Args) > 1 && string(q.event.Args[1].JSON()) != "null" {
		greeting = q.event.Args[1].JSON()
	}
	return q.friendship(ctx, domain.RequestFriend{By: q.me, Greeting: greeting})
}

func (q *request) rejectFriend(ctx context.Context) (any, error) {
	var reply string
	if len(q.event.Args) > 1 {
		var err error
		if reply, err = q.str(1); err != nil {
			return nil, err
		}
	}
	return q.friendship(ctx, domain.RejectFriend{By: q.me, Reply: reply})
}

func (q *request) acceptFriend(ctx context.Context) (any, error) {
	return q.friendship(ctx, domain.AcceptFriend{By: q.me})
}

func (q *request) removeFriend(ctx context.Context) (any, error) {
	return q.friendship(ctx, domain.RemoveFriend{By: q.me})
}

func (q *request) block(ctx context.Context) (any, error) {
	return q.friendship(ctx, domain.BlockFriend{By: q.me})
}

func (q *request) unblock(ctx context.Context) (any, error) {
	return q.friendship(ctx, domain.UnblockFriend{By: q.me})
}
