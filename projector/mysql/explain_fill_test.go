package mysql_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"

	"parley/domain"
	"parley/projector"
	"parley/projector/mysql"
	"parley/projector/mysql/mysqltest"
)

// The sizes of what the plans are made for: large enough that a scan would be the wrong choice.
const (
	manyPeople  = 5000
	manyGroups  = 3000
	manyFriends = 400
	someTalk    = 1 << 15
	longTalk    = 1 << 20 // a million messages in one conversation

	manyApplicants = 4    // to join each group
	manyBlocked    = 1000 // each of whom invites
)

var longest = domain.Direct("me", "u0")

func user(i int) domain.UserID { return domain.UserID(fmt.Sprintf("u%d", i%manyPeople)) }

// fill makes tables as a busy installation has them.
func fill(tb testing.TB, s *mysql.Store) {
	tb.Helper()
	if err := s.Prepare(tb.Context(), true); err != nil {
		tb.Fatal(err)
	}
	b := projector.Batch{To: domain.Position{Epoch: "e", Seq: 1}}
	for i := range manyPeople {
		b.People = append(b.People, projector.PersonRow{UID: user(i), Username: fmt.Sprintf("user%d", i), Name: fmt.Sprintf("Name %d", i)})
		b.Seen = append(b.Seen, projector.SeenRow{UID: user(i), Date: int64(i)})
	}
	for i := range manyGroups {
		t := domain.InGroup(domain.GroupID(fmt.Sprintf("g%d", i)))
		b.Groups = append(b.Groups, projector.GroupRow{Topic: t, Name: t.Key(), Owner: user(i), Size: 8})
		for j := range 8 {
			b.Members = append(b.Members, projector.MemberRow{UID: user(i*7 + j), Topic: t, Present: j != 3, Role: domain.RoleMember})
			b.Own = append(b.Own, projector.MarkRow{UID: user(i*7 + j), Topic: t, Seq: 1, Number: 1})
		}
		if i%10 == 0 {
			b.Members = append(b.Members, projector.MemberRow{UID: "me", Topic: t, Present: true, Role: domain.RoleMember, Answers: i%20 == 0})
			b.Read = append(b.Read, projector.MarkRow{UID: "me", Topic: t, Seq: 1, Number: 1})
		}
		b.Applies = append(b.Applies,
			invite(t, user(i), i), invite(t, "me", i))
		for j := range manyApplicants {
			b.Applies = append(b.Applies, toJoin(t, i+1+j))
		}
		talk(&b, t, user(i), 5)
	}
	for i := range manyFriends {
		t := domain.Direct("me", user(i))
		for _, u := range []domain.UserID{"me", user(i)} {
			b.Members = append(b.Members, projector.MemberRow{UID: u, Topic: t, Present: true})
		}
		if t != longest {
			talk(&b, t, user(i), 5)
		}
	}
	for i := range manyPeople { // some apply to me, some to others; and I block some
		row := projector.ApplyRow{
			ApplyKey: projector.ApplyKey{UID: "me", Topic: domain.Direct("me", user(i))}, Type: domain.ApplyFriend, From: user(i), Date: int64(i), Seq: uint64(i),
		}
		if i%2 == 0 {
			row.UID, row.Topic = user(i+1), domain.Direct(user(i), user(i+1))
		}
		b.Applies = append(b.Applies, row)
		b.Blocks = append(b.Blocks, projector.BlockRow{By: user(i), UID: user(i + 1), Blocks: true}, projector.BlockRow{By: "me", UID: user(i), Blocks: i < manyBlocked})
	}
	everyone := domain.InGroup("everyone")
	b.Groups = append(b.Groups, projector.GroupRow{Topic: everyone, Name: "all", Owner: "me", Size: manyPeople})
	for i := range manyPeople {
		b.Members = append(b.Members, projector.MemberRow{UID: user(i), Topic: everyone, Present: true, Role: domain.RoleMember})
	}
	b.Members = append(b.Members, projector.MemberRow{UID: "me", Topic: everyone, Present: true, Role: domain.RoleOwner, Answers: true})
	for i := range domain.MaxApplications {
		b.Applies = append(b.Applies, toJoin(everyone, i))
	}
	talk(&b, longest, "me", someTalk)
	for i := range uint64(someTalk / 100) {
		b.Recalls = append(b.Recalls, projector.RecallRow{Place: projector.Place{Topic: longest, Seq: 1000 * (i + 1)}, By: "me", Date: 1})
		b.Edits = append(b.Edits, projector.EditRow{Place: projector.Place{Topic: longest, Seq: 1000*(i+1) + 20}, At: 1 << 40, Msg: json.RawMessage(`"hello again"`), Date: 1})
		for j := range 3 {
			b.Reacted = append(b.Reacted, projector.ReactionRow{ReactionKey: projector.ReactionKey{Place: projector.Place{Topic: longest, Seq: 1000*(i+1) + 10}, Emoji: "x", UID: user(j)}, On: true})
		}
	}
	b.Own = append(b.Own, projector.MarkRow{UID: "me", Topic: longest, Seq: 10 * someTalk, Number: someTalk})
	if err := s.Commit(tb.Context(), b); err != nil {
		tb.Fatal(err)
	}
}

