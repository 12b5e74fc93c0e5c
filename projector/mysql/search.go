package mysql

import (
	"context"
	"time"

	"parley/domain"
	"parley/projector/internal/view"
)

// Search gives a page of those of the messages of me's conversations that hold all the words of a query, the conversation with the newest message
// first, and in each the newest message first, beginning after a cursor; and the cursor of where to go on, "" at the end. One answer looks at a
// bounded number of messages, for a bounded time, and may hold fewer than there are beyond it, or none; all of them are of what was there at the first.
// It refuses what is no query or no cursor with code Malformed or TooLarge.
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
		begun := time.Now()
		late := func() bool { return time.Since(begun) > searchFor }
		hits, cursor, err := view.Search(lines, words, after, view.Limit(limit), late, func(t domain.Topic, after, before uint64, limit int, look func(view.Said) bool) error {
			return said(ctx, q, t, after, before, limit, look)
		})
		found, next = view.Found(me, hits), cursor
		return err
	})
	return found, next, err
}

// searchFor is how long a search goes on: what it has not looked at by then is for the next page. It is well below answerWithin, however long messages are and
// however far the server; and a swap of the tables waits for it.
const searchFor = 700 * time.Millisecond

// said shows, one by one, messages of a conversation, the newest first, for as long as look is true. It holds one at a time: a thousand may weigh hundreds of megabytes.
func said(ctx context.Context, q asker, t domain.Topic, after, before uint64, limit int, look func(view.Said) bool) error {
	const query = "SELECT " + saidColumns + " FROM {messages} WHERE topic=? AND seq>? AND seq<? ORDER BY seq DESC LIMIT ?"
	rows, err := q.QueryContext(ctx, query, t.Key(), after, before, limit)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if m, err := scanSaid(rows); err != nil {
			return err
		} else if !look(m) {
			return nil
		}
	}
	return rows.Err()
}
