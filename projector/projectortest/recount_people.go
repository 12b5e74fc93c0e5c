package projectortest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/domain"
)

// described is what a group says of itself.
type described struct {
	made                      bool
	name, avatar, description string
	history                   domain.History
}

func (d described) after(e domain.Event) described {
	switch e := e.(type) {
	case domain.GroupCreated:
		if !d.made {
			return described{made: true, name: e.Name, history: domain.HistoryAll}
		}
	case domain.GroupDescribed:
		return described{true, e.Name, e.Avatar, e.Description, e.History}
	}
	return d
}

// asks takes account of who waits for an answer, or is waited for.
func (c said) asks(r domain.Record, f domain.Friendship) {
	switch e := r.Event.(type) {
	case domain.FriendRequested:
		c.asked[c.topic.Peer(e.By)] = r
	case domain.GroupCreated:
		for _, u := range e.Invited {
			c.asked[u] = r
		}
	case domain.GroupInvited:
		c.asked[e.UID] = r
	case domain.GroupApplied:
		c.asked[e.UID] = r
	}
	for u := range c.asked {
		peer := c.topic.Peer(u)
		if !c.group.Invited(u) && !c.group.Applied(u) && (peer == "" || f.Requested() != peer) {
			delete(c.asked, u)
		}
	}
}

// ask is a line of somebody's applications.
type ask struct {
	at   time.Time
	seq  uint64
	key  string
	by   domain.UserID
	text string
}

// asksOf gives what of a conversation waits for me's answer.
func (c said) asksOf(me domain.UserID) (all []ask) {
	gid, _ := c.topic.Group()
	answers := c.group.Role(me) == domain.RoleOwner || c.group.Role(me) == domain.RoleAdmin
	for u, r := range c.asked {
		var text string
		var by domain.UserID
		switch e := r.Event.(type) {
		case domain.FriendRequested:
			by, text = e.By, fmt.Sprint("friend ", e.By, " ", string(e.Greeting))
		case domain.GroupCreated:
			by, text = e.By, fmt.Sprint("invite ", e.By, " to ", gid)
		case domain.GroupInvited:
			by, text = e.By, fmt.Sprint("invite ", e.By, " to ", gid)
		case domain.GroupApplied:
			by, text = e.UID, fmt.Sprint("group ", e.UID, " to ", gid, " ", string(e.Greeting))
		}
		if _, toJoin := r.Event.(domain.GroupApplied); toJoin && answers || !toJoin && u == me {
			all = append(all, ask{r.Time, r.Seq, c.topic.Key(), by, strings.TrimSpace(text)})
		}
	}
	return all
}

