package mysql

import (
	"context"
	"database/sql"
	"strings"

	"parley/domain"
	"parley/projector/internal/view"
)

// Applies gives what waits for me's answer, also as owner or admin of groups, the newest first, at most view.MaxApplies. It looks at all of
// me's groups; of what waits there it reads no more than keys, however much that is, and what it answers.
func (s *Store) Applies(ctx context.Context, me domain.UserID) (views []domain.ApplyView, err error) {
	err = s.try(ctx, "read applications", func(ctx context.Context) error {
		mine, err := collect(ctx, s.db, scanApply, selectApplies+"a.uid=? AND a.to_join=0 ORDER BY a.date DESC, a.seq DESC, a.topic DESC LIMIT ?",
			string(me), view.MaxApplies)
		if err != nil {
			return err
		}
		keys, err := toJoin(ctx, s.db, me)
		if err != nil {
			return err
		}
		theirs, err := whole(ctx, s.db, keys)
		views = view.Applies(append(mine, theirs...))
		return err
	})
	return views, err
}

const selectApplies = `SELECT a.topic, a.uid, a.to_join, a.sender, a.data, a.date, a.seq, p.username, p.name, p.avatar, ` + groupColumns + `
	FROM applies a LEFT JOIN people p ON p.uid=a.sender LEFT JOIN conversations c ON c.topic=a.topic WHERE `

func scanApply(r *sql.Rows) (a view.Apply, err error) {
	var from profile
	var g groupRow
	err = r.Scan(append([]any{
		topicOf(&a.Topic), &a.UID, &a.ToJoin, &a.From, &a.Data, &a.Date, &a.Seq, &from.username, &from.name, &from.avatar,
	}, g.into()...)...)
	if len(a.Data) == 0 {
		a.Data = nil
	}
	a.Sender, a.Group = from.of(a.From), g.of(a.Topic)
	return a, err
}

// toJoin gives the newest applications to join the groups of which me is the owner or an admin: their keys and what they are sorted by.
func toJoin(ctx context.Context, q asker, me domain.UserID) (newest []view.Apply, err error) {
	const query = `SELECT a.topic, a.uid, a.date, a.seq FROM members m JOIN applies a ON a.topic=m.topic AND a.to_join=1
		WHERE m.uid=? AND m.topic LIKE 'group.%' AND m.answers=1`
	_, err = collect(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var a view.Apply
		if err = r.Scan(topicOf(&a.Topic), &a.UID, &a.Date, &a.Seq); err != nil {
			return none, err
		}
		if newest = append(newest, a); len(newest) == 2*view.MaxApplies {
			newest = view.Newest(newest)
		}
		return none, nil
	}, query, string(me))
	return view.Newest(newest), err
}

// whole gives all there is to say of those applications to join that are still there.
func whole(ctx context.Context, q asker, keys []view.Apply) (found []view.Apply, err error) {
	for len(keys) > 0 {
		some := keys[:min(len(keys), chunk)]
		keys = keys[len(some):]
		var args []any
		for _, a := range some {
			args = append(args, a.Topic.Key(), string(a.UID))
		}
		rows, err := collect(ctx, q, scanApply, selectApplies+"a.to_join=1 AND ("+
			strings.TrimSuffix(strings.Repeat("(a.topic=? AND a.uid=?) OR ", len(some)), " OR ")+")", args...)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}
