package projectortest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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
	erased      map[domain.UserID]bool
}

// NewHistory begins a history in a log.
func NewHistory(log *Log) *History {
	return &History{log: log, friendships: make(map[domain.Topic]*domain.Friendship), groups: make(map[domain.GroupID]*domain.Group), erased: make(map[domain.UserID]bool)}
}

// steps are what may happen, by how often it does.
var steps = slices.Concat(
	slices.Repeat([]string{"say", "group"}, 8), slices.Repeat([]string{"change", "friend"}, 5), slices.Repeat([]string{"mark", "profile", "status"}, 2),
	[]string{"erase", "forget"},
)

// Go draws and appends n steps.
func (h *History) Go(t *rapid.T, n int) {
	for range n {
		h.at += time.Duration(rapid.IntRange(0, 2).Draw(t, "ms")) * time.Millisecond
		switch pick(t, "step", steps) {
		case "say":
			h.say(t)
		case "change":
			h.change(t)
		case "erase":
			h.erase(t)
		case "forget":
			h.forget(t)
		case "mark":
			h.mark(t)
		case "friend":
			h.friend(t)
		case "group":
			h.group(t)
		case "profile":
			h.append(domain.About(person(t)), domain.Profiled{
				Username: pick(t, "username", []string{"", "ann", "ANNA", "bob", "Élan", "元宝"}),
				Name:     pick(t, "name", []string{"Ann", "ann ", "Bob", "élan", "€uro 🙂", "元宝"}),
			})
		case "status":
			h.append(domain.About(person(t)), domain.StatusSet{
				Status: pick(t, "status", []domain.Status{domain.StatusOnline, domain.StatusInvisible}),
			})
		}
	}
}

func (h *History) append(t domain.Topic, e domain.Event) { h.log.Append(t, e, h.at) }

// now is when the log stores what is appended.
func (h *History) now() time.Time { return Began.Add(h.at) }

func person(t *rapid.T) domain.UserID { return pick(t, "person", People) }

// one draws somebody, more often one of those who are meant.
func one(t *rapid.T, meant func(domain.UserID) bool) domain.UserID {
	those := slices.DeleteFunc(slices.Clone(People), func(u domain.UserID) bool { return !meant(u) })
	if len(those) == 0 || pick(t, "any", []int{0, 1, 2}) == 0 {
		return person(t)
	}
	return pick(t, "one", those)
}

// group draws the first more often than the others, so that much happens in it.
func group(t *rapid.T) domain.GroupID {
	return pick(t, "group", append([]domain.GroupID{Groups[0], Groups[0], Groups[0]}, Groups...))
}

func topic(t *rapid.T) domain.Topic {
	if rapid.Bool().Draw(t, "in a group") {
		return domain.InGroup(group(t))
	}
	return pick(t, "topic", Topics())
}

