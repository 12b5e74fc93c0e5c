package edge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/domain"
)

// model is what the pure rules say of a few people and a group: the edges must say the same, whichever of them is asked.
type model struct {
	*world
	users   []domain.UserID
	devices map[domain.UserID][2]*device // on one edge and on another
	friends map[domain.Topic]*domain.Friendship
	group   domain.Group
	gid     domain.GroupID
	talk    map[domain.Topic][]*uttered
	left    map[domain.UserID]int                 // how much of the group's talk who has left may read
	heard   map[domain.UserID]map[string][]string // what everyone is to hear, by conversation
}

func (m *model) friendship(x, y domain.UserID) *domain.Friendship {
	topic := domain.Direct(x, y)
	if m.friends[topic] == nil {
		f := domain.NewFriendship(topic)
		m.friends[topic] = &f
	}
	return m.friends[topic]
}

// now is when what the model decides is stored; the rules that are tried here do not depend on it.
func now() time.Time { return time.Now() }

// expects gives the code of a refusal, or of none.
func expects(err error) domain.Code {
	if err == nil {
		return domain.OK
	}
	return domain.Refusal(err).Code
}

// step gives one command to an edge and to the rules.
func (m *model) step(t *rapid.T, round int) {
	me := rapid.SampledFrom(m.users).Draw(t, "me")
	others := slices.DeleteFunc(slices.Clone(m.users), func(u domain.UserID) bool { return u == me })
	other := rapid.SampledFrom(others).Draw(t, "other")
	d := m.devices[me][rapid.IntRange(0, 1).Draw(t, "edge")]
	f, in := m.friendship(me, other), gid(m.gid)
	befriend := func(event string, c domain.FriendCommand) {
		e, err := f.Decide(c)
		if err == nil {
			f.Evolve(e, now())
			m.befall(domain.Direct(me, other), e)
		}
		check(t, d, expects(err), event, other)
	}
	group := func(event string, c domain.GroupCommand, args ...any) {
		e, err := m.group.Decide(c)
		if !m.group.Exists() {
			err = domain.Refuse(domain.NotFound, "no such group")
		}
		if err == nil {
			m.happen(e)
		}
		check(t, d, expects(err), event, append([]any{m.gid}, args...)...)
	}
	txt := fmt.Sprint(round)
	switch command := rapid.SampledFrom([]string{"send", "send", "groupSend", "groupSend", "edit", "edit", "recall", "react", "react", "react", "sendApply", "sendApply", "acceptFriend", "acceptFriend", "rejectFriend",
		"removeFriend", "block", "unblock", "invite", "acceptGroup", "rejectGroup", "leaveGroup", "removeMember", "applyGroup", "applyGroup", "accept", "accept",
		"reject", "setRole", "setRole", "updateGroup", "dissolveGroup", "setStatus"}).Draw(t, "command"); command {
	case "send":
		err := f.MaySend(me, false)
		if a := give(t, d, expects(err), command, other, txt); err == nil {
			topic := domain.Direct(me, other)
			m.talk[topic] = append(m.talk[topic], utter(a.seq(d.tb), me, txt))
			m.hears(me, topic.ConversationID(me), txt)
			m.hears(other, topic.ConversationID(other), txt)
		}
	case "groupSend":
		err := m.group.MaySend(me)
		if !m.group.Exists() {
			err = domain.Refuse(domain.NotFound, "no such group")
		}
		if a := give(t, d, expects(err), command, in, txt); err == nil {
			m.talk[domain.InGroup(m.gid)] = append(m.talk[domain.InGroup(m.gid)], utter(a.seq(d.tb), me, txt))
			for _, u := range m.members() {
				m.hears(u, "group", txt)
			}
		}
	case "edit", "recall", "react":
		m.change(t, d, command, other, txt)
	case "sendApply":
		befriend(command, domain.RequestFriend{By: me})
	case "acceptFriend":
		befriend(command, domain.AcceptFriend{By: me})
	case "rejectFriend":
		befriend(command, domain.RejectFriend{By: me})
	case "removeFriend":
		befriend(command, domain.RemoveFriend{By: me})
	case "block":
		befriend(command, domain.BlockFriend{By: me})
	case "unblock":
		befriend(command, domain.UnblockFriend{By: me})
	case "invite":
		if f.Blocked(me) || f.Blocked(other) {
			check(t, d, domain.Forbidden, command, string(m.gid), string(other))
			break
		}
		group(command, domain.Invite{By: me, UID: other, Friend: f.MaySend(me, false) == nil}, other)
	case "acceptGroup":
		group(command, domain.AcceptInvitation{UID: me})
	case "rejectGroup":
		group(command, domain.DeclineInvitation{UID: me})
	case "leaveGroup":
		group(command, domain.Leave{UID: me})
	case "removeMember":
		group(command, domain.RemoveMember{By: me, UID: other}, other)
	case "applyGroup":
		group(command, domain.ApplyToJoin{UID: me})
	case "accept":
		group("acceptGroup", domain.AcceptApplication{By: me, UID: other}, other)
	case "reject":
		group("rejectGroup", domain.RefuseApplication{By: me, UID: other}, other)
	case "setRole":
		role := rapid.SampledFrom([]domain.Role{domain.RoleOwner, domain.RoleAdmin, domain.RoleMember, "king"}).Draw(t, "role")
		group(command, domain.SetRole{By: me, UID: other, Role: role}, other, role)
	case "updateGroup":
		name := rapid.SampledFrom([]string{"new", " "}).Draw(t, "name")
		group(command, domain.DescribeGroup{By: me, Name: &name, Description: &txt}, map[string]any{"name": name, "description": txt})
	case "dissolveGroup":
		group(command, domain.DissolveGroup{By: me})
	case "setStatus": // it is of no consequence to what one may do
		check(t, d, domain.OK, command, rapid.SampledFrom([]domain.Status{domain.StatusOnline, domain.StatusInvisible}).Draw(t, "status"))
	}
}

