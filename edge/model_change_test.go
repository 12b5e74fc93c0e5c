package edge_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"parley/domain"
)

// uttered is a message as the rules have it.
type uttered struct {
	domain.Said
	seq       uint64
	txt       string
	edited    bool
	by        domain.UserID                     // who has taken it back
	reactions map[string]map[domain.UserID]bool // by emoji
}

func utter(seq uint64, from domain.UserID, txt string) *uttered {
	return &uttered{Said: domain.Said{From: from}, seq: seq, txt: txt, reactions: map[string]map[domain.UserID]bool{}}
}

// shown is a message in one text, as somebody sees it.
func (s *uttered) shown(u domain.UserID) string {
	line := fmt.Sprintf("%d %s %q edited %t recalled %q", s.seq, s.From, s.txt, s.edited, s.by)
	for _, emoji := range slices.Sorted(maps.Keys(s.reactions)) {
		if who := s.reactions[emoji]; len(who) > 0 {
			line += fmt.Sprintf(" %s %d %t", emoji, len(who), who[u])
		}
	}
	return line
}

// shown is the same of an answer.
func shown(tb testing.TB, m domain.MessageView) string {
	var txt string
	must(tb, json.Unmarshal(m.Msg, &txt))
	var by domain.UserID
	if m.Recalled != nil {
		by = m.Recalled.By
	}
	line := fmt.Sprintf("%d %s %q edited %t recalled %q", m.Seq, m.From, txt, m.Edited != "", by)
	slices.SortFunc(m.Reactions, func(a, b domain.ReactionView) int { return slices.Compare([]byte(a.Emoji), []byte(b.Emoji)) })
	for _, r := range m.Reactions {
		line += fmt.Sprintf(" %s %d %t", r.Emoji, r.Count, r.Mine)
	}
	return line
}

// change gives an edge and the rules a change of something that was said, in the group or with another, or that was not.
func (m *model) change(t *rapid.T, d *device, command string, other domain.UserID, txt string) {
	me, topic := d.me, domain.InGroup(m.gid)
	may, role := m.group.MaySend(me), m.group.Role(me)
	if !m.group.Exists() {
		may = domain.Refuse(domain.NotFound, "no such group")
	}
	if rapid.Bool().Draw(t, "direct") {
		topic, role = domain.Direct(me, other), ""
		may = m.friendship(me, other).MaySend(me, false)
	}
	said := utter(1<<40, "", "")
	missing := error(domain.Refuse(domain.NotFound, "no such message"))
	if all := m.talk[topic]; len(all) > 0 {
		said, missing = rapid.SampledFrom(all).Draw(t, "message"), nil
	}
	emoji, on := rapid.SampledFrom([]string{"👍", "❤️"}).Draw(t, "emoji"), rapid.Bool().Draw(t, "on")
	if command == "edit" && rapid.IntRange(0, 3).Draw(t, "again") == 0 && said.txt != "" {
		txt = said.txt
	}
	var e domain.Change
	var args []any
	nothing := false
	switch command {
	case "edit":
		msg, _ := json.Marshal(txt) // strings always encode
		e, args, nothing = domain.MessageEdited{By: me, Seq: said.seq, Msg: msg}, []any{txt}, txt == said.txt
	case "recall":
		e = domain.MessageRecalled{By: me, Seq: said.seq}
	case "react":
		e, args, nothing = domain.MessageReacted{By: me, Seq: said.seq, Emoji: emoji, On: on}, []any{emoji, on}, said.reactions[emoji][me] == on
	}
	err := may
	if err == nil {
		err = missing
	}
	if err == nil {
		err = said.May(e, role)
	}
	give(t, d, expects(err), command, append([]any{topic.ConversationID(me), said.seq}, args...)...)
	if err != nil || nothing {
		return
	}
	told := toldChange{Seq: said.seq, By: me}
	switch e := e.(type) {
	case domain.MessageEdited:
		said.txt, said.edited = txt, true
		told.Event, told.Msg = "edited", e.Msg
	case domain.MessageRecalled:
		said.txt, said.edited, said.Recalled, said.by = "", false, true, me
		clear(said.reactions)
		told.Event = "recalled"
	case domain.MessageReacted:
		who := said.reactions[emoji]
		if who == nil {
			who = map[domain.UserID]bool{}
			said.reactions[emoji] = who
		}
		if who[me] = true; !on {
			delete(who, me)
		}
		told.Event, told.Emoji, told.On = "reacted", emoji, &on
	}
	if _, isGroup := topic.Group(); isGroup {
		for _, u := range m.members() {
			m.hears(u, "group", told.String())
		}
		return
	}
	m.hears(me, topic.ConversationID(me), told.String())
	m.hears(other, topic.ConversationID(other), told.String())
}
