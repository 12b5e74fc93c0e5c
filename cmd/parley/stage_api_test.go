package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// types is that a device says to be typing: its answer has no data, and nothing is stored.
func (s *stage) types(device, conversation string) func() {
	return func() {
		s.t.Helper()
		before := ends(s.t, s.log)
		defer func() {
			if after := ends(s.t, s.log); !equal(before, after) {
				s.t.Errorf("%s: the log grew from %v to %v", s.step, before, after)
			}
		}()
		if data := s.ok(device, "typing", s.resolve(id(conversation))); data != nil {
			s.t.Errorf("%s: the answer holds %s", s.step, data)
		}
	}
}

// applies checks what waits for somebody's answer, the newest first: type, from whom, to what group, and the greeting.
func (s *stage) applies(who string, want ...string) {
	s.t.Helper()
	var out struct {
		Applies []struct {
			Type  string
			From  user
			Group struct{ Name string }
			Data  struct{ Greeting string }
		}
	}
	s.people[who].get(s.t, "/api/applies", &out)
	var got []string
	for _, a := range out.Applies {
		got = append(got, fmt.Sprintf("%s %s %s %s", a.Type, a.From.Username, a.Group.Name, a.Data.Greeting))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: %s has the applications %q, want %q", s.step, who, got, want)
	}
}

// history checks what somebody reads of a conversation.
func (s *stage) history(who, conversation string, want ...string) {
	s.t.Helper()
	var got []string
	for _, said := range s.people[who].history(s.t, s.resolve(id(conversation)).(string)) {
		if known := s.said[said.Seq]; known.id != said.ID {
			s.t.Errorf("%s: %s reads %+v", s.step, who, said)
		}
		got = append(got, s.said[said.Seq].text)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: %s reads %q, want %q", s.step, who, got, want)
	}
}

// inList checks a line of somebody's list of conversations: the last message, "" for none, and how many are unread. Of one that is not in the
// list the last message is "none".
func (s *stage) inList(who, conversation, last string, unread int) {
	s.t.Helper()
	var out struct {
		Conversations []struct {
			ID     string
			Unread int
			Last   *message
		}
	}
	s.people[who].get(s.t, "/api/conversations", &out)
	gotLast, gotUnread := "none", 0
	for _, c := range out.Conversations {
		if c.ID != s.resolve(id(conversation)) {
			continue
		}
		if gotLast, gotUnread = "", c.Unread; c.Last != nil {
			gotLast = s.said[c.Last.Seq].text
		}
	}
	if gotLast != last || gotUnread != unread {
		s.t.Errorf("%s: %s's list has %q and %d unread, want %q and %d", s.step, who, gotLast, gotUnread, last, unread)
	}
}

// seesGroup checks what somebody is told of the group: its name, how many are in, and the reader's role.
func (s *stage) seesGroup(who, want string) {
	s.t.Helper()
	var g struct {
		Name, Role string
		Members    int
	}
	s.people[who].get(s.t, "/api/groups/"+s.resolve(id("G")).(string), &g)
	if got := fmt.Sprintf("%s of %d, %s", g.Name, g.Members, g.Role); got != want {
		s.t.Errorf("%s: %s sees %q, want %q", s.step, who, got, want)
	}
}

// refused checks that the API refuses somebody.
func (s *stage) refused(status int, who, path string) {
	s.t.Helper()
	u := s.people[who]
	if got := call(s.t, "GET", u.url+path, u.token, nil, nil); got != status {
		s.t.Errorf("%s: %s's GET %s: %d, want %d", s.step, who, path, got, status)
	}
}

// seen gives when a friend was last seen, as somebody is told.
func (s *stage) seen(who, friend string) string {
	s.t.Helper()
	return s.people[who].seen(s.t, s.people[friend])
}

// seenSince waits until somebody is told that a friend was last seen after a moment.
func (s *stage) seenSince(who, friend string, after time.Time) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%s: %s is told when %s was seen", s.step, who, friend), func() bool {
		at, err := time.Parse(time.RFC3339, s.seen(who, friend))
		return err == nil && !at.Before(after.Truncate(time.Millisecond))
	})
}

// seen gives when a friend of u's was last seen; "" where that is not said.
func (u *user) seen(tb testing.TB, friend *user) string {
	tb.Helper()
	var out struct {
		Friends []struct{ ID, Seen string }
	}
	u.get(tb, "/api/friends", &out)
	for _, f := range out.Friends {
		if f.ID == friend.ID {
			return f.Seen
		}
	}
	tb.Fatalf("%s is no friend of %s's", friend.Username, u.Username)
	return ""
}
