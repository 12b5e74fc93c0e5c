package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"parley/domain"
	"parley/projector"
	"parley/projector/internal/view"
)

// groupColumns are what a groupRow reads.
const groupColumns = "c.name, c.avatar, c.description, c.history, c.owner, c.size"

// groupRow is what a LEFT JOIN gives of a group.
type groupRow struct {
	name, avatar, description, history, owner sql.NullString
	size                                      sql.NullInt64
}

func (g *groupRow) into() []any {
	return []any{&g.name, &g.avatar, &g.description, &g.history, &g.owner, &g.size}
}

func (g *groupRow) of(t domain.Topic) projector.GroupRow {
	return projector.GroupRow{
		Topic: t, Name: g.name.String, Avatar: g.avatar.String, Description: g.description.String, History: domain.History(g.history.String),
		Owner: domain.UserID(g.owner.String), Size: int(g.size.Int64),
	}
}

// Groups gives the groups that me is a member of, by name.
func (s *Store) Groups(ctx context.Context, me domain.UserID) (groups []domain.GroupView, err error) {
	const query = `SELECT m.topic, m.role, ` + groupColumns + ` FROM {members} m JOIN {conversations} c ON c.topic=m.topic
		WHERE m.uid=? AND m.topic LIKE 'group.%' AND m.present=1`
	err = s.ask(ctx, "read groups", func(ctx context.Context) error {
		groups, err = collect(ctx, s.db, func(r *sql.Rows) (domain.GroupView, error) {
			var t domain.Topic
			var role domain.Role
			var g groupRow
			err := r.Scan(append([]any{topicOf(&t), &role}, g.into()...)...)
			return view.Group(g.of(t), role), err
		}, query, string(me))
		slices.SortFunc(groups, view.GroupsByName)
		return err
	})
	return groups, err
}

// access is what decides whether somebody may see a group.
type access struct {
	groupRow
	role  domain.Role
	waits bool // invited, or an applicant
}

// group gives a group and how me stands to it; it refuses with code NotFound where there is no such group.
func group(ctx context.Context, q asker, me domain.UserID, t domain.Topic) (access, error) {
	const query = `SELECT COALESCE(m.role,''), a.uid IS NOT NULL, ` + groupColumns + ` FROM {conversations} c
		LEFT JOIN {members} m ON m.uid=? AND m.topic=c.topic LEFT JOIN {applies} a ON a.topic=c.topic AND a.uid=?
		WHERE c.topic=? AND c.is_group=1`
	found, err := collect(ctx, q, func(r *sql.Rows) (g access, err error) {
		err = r.Scan(append([]any{&g.role, &g.waits}, g.into()...)...)
		return g, err
	}, query, string(me), string(me), t.Key())
	if err != nil {
		return access{}, err
	}
	if len(found) == 0 {
		return access{}, view.ErrNoGroup
	}
	return found[0], nil
}

// Group gives a group to its members, to those who are invited and to those who have applied; it refuses others with code Forbidden, or NotFound.
func (s *Store) Group(ctx context.Context, me domain.UserID, gid domain.GroupID) (v domain.GroupView, err error) {
	t := domain.InGroup(gid)
	err = s.ask(ctx, "read a group", func(ctx context.Context) error {
		g, err := group(ctx, s.db, me, t)
		if err != nil {
			return err
		}
		if g.role == "" && !g.waits {
			return view.ErrNoMember
		}
		v = view.Group(g.of(t), g.role)
		return nil
	})
	return v, err
}

// Members gives those in a group to one of them, in the order of their ids, beginning after one.
func (s *Store) Members(ctx context.Context, me domain.UserID, gid domain.GroupID, after domain.UserID, limit int) (members []domain.MemberView, err error) {
	const query = `SELECT m.uid, m.role, m.since, ` + profileColumns + ` FROM {members} m LEFT JOIN {people} p ON p.uid=m.uid
		WHERE m.topic=? AND m.present=1 AND m.uid>? ORDER BY m.uid LIMIT ?`
	t := domain.InGroup(gid)
	err = s.ask(ctx, "read members", func(ctx context.Context) error {
		g, err := group(ctx, s.db, me, t)
		if err != nil {
			return err
		}
		if g.role == "" {
			return view.ErrNoMember
		}
		members, err = collect(ctx, s.db, func(r *sql.Rows) (domain.MemberView, error) {
			var m projector.MemberRow
			var p profile
			err := r.Scan(append([]any{&m.UID, &m.Role, &m.Since}, p.into()...)...)
			return view.Member(m, p.of(m.UID)), err
		}, query, t.Key(), string(after), view.Limit(limit))
		return err
	})
	return members, err
}

