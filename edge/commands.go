package edge

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"parley/domain"
)

// command is something that a client may ask for.
type command struct {
	args []string // what they are called, for people; those that may be left out end in "?"
	run  func(q *request, ctx context.Context)
}

func (c command) usage() string { return strings.Join(c.args, ", ") }

// takes says whether a command may have so many arguments.
func (c command) takes(n int) bool {
	return n <= len(c.args) && !slices.ContainsFunc(c.args[n:], func(arg string) bool { return !strings.HasSuffix(arg, "?") })
}

// arg is what the argument at i is called.
func (c command) arg(i int) string { return strings.TrimSuffix(c.args[i], "?") }

// commands are all there are. Their names are part of the protocol. Never changed.
var commands = map[string]command{
	"sign":          {[]string{"{user, rooms}"}, paced(deciding, now((*request).sign))}, // it stores nothing, but costs a map of all friends
	"send":          {[]string{"uid", "msg"}, paced(saying, (*request).send)},
	"groupSend":     {[]string{"{gid, user}", "msg"}, paced(saying, (*request).groupSend)},
	"edit":          {[]string{"conversation", "seq", "msg"}, paced(changing, now((*request).edit))},
	"recall":        {[]string{"conversation", "seq"}, paced(changing, now((*request).recall))},
	"react":         {[]string{"conversation", "seq", "emoji", "on"}, paced(changing, now((*request).react))},
	"read":          {[]string{"conversation", "seq"}, paced(marking, now((*request).read))},
	"sendApply":     {[]string{"uid", "data?"}, paced(deciding, now((*request).sendApply))},
	"acceptFriend":  {[]string{"uid"}, paced(deciding, now((*request).acceptFriend))},
	"rejectFriend":  {[]string{"uid", "reply?"}, paced(deciding, now((*request).rejectFriend))},
	"removeFriend":  {[]string{"uid"}, paced(deciding, now((*request).removeFriend))},
	"block":         {[]string{"uid"}, paced(deciding, now((*request).block))},
	"unblock":       {[]string{"uid"}, paced(deciding, now((*request).unblock))},
	"createGroup":   {[]string{"{name, members}"}, now((*request).createGroup)}, // which has a cost of its own
	"updateGroup":   {[]string{"gid", "{name, avatar, description, history}"}, paced(deciding, now((*request).updateGroup))},
	"invite":        {[]string{"gid", "uid"}, paced(deciding, now((*request).invite))},
	"applyGroup":    {[]string{"gid", "data?"}, paced(deciding, now((*request).applyGroup))},
	"acceptGroup":   {[]string{"gid", "uid?"}, paced(deciding, now((*request).acceptGroup))},
	"rejectGroup":   {[]string{"gid", "uid?"}, paced(deciding, now((*request).rejectGroup))},
	"leaveGroup":    {[]string{"gid"}, paced(deciding, now((*request).leaveGroup))},
	"removeMember":  {[]string{"gid", "uid"}, paced(deciding, now((*request).removeMember))},
	"setRole":       {[]string{"gid", "uid", "role"}, paced(deciding, now((*request).setRole))},
	"dissolveGroup": {[]string{"gid"}, paced(deciding, now((*request).dissolveGroup))},
	"typing":        {[]string{"conversation"}, paced(typing, now((*request).typing))},
	"setStatus":     {[]string{"status"}, paced(deciding, now((*request).setStatus))},
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
		if status := q.edge.hub.statusOf(q.person); status != domain.StatusOnline {
			q.socket.Emit("status", shownAs{status})
		}
		q.deliverApplies(ctx)
	}
	return reply{domain.OK, "sign success", online}, nil
}

// How many applications, and how many bytes of what goes with them, a device gets when it signs; it can ask for the rest.
const (
	maxPushed      = 100
	maxPushedBytes = 256 << 10
)

// pushed are the types of what a device gets then. Invitations are not among them: any member of a group may send them, and the list has them.
var pushed = []domain.ApplyType{domain.ApplyFriend, domain.ApplyGroup}

// deliverApplies hands over the applications, for friendship and to the groups that the person answers for, that came while the person was away.
func (q *request) deliverApplies(ctx context.Context) {
	q.edge.fresh(ctx) // behind is better than not at all
	applies, _, err := q.edge.Views.Applies(ctx, q.me, pushed, "", maxPushed)
	if err != nil {
		q.edge.logger.Warn("cannot read what waits for an answer", "user", q.me, "error", err)
		return
	}
	weight := 0
	for _, a := range applies { // the newest first
		to := domain.Direct(q.me, a.From.ID)
		if a.Type == domain.ApplyGroup {
			to = domain.InGroup(a.Group.ID)
		}
		if weight += len(a.Data); weight > maxPushedBytes {
			return
		}
		if q.told.first(applicant{to, a.From.ID}, a.Seq) {
			q.socket.Emit("apply", application(to, a.Data, a.From.ID, a.Seq, a.Date))
		}
	}
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
	var full people
	switch c.(type) {
	case domain.RequestFriend, domain.AcceptFriend:
		full = q.edge.haveFriends(ctx, q.me, u)
	}
	return nil, q.decide(domain.Direct(q.me, u), func(s standing) (domain.Event, error) {
		e, err := s.(*friendship).Decide(c)
		if err == nil {
			err = q.edge.roomForFriend(e, full)
		}
		return e, err
	})
}

// sendApply applies for friendship, or, as the seed's clients do, to a group that the data names.
func (q *request) sendApply(ctx context.Context) (any, error) {
	var to struct {
		Type json.RawMessage `json:"type"`
		GID  json.RawMessage `json:"gid"`
	}
	greeting := q.greeting()
	if json.Unmarshal(greeting, &to) == nil && string(to.Type) == "1" && to.GID != nil {
		var s string
		if json.Unmarshal(to.GID, &s) != nil {
			return nil, domain.Refuse(domain.Malformed, "data.gid must be a string")
		}
		g, err := domain.ParseGroupID(s)
		if err != nil {
			return nil, err
		}
		return nil, q.applyTo(ctx, g)
	}
	return q.friendship(ctx, domain.RequestFriend{By: q.me, Greeting: greeting, Pause: q.edge.pause()})
}

// greeting is the second argument of an application; nil for none.
func (q *request) greeting() json.RawMessage {
	if len(q.event.Args) > 1 && string(q.event.Args[1].JSON()) != "null" {
		return q.event.Args[1].JSON()
	}
	return nil
}

// pause is how long who has applied and was not accepted waits.
func (e *Edge) pause() domain.Pause { return domain.Pause{Now: time.Now(), Wait: e.Settings.Reapply} }

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
