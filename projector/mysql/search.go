package mysql

import (
	"context"

	"parley/domain"
	"parley/projector/internal/view"
)

// Search gives a page of those of the messages of me's conversations that hold all the words of a query, the conversation with the newest message
// first, and in each the newest message first, beginning after a cursor; and the cursor of where to go on, "" at the end. One answer looks at a
// bounded number of messages, and may hold fewer than there are beyond it, or none. It refuses what is no query or no cursor with code Malformed
// or TooLarge.
func (s *Store) Search(ctx context.Context, me domain.UserID, query, after string, limit int) (found []domain.FoundView, next string, err error) {
	words, err := view.Words(query)
	if err != nil {
		return nil, "", err
	}
	err = s.snapshot(ctx, "search", func(ctx context.Context, q asker) error {
		lines, err := mine(ctx, q, me)
		if err != nil {
			return err
		}
		groups, err := heads(ctx, q, lines)
		if err != nil {
			return err
		}
		for i, l := range lines {
			lines[i].Group = groups[l.Topic].group
		}
		const query = "SELECT " + saidColumns + " FROM {messages} WHERE topic=? AND seq>? AND seq<? AND recalled=0 ORDER BY seq DESC LIMIT ?"
		hits, cursor, err := view.Search(lines, words, after, view.Limit(limit), func(t domain.Topic, after, before uint64, limit int) ([]view.Said, error) {
			return collect(ctx, q, scanSaid, query, t.Key(), after, before, limit)
		})
		found, next = view.Found(me, hits), cursor
		return err
	})
	return found, next, err
}
