package edge_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"pgregory.net/rapid"

	"parley/domain"
)

// hears notes what somebody is to hear in a conversation, as they call it.
func (m *model) hears(u domain.UserID, conversation, what string) {
	if m.heard[u] == nil {
		m.heard[u] = map[string][]string{}
	}
	m.heard[u][conversation] = append(m.heard[u][conversation], what)
}

// members are those who may write in the group.
func (m *model) members() []domain.UserID {
	return slices.DeleteFunc(slices.Clone(m.users), func(u domain.UserID) bool { return m.group.Role(u) == "" })
}

// befall notes who is to hear of a decision on a friendship.
func (m *model) befall(topic domain.Topic, e domain.Event) {
	tell := func(by domain.UserID, state string, both bool) {
		m.hears(by, topic.ConversationID(by), state)
		if both {
			m.hears(topic.Peer(by), topic.ConversationID(topic.Peer(by)), state)
		}
	}
	switch e := e.(type) {
	case domain.FriendRequested:
		tell(e.By, "requested", true)
	case domain.FriendAccepted:
		tell(e.By, "accepted", true)
	case domain.FriendRejected:
		tell(e.By, "rejected", true)
	case domain.FriendRemoved:
		tell(e.By, "removed", true)
	case domain.FriendBlocked:
		tell(e.By, "blocked", false)
	case domain.FriendUnblocked:
		tell(e.By, "unblocked", false)
	}
}

// happen lets the model's group go on, and notes who is to hear of it and how far those who go may read.
func (m *model) happen(e domain.Event) {
	before := m.members()
	running := slices.DeleteFunc(m.members(), func(u domain.UserID) bool { return m.group.Role(u) == domain.RoleMember })
	m.group.Evolve(e, now())
	after := m.members()
	for _, u := range before {
		if !slices.Contains(after, u) {
			m.left[u] = len(m.talk[domain.InGroup(m.gid)])
		}
	}
	tell := func(state string, uid domain.UserID, who []domain.UserID) {
		if uid != "" && !slices.Contains(who, uid) {
			who = append(who, uid)
		}
		for _, u := range who {
			m.hears(u, "group", state+" "+string(uid))
		}
	}
	switch e := e.(type) {
	case domain.GroupInvited:
		tell("invited", e.UID, before)
	case domain.GroupDeclined:
		tell("declined", e.UID, before)
	case domain.GroupJoined:
		tell("joined", e.UID, after)
	case domain.GroupLeft:
		tell("left", e.UID, before)
	case domain.GroupRemoved:
		tell("removed", e.UID, before)
	case domain.GroupApplied:
		tell("applied", e.UID, running)
	case domain.GroupRefused:
		tell("refused", e.UID, running)
	case domain.GroupDescribed:
		tell("described", "", before)
	case domain.GroupRoleSet:
		tell("role", e.UID, before)
	case domain.GroupDissolved:
		tell("dissolved", "", before)
	}
}

// heardBy gives what a device has heard in each conversation, in order: what was said, and what was decided.
func heardBy(d *device) map[string][]string {
	all := map[string][]string{}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.heard {
		var of struct {
			ID, UID domain.UserID
			State   string
		}
		var body struct{ Msg string }
		switch h.Event {
		case "edited", "recalled", "reacted":
			c := toldChange{Event: h.Event}
			h.arg(d.tb, 0, &c)
			conversation := c.Conversation
			if conversation[0] == 'g' {
				conversation = "group"
			}
			c.Conversation = ""
			all[conversation] = append(all[conversation], c.String())
		case "reply", "groupReply":
			h.arg(d.tb, 0, &of)
			h.arg(d.tb, 1, &body)
			conversation := "group"
			if h.Event == "reply" {
				conversation = "u:" + string(of.ID)
			}
			all[conversation] = append(all[conversation], body.Msg)
		case "friend":
			h.arg(d.tb, 0, &of)
			all["u:"+string(of.UID)] = append(all["u:"+string(of.UID)], of.State)
		case "group":
			if h.arg(d.tb, 0, &of); of.State != "created" { // which may have come late
				all["group"] = append(all["group"], of.State+" "+string(of.UID))
			}
		}
	}
	return all
}

// compareHeard compares what all devices have heard with what they were to hear.
func (m *model) compareHeard(t *rapid.T) {
	for _, u := range m.users {
		for i, d := range m.devices[u] {
			want := m.heard[u]
			if want == nil {
				want = map[string][]string{}
			}
			equal := func() bool { return maps.EqualFunc(heardBy(d), want, slices.Equal) }
			d.wait("all that it is to hear", func() bool { // d.mu is held
				d.mu.Unlock()
				defer d.mu.Lock()
				return equal() || len(fmt.Sprint(heardBy(d))) > len(fmt.Sprint(want))
			})
			if !equal() {
				t.Errorf("%s's device at edge %d heard %v, want %v", u, i, heardBy(d), want)
			}
		}
	}
}

// compareHistories asks the API for what each may read.
func (m *model) compareHistories(t *rapid.T, nodes [2]*node) {
	for i, u := range m.users {
		for _, other := range m.users {
			if u != other {
				topic := domain.Direct(u, other)
				m.compareHistory(t, nodes[i%2], u, topic, m.talk[topic], true)
			}
		}
		topic := domain.InGroup(m.gid)
		said, left := m.talk[topic], false
		if m.group.Role(u) == "" {
			var upTo int
			upTo, left = m.left[u]
			said = said[:upTo]
		}
		m.compareHistory(t, nodes[i%2], u, topic, said, left || m.group.Role(u) != "")
	}
}

func (m *model) compareHistory(t *rapid.T, n *node, u domain.UserID, topic domain.Topic, said []*uttered, open bool) {
	var page struct{ Messages []domain.MessageView }
	status := n.get(u, "/api/conversations/"+topic.ConversationID(u)+"/messages", &page)
	if (status == http.StatusOK) != (open && (status == http.StatusOK || len(said) > 0)) {
		t.Errorf("%s reads %s: status %d, that it may is %v", u, topic, status, open)
	}
	var got, want []string
	for _, msg := range page.Messages {
		got = append(got, shown(m, msg))
	}
	for _, s := range said {
		want = append(want, s.shown(u))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s reads %q in %s, want %q", u, got, topic, want)
	}
}
