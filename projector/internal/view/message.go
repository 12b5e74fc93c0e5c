package view

import (
	"cmp"
	"encoding/json"
	"strings"

	"parley/domain"
	"parley/projector"
)

// Said is a message that counts, as it stands now.
type Said struct {
	projector.MessageRow
	Edited   int64               // when, in milliseconds since 1970; 0 for never
	EditedAt uint64              // by the event at which place
	Recalled projector.RecallRow // its Date is 0 where it was not taken back
}

// Message is something that was said.
func Message(m Said) domain.MessageView {
	v := domain.MessageView{Seq: m.Seq, ID: m.ID, From: m.From, Date: Date(m.Date), Msg: m.Msg}
	if m.Recalled.Date != 0 {
		v.Msg = json.RawMessage(`""`)
		v.Recalled = &domain.RecalledView{By: m.Recalled.By, Date: Date(m.Recalled.Date)}
	} else if m.Edited != 0 {
		v.Edited = Date(m.Edited)
	}
	return v
}

// ByEmoji puts the reaction that most have first.
func ByEmoji(a, b domain.ReactionView) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Emoji, b.Emoji))
}

// Readable gives after which seq and up to which somebody may read a conversation of this tail, a group's (or the zero GroupRow); ok is false
// for those who may not at all. in says whether there is a row that ties them to it.
func Readable(m projector.MemberRow, in bool, g projector.GroupRow, tail projector.TailRow) (after, upTo uint64, ok bool) {
	_, _, direct := m.Topic.Pair()
	switch {
	case !in:
		return 0, 0, false
	case m.Present, direct && tail.Seq > 0:
		return hidden(m, g), ^uint64(0), true
	}
	return hidden(m, g), m.Left, m.Left > 0
}

// hidden gives up to which seq a conversation is hidden from somebody who may read what comes after it. What the group lets be read now is
// what counts, whatever it did when they joined; but who has left sees no more than when they left.
func hidden(m projector.MemberRow, g projector.GroupRow) (upTo uint64) {
	if g.History == domain.HistoryJoined {
		return m.Joined
	}
	return m.Hidden
}
