package memory

import (
	"context"
	"slices"

	"parley/domain"
	"parley/projector"
	"parley/projector/internal/view"
)

// Person gives a profile, or refuses with code NotFound.
func (s *Store) Person(_ context.Context, uid domain.UserID) (domain.PersonView, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.people[uid]
	if !ok {
		return domain.PersonView{}, view.ErrNoUser
	}
	return view.Person(p), nil
}

// People gives those whose username or name begins with query, without regard to case: the first of each by username and by name, at
// most limit of them all, in the order of their usernames. It looks at everybody.
func (s *Store) People(_ context.Context, query string, limit int) ([]domain.PersonView, error) {
	from, to, ok := view.Prefix(query)
	if !ok {
		return nil, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	begins := func(name string) bool { key := view.Key(name); return from <= key && key < to }
	var byUsername, byName []domain.PersonView
	for _, p := range s.people {
		if begins(p.Username) {
			byUsername = append(byUsername, view.Person(p))
		}
		if begins(p.Name) {
			byName = append(byName, view.Person(p))
		}
	}
	slices.SortFunc(byUsername, view.ByUsername)
	slices.SortFunc(byName, view.ByName)
	return view.FoundPeople(byUsername, byName, limit), nil
}

// person gives the row of somebody, who may have none.
func (s *Store) person(u domain.UserID) projector.PersonRow {
	p := s.people[u]
	p.UID = u
	return p
}

// Friends gives me's friends, by name.
func (s *Store) Friends(_ context.Context, me domain.UserID) ([]domain.FriendView, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var friends []domain.FriendView
	for t, m := range s.members[me] {
		if peer := t.Peer(me); m.Present && peer != "" {
			friends = append(friends, view.Friend(s.person(peer), s.seen[peer]))
		}
	}
	slices.SortFunc(friends, view.FriendsByName)
	return friends, nil
}

// CountFriends says how many friends each of some people has.
func (s *Store) CountFriends(_ context.Context, people []domain.UserID) (map[domain.UserID]int, error) {
	return s.count(people, func(t domain.Topic) bool { _, _, ok := t.Pair(); return ok }), nil
}

// CountGroups says how many groups each of some people is a member of.
func (s *Store) CountGroups(_ context.Context, people []domain.UserID) (map[domain.UserID]int, error) {
	return s.count(people, func(t domain.Topic) bool { _, ok := t.Group(); return ok }), nil
}

func (s *Store) count(people []domain.UserID, counts func(domain.Topic) bool) map[domain.UserID]int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make(map[domain.UserID]int)
	for _, u := range people {
		n := 0
		for t, m := range s.members[u] {
			if m.Present && counts(t) {
				n++
			}
		}
		if n > 0 {
			all[u] = n
		}
	}
	return all
}

// Blocked gives those whom me blocks, by name.
func (s *Store) Blocked(_ context.Context, me domain.UserID) ([]domain.PersonView, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var blocked []domain.PersonView
	for u := range s.blocks[me] {
		blocked = append(blocked, view.Person(s.person(u)))
	}
	slices.SortFunc(blocked, view.ByName)
	return blocked, nil
}

// Applies gives a page of what waits for me's answer, also as owner or admin of groups, the newest first, beginning after a cursor, and the cursor
// of the next page; "" where there is none. types are those asked for, none for all. Invitations by those whom me blocks are left out. It
// refuses what is no cursor with code Malformed. It looks at all that waits.
func (s *Store) Applies(_ context.Context, me domain.UserID, types []domain.ApplyType, after string, limit int) ([]domain.ApplyView, string, error) {
	place, err := view.ParseApplyPlace(after)
	if err != nil {
		return nil, "", err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var waiting []view.Apply
	add := func(a projector.ApplyRow) {
		hidden := a.Type == domain.ApplyInvite && s.blocks[me][a.From]
		if view.Wanted(types, a.Type) && !hidden {
			waiting = append(waiting, view.Apply{ApplyRow: a, Sender: s.person(a.From), Group: s.conversations[a.Topic].group})
		}
	}
	for _, a := range s.applies[me] {
		if a.Type != domain.ApplyGroup {
			add(a)
		}
	}
	for t, m := range s.members[me] {
		if !m.Answers {
			continue
		}
		for u := range s.conversations[t].asked {
			if a := s.applies[u][t]; a.Type == domain.ApplyGroup {
				add(a)
			}
		}
	}
	page, next := view.ApplyPage(waiting, place, view.Limit(limit))
	return view.Applies(page), next, nil
}
