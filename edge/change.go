package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"reflect"
	"time"

	"parley/domain"
)

// edit puts something else in the place of what the caller has said.
func (q *request) edit(ctx context.Context) (any, error) {
	t, seq, err := q.message()
	if err != nil {
		return nil, err
	}
	msg := q.event.Args[2].JSON()
	if _, err := domain.ParseMessage(msg, q.edge.Settings.MaxMessage); err != nil {
		return nil, err
	}
	e := domain.MessageEdited{By: q.me, Seq: seq, Msg: msg, Open: q.edge.Settings.Anyone}
	return nil, q.change(ctx, t, e, q.edge.Settings.Edit, func(m domain.MessageView) (bool, error) { return sameSaid(m.Msg, msg), nil })
}

// recall takes something back that was said.
func (q *request) recall(ctx context.Context) (any, error) {
	t, seq, err := q.message()
	if err != nil {
		return nil, err
	}
	e := domain.MessageRecalled{By: q.me, Seq: seq, Open: q.edge.Settings.Anyone}
	return nil, q.change(ctx, t, e, q.edge.Settings.Recall, func(domain.MessageView) (bool, error) { return false, nil })
}

// react answers something that was said with an emoji, or does so no longer.
func (q *request) react(ctx context.Context) (any, error) {
	t, seq, err := q.message()
	if err != nil {
		return nil, err
	}
	emoji, err := q.str(2)
	if err != nil {
		return nil, err
	}
	if emoji, err = domain.ParseEmoji(emoji); err != nil {
		return nil, err
	}
	on := string(q.event.Args[3].JSON()) == "true"
	if !on && string(q.event.Args[3].JSON()) != "false" {
		return nil, domain.Refuse(domain.Malformed, "on must be true or false")
	}
	e := domain.MessageReacted{By: q.me, Seq: seq, Emoji: emoji, On: on, Open: q.edge.Settings.Anyone}
	return nil, q.change(ctx, t, e, 0, func(m domain.MessageView) (bool, error) {
		is, known, mine := false, false, 0
		for _, r := range m.Reactions {
			known = known || r.Emoji == emoji
			if r.Mine {
				mine++
				is = is || r.Emoji == emoji
			}
		}
		switch {
		case is == on:
			return true, nil
		case on && mine >= domain.MaxReactions:
			return false, domain.Refuse(domain.TooLarge, "one may react to a message with at most %d emoji", domain.MaxReactions)
		case on && !known && len(m.Reactions) >= domain.MaxKinds:
			return false, domain.Refuse(domain.TooLarge, "a message may have at most %d different emoji; take one that it has", domain.MaxKinds)
		}
		return false, nil
	})
}

// message decodes the first two arguments: a conversation, and the seq of a message in it.
func (q *request) message() (t domain.Topic, seq uint64, err error) {
	if t, err = q.conversation(0); err == nil {
		seq, err = q.seq(1)
	}
	return t, seq, err
}

// change stores a change of what was said, if the caller may make it and it came soon enough. already says whether all is so, or why it cannot be,
// by what the read models say of the message; where they are behind or away, that is not asked.
func (q *request) change(ctx context.Context, t domain.Topic, e domain.Change, limit time.Duration, already func(domain.MessageView) (bool, error)) error {
	hub := q.edge.hub
	if err := hub.maySend(ctx, t, e); err != nil {
		return err
	}
	m, err := q.find(ctx, t, e.Of())
	if err != nil {
		return err
	}
	if err := hub.may(ctx, t, func(s standing) error { return counts(s, e, m.Said) }); err != nil {
		return err
	}
	if err := domain.InTime(m.date, time.Now(), limit); err != nil {
		return err
	}
	if m.view != nil {
		if is, err := already(*m.view); is || err != nil {
			return err
		}
	}
	c, err := q.room(ctx, t, e)
	if err != nil {
		return err
	}
	stored, err := q.edge.Log.Append(ctx, domain.Draft{Topic: t, Event: e})
	if err != nil {
		return err
	}
	return c.settled(ctx, stored, e)
}

// found is a message as somebody sees it who would change it.
type found struct {
	domain.Said
	date time.Time
	view *domain.MessageView // nil where the read models do not say
}

// errNoMessage is never changed.
var errNoMessage = domain.Refuse(domain.NotFound, "there is no such message here")

// find looks for a message among those that the caller may see: in the read models, once they hold what was in the log, else in the log.
func (q *request) find(ctx context.Context, t domain.Topic, seq uint64) (found, error) {
	if seq >= math.MaxInt64 { // no log is so long, and not everything that is asked bears such numbers
		return found{}, errNoMessage
	}
	if q.edge.fresh(ctx) == "" {
		m, err := q.findInViews(ctx, t, seq)
		switch code := codeOf(err); {
		case code == domain.OK:
			return m, nil
		case missing(code):
			return m, errNoMessage
		}
		q.edge.logger.Debug("cannot look for a message that is to be changed", "error", err) // that the read models are away is reported elsewhere
	}
	m, err := q.findInLog(ctx, t, seq)
	if missing(codeOf(err)) {
		err = errNoMessage
	}
	return m, err
}

// missing says whether a refusal means that there is no message for the caller.
func missing(code domain.Code) bool { return code == domain.Forbidden || code == domain.NotFound }

// codeOf is the code of a refusal; OK for none.
func codeOf(err error) domain.Code {
	if err == nil {
		return domain.OK
	}
	return domain.Refusal(err).Code
}

func (q *request) findInViews(ctx context.Context, t domain.Topic, seq uint64) (found, error) {
	ctx, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	page, _, err := q.edge.Views.Messages(ctx, q.me, t, seq+1, seq-1, 1)
	if err != nil {
		return found{}, err
	}
	if len(page) != 1 || page[0].Seq != seq {
		return found{}, errNoMessage
	}
	m := page[0]
	date, err := time.Parse(time.RFC3339, m.Date)
	return found{domain.Said{From: m.From, Recalled: m.Recalled != nil}, date, &m}, err
}

// findInLog does without the read models. What it does not see is whether the message was taken back longer ago than this edge remembers: then the
// change does not count, which is for those to see who fold the log.
func (q *request) findInLog(ctx context.Context, t domain.Topic, seq uint64) (found, error) {
	hub := q.edge.hub
	m, at, err := hub.saidAt(ctx, t, seq)
	if err != nil {
		return found{}, err
	}
	if err := hub.judge(t, seq, m); err != nil { // nobody may say anything
		return found{}, err
	}
	var hidden uint64
	if err := hub.stand(ctx, t, false, func(s standing, _ uint64) { hidden = s.hidden(q.me) }); err != nil {
		return found{}, err
	}
	if seq <= hidden {
		return found{}, errNoMessage
	}
	c := hub.kept(t)
	return found{Said: domain.Said{From: m.From, Recalled: c != nil && c.recalled(seq)}, date: at}, nil
}

// sameSaid says whether two messages say the same, whatever id their client gave them.
func sameSaid(a, b json.RawMessage) bool {
	return reflect.DeepEqual(withoutID(a), withoutID(b))
}

func withoutID(msg json.RawMessage) (v any) {
	d := json.NewDecoder(bytes.NewReader(msg))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	if object, ok := v.(map[string]any); ok {
		delete(object, "id")
	}
	return v
}
