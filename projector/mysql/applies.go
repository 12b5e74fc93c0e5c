package mysql

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"parley/domain"
	"parley/projector/internal/view"
)

// Blocked gives those whom me blocks, by name.
func (s *Store) Blocked(ctx context.Context, me domain.UserID) (blocked []domain.PersonView, err error) {
	const query = `SELECT b.other, ` + profileColumns + ` FROM {blocks} b LEFT JOIN {people} p ON p.uid=b.other WHERE b.uid=? AND b.blocks=1`
	err = s.ask(ctx, "read who is blocked", func(ctx context.Context) error {
		blocked, err = collect(ctx, s.db, func(r *sql.Rows) (domain.PersonView, error) {
			var u domain.UserID
			var p profile
			err := r.Scan(append([]any{&u}, p.into()...)...)
			return view.Person(p.of(u)), err
		}, query, string(me))
		slices.SortFunc(blocked, view.ByName)
		return err
	})
	return blocked, err
}

// Applies gives a page of what waits for me's answer, also as owner or admin of groups, the newest first, beginning after a cursor, and the cursor
// of the next page; "" where there is none. types are those asked for, none for all. Invitations by those whom me blocks are left out. It
// refuses what is no cursor with code Malformed. It looks at all of me's groups; of what waits in each that me runs, and for me alone, it reads a
// page of keys, whatever waits beyond, and the keys of what is left out in between.
func (s *Store) Applies(ctx context.Context, me domain.UserID, types []domain.ApplyType, after string, limit int) (views []domain.ApplyView, next string, err error) {
	place, err := view.ParseApplyPlace(after)
	if err != nil {
		return nil, "", err
	}
	limit = view.Limit(limit)
	err = s.snapshot(ctx, "read applications", func(ctx context.Context, q asker) error {
		lists, err := waiting(ctx, q, me, types)
		if err != nil {
			return err
		}
		var newest []view.Apply
		for some := range slices.Chunk(lists, someLists) {
			more, err := first(ctx, q, some, place, limit+1)
			if err != nil {
				return err
			}
			newest, _ = view.ApplyPage(append(newest, more...), place, limit+1)
		}
		newest, next = view.ApplyPage(newest, place, limit)
		page, err := whole(ctx, q, newest)
		page, _ = view.ApplyPage(page, place, limit)
		views = view.Applies(page)
		return err
	})
	return views, next, err
}

// list is a part of what waits for somebody's answer, which an index has in order.
type list struct {
	from string // where it is; ends in a condition
	key  string // what the condition asks for
}

// waiting gives the lists of what waits for me's answer.
func waiting(ctx context.Context, q asker, me domain.UserID, types []domain.ApplyType) (lists []list, err error) {
	const (
		friend = "{applies} a WHERE a.type='friend' AND a.uid=?"
		invite = "{applies} a LEFT JOIN {blocks} b ON b.uid=a.uid AND b.other=a.sender AND b.blocks=1 WHERE b.uid IS NULL AND a.type='invite' AND a.uid=?"
		group  = "{applies} a WHERE a.type='group' AND a.topic=?"
		groups = "SELECT m.topic FROM {members} m WHERE m.uid=? AND m.topic LIKE 'group.%' AND m.answers=1"
	)
	if view.Wanted(types, domain.ApplyFriend) {
		lists = append(lists, list{friend, string(me)})
	}
	if view.Wanted(types, domain.ApplyInvite) {
		lists = append(lists, list{invite, string(me)})
	}
	if !view.Wanted(types, domain.ApplyGroup) {
		return lists, nil
	}
	scanList := func(r *sql.Rows) (list, error) {
		l := list{from: group}
		err := r.Scan(&l.key)
		return l, err
	}
	theirs, err := collect(ctx, q, scanList, groups, string(me))
	return append(lists, theirs...), err
}

// someLists is how many lists one statement reads.
const someLists = 100

// first gives the keys of the first of each list that come after a place.
func first(ctx context.Context, q asker, lists []list, after view.ApplyPlace, limit int) ([]view.Apply, error) {
	const (
		head = "(SELECT a.topic, a.uid, a.date, a.seq FROM "
		tail = " AND (a.date<? OR a.date=? AND (a.seq<? OR a.seq=? AND a.topic<?)) ORDER BY a.date DESC, a.seq DESC, a.topic DESC LIMIT ?)"
	)
	var parts []string
	var args []any
	for _, l := range lists {
		parts = append(parts, head+l.from+tail)
		args = append(args, l.key, after.Date, after.Date, after.Seq, after.Seq, after.Topic, limit)
	}
	return collect(ctx, q, func(r *sql.Rows) (a view.Apply, err error) {
		return a, r.Scan(topicOf(&a.Topic), &a.UID, &a.Date, &a.Seq)
	}, strings.Join(parts, " UNION ALL "), args...)
}

// whole gives all there is to say of what keys name.
func whole(ctx context.Context, q asker, keys []view.Apply) (found []view.Apply, err error) {
	const query = `SELECT a.topic, a.uid, a.type, a.sender, a.data, a.date, a.seq, ` + profileColumns + `, ` + groupColumns + `
		FROM {applies} a LEFT JOIN {people} p ON p.uid=a.sender LEFT JOIN {conversations} c ON c.topic=a.topic WHERE `
	for some := range slices.Chunk(keys, chunk) {
		var args []any
		for _, a := range some {
			args = append(args, a.Topic.Key(), string(a.UID))
		}
		rows, err := collect(ctx, q, scanApply, query+either(len(some), "a.topic=? AND a.uid=?"), args...)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

func scanApply(r *sql.Rows) (a view.Apply, err error) {
	var from profile
	var g groupRow
	to := []any{topicOf(&a.Topic), &a.UID, &a.Type, &a.From, &a.Data, &a.Date, &a.Seq}
	err = r.Scan(append(append(to, from.into()...), g.into()...)...)
	if len(a.Data) == 0 {
		a.Data = nil
	}
	a.Sender, a.Group = from.of(a.From), g.of(a.Topic)
	return a, err
}
