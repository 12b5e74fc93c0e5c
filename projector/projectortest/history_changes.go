package projectortest

import (
	"encoding/json"

	"pgregory.net/rapid"

	"parley/domain"
)

// change appends what would change a message, allowed or not.
func (h *History) change(t *rapid.T) {
	in := topic(t)
	seq := rapid.Uint64Range(0, 30).Draw(t, "of")
	by := person(t)
	for _, r := range h.log.Records(h.log.Shard(in)) { // the last of the messages there, as a rule
		if m, ok := r.Event.(domain.Message); ok && r.Topic == in && pick(t, "this one", []bool{true, true, false}) {
			seq = r.Seq
			if pick(t, "by who said it", []bool{true, false}) {
				by = m.From
			}
		}
	}
	open := rapid.Bool().Draw(t, "open")
	text := json.RawMessage(pick(t, "text", []string{`"edited"`, `{"txt":"geändert 🙂"}`}))
	h.append(in, pick(t, "change", []domain.Event{
		domain.MessageEdited{By: by, Seq: seq, Msg: text, Open: open},
		domain.MessageRecalled{By: by, Seq: seq, Open: open},
		domain.MessageReacted{By: by, Seq: seq, Emoji: "👍🏽", On: true, Open: open},
		domain.MessageReacted{By: by, Seq: seq, Emoji: pick(t, "emoji", []string{"👍🏽", "é", "a"}), On: rapid.Bool().Draw(t, "on"), Open: open},
	}))
}

// erase lets somebody be gone for good, from everywhere, as an edge does it.
func (h *History) erase(t *rapid.T) {
	u := person(t)
	h.append(domain.About(u), domain.PersonErased{})
	h.erased[u] = true
	for _, in := range Topics() {
		if id, isGroup := in.Group(); isGroup {
			if g := h.groups[id]; g != nil {
				h.take(in, g, domain.EraseMember{UID: u})
			}
		} else if in.Peer(u) != "" {
			f := h.friendships[in]
			if f == nil {
				strangers := domain.NewFriendship(in)
				f = &strangers
				h.friendships[in] = f
			}
			if e, err := f.Decide(domain.EraseFriend{By: u}); err == nil && e != nil {
				f.Evolve(e, h.now())
				h.append(in, e)
			}
		}
	}
}

// forget takes out of the log some or all of what those have said who are gone for good. Where some of it came after it was said that they are, that
// is said once more, as an edge does it.
func (h *History) forget(t *rapid.T) {
	for _, u := range People {
		if !h.erased[u] {
			continue
		}
		all := rapid.Bool().Draw(t, "all")
		gone, late := make(map[domain.Topic]uint64), make(map[domain.Topic]bool)
		for _, in := range append(Topics(), domain.About(u)) {
			for _, r := range h.log.Records(h.log.Shard(in)) {
				if r.Topic == in && erases(r.Event, u) {
					gone[in] = r.Seq
				}
			}
		}
		h.log.Remove(func(r domain.Record) bool {
			remove := gone[r.Topic] > 0 && domain.Erasable(r.Event, u) && (all || r.Seq%2 == 0)
			late[r.Topic] = late[r.Topic] || remove && r.Seq > gone[r.Topic]
			return remove
		})
		for _, in := range Topics() {
			if _, isGroup := in.Group(); late[in] && isGroup {
				h.append(in, domain.GroupErased{UID: u})
			} else if late[in] {
				h.append(in, domain.FriendErased{By: u})
			}
		}
		if all || late[domain.About(u)] {
			h.append(domain.About(u), domain.PersonErased{Done: all})
		}
	}
}

// erases says whether an event says of somebody that they are gone for good.
func erases(e domain.Event, u domain.UserID) bool {
	switch e := e.(type) {
	case domain.FriendErased:
		return e.By == u
	case domain.GroupErased:
		return e.UID == u
	case domain.PersonErased:
		return true
	}
	return false
}
