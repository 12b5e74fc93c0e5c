package mysql

import (
	"context"
	"database/sql"
	"slices"

	"parley/domain"
	"parley/projector"
	"parley/projector/internal/view"
)

// Person gives a profile, or refuses with code NotFound.
func (s *Store) Person(ctx context.Context, uid domain.UserID) (domain.PersonView, error) {
	var found map[domain.UserID]projector.PersonRow
	err := s.ask(ctx, "read a profile", func(ctx context.Context) (err error) {
		found, err = people(ctx, s.db, []domain.UserID{uid})
		return err
	})
	if err != nil {
		return domain.PersonView{}, err
	}
	p, ok := found[uid]
	if !ok {
		return domain.PersonView{}, view.ErrNoUser
	}
	return view.Person(p), nil
}

// people gives the rows of those who have one.
func people(ctx context.Context, q asker, uids []domain.UserID) (map[domain.UserID]projector.PersonRow, error) {
	rows, err := collectIn(ctx, q, scanPerson, "SELECT uid, username, name, avatar, erased FROM {people} WHERE uid IN (", keys(uids))
	found := make(map[domain.UserID]projector.PersonRow, len(rows))
	for _, p := range rows {
		found[p.UID] = p
	}
	return found, err
}

func scanPerson(r *sql.Rows) (p projector.PersonRow, err error) {
	return p, r.Scan(&p.UID, &p.Username, &p.Name, &p.Avatar, &p.Erased)
}

// profile is what a LEFT JOIN gives of somebody, who may have none.
type profile struct {
	username, name, avatar sql.NullString
	erased                 sql.NullInt64
}

// profileColumns are what a profile reads.
const profileColumns = "p.username, p.name, p.avatar, p.erased"

func (p *profile) into() []any { return []any{&p.username, &p.name, &p.avatar, &p.erased} }

func (p *profile) of(u domain.UserID) projector.PersonRow {
	return projector.PersonRow{
		UID: u, Username: p.username.String, Name: p.name.String, Avatar: p.avatar.String, Erased: projector.Erased(p.erased.Int64),
	}
}

// People gives those whose username or name begins with query, without regard to case: the first of each by username and by name, at
// most limit of them all, in the order of their usernames. It costs what it answers, however many people there are.
func (s *Store) People(ctx context.Context, query string, limit int) (found []domain.PersonView, err error) {
	from, to, ok := view.Prefix(query)
	if !ok {
		return nil, nil
	}
	err = s.ask(ctx, "search for people", func(ctx context.Context) error {
		var begin [2][]domain.PersonView
		for i, search := range []string{
			"SELECT uid, username, name, avatar, erased FROM {people} WHERE username_key>=? AND username_key<? ORDER BY username_key, uid LIMIT ?",
			"SELECT uid, username, name, avatar, erased FROM {people} WHERE name_key>=? AND name_key<? ORDER BY name_key, uid LIMIT ?",
		} {
			rows, err := collect(ctx, s.db, scanPerson, search, []byte(from), []byte(to), view.Limit(limit))
			if err != nil {
				return err
			}
			for _, p := range rows {
				begin[i] = append(begin[i], view.Person(p))
			}
		}
		found = view.FoundPeople(begin[0], begin[1], limit)
		return nil
	})
	return found, err
}

// Friends gives me's friends, by name.
func (s *Store) Friends(ctx context.Context, me domain.UserID) (friends []domain.FriendView, err error) {
	err = s.snapshot(ctx, "read friends", func(ctx context.Context, q asker) error {
		topics, err := collect(ctx, q, func(r *sql.Rows) (t domain.Topic, err error) { return t, r.Scan(topicOf(&t)) },
			"SELECT topic FROM {members} WHERE uid=? AND topic LIKE 'user.%' AND present=1", string(me))
		if err != nil {
			return err
		}
		uids := make([]domain.UserID, len(topics))
		for i, t := range topics {
			uids[i] = t.Peer(me)
		}
		rows, err := people(ctx, q, uids)
		if err != nil {
			return err
		}
		dates, err := seen(ctx, q, uids)
		friends = nil
		for _, u := range uids {
			friends = append(friends, view.Friend(known(rows, u), dates[u]))
		}
		slices.SortFunc(friends, view.FriendsByName)
		return err
	})
	return friends, err
}

// CountFriends says how many friends each of some people has. It reads an entry of an index for each of those, and asks once for some hundred
// people.
func (s *Store) CountFriends(ctx context.Context, people []domain.UserID) (map[domain.UserID]int, error) {
	return s.count(ctx, "count friends", "user.%", people)
}

// CountGroups says how many groups each of some people is a member of, likewise.
func (s *Store) CountGroups(ctx context.Context, people []domain.UserID) (map[domain.UserID]int, error) {
	return s.count(ctx, "count groups", "group.%", people)
}

// count forces the index: for who has left little, the servers would rather read whole rows.
func (s *Store) count(ctx context.Context, what, topics string, people []domain.UserID) (counts map[domain.UserID]int, err error) {
	type found struct {
		uid   domain.UserID
		count int
	}
	err = s.try(ctx, what, func(ctx context.Context) error {
		counts = make(map[domain.UserID]int, len(people))
		for some := range slices.Chunk(people, chunk) {
			rows, err := collect(ctx, s.db, func(r *sql.Rows) (f found, err error) { return f, r.Scan(&f.uid, &f.count) },
				"SELECT uid, COUNT(*) FROM {members} FORCE INDEX (by_uid) WHERE present=1 AND topic LIKE ? AND uid IN ("+holes(len(some))+") GROUP BY uid",
				append([]any{topics}, keys(some)...)...)
			if err != nil {
				return err
			}
			for _, f := range rows {
				counts[f.uid] = f.count
			}
		}
		return nil
	})
	return counts, err
}

// seen says when those who ever were online were seen last.
func seen(ctx context.Context, q asker, uids []domain.UserID) (map[domain.UserID]int64, error) {
	rows, err := collectIn(ctx, q, func(r *sql.Rows) (p projector.SeenRow, err error) { return p, r.Scan(&p.UID, &p.Date) },
		"SELECT uid, date FROM {seen} WHERE uid IN (", keys(uids))
	dates := make(map[domain.UserID]int64, len(rows))
	for _, p := range rows {
		dates[p.UID] = p.Date
	}
	return dates, err
}

func keys(uids []domain.UserID) []any {
	all := make([]any, len(uids))
	for i, u := range uids {
		all[i] = string(u)
	}
	return all
}

// known gives the row of somebody, who may have none.
func known(rows map[domain.UserID]projector.PersonRow, u domain.UserID) projector.PersonRow {
	p := rows[u]
	p.UID = u
	return p
}