func (h *History) say(t *rapid.T) {
	text, _ := json.Marshal(pick(t, "text", []string{"hi", "a\\b'c\"d", "é 元 🙂", "\u0000 %_?"}))
	to := topic(t)
	from := person(t)
	if rapid.Bool().Draw(t, "somebody who may") {
		if lo, _, ok := to.Pair(); ok {
			from = lo
		} else if id, _ := to.Group(); h.groups[id] != nil {
			from = h.groups[id].Owner()
		}
	}
	unique := fmt.Sprint("m", h.at)
	h.append(to, domain.Message{
		From: from,
		ID:   pick(t, "id", []string{"m1", "M1", "m2", unique, unique, unique}),
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

// tries is how often something is drawn until it is possible.
const tries = 5

func (h *History) friend(t *rapid.T) {
	for range tries {
		by, with := person(t), person(t)
		if by == with {
			continue
		}
		topic := domain.Direct(by, with)
		f := h.friendships[topic]
		if f == nil {
			strangers := domain.NewFriendship(topic)
			f = &strangers
			h.friendships[topic] = f
		}
		command := pick(t, "command", []domain.FriendCommand{
			domain.RequestFriend{By: by, Greeting: json.RawMessage(`{"hello": "wörld"}`)}, domain.RequestFriend{By: by},
			domain.AcceptFriend{By: by}, domain.AcceptFriend{By: by}, domain.RejectFriend{By: by},
			domain.RemoveFriend{By: by}, domain.BlockFriend{By: by}, domain.UnblockFriend{By: by},
		})
		if e, err := f.Decide(command); err == nil {
			f.Evolve(e, h.now())
			h.append(topic, e)
			return
		}
	}
}

func (h *History) group(t *rapid.T) {
	for range tries {
		id := group(t)
		g := h.groups[id]
		if g == nil {
			g = new(domain.Group)
			h.groups[id] = g
		}
		by := one(t, func(u domain.UserID) bool { return g.MayAnswer(u) })
		inside := one(t, func(u domain.UserID) bool { return g.Role(u) != "" })
		outside := one(t, func(u domain.UserID) bool { return g.Applied(u) || g.Invited(u) })
		kinds := [][]domain.GroupCommand{
			coming(by, outside), coming(by, outside), coming(by, outside), ruling(by, inside), ruling(by, inside), going(by, inside),
		}
		if !g.Exists() {
			kinds = [][]domain.GroupCommand{making(id, by, outside)}
		}
		if h.take(domain.InGroup(id), g, pick(t, "command", pick(t, "kind", kinds))) {
			return
		}
	}
}

// take appends what follows from a command, if anything does.
func (h *History) take(in domain.Topic, g *domain.Group, c domain.GroupCommand) bool {
	e, err := g.Decide(c)
	if err != nil || e == nil {
		return false
	}
	g.Evolve(e, h.now())
	h.append(in, e)
	return true
}

func making(id domain.GroupID, by, other domain.UserID) []domain.GroupCommand {
	return []domain.GroupCommand{
		domain.CreateGroup{By: by, Name: "Group " + string(id), Members: []domain.UserID{other, "bob"}, Invited: []domain.UserID{"eve", other}},
		domain.CreateGroup{By: by, Name: "Group " + string(id)},
	}
}

func coming(by, other domain.UserID) []domain.GroupCommand {
	return []domain.GroupCommand{
		domain.Invite{By: by, UID: other, Friend: true}, domain.Invite{By: by, UID: other},
		domain.AcceptInvitation{UID: other}, domain.DeclineInvitation{UID: other},
		domain.ApplyToJoin{UID: other, Greeting: json.RawMessage(`{"let me": "in, pleäse"}`)}, domain.ApplyToJoin{UID: other},
		domain.AcceptApplication{By: by, UID: other}, domain.RefuseApplication{By: by, UID: other},
	}
}

func ruling(by, other domain.UserID) []domain.GroupCommand {
	all, joined := string(domain.HistoryAll), string(domain.HistoryJoined)
	name, avatar, description := "Grüße 🙂", "g.png", "what\n\"we\" do"
	return []domain.GroupCommand{
		domain.DescribeGroup{By: by, History: &joined}, domain.DescribeGroup{By: by, History: &all},
		domain.DescribeGroup{By: by, Name: &name, Avatar: &avatar, Description: &description},
		domain.SetRole{By: by, UID: other, Role: domain.RoleAdmin}, domain.SetRole{By: by, UID: other, Role: domain.RoleMember},
		domain.SetRole{By: by, UID: other, Role: domain.RoleOwner},
	}
}

func going(by, other domain.UserID) []domain.GroupCommand {
	return []domain.GroupCommand{
		domain.RemoveMember{By: by, UID: other}, domain.RemoveMember{By: by, UID: other}, domain.Leave{UID: other}, domain.Leave{UID: other},
		domain.Leave{UID: by}, domain.DissolveGroup{By: by},
	}
}

// Steps draws how many steps to go, at most so many.
func Steps(t *rapid.T, most int) int {
	some := make([]int, most+1)
	for i := range some {
		some[i] = i
	}
	return pick(t, "steps", some)
}

// pick draws one of several, each as likely as the others, where rapid.SampledFrom would have the first ones much more often.
func pick[V any](t *rapid.T, label string, from []V) V {
	return rapid.Custom(func(t *rapid.T) V {
		n := 0
		for range 8 {
			n *= 2
			if rapid.Bool().Draw(t, "bit") {
				n++
			}
		}
		return from[n%len(from)]
	}).Draw(t, label)
}
