package projectortest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley/domain"
)

// People and Groups are those who appear in histories.
var (
	People = []domain.UserID{"Ann", "ann", "bob", "~Y2hhcmxpZQ", "dora", "eve"}
	Groups = []domain.GroupID{"G", "g", "h"}
)

// Topics gives all conversations of those who appear in histories.
func Topics() (all []domain.Topic) {
	for i, a := range People {
		for _, b := range People[:i] {
			all = append(all, domain.Direct(a, b))
		}
	}
	for _, g := range Groups {
		all = append(all, domain.InGroup(g))
	}
	return all
}

// Answers asks a store all that can be asked of it and gives the answers, by question.
func Answers(tb testing.TB, s Store) map[string]string {
	a := answers{tb: tb, Store: s, all: make(map[string]string)}
	ctx := tb.Context()
	for _, query := range []string{"", "a", "ANN", "b", "é", "€", "no such", strings.Repeat("x", 100)} {
		for _, limit := range []int{1, 2, 100} {
			found, err := s.People(ctx, query, limit)
			a.note(found, err, "People %q %d", query, limit)
		}
	}
	for _, me := range append(People, "nobody") {
		a.person(me)
		for _, g := range append(Groups, "none") {
			a.group(me, g)
		}
		for _, t := range Topics() {
			a.messages(me, t)
		}
	}
	return a.all
}

type answers struct {
	Store
	tb  testing.TB
	all map[string]string
}

// note keeps an answer. A refusal is one; anything else that went wrong ends the test.
func (a answers) note(answer any, err error, question string, args ...any) {
	question = fmt.Sprintf(question, args...)
	var refusal *domain.Error
	if errors.As(err, &refusal) && refusal.Code != domain.Unavailable {
		a.all[question] = err.Error()
		return
	}
	if err != nil {
		a.tb.Fatalf("%s: %v", question, err)
	}
	b, err := json.Marshal(answer)
	if err != nil {
		a.tb.Fatalf("%s: %v", question, err)
	}
	if string(b) == "null" {
		b = []byte("[]")
	}
	a.all[question] = string(b)
}

func (a answers) person(me domain.UserID) {
	ctx := a.tb.Context()
	person, err := a.Person(ctx, me)
	a.note(person, err, "Person %s", me)
	friends, err := a.Friends(ctx, me)
	a.note(friends, err, "Friends %s", me)
	blocked, err := a.Blocked(ctx, me)
	a.note(blocked, err, "Blocked %s", me)
	for _, types := range [][]domain.ApplyType{nil, {domain.ApplyFriend}, {domain.ApplyInvite}, {domain.ApplyGroup}} {
		next := ""
		for page := 0; page == 0 || next != ""; page++ {
			applies, following, err := a.Applies(ctx, me, types, next, 2)
			a.note([]any{applies, following}, err, "Applies %s %v, page %d", me, types, page)
			next = following
		}
	}
	groups, err := a.Groups(ctx, me)
	a.note(groups, err, "Groups %s", me)
	all, next, err := a.Conversations(ctx, me, "", 100)
	a.note(all, err, "Conversations %s", me)
	if next != "" {
		a.tb.Fatalf("Conversations %s: there is a next page after all of them", me)
	}
	for _, q := range []string{"hi", "edit", "é", "\\b", "geändert 🙂"} {
		for after, page := "", 0; page == 0 || after != ""; page++ {
			found, following, err := a.Search(ctx, me, q, after, 3)
			a.note([]any{found, following}, err, "Search %s %q, page %d", me, q, page)
			after = following
		}
	}
	for page := 0; ; page++ {
		list, following, err := a.Conversations(ctx, me, next, 2)
		a.note([]any{list, following}, err, "Conversations %s, page %d", me, page)
		if next = following; next == "" {
			break
		}
	}
}

func (a answers) group(me domain.UserID, g domain.GroupID) {
	ctx := a.tb.Context()
	v, err := a.Group(ctx, me, g)
	a.note(v, err, "Group %s %s", me, g)
	for _, after := range []domain.UserID{"", "ann"} {
		members, err := a.Members(ctx, me, g, after, 2)
		a.note(members, err, "Members %s %s after %q", me, g, after)
	}
}

func (a answers) messages(me domain.UserID, t domain.Topic) {
	ctx := a.tb.Context()
	for _, at := range []struct {
		before, after uint64
		limit         int
	}{{0, 0, 500}, {0, 0, 2}, {10, 0, 3}, {0, 5, 3}, {20, 5, 2}, {^uint64(0), 0, 2}, {0, ^uint64(0), 2}} {
		list, more, err := a.Messages(ctx, me, t, at.before, at.after, at.limit)
		a.note([]any{list, more}, err, "Messages %s %s before %d after %d limit %d", me, t, at.before, at.after, at.limit)
		if err != nil {
			return
		}
	}
	for _, id := range []string{"m1", "M1", "none"} {
		seq, _, err := a.MessageSeq(ctx, 0, t, me, id)
		a.note(seq, err, "MessageSeq %s %s %s", t, me, id)
	}
}

// Same fails where answers differ.
func Same(tb interface{ Errorf(string, ...any) }, want, got map[string]string) {
	for q, w := range want {
		if g := got[q]; g != w {
			tb.Errorf("%s\n want %s\n got  %s", q, w, g)
		}
	}
	if len(want) != len(got) {
		tb.Errorf("%d answers, want %d", len(got), len(want))
	}
}
