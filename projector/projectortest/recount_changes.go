package projectortest

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"parley/domain"
)

// change takes account of what changes a message, by somebody who may write there.
func (c said) change(r domain.Record) {
	e := r.Event.(domain.Change)
	at := slices.IndexFunc(c.messages, func(m *message) bool { return m.Seq == e.Of() })
	if at < 0 || c.messages[at].Recalled != nil {
		return
	}
	m := c.messages[at]
	switch e := e.(type) {
	case domain.MessageEdited:
		if e.By == m.From {
			m.said = append(m.said, r)
		}
	case domain.MessageRecalled:
		if role := c.group.Role(e.By); e.By == m.From || role == domain.RoleOwner || role == domain.RoleAdmin {
			m.Msg, m.said, m.Recalled = json.RawMessage(`""`), nil, &domain.RecalledView{By: e.By, Date: domain.Date(r.Time)}
			clear(m.who)
		}
	case domain.MessageReacted:
		if m.who[[2]string{e.Emoji, string(e.By)}] = r.Seq; !e.On {
			delete(m.who, [2]string{e.Emoji, string(e.By)})
		}
	}
}

// erase takes account of somebody's being gone for good.
func (c *said) erase(e domain.Event) {
	var gone domain.UserID
	switch e := e.(type) {
	case domain.FriendErased:
		gone = e.By
	case domain.GroupErased:
		gone = e.UID
	default:
		return
	}
	delete(c.own, gone)
	delete(c.read, gone)
	c.messages = slices.DeleteFunc(c.messages, func(m *message) bool { return m.From == gone })
	for _, m := range c.messages {
		maps.DeleteFunc(m.who, func(key [2]string, _ uint64) bool { return key[1] == string(gone) })
	}
}

// seenBy is the message as somebody sees it who has heard of what happened up to a place.
func (m *message) seenBy(me domain.UserID, upTo uint64) domain.MessageView {
	v, at := m.MessageView, make(map[string]int)
	for _, r := range m.said {
		if r.Seq <= upTo {
			v.Msg, v.Edited = r.Event.(domain.MessageEdited).Msg, domain.Date(r.Time)
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(m.who), func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) }) {
		if m.who[key] > upTo {
			continue
		}
		i, known := at[key[0]]
		if !known {
			i = len(v.Reactions)
			at[key[0]] = i
			v.Reactions = append(v.Reactions, domain.ReactionView{Emoji: key[0]})
		}
		v.Reactions[i].Count++
		v.Reactions[i].Mine = v.Reactions[i].Mine || key[1] == string(me)
	}
	slices.SortStableFunc(v.Reactions, func(a, b domain.ReactionView) int { return b.Count - a.Count })
	return v
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types
	}
	return string(b)
}
