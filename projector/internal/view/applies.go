package view

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"

	"parley/domain"
	"parley/projector"
)

// Apply is an application or an invitation, by whom and to what.
type Apply struct {
	projector.ApplyRow
	Sender projector.PersonRow
	Group  projector.GroupRow // zero where it is for friendship
}

// Place is where it stands in its reader's list.
func (a Apply) Place() ApplyPlace { return ApplyPlace{a.Date, a.Seq, a.Topic.Key()} }

// ApplyPlace is a place in somebody's list of what waits for an answer. No two stand at the same: of what one event asks, one person answers one.
type ApplyPlace struct {
	Date  int64
	Seq   uint64
	Topic string // its key
}

// NewestApply comes before all places.
var NewestApply = ApplyPlace{math.MaxInt64, math.MaxUint64, ""}

// Compare puts the newest first.
func (p ApplyPlace) Compare(q ApplyPlace) int {
	return cmp.Or(cmp.Compare(q.Date, p.Date), cmp.Compare(q.Seq, p.Seq), strings.Compare(q.Topic, p.Topic))
}

// String is the cursor that names the place.
func (p ApplyPlace) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %s", p.Date, p.Seq, p.Topic))
}

// ParseApplyPlace reads a cursor; "" is before all places. It refuses what is none with code Malformed.
func ParseApplyPlace(cursor string) (p ApplyPlace, err error) {
	if cursor == "" {
		return NewestApply, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return p, ErrBadCursor
	}
	if _, err := fmt.Sscanf(string(b), "%d %d %s", &p.Date, &p.Seq, &p.Topic); err != nil || p.String() != cursor {
		return p, ErrBadCursor
	}
	if _, err := domain.ParseTopic(p.Topic); err != nil {
		return p, ErrBadCursor
	}
	return p, nil
}

// Wanted says whether a type is among those asked for; where none is named, all are.
func Wanted(types []domain.ApplyType, t domain.ApplyType) bool {
	return len(types) == 0 || slices.Contains(types, t)
}

// ApplyPage gives those that come after a place, the newest first, and the cursor of the next page; "" where there is none. It sorts what it is given.
func ApplyPage(all []Apply, after ApplyPlace, limit int) (page []Apply, next string) {
	page = slices.DeleteFunc(all, func(a Apply) bool { return a.Place().Compare(after) <= 0 })
	slices.SortFunc(page, func(a, b Apply) int { return a.Place().Compare(b.Place()) })
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Place().String()
	}
	return page, next
}

// Applies shows a page to its reader.
func Applies(page []Apply) []domain.ApplyView {
	views := make([]domain.ApplyView, len(page))
	for i, a := range page {
		views[i] = domain.ApplyView{Type: a.Type, From: Person(a.Sender), Data: a.Data, Date: Date(a.Date), Seq: a.Seq}
		if a.Type != domain.ApplyFriend {
			to := Group(a.Group, "")
			views[i].Group = &to
		}
	}
	return views
}
