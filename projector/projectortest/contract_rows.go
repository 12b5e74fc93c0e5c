package projectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"parley/domain"
	"parley/projector"
)

func testWaiting(t *testing.T, s *story) {
	s.befriend(ab)
	ends, _ := s.log.Ends(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	behind, err := s.Wait(ctx, ends)
	s.equal("nothing folded", behind, err, "2")
	soon := make(chan string, 20)
	for range cap(soon) {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), Patience)
			defer cancel()
			behind, err := s.Wait(ctx, ends)
			soon <- fmt.Sprint(behind, err)
		}()
	}
	s.fold()
	for range cap(soon) {
		s.is("many who wait", <-soon, "0 <nil>")
	}
	other := []domain.Position{{Epoch: "another", Seq: 5}}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	behind, err = s.Wait(ctx, other)
	s.equal("another log", behind, err, "5")
	behind, err = s.Wait(t.Context(), make([]domain.Position, 3))
	s.equal("zero positions", behind, err, "0")
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
}

func testCommit(t *testing.T, s *story) {
	ctx := t.Context()
	if err := s.Prepare(ctx, true); err != nil {
		t.Fatal(err)
	}
	pos := func(seq uint64) domain.Position { return domain.Position{Epoch: "e", Seq: seq} }
	row := func(seq uint64, id string) []projector.MessageRow {
		return []projector.MessageRow{{MessageKey: projector.MessageKey{Topic: ab, From: "ann", ID: id}, Seq: seq, Number: seq, Msg: json.RawMessage(`"x"`)}}
	}
	for _, c := range []struct {
		what  string
		batch projector.Batch
		want  error
		at    domain.Position
	}{
		{"not from the beginning", projector.Batch{Shard: 1, From: pos(1), To: pos(2)}, projector.ErrFenced, domain.Position{}},
		{"the first", projector.Batch{Shard: 1, To: pos(1), Messages: row(1, "1")}, nil, pos(1)},
		{"the first twice", projector.Batch{Shard: 1, To: pos(1), Messages: row(1, "1")}, projector.ErrFenced, pos(1)},
		{"the same id", projector.Batch{Shard: 1, From: pos(1), To: pos(2), Messages: row(2, "1"), People: []projector.PersonRow{{UID: "ann"}}}, projector.ErrDuplicate, pos(1)},
		{"the second", projector.Batch{Shard: 1, From: pos(1), To: pos(2), Messages: row(2, "2")}, nil, pos(2)},
		{"another epoch", projector.Batch{Shard: 1, From: domain.Position{Epoch: "f", Seq: 2}, To: pos(3)}, projector.ErrFenced, pos(2)},
		{"another shard", projector.Batch{Shard: 0, To: pos(9)}, nil, pos(2)},
	} {
		if err := s.Commit(ctx, c.batch); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		at, err := s.Checkpoint(ctx, 1)
		s.equal(c.what, at, err, fmt.Sprintf(`{"epoch":%q,"seq":%d}`, c.at.Epoch, c.at.Seq))
	}
	_, err := s.Person(ctx, "ann")
	s.refused("nothing of a batch that failed", err, domain.NotFound)
	if err := s.Reset(ctx, 1, pos(1)); !errors.Is(err, projector.ErrFenced) {
		t.Errorf("Reset at another checkpoint: %v", err)
	}
	if err := s.Reset(ctx, 1, pos(2)); err != nil {
		t.Errorf("Reset: %v", err)
	}
	seq, as, err := s.MessageSeq(ctx, 1, ab, "ann", "1")
	s.equal("nothing after Reset", []any{seq, as}, err, `[0,{"epoch":"","seq":0}]`)
	at, err := s.Checkpoint(ctx, 0)
	s.equal("no checkpoint after Reset", at.Seq, err, "0")
}

// What is answered, and what waits in topics that ended, goes, however much of it; nothing else does.
func testAnswered(t *testing.T, s *story) {
	ctx := t.Context()
	if err := s.Prepare(ctx, true); err != nil {
		t.Fatal(err)
	}
	const many = 1100 // more than go into one statement
	asked := projector.Batch{To: domain.Position{Epoch: "e", Seq: 1}}
	answered := projector.Batch{From: asked.To, To: domain.Position{Epoch: "e", Seq: 2}}
	for i := range many {
		from, ended := domain.UserID(fmt.Sprint("u", i)), domain.InGroup(domain.GroupID(fmt.Sprint("ended", i)))
		key := projector.ApplyKey{UID: "ann", Topic: domain.Direct("ann", from)}
		asked.Applies = append(asked.Applies,
			projector.ApplyRow{ApplyKey: key, Type: domain.ApplyFriend, From: from, Seq: uint64(i)},
			projector.ApplyRow{ApplyKey: projector.ApplyKey{UID: "bob", Topic: key.Topic}, Type: domain.ApplyFriend, From: from, Seq: uint64(i)},
			projector.ApplyRow{ApplyKey: projector.ApplyKey{UID: "ann", Topic: ended}, Type: domain.ApplyInvite, From: from, Seq: uint64(i)},
			projector.ApplyRow{ApplyKey: projector.ApplyKey{UID: from, Topic: ended}, Type: domain.ApplyInvite, From: "ann", Seq: uint64(i)})
		if i > 0 {
			answered.Answered, answered.Ended = append(answered.Answered, key), append(answered.Ended, ended)
		}
	}
	for _, b := range []projector.Batch{asked, answered} {
		if err := s.Commit(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	for me, want := range map[domain.UserID]int{"ann": 2, "bob": many, "u0": 1, "u1": 0} {
		s.equal("what is left for "+string(me), len(slices.Concat(s.pages(me, nil, 500)...)), nil, fmt.Sprint(want))
	}
}

func testLookUps(t *testing.T, s *story) {
	ctx := t.Context()
	s.befriend(ab)
	first := s.happen(ab, say("ann", "1"))
	second := s.happen(ab, say("bob", "1"))
	s.fold()
	tails, err := s.Tails(ctx, []domain.Topic{g, ab})
	if err != nil || len(tails) != 1 || tails[0] != (projector.TailRow{Topic: ab, Seq: second, Number: 2, Date: Began.Add(s.at).UnixMilli()}) {
		t.Errorf("Tails: %v, %v", tails, err)
	}
	var places []projector.Place
	var want []uint64
	for range 600 { // more than go into one statement
		places = append(places, projector.Place{Topic: ab, Seq: first - 1}, projector.Place{Topic: ab, Seq: first}, projector.Place{Topic: g, Seq: 9},
			projector.Place{Topic: ab, Seq: second}, projector.Place{Topic: ab, Seq: ^uint64(0)})
		want = append(want, 0, 1, 0, 2, 2)
	}
	numbers, err := s.Numbers(ctx, places)
	if err != nil || !reflect.DeepEqual(numbers, want) {
		t.Errorf("Numbers: %v", err)
	}
	keys := []projector.MessageKey{{Topic: ab, From: "bob", ID: "2"}, {Topic: ab, From: "bob", ID: "1"}, {Topic: g, From: "bob", ID: "1"}}
	known, err := s.Known(ctx, keys)
	if err != nil || !reflect.DeepEqual(known, keys[1:2]) {
		t.Errorf("Known: %v, %v", known, err)
	}
}
