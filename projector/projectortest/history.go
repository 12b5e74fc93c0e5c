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
		switch rapid.SampledFrom([]string{"say", "say", "say", "mark", "friend", "friend", "group", "group", "group", "profile", "status"}).Draw(t, "step") {
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
		case "status":
			h.append(domain.About(person(t)), domain.StatusSet{
				Status: rapid.SampledFrom([]domain.Status{domain.StatusOnline, domain.StatusInvisible}).Draw(t, "status"),
			})
		}
	}
}

func (h *History) append(t domain.Topic, e domain.Event) { h.log.Append(t, e, h.at) }

// now is when the log stores what is appended.
func (h *History) now() time.Time { return Began.Add(h.at) }

func person(t *rapid.T) domain.UserID { return rapid.SampledFrom(People).Draw(t, "person") }

func topic(t *rapid.T) domain.Topic {
	if rapid.Bool().Draw(t, "in a group") {
		return domain.InGroup(rapid.SampledFrom(Groups).Draw(t, "group"))
	}
	return rapid.SampledFrom(Topics()).Draw(t, "topic")
}

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
		f.Evolve(e, h.now())
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
	if owner := g.Owner(); owner != "" && rapid.Bool().Draw(t, "by the owner") {
		by = owner
	}
	if e, err := g.Decide(groupCommand(t, id, by, other)); err == nil {
		g.Evolve(e, h.now())
		h.append(domain.InGroup(id), e)
	}
}

func groupCommand(t *rapid.T, id domain.GroupID, by, other domain.UserID) domain.GroupCommand {
	if rapid.IntRange(0, 19).Draw(t, "the end") == 0 {
		return domain.DissolveGroup{By: by}
	}
	all, joined := string(domain.HistoryAll), string(domain.HistoryJoined)
	name, avatar, description := "Grüße 🙂", "g.png", "what\n\"we\" do"
	return rapid.SampledFrom([]domain.GroupCommand{
		domain.CreateGroup{By: by, Name: "Group " + string(id), Members: []domain.UserID{other, "bob"}, Invited: []domain.UserID{"eve", other}},
		domain.CreateGroup{By: by, Name: "Group " + string(id)},
		domain.Invite{By: by, UID: other, Friend: true}, domain.Invite{By: by, UID: other},
		domain.AcceptInvitation{UID: other}, domain.DeclineInvitation{UID: other},
		domain.ApplyToJoin{UID: other, Greeting: json.RawMessage(`{"let me": "in, pleäse"}`)}, domain.ApplyToJoin{UID: other},
		domain.AcceptApplication{By: by, UID: other}, domain.RefuseApplication{By: by, UID: other},
		domain.Leave{UID: by}, domain.Leave{UID: other}, domain.RemoveMember{By: by, UID: other},
		domain.SetRole{By: by, UID: other, Role: domain.RoleAdmin}, domain.SetRole{By: by, UID: other, Role: domain.RoleMember},
		domain.SetRole{By: by, UID: other, Role: domain.RoleOwner},
		domain.DescribeGroup{By: by, History: &all}, domain.DescribeGroup{By: by, History: &joined}, domain.DescribeGroup{By: by, History: &joined},
		domain.DescribeGroup{By: by, Name: &name, Avatar: &avatar, Description: &description},
	}).Draw(t, "command")
}
