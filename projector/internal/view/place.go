package view

import (
	"encoding/base64"
	"fmt"
	"slices"

	"parley/domain"
)

var errLongAgo = domain.Refuse(domain.Malformed, "after must be of a search that began lately: too many conversations have gone on since; search again without it")

// place is a place in a search that began at an instant, in milliseconds since 1970: before a seq of a conversation whose last message was of a date then.
type place struct {
	begun int64
	cursor
	seq uint64
}

// stop is a conversation that is to be searched, and where it stood when the search began, or where a page ended in it.
type stop struct {
	Line
	place
}

// stops gives those of the lines that are to be searched after a cursor, in order. The order is by what was said alone, for whoever becomes a friend
// or ends being one moves in the list as well.
func (w *walk) stops(lines []Line, after string) (stops []stop, err error) {
	from, err := parsePlace(after)
	if err != nil {
		return nil, err
	}
	if after == "" {
		for _, l := range lines {
			if l.listed() {
				from.begun = max(from.begun, cursorOf(l).date)
			}
		}
	}
	for _, l := range lines {
		_, group := l.Topic.Group()
		if !l.listed() || l.Tail.Seq == 0 || group && l.Since > from.begun {
			continue
		}
		at := place{from.begun, cursor{l.Tail.Date, l.Topic.Key()}, l.Tail.Seq + 1}
		switch {
		case at.key == from.key:
			at = from
		case at.date > from.begun:
			last, err := w.lastAt(l, from.begun)
			if err != nil {
				return nil, err
			}
			if last.Seq == 0 {
				continue // it has begun since
			}
			at.date, at.seq = last.Date, last.Seq+1
		}
		if after == "" || at.compare(from.cursor) >= 0 {
			stops = append(stops, stop{l, at})
		}
	}
	slices.SortFunc(stops, func(a, b stop) int { return a.compare(b.cursor) })
	return stops, nil
}

// lastAt gives the last message of a conversation that was there at an instant; its Seq is 0 where none was. It reads a few from the end, and where all
// of those are newer it halves what is before, so that it costs little however much has been said since. Those that were taken back count, for they do in
// a Tail.
func (w *walk) lastAt(l Line, begun int64) (last Said, err error) {
	low, high := uint64(0), l.Tail.Seq+1 // last is the newest up to low; those from high on are newer than the instant
	for before, limit := high, w.few; high-low > 1; before, limit = low+1+(high-low)/2, 1 {
		if w.left <= 0 {
			return Said{}, errLongAgo
		}
		newer := 0
		err := w.read(l.Topic, low, before, limit, func(m Said) bool {
			if m.Date > begun {
				newer, high = newer+1, m.Seq
				return true
			}
			last = m
			return false
		})
		if err != nil {
			return Said{}, err
		}
		if w.left -= probe + newer; newer < limit {
			low = min(before, high) - 1
		}
	}
	return last, nil
}

func (p place) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %s %d", p.begun, p.date, p.key, p.seq))
}

// parsePlace takes nothing that a search does not write.
func parsePlace(s string) (p place, err error) {
	if s == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return p, ErrBadCursor
	}
	if _, err := fmt.Sscanf(string(b), "%d %d %s %d", &p.begun, &p.date, &p.key, &p.seq); err != nil || p.String() != s {
		return p, ErrBadCursor
	}
	t, err := domain.ParseTopic(p.key)
	if _, person := t.Person(); err != nil || person || p.date < 0 || p.date > p.begun || p.seq == 0 {
		return p, ErrBadCursor
	}
	return p, nil
}
