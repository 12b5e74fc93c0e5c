package memory

import (
	"context"
	"maps"
	"slices"

	"parley/domain"
	"parley/projector"
)

// Topics gives all conversations and groups that somebody ever had to do with, in no order.
func (s *Store) Topics(_ context.Context, u domain.UserID) ([]domain.Topic, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Keys(s.members[u])), nil
}

// Erasing gives those who are gone for good and of whom something may still be in the log, in no order.
func (s *Store) Erasing(context.Context) (people []domain.UserID, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for u, p := range s.people {
		if p.Erased == projector.ErasedBegun {
			people = append(people, u)
		}
	}
	return people, nil
}
