package journal_test

import (
	"strings"
	"testing"

	"parley/domain"
	"parley/domain/journal"
)

// Where a topic's events lie is decided for ever: these never change.
func TestShards(t *testing.T) {
	for _, c := range []struct {
		topic                  domain.Topic
		of3, of16, of97, of256 int
	}{
		{domain.Direct("a", "b"), 1, 3, 58, 131},
		{domain.Direct("alice", "bob"), 1, 9, 0, 89},
		{domain.InGroup("g"), 1, 3, 37, 19},
		{domain.InGroup("family"), 0, 2, 23, 210},
		{domain.About("a"), 2, 1, 47, 209},
		{domain.About("~YUBi"), 1, 7, 88, 167},
	} {
		for n, want := range map[int]int{1: 0, 3: c.of3, 16: c.of16, 97: c.of97, 256: c.of256} {
			if got := journal.ShardOf(c.topic, n); got != want {
				t.Errorf("%s is in shard %d of %d, want %d", c.topic, got, n, want)
			}
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, c := range []struct {
		topic domain.Topic
		event domain.Event
		want  string
	}{
		{domain.Direct("b", "a"), domain.Message{}, "chat.0.user.a.b.talk"},
		{domain.Direct("b", "a"), domain.FriendRequested{}, "chat.0.user.a.b.state"},
		{domain.Direct("b", "a"), domain.ReadMarked{By: "b"}, "chat.0.user.a.b.read.b"},
		{domain.InGroup("g"), domain.Message{}, "chat.0.group.g.talk"},
		{domain.InGroup("g"), domain.GroupCreated{}, "chat.0.group.g.state"},
		{domain.InGroup("read"), domain.ReadMarked{By: "state"}, "chat.0.group.read.read.state"},
		{domain.About("~YQ"), domain.Profiled{}, "chat.0.person.~YQ.state"},
		{domain.About("status"), domain.StatusSet{}, "chat.0.person.status.status"},
	} {
		a := journal.AddressOf(c.topic, c.event, 1)
		if got := journal.Subject(a); got != c.want {
			t.Errorf("%s of %s is at %s, want %s", c.event.EventName(), c.topic, got, c.want)
		}
		if back, err := journal.ParseSubject(c.want, 1); err != nil || back != a {
			t.Errorf("%s reads as %+v, %v", c.want, back, err)
		}
	}
}

func TestForeignSubjects(t *testing.T) {
	for _, subject := range []string{
		"", "chat", "chat.0", "chat.0.heard", "chat.0.user.a.b", "chat.0.user.b.a.talk", "chat.0.user.a.a.talk", "chat.0.user.a.talk",
		"chat.0.group.g", "chat.0.group.g.", "chat.0.group.g.speak", "chat.0.group.g.status", "chat.0.user.a.b.status", "chat.0.person.a.status.x", "chat.0.person.a.talk", "chat.0.group.g.talk.x", "chat.0.group.g.read", "chat.0.group.g.read.",
		"chat.0.group.g.read.a.b", "chat.0.group..talk", "chat.0.group.*.talk", "chat.0.group.>.talk", "chat.0.group.g h.talk",
		"chat.1.group.g.talk", "chat.00.group.g.talk", "chat.+0.group.g.talk", "chat.-1.group.g.talk", "chat..group.g.talk", "chat.x.group.g.talk",
		"live.chat.0.group.g.talk", "Chat.0.group.g.talk", "chatter.0.group.g.talk", "chat.0.Group.g.talk", "chat.0.nobody.g.talk",
		"chat.0.person.a.talk", "chat.0.person.a.read.a", "chat.0.person.a.b.state",
		"chat.0.group." + strings.Repeat("x", domain.MaxID+1) + ".talk",
	} {
		if a, err := journal.ParseSubject(subject, 1); err == nil {
			t.Errorf("%q reads as %+v", subject, a)
		}
	}
}

func FuzzParseSubject(f *testing.F) {
	for _, s := range []string{"chat.0.user.a.b.talk", "chat.2.group.g.state", "chat.1.group.g.read.a", "chat.0.person.~YQ.state", "chat..user...", "chat.0.user.a.b.read"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || n > 256 {
			return
		}
		if a, err := journal.ParseSubject(s, n); err == nil && journal.Subject(a) != s {
			t.Errorf("%q reads as %+v, which is at %q", s, a, journal.Subject(a))
		}
	})
}
