//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// library is what the API answers to everybody in the end: the read models.
type library struct {
	histories map[string]map[string][]historic // by person and conversation
	listed    map[string]map[string]listed
	friends   map[string][]string
}

// listed is a conversation in the list of them.
type listed struct {
	ID     string `json:"id"`
	Unread int    `json:"unread"`
	Read   uint64 `json:"read"`
}

// borrow reads everything as everybody.
func (in *installation) borrow(c *crowd) *library {
	in.Helper()
	l := &library{map[string]map[string][]historic{}, map[string]map[string]listed{}, map[string][]string{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan string)
	for i := range 4 {
		wg.Go(func() {
			for id := range next {
				u := &user{ID: id, token: c.people[id].token, url: in.edges[i%len(in.edges)]}
				known := map[string]bool{}
				c.story.mu.Lock()
				for _, d := range c.story.devices {
					if d.person == id {
						for conversation := range d.view {
							known[conversation] = true
						}
					}
				}
				c.story.mu.Unlock()
				list, friends, histories := u.everything(in, known)
				mu.Lock()
				l.listed[id], l.friends[id], l.histories[id] = list, friends, histories
				mu.Unlock()
			}
		})
	}
	for _, id := range c.ids {
		next <- id
	}
	close(next)
	wg.Wait()
	return l
}

// everything is what one person can read, also of conversations that are known and listed no more.
func (u *user) everything(in *installation, known map[string]bool) (list map[string]listed, friends []string, histories map[string][]historic) {
	list, histories = map[string]listed{}, map[string][]historic{}
	for after := ""; ; {
		var page struct {
			Conversations []listed
			Next          string
		}
		u.get(in.T, "/api/conversations?limit=100&after="+after, &page)
		for _, c := range page.Conversations {
			list[key(u.ID, c.ID)] = c
			known[key(u.ID, c.ID)] = true
		}
		if after = page.Next; after == "" {
			break
		}
	}
	for conversation := range known {
		name := conversation
		if who := other(u.ID, conversation); who != "" {
			name = "u:" + who
		}
		for after := uint64(1); ; {
			var page struct {
				Messages []historic
				More     bool
			}
			u.get(in.T, fmt.Sprintf("/api/conversations/%s/messages?limit=100&after=%d", name, after), &page)
			histories[conversation] = append(histories[conversation], page.Messages...)
			if !page.More {
				break
			}
			after = page.Messages[len(page.Messages)-1].Seq
		}
	}
	var all struct{ Friends []struct{ ID string } }
	u.get(in.T, "/api/friends", &all)
	for _, f := range all.Friends {
		friends = append(friends, f.ID)
	}
	return list, friends, histories
}

// check compares all that the clients have told with what everybody reads in the end.
func (in *installation) check(c *crowd) {
	in.Helper()
	l, s := in.borrow(c), c.story
	s.becomes(30*time.Second, func() bool { return !s.lacking(l) })
	in.online(c, l)
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, o := range s.open {
		if d := s.devices[k.device]; !d.away {
			s.fault("%s has no answer to %s in %s (op %d)", k.device, o.event, o.conversation, k.n)
		}
	}
	s.unbroken(l)
	s.views(l)
	s.alike(l)
	s.messages(l)
	s.changes(l)
	s.marks(l)
}

// becomes waits until it is so, with the lock held; what is not so in the end is for others to tell.
func (s *story) becomes(within time.Duration, so func() bool) {
	late := time.AfterFunc(within, s.changed.Broadcast)
	defer late.Stop()
	end := time.Now().Add(within)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !so() && time.Now().Before(end) {
		s.changed.Wait()
	}
}

// lacking says whether a device that is connected does not show something yet.
func (s *story) lacking(l *library) bool {
	for _, d := range s.devices {
		if !d.up {
			continue
		}
		for conversation, messages := range l.histories[d.person] {
			for _, m := range messages {
				if _, shown := d.view[conversation][m.Seq]; !shown && d.knows(l, conversation) {
					return true
				}
			}
		}
	}
	return false
}

// knows says whether a device shows a conversation: what its person has left it may know nothing of.
func (d *diary) knows(l *library, conversation string) bool {
	_, member := l.listed[d.person][conversation]
	return member || len(d.view[conversation]) > 0
}

// unbroken checks that each device has heard, between the first and the last of what it heard without a break, all that was stored: all that anybody
// has heard there, and all messages.
func (s *story) unbroken(l *library) {
	said := map[string]map[uint64]historic{}
	for _, histories := range l.histories {
		for conversation, messages := range histories {
			if said[conversation] == nil {
				said[conversation] = map[uint64]historic{}
			}
			for _, m := range messages {
				said[conversation][m.Seq] = m
			}
		}
	}
	places := map[string][]uint64{}
	for conversation, events := range s.stored {
		all := maps.Clone(said[conversation])
		if all == nil {
			all = map[uint64]historic{}
		}
		for place := range events {
			all[place] = historic{}
		}
		places[conversation] = slices.Sorted(maps.Keys(all))
	}
	for _, d := range s.devices {
		d.stop()
		for _, in := range d.past {
			if len(in.places) == 0 {
				continue
			}
			all := places[in.conversation]
			from, _ := slices.BinarySearch(all, in.places[0])
			to, _ := slices.BinarySearch(all, in.places[len(in.places)-1])
			for _, place := range all[from:to] {
				if _, heard := slices.BinarySearch(in.places, place); heard {
					continue
				}
				e, m := s.stored[in.conversation][place], said[in.conversation][place]
				s.fault("%s did not hear %d in %s, between %d and %d, which it heard in one go: %s %q %q, heard by %q; message %q", d.name, place, in.conversation,
					in.places[0], in.places[len(in.places)-1], e.what, e.id, e.text, e.to, m.ID)
			}
		}
	}
}

// views checks that each device that is connected in the end shows what its person can read, and nothing else.
func (s *story) views(l *library) {
	for _, d := range s.devices {
		if !d.up {
			continue
		}
		for conversation, messages := range l.histories[d.person] {
			if !d.knows(l, conversation) {
				continue
			}
			_, member := l.listed[d.person][conversation]
			view := d.view[conversation]
			there := map[uint64]bool{}
			for _, m := range messages {
				there[m.Seq] = true
				got, shown := view[m.Seq]
				want := m.seen()
				switch {
				case !shown:
					s.fault("%s does not show message %d in %s: %q of %s, %q%s", d.name, m.Seq, conversation, m.ID, m.From, want.text, s.ackOf(m.ID))
				case got.id != want.id || got.from != want.from:
					s.fault("%s shows message %d in %s as %+v, and it reads %+v", d.name, m.Seq, conversation, got, want)
				case got != want && member:
					s.fault("%s shows message %d in %s as %+v, and it reads %+v", d.name, m.Seq, conversation, got, want)
				}
			}
			for seq, m := range view {
				if !there[seq] {
					s.fault("%s shows message %d in %s, which nobody can read: %+v", d.name, seq, conversation, m)
				}
			}
		}
	}
}

// ackOf tells whose message it was, and when it was sent and acknowledged.
func (s *story) ackOf(id string) string {
	for _, o := range s.ops {
		if o.id == id {
			return fmt.Sprintf(", which %s sent at %.2fs (code %d after %d tries)", o.device, o.at.Seconds(), o.code, o.tries)
		}
	}
	return ""
}

// alike checks that all who are in a conversation read the same.
func (s *story) alike(l *library) {
	first := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(l.histories)) {
		for conversation, messages := range l.histories[id] {
			if _, member := l.listed[id][conversation]; !member {
				continue
			}
			who, known := first[conversation]
			if !known {
				first[conversation] = id
				continue
			}
			if a, b := reading(l.histories[who][conversation]), reading(messages); a != b {
				s.fault("%s and %s read differently in %s:\n%s\n%s", who, id, conversation, a, b)
			}
		}
	}
}

