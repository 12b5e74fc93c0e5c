package domain

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTopic(t *testing.T) {
	longest := UserID(strings.Repeat("z", MaxID))
	for _, c := range []struct {
		topic Topic
		key   string
	}{
		{Direct("ann", "bob"), "user.ann.bob"},
		{Direct("bob", "ann"), "user.ann.bob"},
		{Direct("a", "B"), "user.B.a"}, // by bytes: capitals first
		{Direct("a-", "a"), "user.a.a-"},
		{Direct("~w6k", "ann"), "user.ann.~w6k"},
		{Direct("user", "group"), "user.group.user"},
		{Direct("~"+longest[1:], longest), "user." + string(longest) + ".~" + string(longest[1:])},
		{InGroup("g1"), "group.g1"},
		{InGroup("person"), "group.person"},
		{About("ann"), "person.ann"},
		{About("~w6k"), "person.~w6k"},
	} {
		if c.topic.Key() != c.key || c.topic.String() != c.key {
			t.Errorf("the key is %q, String gives %q, want %q", c.topic.Key(), c.topic, c.key)
		}
		if back, err := ParseTopic(c.key); err != nil || back != c.topic {
			t.Errorf("%q came back as %v, %v", c.key, back, err)
		}
	}
}

func TestTopicOfWhom(t *testing.T) {
	direct, group, person := Direct(bob, ann), InGroup("g"), About(ann)
	if lo, hi, ok := direct.Pair(); lo != ann || hi != bob || !ok {
		t.Errorf("the pair of %v: %s, %s, %t", direct, lo, hi, ok)
	}
	if g, ok := group.Group(); g != "g" || !ok {
		t.Errorf("the group of %v: %s, %t", group, g, ok)
	}
	if u, ok := person.Person(); u != ann || !ok {
		t.Errorf("the person of %v: %s, %t", person, u, ok)
	}
	for _, topic := range []Topic{direct, group, person, {}} {
		_, _, pair := topic.Pair()
		_, inGroup := topic.Group()
		_, about := topic.Person()
		if pair != (topic == direct) || inGroup != (topic == group) || about != (topic == person) {
			t.Errorf("%v is taken for another kind: %t %t %t", topic, pair, inGroup, about)
		}
	}
}

func TestParseTopicRefuses(t *testing.T) {
	keys := []string{
		"", ".", "..", "user", "user.", "user..", "user.ann", "user.ann.", "user..bob", "user.bob.ann", "user.ann.ann", "user.ann.bob.cat",
		"user.ann.bob.", ".user.ann.bob", "User.ann.bob", "group", "group.", "group.a.b", "groups.a", "person", "person.", "person.a.b",
		"live.group.a", "chat.0.group.a", "group a", "group.*", "group.>", "user.*.bob", "user.ann.>", strings.Repeat(".", 10_000),
		"group." + strings.Repeat("a", 10_000), "user.ann.bob" + strings.Repeat(".x", 10_000),
	}
	for _, id := range hostile {
		keys = append(keys, "group."+id, "person."+id, "user.A."+id)
	}
	for _, key := range keys {
		topic, err := ParseTopic(key)
		var refusal *Error
		if err == nil || topic != (Topic{}) || errors.As(err, &refusal) {
			t.Errorf("ParseTopic(%.60q) = %.60v, %v, want an error for operators", key, topic, err)
		}
	}
}

func TestConversationID(t *testing.T) {
	for _, c := range []struct {
		me    UserID
		topic Topic
		id    string
	}{
		{ann, Direct(ann, bob), "u:bob"},
		{bob, Direct(ann, bob), "u:ann"},
		{ann, Direct(ann, "~w6k"), "u:~w6k"},
		{ann, InGroup("g1"), "g:g1"},
		{ann, InGroup("ann"), "g:ann"},
	} {
		if got := c.topic.ConversationID(c.me); got != c.id {
			t.Errorf("%s calls %v %q, want %q", c.me, c.topic, got, c.id)
		}
		if back, err := ParseConversationID(c.me, c.id); err != nil || back != c.topic {
			t.Errorf("%q came back to %s as %v, %v", c.id, c.me, back, err)
		}
	}
	for _, topic := range []Topic{Direct(ann, bob), About(ann), About(eve), {}} {
		if got := topic.ConversationID(eve); got != "" {
			t.Errorf("eve calls %v %q", topic, got)
		}
	}
}

func TestPeer(t *testing.T) {
	topic := Direct(bob, ann)
	for me, want := range map[UserID]UserID{ann: bob, bob: ann, eve: "", "": ""} {
		if got := topic.Peer(me); got != want {
			t.Errorf("the peer of %q is %q, want %q", me, got, want)
		}
	}
	if got := InGroup("ann").Peer("ann") + About("ann").Peer("ann"); got != "" {
		t.Errorf("a peer where there is none: %q", got)
	}
}

func TestParseConversationIDRefuses(t *testing.T) {
	ids := []string{"", ":", "u", "g", "bob", "u:ann", "U:bob", "G:g1", "p:bob", "x:bob", "u::bob", "u:u:bob", "u: bob", " u:bob", "g:g1 ", "user.ann.bob", "group.g1"}
	for _, id := range hostile {
		ids = append(ids, "u:"+id, "g:"+id)
	}
	for _, id := range ids {
		topic, err := ParseConversationID(ann, id)
		if codeOf(err) != Malformed || topic != (Topic{}) {
			t.Errorf("ParseConversationID(%.60q) = %.60v, %v", id, topic, err)
		}
	}
}

func TestTopicsRoundTrip(t *testing.T) {
	id := rapid.StringMatching(`~?[A-Za-z0-9_-]{1,95}`)
	rapid.Check(t, func(t *rapid.T) {
		me, other, gid := UserID(id.Draw(t, "me")), UserID(id.Draw(t, "other")), GroupID(id.Draw(t, "gid"))
		if me == other {
			return
		}
		for _, topic := range []Topic{Direct(me, other), InGroup(gid), About(me)} {
			if back, err := ParseTopic(topic.Key()); err != nil || back != topic {
				t.Errorf("%v came back as %v, %v", topic, back, err)
			}
		}
		for _, topic := range []Topic{Direct(me, other), InGroup(gid)} {
			if back, err := ParseConversationID(me, topic.ConversationID(me)); err != nil || back != topic {
				t.Errorf("%v came back as %v, %v", topic, back, err)
			}
		}
	})
}
