package view

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
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
	recent     = 20     // messages that are read to find where a conversation stood
	probe      = 20     // messages that it costs to ask for those
)

// Words are what a search looks for: each stands somewhere in a message, without regard to case. They are parts of words as well, since many
// scripts have no spaces between words. It refuses with code Malformed, or TooLarge.
func Words(query string) ([]string, error) {
	if utf8.RuneCountInString(query) > MaxQuery {
		return nil, domain.Refuse(domain.TooLarge, "q must be at most %d characters", MaxQuery)
	}
	words := strings.Fields(fold(query))
	if len(words) == 0 || len(words) > MaxWords || !utf8.ValidString(query) {
		return nil, domain.Refuse(domain.Malformed, "q must be 1 to %d words in UTF-8", MaxWords)
	}
	return words, nil
}

// fold takes the case from letters, also where there are two of lower case, as of sigma.
func fold(s string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
}

// holds says whether all the words are in a message's text.
func holds(msg json.RawMessage, words []string) bool {
	text := fold(text(msg))
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

// Read shows at most so many of the messages of a conversation that stand after a seq and before another, also those that were taken back, the newest
// first, one by one, for as long as look is true.
type Read func(t domain.Topic, after, before uint64, limit int, look func(Said) bool) error

// Hit is a message that was found.
type Hit struct {
	Line
	Said
}

// Search goes through the lines of somebody's list, that with the newest message first, and through the messages of each likewise, from a place on. It
// gives at most limit messages that hold the words, fewer where it has looked at all that one answer may look at, or where it is late, and the cursor of
// where to go on; "" at the end. All its pages are of what was there at the first: what has been said since neither is found nor moves a conversation. It
// refuses with code Malformed what is no cursor, and one since which more conversations have gone on than can be put where they stood.
//
// What was there at the first is told by the dates of messages, so that a message that comes late with an earlier date may move its conversation; so
// may the erasure of somebody who spoke last in it.
func Search(lines []Line, words []string, after string, limit int, late func() bool, read Read) (hits []Hit, next string, err error) {
	w := walk{read: read, late: late, left: budget, atOnce: readAtOnce, few: recent}
	return w.search(lines, words, after, limit)
}

// walk is the work of one answer.
type walk struct {
	read        Read
	late        func() bool
	left        int // messages that it may still look at
	atOnce, few int // how many it reads at once, and how many of the newest where it looks for an older one
}

func (w *walk) search(lines []Line, words []string, after string, limit int) (hits []Hit, next string, err error) {
	stops, err := w.stops(lines, after)
	looked := false // at something, in each answer, so that it gets to the end
	for _, s := range stops {
		at := s.place
		for more := true; more; {
			if looked && (w.left <= 0 || w.late()) {
				return hits, at.String(), nil
			}
			n := 0
			err := w.read(s.Topic, hidden(s.MemberRow, s.Group), at.seq, w.atOnce, func(m Said) bool {
				n, at.seq = n+1, m.Seq
				if m.Recalled.Date == 0 && holds(m.Msg, words) {
					hits = append(hits, Hit{s.Line, m})
				}
				return len(hits) < limit
			})
			switch {
			case err != nil:
				return nil, "", err
			case len(hits) == limit:
				return hits, at.String(), nil
			}
			looked, w.left, more = true, w.left-n, n == w.atOnce
		}
		w.left -= overhead
	}
	return hits, "", err
}

// Found shows what me's search has found.
func Found(me domain.UserID, hits []Hit) []domain.FoundView {
	found := make([]domain.FoundView, len(hits))
	for i, h := range hits {
		found[i] = domain.FoundView{Conversation: h.Line.Topic.ConversationID(me), MessageView: Message(h.Said)}
	}
	return found
}
