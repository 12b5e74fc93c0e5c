package view

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/domain"
)

// Limits of a search.
const (
	MaxWords   = 8   // that are looked for at once
	MaxQuery   = 128 // characters
	readAtOnce = 1000
	budget     = 50_000 // messages that one answer looks at
	overhead   = 50     // messages that it costs to begin with a conversation
)

// Words are what a search looks for: each stands somewhere in a message, without regard to case. They are parts of words as well, since many
// scripts have no spaces between words. It refuses with code Malformed, or TooLarge.
func Words(query string) ([]string, error) {
	if utf8.RuneCountInString(query) > MaxQuery {
		return nil, domain.Refuse(domain.TooLarge, "q must be at most %d characters", MaxQuery)
	}
	words := strings.Fields(Key(query))
	if len(words) == 0 || len(words) > MaxWords || !utf8.ValidString(query) {
		return nil, domain.Refuse(domain.Malformed, "q must be 1 to %d words in UTF-8", MaxWords)
	}
	return words, nil
}

// holds says whether all the words are in a message's text.
func holds(msg json.RawMessage, words []string) bool {
	text := Key(text(msg))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// text is what of a message is to be read: the string that it is, or its txt.
func text(msg json.RawMessage) (s string) {
	if len(msg) > 0 && msg[0] == '"' {
		_ = json.Unmarshal(msg, &s) // what is no text holds no word
		return s
	}
	var m struct {
		Txt string `json:"txt"`
	}
	_ = json.Unmarshal(msg, &m)
	return m.Txt
}

// Read shows at most so many of the messages of a conversation that stand after a seq and before another and were not taken back, the newest first, one
// by one, for as long as look is true.
type Read func(t domain.Topic, after, before uint64, limit int, look func(Said) bool) error

// Hit is a message that was found.
type Hit struct {
	Line
	Said
}

// Search goes through the lines of somebody's list, the newest first, and through the messages of each likewise, from a place on. It gives at most
// limit messages that hold the words, fewer where it has looked at all that one answer may look at, or where it is late, and the cursor of where to go on;
// "" at the end. A conversation in which it stopped goes on there, whatever has been said in it since. It refuses what is no cursor with code Malformed.
func Search(lines []Line, words []string, after string, limit int, late func() bool, read Read) (hits []Hit, next string, err error) {
	from, err := parsePlace(after)
	if err != nil {
		return nil, "", err
	}
	under := func(l Line) bool { return l.Topic.Key() == from.key }
	lines = slices.DeleteFunc(lines, func(l Line) bool {
		return !l.listed() || after != "" && !under(l) && cursorOf(l).compare(from.cursor) < 0
	})
	slices.SortFunc(lines, func(a, b Line) int { return cursorOf(a).compare(cursorOf(b)) }) // what it stopped in is first, if not for its date then by now
	left, looked := budget, false
	for _, l := range lines {
		at := place{cursorOf(l), ^uint64(0)}
		if under(l) {
			at = from
		}
		for more := true; more; {
			if left <= 0 || looked && late() {
				return hits, at.String(), nil
			}
			n := 0
			err := read(l.Topic, hidden(l.MemberRow, l.Group), at.seq, readAtOnce, func(m Said) bool {
				n, at.seq = n+1, m.Seq
				if holds(m.Msg, words) {
					hits = append(hits, Hit{l, m})
				}
				return len(hits) < limit
			})
			switch {
			case err != nil:
				return nil, "", err
			case len(hits) == limit:
				return hits, at.String(), nil
			}
			looked, left, more = true, left-n, n == readAtOnce
		}
		left -= overhead
	}
	return hits, "", nil
}

// Found shows what me's search has found.
func Found(me domain.UserID, hits []Hit) []domain.FoundView {
	found := make([]domain.FoundView, len(hits))
	for i, h := range hits {
		found[i] = domain.FoundView{Conversation: h.Line.Topic.ConversationID(me), MessageView: Message(h.Said)}
	}
	return found
}

// place is a place in a search: before a seq of a conversation that stands at a place in the list.
type place struct {
	cursor
	seq uint64
}

func (p place) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s %d", p.date, p.key, p.seq))
}

func parsePlace(s string) (p place, err error) {
	if s == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return p, ErrBadCursor
	}
	if _, err := fmt.Sscanf(string(b), "%d %s %d", &p.date, &p.key, &p.seq); err != nil || p.String() != s {
		return p, ErrBadCursor
	}
	if _, err := domain.ParseTopic(p.key); err != nil {
		return p, ErrBadCursor
	}
	return p, nil
}
