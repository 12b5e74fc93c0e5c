package projectortest

import (
	"slices"
	"testing"

	"parley/domain"
)

// Recount goes through a log in the plainest way and fails where a store's histories, marks, unread counts, groups, applications, friends
// and blocks are others.
func Recount(tb testing.TB, log *Log, s Store) {
	tb.Helper()
	all := make(map[domain.Topic]said)
	for _, t := range Topics() {
		all[t] = recount(log, t)
	}
	for _, me := range People {
		for _, c := range all {
			c.check(tb, s, me)
			c.checkGroup(tb, s, me)
		}
		checkApplies(tb, s, me, all)
		checkBlocked(tb, s, me, all)
		checkFriends(tb, log, s, me, all)
	}
}

// said is what a conversation comes to.
type said struct {
	topic    domain.Topic
	messages []*message
	group    *domain.Group // never made where it is none
	described
	inside map[domain.UserID]bool          // members, or friends
	joined map[domain.UserID]domain.Record // who joined, and by what, the last time
	left   map[domain.UserID]uint64        // who left, and where
	own    map[domain.UserID]uint64        // the last message of one's own, or where one joined
	read   map[domain.UserID]uint64
	hidden map[domain.UserID]uint64        // up to where it was hidden from who left
	asked  map[domain.UserID]domain.Record // who waits or is waited for, by what
	blocks map[domain.UserID]bool          // who blocks the other
}

// message is one that counts, as it stands now.
type message struct {
	domain.MessageView
	said []domain.Record      // its edits
	who  map[[2]string]uint64 // who has reacted, with what, and where
}

func recount(log *Log, t domain.Topic) said {
	c := said{
		topic: t, group: new(domain.Group), inside: make(map[domain.UserID]bool), joined: make(map[domain.UserID]domain.Record),
		left: make(map[domain.UserID]uint64), own: make(map[domain.UserID]uint64), read: make(map[domain.UserID]uint64),
		hidden: make(map[domain.UserID]uint64), asked: make(map[domain.UserID]domain.Record), blocks: make(map[domain.UserID]bool),
	}
	var f domain.Friendship
	_, _, direct := t.Pair()
	if direct {
		f = domain.NewFriendship(t)
	}
	sent := make(map[[2]string]bool)
	for _, r := range log.Records(log.Shard(t)) {
		if r.Topic != t {
			continue
		}
		switch e := r.Event.(type) {
		case domain.Message:
			may := c.group.MaySend(e.From) == nil
			if direct {
				may = f.MaySend(e.From, e.Open) == nil
			}
			if key := [2]string{string(e.From), e.ID}; may && !sent[key] {
				sent[key] = true
				v := domain.MessageView{Seq: r.Seq, ID: e.ID, From: e.From, Date: domain.Date(r.Time), Msg: e.Msg}
				c.messages = append(c.messages, &message{MessageView: v, who: make(map[[2]string]uint64)})
				c.own[e.From] = r.Seq
			}
		case domain.MessageEdited, domain.MessageRecalled, domain.MessageReacted:
			by, open := e.(domain.Spoken).Speaker()
			if direct && f.MaySend(by, open) == nil || !direct && c.group.MaySend(by) == nil {
				c.change(r)
			}
		case domain.ReadMarked:
			c.read[e.By] = min(e.Seq, r.Seq)
		default:
			c.group.Evolve(e, r.Time)
			f.Evolve(e, r.Time)
			c.described = c.described.after(e)
			c.moved(r, f)
			c.asks(r, f)
			c.erase(e)
			for _, u := range People {
				c.blocks[u] = f.Blocked(u)
			}
		}
	}
	return c
}

// moved takes account of who is in now.
func (c said) moved(r domain.Record, f domain.Friendship) {
	for _, u := range People {
		now := c.group.Role(u) != "" || f.Friends() && c.topic.Peer(u) != ""
		if _, group := c.topic.Group(); group && now != c.inside[u] {
			delete(c.left, u)
			delete(c.hidden, u)
			if !now {
				c.left[u] = r.Seq
				if c.history == domain.HistoryJoined {
					c.hidden[u] = c.joined[u].Seq
				}
			} else {
				c.joined[u], c.own[u] = r, r.Seq
			}
		}
		c.inside[u] = now
	}
}

// upTo is where somebody who may read stopped to hear of anything.
func (c said) upTo(me domain.UserID) uint64 {
	if _, _, direct := c.topic.Pair(); direct || c.inside[me] {
		return ^uint64(0)
	}
	return c.left[me]
}

