package projector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"parley/domain"
	"parley/projector"
	"parley/projector/memory"
	"parley/projector/projectortest"
)

// counting is a store that counts the rows of what is committed.
type counting struct {
	*memory.Store
	rows *int
}

func (c counting) Commit(ctx context.Context, b projector.Batch) error {
	*c.rows += len(b.People) + len(b.Seen) + len(b.Groups) + len(b.Members) + len(b.Met) + len(b.Blocks) + len(b.Answered) + len(b.Ended) +
		len(b.Applies) + len(b.Messages) + len(b.Edits) + len(b.Reacted) + len(b.Recalls) + len(b.Tails) + len(b.Own) + len(b.Read)
	return c.Store.Commit(ctx, b)
}

// A message, an edit, a reaction or a recall is the same work in a group of ten and in one of ten thousand.
func TestTalkCostsTheSameInAnyGroup(t *testing.T) {
	costs := make(map[int]int)
	for _, size := range []int{10, domain.MaxMembers} {
		log, rows, g := projectortest.NewLog(1), 0, domain.InGroup("g")
		s := counting{memory.New(), &rows}
		members := make([]domain.UserID, size-1)
		for i := range members {
			members[i] = domain.UserID(fmt.Sprint("u", i))
		}
		log.Append(g, domain.GroupCreated{By: "ann", Name: "g", Members: members}, 0)
		projectortest.Fold(t, log, s, projectortest.Quick())
		rows = 0
		seq := log.Append(g, domain.Message{From: "ann", ID: "1", Msg: json.RawMessage(`"x"`)}, 0)
		log.Append(g, domain.MessageReacted{By: "u1", Seq: seq, Emoji: "x", On: true}, 0)
		log.Append(g, domain.MessageEdited{By: "ann", Seq: seq, Msg: json.RawMessage(`"y"`)}, 0)
		log.Append(g, domain.MessageRecalled{By: "ann", Seq: seq}, 0)
		projectortest.Fold(t, log, s, projectortest.Quick())
		costs[size] = rows
		if list, _, err := s.Conversations(t.Context(), "u2", "", 1); err != nil || list[0].Unread != 0 || list[0].Last.Recalled == nil {
			t.Errorf("%d members: %+v, %v", size, list, err)
		}
	}
	if costs[10] != costs[domain.MaxMembers] || costs[10] > 6 {
		t.Errorf("rows written, by the size of the group: %v", costs)
	}
}