func checkApplies(tb testing.TB, s Store, me domain.UserID, all map[domain.Topic]said) {
	tb.Helper()
	var asks []ask
	for _, c := range all {
		asks = append(asks, c.asksOf(me)...)
	}
	slices.SortFunc(asks, func(a, b ask) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		if a.seq != b.seq {
			return int(b.seq) - int(a.seq)
		}
		return strings.Compare(b.key, a.key)
	})
	for _, typ := range []domain.ApplyType{"", domain.ApplyFriend, domain.ApplyInvite, domain.ApplyGroup} {
		var want []string
		for _, a := range asks {
			invited := strings.HasPrefix(a.text, "invite")
			if strings.HasPrefix(a.text, string(typ)) && !(invited && all[domain.Direct(me, a.by)].blocks[me]) {
				want = append(want, fmt.Sprint(a.text, " ", domain.Date(a.at), " ", a.seq))
			}
		}
		for _, limit := range []int{2, 500} {
			if got := applied(tb, s, me, all, typ, limit); !slices.Equal(got, want) {
				tb.Errorf("%s is asked by %d of type %q\n%s\nwant\n%s", me, limit, typ, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// applied gives the lines of a store's pages.
func applied(tb testing.TB, s Store, me domain.UserID, all map[domain.Topic]said, typ domain.ApplyType, limit int) (lines []string) {
	tb.Helper()
	var types []domain.ApplyType
	if typ != "" {
		types = []domain.ApplyType{typ}
	}
	for next := ""; ; {
		views, following, err := s.Applies(tb.Context(), me, types, next, limit)
		if err != nil || len(views) > limit || following != "" && len(views) < limit || len(lines) > 10_000 {
			tb.Errorf("Applies %s: %d of at most %d, then %q, %v", me, len(views), limit, following, err)
			return lines
		}
		for _, v := range views {
			text := string(v.Type) + " " + string(v.From.ID)
			if v.Group != nil {
				text += " to " + string(v.Group.ID)
				if c := all[domain.InGroup(v.Group.ID)]; *v.Group != c.view("") {
					tb.Errorf("%s is asked about %+v, want %+v", me, *v.Group, c.view(""))
				}
			}
			if v.Data != nil {
				text += " " + string(v.Data)
			}
			lines = append(lines, fmt.Sprint(text, " ", v.Date, " ", v.Seq))
		}
		if next = following; next == "" {
			return lines
		}
	}
}

func checkBlocked(tb testing.TB, s Store, me domain.UserID, all map[domain.Topic]said) {
	tb.Helper()
	var want, got []domain.UserID
	for t, c := range all {
		if c.blocks[me] {
			want = append(want, t.Peer(me))
		}
	}
	list, err := s.Blocked(tb.Context(), me)
	for _, p := range list {
		got = append(got, p.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		tb.Errorf("%s blocks %q, %v; want %q", me, got, err, want)
	}
}

// view is the group as it must be seen.
func (c said) view(role domain.Role) domain.GroupView {
	gid, _ := c.topic.Group()
	v := domain.GroupView{ID: gid, Name: c.name, Avatar: c.avatar, Description: c.description, History: c.history, Role: role}
	for _, u := range People {
		if c.inside[u] {
			v.Members++
		}
		if c.group.Role(u) == domain.RoleOwner {
			v.Owner = u
		}
	}
	return v
}

func (c said) checkGroup(tb testing.TB, s Store, me domain.UserID) {
	tb.Helper()
	gid, group := c.topic.Group()
	if !group {
		return
	}
	role := c.group.Role(me)
	got, err := s.Group(tb.Context(), me, gid)
	_, asked := c.asked[me]
	if may := role != "" || asked; (err == nil) != may || may && got != c.view(role) {
		tb.Errorf("%s sees %+v, %v; want that allowed: %v, and %+v", me, got, err, may, c.view(role))
	}
	members, err := s.Members(tb.Context(), me, gid, "", 500)
	if (err == nil) != (role != "") || err == nil && len(members) != c.view("").Members {
		tb.Errorf("%s, who is %q, sees %d members of %s, %v; want %d", me, role, len(members), gid, err, c.view("").Members)
	}
	for _, m := range members {
		if m.Role != c.group.Role(m.ID) || m.Joined != domain.Date(c.joined[m.ID].Time) {
			tb.Errorf("%s sees %+v in %s, want %q since %v", me, m, gid, c.group.Role(m.ID), c.joined[m.ID].Time)
		}
	}
}

func checkFriends(tb testing.TB, log *Log, s Store, me domain.UserID, all map[domain.Topic]said) {
	tb.Helper()
	want, inGroups := make(map[domain.UserID]string), 0
	for t, c := range all {
		if u := t.Peer(me); u != "" && c.inside[me] {
			want[u] = lastSeen(log, u)
		} else if c.inside[me] {
			inGroups++
		}
	}
	friends, err := s.Friends(tb.Context(), me)
	if err != nil || len(friends) != len(want) {
		tb.Errorf("%s has %d friends, %v; want %d", me, len(friends), err, len(want))
	}
	counts, err := s.CountFriends(tb.Context(), []domain.UserID{"nobody", me})
	groups, errGroups := s.CountGroups(tb.Context(), []domain.UserID{"nobody", me})
	if err != nil || errGroups != nil || counts[me] != len(want) || groups[me] != inGroups || counts["nobody"]+groups["nobody"] != 0 {
		tb.Errorf("%s has %v friends and is in %v groups, %v, %v; want %d and %d", me, counts, groups, err, errGroups, len(want), inGroups)
	}
	for _, f := range friends {
		if seen, ok := want[f.ID]; !ok || f.Seen != seen {
			tb.Errorf("%s sees %+v; want %q, a friend: %v", me, f, seen, ok)
		}
	}
}

// lastSeen gives the date of somebody's latest status; "" where there is none.
func lastSeen(log *Log, u domain.UserID) (date string) {
	for _, r := range log.Records(log.Shard(domain.About(u))) {
		if _, ok := r.Event.(domain.StatusSet); ok && r.Topic == domain.About(u) {
			date = domain.Date(r.Time)
		}
	}
	return date
}