// Conversations gives a page of me's list, that with the newest message first, beginning after a cursor, and the cursor of the next page; ""
// where there is none. It refuses what is no cursor with code Malformed. It costs a look at each of me's conversations, and the page.
func (s *Store) Conversations(ctx context.Context, me domain.UserID, after string, limit int) (list []domain.ConversationView, next string, err error) {
	err = s.snapshot(ctx, "read conversations", func(ctx context.Context, q asker) error {
		lines, err := mine(ctx, q, me)
		if err != nil {
			return err
		}
		if lines, next, err = view.Page(lines, after, limit); err != nil {
			return err
		}
		shown, err := heads(ctx, q, lines)
		if err != nil {
			return err
		}
		not, err := uncounted(ctx, q, lines)
		if err != nil {
			return err
		}
		var peers []domain.UserID
		for _, l := range lines {
			if peer := l.Topic.Peer(me); peer != "" {
				peers = append(peers, peer)
			}
		}
		with, err := people(ctx, q, peers)
		list = make([]domain.ConversationView, len(lines))
		for i, l := range lines {
			h := shown[l.Topic]
			l.Group, l.Uncounted = h.group, not[l.Topic]
			list[i] = l.Conversation(me, h.last, known(with, l.Topic.Peer(me)))
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return list, next, nil
}

// mine gives all that ties me to conversations; of the groups, how far back they let be read, and not their looks.
func mine(ctx context.Context, q asker, me domain.UserID) ([]view.Line, error) {
	const query = `SELECT m.topic, m.present, m.since, m.joined_seq, COALESCE(c.history,''), COALESCE(c.last_seq,0), COALESCE(c.last_number,0),
			COALESCE(c.last_date,0), COALESCE(k.own_seq,0), COALESCE(k.own_number,0), COALESCE(k.read_seq,0), COALESCE(k.read_number,0)
		FROM {members} m LEFT JOIN {conversations} c ON c.topic=m.topic LEFT JOIN {marks} k ON k.uid=m.uid AND k.topic=m.topic WHERE m.uid=?`
	return collect(ctx, q, func(r *sql.Rows) (l view.Line, err error) {
		return l, r.Scan(topicOf(&l.Topic), &l.Present, &l.Since, &l.Joined, &l.Group.History, &l.Tail.Seq, &l.Tail.Number, &l.Tail.Date,
			&l.Own.Seq, &l.Own.Number, &l.Read.Seq, &l.Read.Number)
	}, query, string(me))
}

// uncounted says how many of the messages after the mark of each of some lines were taken back or erased; where none were, it may say nothing. Of those
// taken back it counts an entry of an index each.
func uncounted(ctx context.Context, q asker, lines []view.Line) (map[domain.Topic]uint64, error) {
	type count struct {
		topic domain.Topic
		n     uint64
	}
	counts := make(map[domain.Topic]uint64)
	var places []projector.Place // of each line the mark and the end
	for some := range slices.Chunk(lines, chunk) {
		var args []any
		for _, l := range some {
			args = append(args, l.Topic.Key(), l.Mark())
			places = append(places, projector.Place{Topic: l.Topic, Seq: l.Mark()}, projector.Place{Topic: l.Topic, Seq: ^uint64(0)})
		}
		found, err := collect(ctx, q, func(r *sql.Rows) (c count, err error) { return c, r.Scan(topicOf(&c.topic), &c.n) },
			"SELECT topic, COUNT(*) FROM {recalls} WHERE "+either(len(some), "topic=? AND seq>?")+" GROUP BY topic", args...)
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			counts[c.topic] = c.n
		}
	}
	gaps, err := gapsUpTo(ctx, q, places)
	if err != nil {
		return nil, err
	}
	for i, l := range lines {
		counts[l.Topic] += gaps[2*i+1] - gaps[2*i]
	}
	return counts, nil
}

// head is what a line shows of its conversation.
type head struct {
	group projector.GroupRow
	last  *domain.MessageView // nil where nothing was said
}

func heads(ctx context.Context, q asker, lines []view.Line) (map[domain.Topic]head, error) {
	keys := make([]any, len(lines))
	for i, l := range lines {
		keys[i] = l.Topic.Key()
	}
	rows, err := collectIn(ctx, q, scanHead, `SELECT c.topic, c.name, c.avatar, c.history, COALESCE(s.seq,0), COALESCE(s.sender,''), COALESCE(s.id,''),
			COALESCE(s.date,0), COALESCE(s.msg,''), COALESCE(s.edited,0), COALESCE(s.edited_seq,0), COALESCE(s.recalled,0), COALESCE(s.recaller,'')
		FROM {conversations} c LEFT JOIN {messages} s ON s.topic=c.topic AND s.seq=c.last_seq WHERE c.topic IN (`, keys)
	found := make(map[domain.Topic]head, len(rows))
	for _, h := range rows {
		found[h.group.Topic] = h
	}
	return found, err
}

func scanHead(r *sql.Rows) (h head, err error) {
	var m view.Said
	err = r.Scan(append([]any{topicOf(&h.group.Topic), &h.group.Name, &h.group.Avatar, &h.group.History}, into(&m)...)...)
	if m.Seq > 0 {
		last := view.Message(m)
		h.last = &last
	}
	return h, err
}

// saidColumns are what into reads.
const saidColumns = "seq, sender, id, date, msg, edited, edited_seq, recalled, recaller"

func into(m *view.Said) []any {
	return []any{&m.Seq, &m.From, &m.ID, &m.Date, &m.Msg, &m.Edited, &m.EditedAt, &m.Recalled.Date, &m.Recalled.By}
}

func scanSaid(r *sql.Rows) (m view.Said, err error) { return m, r.Scan(into(&m)...) }

// Messages gives a page of a conversation in the order of seq: the one just before a seq, or just after one, or the newest where both
// are 0; with both, what lies between, from after on. more says whether there are others beyond the page. Whoever may not see it is
// refused with code Forbidden. A page costs the same wherever it is.
func (s *Store) Messages(ctx context.Context, me domain.UserID, t domain.Topic, before, after uint64, limit int) (list []domain.MessageView, more bool, err error) {
	err = s.ask(ctx, "read messages", func(ctx context.Context) error {
		from, upTo, err := readable(ctx, s.db, me, t)
		if err != nil {
			return err
		}
		last := upTo
		if before > 0 {
			last = min(last, before-1)
		}
		order := "DESC"
		if after > 0 {
			order = "ASC"
		}
		limit := view.Limit(limit)
		rows, err := collect(ctx, s.db, scanSaid, "SELECT "+saidColumns+" FROM {messages} WHERE topic=? AND seq>? AND seq<=? ORDER BY seq "+
			order+" LIMIT ?", t.Key(), max(from, after), last, limit+1)
		if err != nil {
			return err
		}
		if more = len(rows) > limit; more {
			rows = rows[:limit]
		}
		if after == 0 {
			slices.Reverse(rows)
		}
		if err := asTheyWere(ctx, s.db, t, rows, upTo); err != nil {
			return err
		}
		list = make([]domain.MessageView, len(rows))
		for i, m := range rows {
			list[i] = view.Message(m)
		}
		return react(ctx, s.db, me, t, upTo, list)
	})
	return list, more, err
}

// asTheyWere puts in the place of what was edited after a place what it said there.
func asTheyWere(ctx context.Context, q asker, t domain.Topic, rows []view.Said, upTo uint64) error {
	type version struct {
		row  int
		msg  json.RawMessage
		date int64
	}
	const one = "(SELECT ? AS i, msg, date FROM {edits} WHERE topic=? AND seq=? AND at<=? ORDER BY at DESC LIMIT 1)"
	var args []any
	n := 0
	for i, m := range rows {
		if m.EditedAt > upTo && m.Recalled.Date == 0 {
			args, n = append(args, i, t.Key(), m.Seq, upTo), n+1
		}
	}
	if n == 0 {
		return nil
	}
	found, err := collect(ctx, q, func(r *sql.Rows) (v version, err error) { return v, r.Scan(&v.row, &v.msg, &v.date) }, union(one, n), args...)
	for _, v := range found {
		rows[v.row].Msg, rows[v.row].Edited = v.msg, v.date
	}
	return err
}

// react adds to messages how many had reacted to them at a place, and still do. It counts a row for each reaction.
func react(ctx context.Context, q asker, me domain.UserID, t domain.Topic, upTo uint64, list []domain.MessageView) error {
	if len(list) == 0 {
		return nil
	}
	type reaction struct {
		seq uint64
		domain.ReactionView
	}
	found, err := collect(ctx, q, func(r *sql.Rows) (v reaction, err error) { return v, r.Scan(&v.seq, &v.Emoji, &v.Count, &v.Mine) },
		"SELECT seq, emoji, COUNT(*), MAX(uid=?) FROM {reactions} WHERE topic=? AND seq BETWEEN ? AND ? AND at<=? GROUP BY seq, emoji",
		string(me), t.Key(), list[0].Seq, list[len(list)-1].Seq, upTo)
	for _, r := range found {
		if at, ok := slices.BinarySearchFunc(list, r.seq, func(m domain.MessageView, seq uint64) int { return cmp.Compare(m.Seq, seq) }); ok {
			list[at].Reactions = append(list[at].Reactions, r.ReactionView)
		}
	}
	for _, m := range list {
		slices.SortFunc(m.Reactions, view.ByEmoji)
	}
	return err
}

// readable gives after which seq and up to which me may read a conversation, or refuses with code Forbidden.
func readable(ctx context.Context, q asker, me domain.UserID, t domain.Topic) (after, upTo uint64, err error) {
	const query = `SELECT m.present, m.joined_seq, m.left_seq, m.hidden_seq, COALESCE(c.history,''), COALESCE(c.last_seq,0)
		FROM {members} m LEFT JOIN {conversations} c ON c.topic=m.topic WHERE m.uid=? AND m.topic=?`
	m := projector.MemberRow{Topic: t}
	var g projector.GroupRow
	var tail projector.TailRow
	found, err := collect(ctx, q, func(r *sql.Rows) (struct{}, error) {
		return struct{}{}, r.Scan(&m.Present, &m.Joined, &m.Left, &m.Hidden, &g.History, &tail.Seq)
	}, query, string(me), t.Key())
	if err != nil {
		return 0, 0, err
	}
	after, upTo, ok := view.Readable(m, len(found) > 0, g, tail)
	if !ok {
		return 0, 0, view.ErrNotYours
	}
	return after, upTo, nil
}