// visible says whether somebody who may read at all sees a message.
func (c said) visible(me domain.UserID, seq uint64) bool {
	if _, _, direct := c.topic.Pair(); direct {
		return true
	}
	if seq <= c.hidden[me] || c.history == domain.HistoryJoined && seq <= c.joined[me].Seq {
		return false
	}
	return c.inside[me] || seq <= c.left[me]
}

func (c said) check(tb testing.TB, s Store, me domain.UserID) {
	tb.Helper()
	var want []*message
	direct := c.topic.Peer(me) != ""
	may := c.inside[me] || c.left[me] > 0 || direct && len(c.messages) > 0
	mark, unread := max(c.own[me], c.read[me]), uint64(0)
	for _, m := range c.messages {
		if !c.visible(me, m.Seq) {
			continue
		}
		want = append(want, m)
		if m.Seq > mark && m.Recalled == nil {
			unread++
		}
	}
	if _, _, err := s.Messages(tb.Context(), me, c.topic, 0, 0, 1); (err == nil) != may {
		tb.Errorf("%s reads %s: %v; want that allowed: %v", me, c.topic, err, may)
	} else if may {
		c.pages(tb, s, me, want)
		c.listed(tb, s, me, want, mark, unread)
	}
}

// pages fails where a page of messages, at either end or in between, is not that of what me is to see.
func (c said) pages(tb testing.TB, s Store, me domain.UserID, visible []*message) {
	tb.Helper()
	places := []uint64{0, 1, c.joined[me].Seq, c.left[me]}
	if n := len(visible); n > 0 {
		places = append(places, visible[0].Seq, visible[n/2].Seq, visible[n-1].Seq)
	}
	c.page(tb, s, me, visible, 0, 0, 500)
	for _, at := range places {
		c.page(tb, s, me, visible, at, 0, 2)
		c.page(tb, s, me, visible, 0, at, 2)
	}
}

func (c said) page(tb testing.TB, s Store, me domain.UserID, visible []*message, before, after uint64, limit int) {
	tb.Helper()
	var want []*message
	for _, m := range visible {
		if (before == 0 || m.Seq < before) && m.Seq > after {
			want = append(want, m)
		}
	}
	wantMore := len(want) > limit
	switch {
	case wantMore && after > 0:
		want = want[:limit]
	case wantMore:
		want = want[len(want)-limit:]
	}
	got, more, err := s.Messages(tb.Context(), me, c.topic, before, after, limit)
	if err != nil || len(got) != len(want) || more != wantMore {
		tb.Errorf("%s sees %d messages in %s before %d after %d of at most %d, more: %v, %v; want %d, %v",
			me, len(got), c.topic, before, after, limit, more, err, len(want), wantMore)
		return
	}
	for i, m := range want {
		if got, want := asJSON(got[i]), asJSON(m.seenBy(me, c.upTo(me))); got != want {
			tb.Errorf("%s sees %s in %s, want %s", me, got, c.topic, want)
		}
	}
}

// listed fails where the conversation stands otherwise in me's list.
func (c said) listed(tb testing.TB, s Store, me domain.UserID, visible []*message, mark, unread uint64) {
	tb.Helper()
	list, _, err := s.Conversations(tb.Context(), me, "", 500)
	if err != nil {
		tb.Errorf("Conversations %s: %v", me, err)
	}
	at := slices.IndexFunc(list, func(v domain.ConversationView) bool { return v.ID == c.topic.ConversationID(me) })
	direct := c.topic.Peer(me) != ""
	if want := c.inside[me] || direct && len(c.messages) > 0; (at >= 0) != want {
		tb.Errorf("%s has %s in the list: %v, want %v", me, c.topic, at >= 0, want)
	}
	if at < 0 {
		return
	}
	v := list[at]
	if v.Unread != unread || v.Read != mark {
		tb.Errorf("%s has %d unread in %s and has read up to %d, want %d and %d", me, v.Unread, c.topic, v.Read, unread, mark)
	}
	var last, wantLast uint64
	if v.Last != nil {
		last = v.Last.Seq
	}
	if n := len(visible); n > 0 {
		wantLast = visible[n-1].Seq
	}
	if last != wantLast {
		tb.Errorf("%s sees %d last in %s, want %d", me, last, c.topic, wantLast)
	}
	if !direct && (v.Name != c.name || v.Avatar != c.avatar) {
		tb.Errorf("%s has %s in the list as %q, %q; want %q, %q", me, c.topic, v.Name, v.Avatar, c.name, c.avatar)
	}
}