func toJoin(t domain.Topic, i int) projector.ApplyRow {
	key := projector.ApplyKey{UID: user(i), Topic: t}
	return projector.ApplyRow{ApplyKey: key, Type: domain.ApplyGroup, From: key.UID, Data: json.RawMessage(`{"txt":"let me in"}`), Date: int64(i), Seq: uint64(i)}
}

func invite(t domain.Topic, u domain.UserID, i int) projector.ApplyRow {
	key := projector.ApplyKey{UID: u, Topic: t}
	return projector.ApplyRow{ApplyKey: key, Type: domain.ApplyInvite, From: user(i + 1), Date: int64(i), Seq: uint64(i)}
}

func talk(b *projector.Batch, t domain.Topic, from domain.UserID, n int) {
	for i := range uint64(n) {
		key := projector.MessageKey{Topic: t, From: from, ID: fmt.Sprint("m", i)}
		b.Messages = append(b.Messages, projector.MessageRow{MessageKey: key, Seq: 10 * (i + 1), Number: i + 1, Date: int64(i), Msg: json.RawMessage(`"hello there"`)})
	}
	b.Tails = append(b.Tails, projector.TailRow{Topic: t, Seq: 10 * uint64(n), Number: uint64(n), Date: int64(n)})
}

// lengthen makes the long talk as long as it is to be, in the server, which is quicker.
func lengthen(tb testing.TB, db *sql.DB) {
	tb.Helper()
	topic := longest.Key()
	for n := someTalk; n < longTalk; n *= 2 {
		for _, statement := range []string{
			`INSERT INTO messages (topic, seq, number, sender, id, date, msg, edited, edited_seq, recalled, recaller)
				SELECT topic, seq+10*%[1]d, number+%[1]d, sender, CONCAT(id, '-%[1]d'), date+%[1]d, msg, edited, edited_seq, recalled, recaller FROM messages WHERE topic='%[2]s'`,
			"INSERT INTO edits SELECT topic, seq+10*%[1]d, at, date, msg FROM edits WHERE topic='%[2]s'",
			"INSERT INTO recalls SELECT topic, seq+10*%[1]d FROM recalls WHERE topic='%[2]s'",
			"INSERT INTO reactions SELECT topic, seq+10*%[1]d, emoji, uid, at FROM reactions WHERE topic='%[2]s'",
		} {
			if _, err := db.Exec(fmt.Sprintf(statement, n, topic)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if _, err := db.Exec("UPDATE conversations SET last_seq=?, end_seq=?, last_number=?, last_date=? WHERE topic=?", 10*longTalk, 10*longTalk, longTalk, longTalk, topic); err != nil {
		tb.Fatal(err)
	}
}

func full(tb testing.TB) (*mysql.Store, *sql.DB) {
	tb.Helper()
	dsn := mysqltest.DSN(tb)
	s, db := open(tb, dsn), raw(tb, dsn)
	fill(tb, s)
	lengthen(tb, db)
	for table := range tableKeys {
		if _, err := db.Exec("ANALYZE TABLE " + table); err != nil {
			tb.Fatal(err)
		}
	}
	return s, db
}
