package edge

import (
	"context"
	"encoding/json"
	"errors"

	"parley/domain"
)

// send says something to one person.
func (q *request) send(ctx context.Context) {
	u, err := q.uid(0)
	if err == nil {
		err = q.known(ctx, u)
	}
	if err != nil {
		q.answer(nil, err)
		return
	}
	q.say(ctx, domain.Direct(q.me, u), q.event.Args[1].JSON())
}

// groupSend says something in a group.
func (q *request) groupSend(ctx context.Context) {
	var a struct {
		GID json.RawMessage `json:"gid"`
	}
	var s string
	err := q.object(0, &a)
	if err == nil && json.Unmarshal(a.GID, &s) != nil {
		err = domain.Refuse(domain.Malformed, "gid must be a string")
	}
	var g domain.GroupID
	if err == nil {
		g, err = domain.ParseGroupID(s)
	}
	if err != nil {
		q.answer(nil, err)
		return
	}
	q.say(ctx, domain.InGroup(g), q.event.Args[1].JSON())
}

// place is where a message is: the data of its sender's ack.
type place struct {
	Seq uint64 `json:"seq"`
	ID  string `json:"id"`
}

// say stores a message if its sender may send it. The answer follows when it is stored, and is the log's: no more is done for it on
// this goroutine, so that a device's messages are appended in the order in which it sent them and none waits for another.
func (q *request) say(ctx context.Context, t domain.Topic, msg json.RawMessage) {
	id, err := domain.ParseMessage(msg, q.edge.Settings.MaxMessage)
	if err != nil {
		q.answer(nil, err)
		return
	}
	if id == "" {
		id = newID()
	} else if seq, err := q.edge.repeats.before(ctx, t, q.me, id); err != nil || seq != 0 {
		q.answer(place{seq, id}, err)
		return
	}
	m := domain.Message{From: q.me, ID: id, Msg: msg, Open: q.edge.Settings.Anyone}
	c, err := q.room(ctx, t, m)
	if err != nil {
		q.answer(nil, err)
		return
	}
	select {
	case q.turns <- struct{}{}:
	case <-ctx.Done():
		q.answer(nil, ctx.Err())
		return
	}
	q.edge.Log.AppendAsync(domain.Draft{Topic: t, Event: m, Once: string(q.me) + "/" + id}, func(stored domain.Stored, err error) {
		<-q.turns
		if err != nil {
			q.answer(nil, err)
			return
		}
		c.settle(stored, m, func(err error) { q.answer(place{stored.Seq, id}, err) })
	})
}

// room gives the conversation to say something in, if the caller may. One that this edge does not keep it keeps from now on, but not
// for somebody who may say nothing there.
func (q *request) room(ctx context.Context, t domain.Topic, e domain.Spoken) (*conversation, error) {
	hub := q.edge.hub
	for {
		c := hub.kept(t)
		if err := hub.maySend(ctx, t, e); c != nil || err != nil {
			return c, err
		}
		c = hub.conversation(t)
		if _, isGroup := t.Group(); !isGroup {
			return c, nil
		}
		if _, err := c.admit(ctx, q.person); err != nil {
			return nil, err
		}
	}
}

// read moves the caller's read mark of a conversation forward, at most to its end.
func (q *request) read(ctx context.Context) (any, error) {
	t, err := q.conversation(0)
	if err != nil {
		return nil, err
	}
	seq, err := q.seq(1)
	if err != nil {
		return nil, err
	}
	if err := q.mayRead(ctx, t, seq); err != nil {
		return nil, err
	}
	for range attempts {
		last, found, err := q.edge.Log.Last(ctx, t, domain.LaneRead, q.me)
		if err != nil {
			return nil, err
		}
		var upTo uint64
		if e, ok := last.Event.(domain.ReadMarked); found && ok {
			upTo = last.Seq
			if seq <= e.UpTo(last.Seq) {
				return nil, nil
			}
		}
		_, err = q.edge.Log.Append(ctx, domain.Draft{Topic: t, Event: domain.ReadMarked{By: q.me, Seq: seq}, Expect: &upTo})
		if !errors.Is(err, domain.ErrRaced) {
			return nil, err
		}
	}
	return nil, domain.ErrRaced
}

// seq decodes the argument at i, a message's place.
func (q *request) seq(i int) (seq uint64, err error) {
	if q.event.Decode(i, &seq) != nil || seq == 0 {
		return 0, domain.Refuse(domain.Malformed, "%s must be a message's seq, a whole number from 1", q.command.arg(i))
	}
	return seq, nil
}

// mayRead says whether there is a message at or after seq that the caller may have read.
func (q *request) mayRead(ctx context.Context, t domain.Topic, seq uint64) error {
	if _, isGroup := t.Group(); isGroup {
		if err := q.edge.hub.maySend(ctx, t, domain.Message{From: q.me}); err != nil {
			return err
		}
	}
	last, found, err := q.edge.Log.Last(ctx, t, domain.LaneTalk, "")
	switch {
	case err != nil:
		return err
	case !found:
		return domain.Refuse(domain.Forbidden, "you have no such conversation")
	case seq > last.Seq:
		return domain.Refuse(domain.Malformed, "seq must be at most %d, the last message's", last.Seq)
	}
	return nil
}