// give gives a command that is to be answered with a code.
func give(t *rapid.T, d *device, want domain.Code, event string, args ...any) answer {
	a := d.emit(event, args...)
	if a.Code != want {
		t.Fatalf("%s's %s%v: %+v, want code %d", d.me, event, args, a, want)
	}
	return a
}

// check gives a command and says whether it was done.
func check(t *rapid.T, d *device, want domain.Code, event string, args ...any) bool {
	return give(t, d, want, event, args...).Code == domain.OK
}

// compare asks the API for what the rules say, one edge for some people and the other for the others.
func (m *model) compare(t *rapid.T, nodes [2]*node) {
	for i, u := range m.users {
		var friends struct{ Friends []domain.FriendView }
		var groups struct{ Groups []domain.GroupView }
		n := nodes[i%2]
		n.get(u, "/api/friends", &friends)
		n.get(u, "/api/groups", &groups)
		if (len(groups.Groups) == 1) != (m.group.Role(u) != "") || len(groups.Groups) == 1 && groups.Groups[0].Role != m.group.Role(u) {
			t.Errorf("%s's groups are %+v, want the role %q", u, groups.Groups, m.group.Role(u))
		}
		if len(groups.Groups) == 1 {
			about, g := m.group.About(), groups.Groups[0]
			if g.Name != about.Name || g.Description != about.Description || g.Owner != m.group.Owner() || g.Members != m.group.Size() {
				t.Errorf("%s is told of %+v, want %+v", u, g, about)
			}
		}
		for _, other := range m.users {
			if u == other {
				continue
			}
			is := slices.ContainsFunc(friends.Friends, func(p domain.FriendView) bool { return p.ID == other })
			if is != m.friendship(u, other).Friends() {
				t.Errorf("that %s and %s are friends is %v, want %v", u, other, is, !is)
			}
		}
	}
}

// Whatever a few people ask of two edges, one after the other, each answer is that of the rules, and so is what everyone hears and may read.
func TestEdgesAnswerAsTheRulesDo(t *testing.T) {
	w := newWorld(t, 3)
	nodes := [2]*node{w.edge(), w.edge()}
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := &model{world: w, devices: map[domain.UserID][2]*device{}, friends: map[domain.Topic]*domain.Friendship{}, talk: map[domain.Topic][]*uttered{},
			left: map[domain.UserID]int{}, heard: map[domain.UserID]map[string][]string{},
			gid: domain.GroupID(fmt.Sprint("group-", run))}
		for _, name := range []string{"ann", "bob", "cat"} {
			m.users = append(m.users, domain.UserID(fmt.Sprintf("%s-%d", name, run)))
		}
		w.people(m.users...)
		made := domain.GroupCreated{By: m.users[0], Name: "g"}
		m.group.Evolve(made, now())
		w.append(domain.InGroup(m.gid), made)
		for _, u := range m.users {
			m.devices[u] = [2]*device{nodes[0].device(u), nodes[1].device(u)}
		}
		for round := range rapid.IntRange(1, 30).Draw(t, "steps") {
			m.step(t, round)
		}
		m.compareHeard(t)
		m.compare(t, nodes)
		m.compareHistories(t, nodes)
		for _, both := range m.devices {
			both[0].leave()
			both[1].leave()
		}
	})
}
