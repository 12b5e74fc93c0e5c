package mysql_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/domain"
	"parley/projector"
	"parley/projector/mysql/mysqltest"
	"parley/projector/projectortest"
)

// What goes by two connections is what one transaction puts down, also where messages are there already, of either half.
func TestRebuildByTwoConnections(t *testing.T) {
	s := open(t, "")
	log := projectortest.NewLog(1)
	topics := []domain.Topic{domain.InGroup("a"), domain.InGroup("b"), domain.InGroup("c")}
	for _, g := range topics {
		log.Append(g, domain.GroupCreated{By: "ann", Name: "g"}, 0)
	}
	say := func(id string) domain.Event { return domain.Message{From: "ann", ID: id, Msg: json.RawMessage(`"x"`)} }
	for i := range 1500 {
		log.Append(topics[i%3], say(fmt.Sprint(i)), 0)
	}
	for i, twice := range []int{0, 750, 1499} { // each in another batch than the first time
		for k := range 1500 {
			log.Append(topics[k%3], say(fmt.Sprint(i, "-", k)), 0)
		}
		log.Append(topics[twice%3], say(fmt.Sprint(twice)), 0)
	}
	for i := range 1500 { // and what the batch itself changes, of either half
		seq := log.Append(topics[i%3], say(fmt.Sprint("changed", i)), 0)
		log.Append(topics[i%3], domain.MessageEdited{By: "ann", Seq: seq, Msg: json.RawMessage(`"y"`)}, 0)
		if i%2 == 0 {
			log.Append(topics[i%3], domain.MessageRecalled{By: "ann", Seq: seq}, 0)
		}
	}
	o := projectortest.Quick()
	o.Batch = 700 // by one
	projectortest.Fold(t, log, s, o)
	c, err := projector.Verify(t.Context(), log, s, projector.RebuildOptions{Batch: 3003})
	if err != nil || c.Nothing != "" || len(c.Differences) > 0 {
		t.Errorf("%v, %q, %v", err, c.Nothing, c.Differences)
	}
}

// Whatever is in a text, it comes back as it is, and names no table.
func TestTextsAsTheyAre(t *testing.T) {
	dsn := mysqltest.DSN(t)
	s, db := open(t, dsn), raw(t, dsn)
	if err := s.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	var ascii strings.Builder
	for c := range 128 {
		ascii.WriteByte(byte(c))
	}
	texts := []string{"", ascii.String(), `\`, `'`, `\'`, `'); DROP TABLE people; --`, "{messages} {open} ? %s /* */ -- #", "é 元 🙂 \u2028", "\\0\\n\\Z\\%\\_"}
	b := projector.Batch{To: domain.Position{Epoch: "e", Seq: 1}}
	for i, text := range texts {
		key := projector.MessageKey{Topic: domain.InGroup("g"), From: "ann", ID: fmt.Sprint(i)}
		b.Messages = append(b.Messages, projector.MessageRow{MessageKey: key, Seq: uint64(i + 1), Number: uint64(i + 1), Msg: json.RawMessage(text)})
	}
	if err := s.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		var got string
		if err := db.QueryRow("SELECT msg FROM messages WHERE topic='group.g' AND seq=?", i+1).Scan(&got); err != nil || got != text {
			t.Errorf("%q came back as %q, %v", text, got, err)
		}
	}
}
