package projectortest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"parley/domain"
)

// History appends what random people might do: commands as Decide lets them through, messages and marks whether allowed or not.
type History struct {
	log         *Log
	at          time.Duration
	friendships map[domain.Topic]*domain.Friendship
	groups      map[domain.GroupID]*domain.Group
}

// NewHistory begins a history in a log.
func NewHistory(log *Log) *History {
	return &History{log: log, friendships: make(map[domain.Topic]*domain.Friendship), groups: make(map[domain.GroupID]*domain.Group)}
}

// Go draws and appends n steps.
func (h *History) Go(t *rapid.T, n int) {
	for range n {
		h.at += time.Duration(rapid.IntRange(0, 2).Draw(t, "ms")) * time.Millisecond
		switch rapid.SampledFrom([]string{"say", "say", "say", "mark", "friend", "friend", "group", "profile"}).Draw(t, "step") {
		case "say":
			h.say(t)
		case "mark":
			h.mark(t)
		case "friend":
			h.friend(t)
		case "group":
			h.group(t)
		case "profile":
			h.append(domain.About(person(t)), domain.Profiled{
				Username: rapid.SampledFrom([]string{"", "ann", "ANNA", "bob", "Élan", "元宝"}).Draw(t, "username"),
				Name:     rapid.SampledFrom([]string{"Ann", "ann ", "Bob", "élan", "€uro 🙂", "元宝"}).Draw(t, "name"),
			})
		}
	}
}

func (h *History) append(t domain.Topic, e domain.Event) { h.log.Append(t, e, h.at) }

func person(t *rapid.T) domain.UserID { return rapid.SampledFrom(People).Draw(t, "person") }

func topic(t *rapid.T) domain.Topic { return rapid.SampledFrom(Topics()).Draw(t, "topic") }

func (h *History) say(t *rapid.T) {
	text, _ := json.Marshal(rapid.SampledFrom([]string{"hi", "a\\b'c\"d", "é 元 🙂", "\u0000 %_?"}).Draw(t, "text"))
	to := topic(t)
	from := person(t)
	if lo, _, ok := to.Pair(); ok && rapid.Bool().Draw(t, "one of the two") {
		from = lo
	}
	h.append(to, domain.Message{
		From: from,
		ID:   rapid.SampledFrom([]string{"m1", "M1", "m2", fmt.Sprint("m", h.at)}).Draw(t, "id"),
		Msg:  append(append([]byte(`{ "txt":`), text...), " }"...),
		Open: rapid.Bool().Draw(t, "open"),
	})
}

func (h *History) mark(t *rapid.T) {
	in := topic(t)
	ends, _ := h.log.Ends(context.Background())
	end := ends[h.log.Shard(in)].Seq
	h.append(in, domain.ReadMarked{By: person(t), Seq: rapid.Uint64Range(0, end+3).Draw(t, "seq")})
}

func (h *History) friend(t *rapid.T) {
	by, with := person(t), person(t)
	if by == with {
		return
	}
	topic := domain.Direct(by, with)
	f := h.friendships[topic]
	if f == nil {
		strangers := domain.NewFriendship(topic)
		f = &strangers
		h.friendships[topic] = f
	}
	command := rapid.SampledFrom([]domain.FriendCommand{
		domain.RequestFriend{By: by, Greeting: json.RawMessage(`{"hello": "wörld"}`)}, domain.RequestFriend{By: by},
		domain.RequestFriend{By: with}, domain.AcceptFriend{By: by}, domain.AcceptFriend{By: with}, domain.RejectFriend{By: by},
		domain.RemoveFriend{By: by}, domain.BlockFriend{By: by}, domain.UnblockFriend{By: by},
	}).Draw(t, "command")
	if e, err := f.Decide(command); err == nil {
		f.Evolve(e)
		h.append(topic, e)
	}
}

func (h *History) group(t *rapid.T) {
	id := rapid.SampledFrom(Groups).Draw(t, "group")
	g := h.groups[id]
	if g == nil {
		g = new(domain.Group)
		h.groups[id] = g
	}
	by, other := person(t), person(t)
	command := rapid.SampledFrom([]domain.GroupCommand{
		domain.CreateGroup{By: by, Name: "Group " + string(id), Members: []domain.UserID{other, "bob"}, Invited: []domain.UserID{"eve", other}},
		domain.Invite{By: by, UID: other, Friend: true}, domain.Invite{By: by, UID: other},
		domain.AcceptInvitation{UID: by}, domain.DeclineInvitation{UID: by}, domain.Leave{UID: by}, domain.RemoveMember{By: by, UID: other},
	}).Draw(t, "command")
	if e, err := g.Decide(command); err == nil {
		g.Evolve(e)
		h.append(domain.InGroup(id), e)
	}
}
