package projectortest

import (
	"testing"

	"parley/domain"
)

// Recount goes through a log in the plainest way and fails where a store's histories, marks and unread counts are others.
func Recount(tb testing.TB, log *Log, s Store) {
	tb.Helper()
	for _, t := range Topics() {
		c := recount(log, t)
		for _, me := range People {
			c.check(tb, s, me)
		}
	}
}

// said is what a conversation comes to.
type said struct {
	topic    domain.Topic
	messages []domain.Record
	inside   map[domain.UserID]bool   // members, or friends
	left     map[domain.UserID]uint64 // who left, and where
	own      map[domain.UserID]uint64 // the last message of one's own, or before one came
	read     map[domain.UserID]uint64
}

func recount(log *Log, t domain.Topic) said {
	c := said{t, nil, make(map[domain.UserID]bool), make(map[domain.UserID]uint64), make(map[domain.UserID]uint64), make(map[domain.UserID]uint64)}
	g := new(domain.Group)
	var f domain.Friendship
	if _, _, direct := t.Pair(); direct {
		f = domain.NewFriendship(t)
	}
	sent := make(map[[2]string]bool)
	for _, r := range log.Records(log.Shard(t)) {
		if r.Topic != t {
			continue
		}
		switch e := r.Event.(type) {
		case domain.Message:
			may := g.MaySend(e.From) == nil
			if _, _, direct := t.Pair(); direct {
				may = f.MaySend(e.From, e.Open) == nil
			}
			if key := [2]string{string(e.From), e.ID}; may && !sent[key] {
				sent[key] = true
				c.messages = append(c.messages, r)
				c.own[e.From] = r.Seq
			}
		case domain.ReadMarked:
			c.read[e.By] = min(e.Seq, r.Seq)
		default:
			g.Evolve(e)
			f.Evolve(e)
			c.moved(r.Seq, g, f)
		}
	}
	return c
}

// moved takes account of who is in now.
func (c said) moved(seq uint64, g *domain.Group, f domain.Friendship) {
	for _, u := range People {
		now := g.Role(u) != "" || f.Friends() && c.topic.Peer(u) != ""
		if _, group := c.topic.Group(); group && now != c.inside[u] {
			delete(c.left, u)
			if !now {
				c.left[u] = seq
			} else if n := len(c.messages); n > 0 {
				c.own[u] = c.messages[n-1].Seq
			}
		}
		c.inside[u] = now
	}
}

func (c said) check(tb testing.TB, s Store, me domain.UserID) {
	tb.Helper()
	var want []domain.Record
	direct := c.topic.Peer(me) != ""
	may := c.inside[me] || c.left[me] > 0 || direct && len(c.messages) > 0
	mark, unread := max(c.own[me], c.read[me]), uint64(0)
	for _, r := range c.messages {
		if c.inside[me] || direct || r.Seq <= c.left[me] {
			want = append(want, r)
		}
		if r.Seq > mark {
			unread++
		}
	}
	got, _, err := s.Messages(tb.Context(), me, c.topic, 0, 0, 500)
	if (err == nil) != may {
		tb.Errorf("%s reads %s: %v; want that allowed: %v", me, c.topic, err, may)
		return
	}
	if !may {
		return
	}
	if len(got) != len(want) {
		tb.Errorf("%s sees %d messages in %s, want %d", me, len(got), c.topic, len(want))
		return
	}
	for i, r := range want {
		m := r.Event.(domain.Message)
		if v := got[i]; v.Seq != r.Seq || v.From != m.From || v.ID != m.ID || string(v.Msg) != string(m.Msg) || v.Date != domain.Date(r.Time) {
			tb.Errorf("%s sees %+v in %s, want %+v", me, v, c.topic, r)
		}
	}
	list, _, err := s.Conversations(tb.Context(), me, "", 500)
	if err != nil {
		tb.Errorf("Conversations %s: %v", me, err)
	}
	listed := false
	for _, v := range list {
		if v.ID == c.topic.ConversationID(me) {
			listed = true
			if v.Unread != unread || v.Read != mark {
				tb.Errorf("%s has %d unread in %s and has read up to %d, want %d and %d", me, v.Unread, c.topic, v.Read, unread, mark)
			}
		}
	}
	if want := c.inside[me] || direct && len(c.messages) > 0; listed != want {
		tb.Errorf("%s has %s in the list: %v, want %v", me, c.topic, listed, want)
	}
}