// reading is what a history says, whoever reads it.
func reading(messages []historic) string {
	var b strings.Builder
	for _, m := range messages {
		m.Reactions = slices.Clone(m.Reactions)
		for i := range m.Reactions {
			m.Reactions[i].Mine = false
		}
		line, _ := json.Marshal(m)
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// online waits until everybody is told by the answer to sign, and by what was heard, that exactly those of their friends are online who are.
func (in *installation) online(c *crowd, l *library) {
	in.Helper()
	var wrong []string
	for end := time.Now().Add(30 * time.Second); ; {
		heard := c.story.presence(l)
		c.all(limit, "sign")
		if wrong = append(heard, c.story.presence(l)...); len(wrong) == 0 {
			return
		}
		if time.Now().After(end) {
			break
		}
		time.Sleep(time.Second) // nobody may sign much more often
	}
	in.Errorf("who is online:\n%s", strings.Join(wrong, "\n"))
}

// presence compares the latest map of each device with who is connected.
func (s *story) presence(l *library) (wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := map[string]bool{}
	for _, d := range s.devices {
		here[d.person] = here[d.person] || d.up
	}
	for _, d := range s.devices {
		if !d.up {
			continue
		}
		want := []string{d.person}
		for _, f := range l.friends[d.person] {
			if here[f] {
				want = append(want, f)
			}
		}
		if got := slices.Sorted(maps.Keys(d.online)); !slices.Equal(got, slices.Compact(slices.Sorted(slices.Values(want)))) {
			wrong = append(wrong, fmt.Sprintf("%s is told %v, and those who are are %v", d.name, got, want))
		}
	}
	return wrong
}
