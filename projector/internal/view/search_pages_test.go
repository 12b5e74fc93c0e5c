package view

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parley/domain"
	"parley/projector"
)

// talks are somebody's conversations, as plainly as can be.
type talks struct {
	lines []Line
	said  map[domain.Topic][]Said
	now   int64
	seq   uint64
}

func (c *talks) begin(t domain.Topic) {
	c.now++
	c.lines = append(c.lines, Line{MemberRow: projector.MemberRow{Topic: t, Present: true, Since: c.now}})
}

func (c *talks) say(i int, text string, after int64) {
	c.now, c.seq = c.now+after, c.seq+1
	l := &c.lines[i]
	l.Tail = projector.TailRow{Topic: l.Topic, Seq: c.seq, Date: c.now}
	c.said[l.Topic] = append(c.said[l.Topic], Said{MessageRow: projector.MessageRow{Seq: c.seq, Date: c.now, Msg: []byte(`"` + text + `"`)}})
}

func (c *talks) read(t domain.Topic, after, before uint64, limit int, look func(Said) bool) error {
	for _, m := range slices.Backward(c.said[t]) {
		if m.Seq > after && m.Seq < before {
			if limit--; limit < 0 || !look(m) {
				break
			}
		}
	}
	return nil
}

// all gives the seqs of what is to be found, in order.
func (c *talks) all(word string) (seqs []uint64) {
	lines := slices.DeleteFunc(slices.Clone(c.lines), func(l Line) bool { return l.Tail.Seq == 0 || !l.listed() })
	slices.SortFunc(lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.Tail.Date, a.Tail.Date), strings.Compare(a.Topic.Key(), b.Topic.Key()))
	})
	for _, l := range lines {
		for _, m := range slices.Backward(c.said[l.Topic]) {
			if m.Recalled.Date == 0 && strings.Contains(string(m.Msg), word) {
				seqs = append(seqs, m.Seq)
			}
		}
	}
	return seqs
}

// Whatever happens between the pages, wherever they end: what was there at the first is found, once and in order, and nothing else.
func TestPagesOfASearch(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		c := &talks{said: make(map[domain.Topic][]Said)}
		draw := func(name string, from, to int) int { return rapid.IntRange(from, to).Draw(t, name) }
		topic := func() domain.Topic {
			if n := len(c.lines); n%2 == 0 {
				return domain.InGroup(domain.GroupID(fmt.Sprint("g", n)))
			}
			return domain.Direct("me", domain.UserID(fmt.Sprint("u", len(c.lines))))
		}
		say := func(after int) {
			i, text := draw("to", 0, len(c.lines)-1), rapid.SampledFrom([]string{"fox", "hen"}).Draw(t, "text")
			for range rapid.SampledFrom([]int{1, 1, 1, 2, 9}).Draw(t, "times") {
				c.say(i, text, int64(draw("ms", after, 2)))
			}
		}
		for range draw("conversations", 1, 6) {
			c.begin(topic())
		}
		for range draw("said", 0, 20) {
			say(0)
		}
		for i, l := range c.lines { // some became friends only after what was said
			if _, group := l.Topic.Group(); !group && rapid.Bool().Draw(t, "friends late") {
				c.now++
				c.lines[i].Since = c.now
			}
		}
		want := c.all("fox")
		gone := make(map[uint64]bool) // what was taken back between the pages may be found or not
		var found []uint64
		for next, page := "", 0; page == 0 || next != ""; page++ {
			w := walk{
				read: c.read, late: func() bool { return rapid.Bool().Draw(t, "late") }, left: draw("budget", 4000, 5000),
				atOnce: draw("at once", 1, 4), few: draw("few", 1, 4),
			}
			for _, l := range c.lines {
				if p, _ := parsePlace(next); next != "" && l.Tail.Date > p.begun {
					moved++
				}
			}
			limit := draw("limit", 1, 4)
			hits, following, err := w.search(slices.Clone(c.lines), []string{"fox"}, next, limit)
			if err != nil || len(hits) > limit || page > 200 {
				t.Fatalf("page %d: %d hits, %v", page, len(hits), err)
			}
			if p, err := parsePlace(following); err != nil || p.String() != following && following != "" {
				t.Fatalf("page %d: its next is no cursor: %q, %v", page, following, err)
			}
			for _, h := range hits {
				found = append(found, h.Said.Seq)
			}
			next = following
			for range draw("steps", 0, 3) {
				c.now++
				switch i := draw("which", 0, len(c.lines)-1); rapid.SampledFrom([]string{"say", "say", "say", "begin", "befriend", "join", "take back"}).Draw(t, "step") {
				case "say":
					say(1)
				case "begin":
					c.begin(topic())
				case "befriend":
					if _, group := c.lines[i].Topic.Group(); !group {
						p := &c.lines[i]
						p.Present, p.Since = !p.Present, map[bool]int64{true: 0, false: c.now}[p.Present]
					}
				case "join": // a group in which something was said before
					c.begin(domain.InGroup(domain.GroupID(fmt.Sprint("joined", len(c.lines)))))
					joined := len(c.lines) - 1
					c.now = 0 // it was long ago
					c.say(joined, "fox", 1)
					c.now = c.lines[joined].Since
				case "take back":
					if said := c.said[c.lines[i].Topic]; len(said) > 0 {
						m := &said[len(said)-1-draw("back", 0, min(2, len(said)-1))]
						m.Recalled.Date = c.now
						gone[m.Seq] = true
					}
				}
			}
		}
		left := func(seqs []uint64) []uint64 {
			return slices.DeleteFunc(slices.Clone(seqs), func(seq uint64) bool { return gone[seq] })
		}
		if !slices.Equal(left(found), left(want)) {
			t.Fatalf("found %v, want %v, without %v", found, want, gone)
		}
		slices.Sort(found)
		if len(slices.Compact(slices.Clone(found))) != len(found) {
			t.Fatalf("something was found twice: %v", found)
		}
	})
	if moved == 0 {
		t.Error("no conversation has moved")
	}
}

// However much is said between two pages, a search does not read it all; where too many conversations have gone on, it says so instead of leaving some out.
func TestSearchAfterMuchWasSaid(t *testing.T) {
	const each = probe + 1 // what it costs to find where a conversation stood in which one thing was said since
	for _, test := range []struct {
		name        string
		talks, more int
		code        domain.Code
	}{
		{"in one", 2, 100_000, domain.OK},
		{"in as many as may be", (budget + each - 1) / each, 1, domain.OK},
		{"in one more", (budget+each-1)/each + 1, 1, domain.Malformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &talks{said: make(map[domain.Topic][]Said)}
			for i := range test.talks {
				c.begin(domain.InGroup(domain.GroupID(fmt.Sprint(i))))
				c.say(i, "fox", 1)
			}
			c.begin(domain.InGroup("first"))
			c.say(test.talks, "fox", 1)
			_, next, err := Search(slices.Clone(c.lines), []string{"fox"}, "", 1, func() bool { return false }, c.read)
			if err != nil {
				t.Fatal(err)
			}
			for i := range test.talks {
				for range test.more {
					c.say(i, "hen", 1)
				}
			}
			shown := 0
			search := func() (hits []Hit, following string, err error) {
				return Search(slices.Clone(c.lines), []string{"fox"}, next, 1, func() bool { return false },
					func(t domain.Topic, after, before uint64, limit int, look func(Said) bool) error {
						return c.read(t, after, before, limit, func(m Said) bool { shown++; return look(m) })
					})
			}
			hits, following, err := search()
			if next = following; err == nil && len(hits) == 0 { // the budget went into finding the places; but it gets on
				shown = 0
				hits, _, err = search()
			}
			if test.code != domain.OK {
				if domain.Refusal(err).Code != test.code {
					t.Errorf("%v; want code %d", err, test.code)
				}
				return
			}
			if err != nil || len(hits) != 1 || shown > max(200, 3*test.talks) {
				t.Errorf("%d hits, after %d messages, %v", len(hits), shown, err)
			}
		})
	}
}

// What no search writes is no cursor.
func TestPlaces(t *testing.T) {
	write := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	good := place{7, cursor{5, "group.a"}, 3}
	if p, err := parsePlace(write("7 5 group.a 3")); err != nil || p != good || good.String() != write("7 5 group.a 3") {
		t.Errorf("%v, %v", p, err)
	}
	long := strings.Repeat("a", domain.MaxID)
	far := place{1<<63 - 1, cursor{1<<63 - 1, domain.Direct(domain.UserID(long[1:]), domain.UserID(long)).Key()}, 1<<64 - 1}
	if p, err := parsePlace(far.String()); err != nil || p != far || len(far.String()) > 512 {
		t.Errorf("the longest: %v, %v, %d bytes", p, err, len(far.String()))
	}
	for _, bad := range []string{
		"5 group.a 3", "7 5 group.a", "7 5 group.a 3 1", "7 5 group.a 3 ", " 7 5 group.a 3", "7  5 group.a 3", "7 5 group.a 3\n", "7\n5 group.a 3", "+7 5 group.a 3",
		"07 5 group.a 3", "7 5 group.a 03", "7_0 5 group.a 3", "0x7 5 group.a 3", "7 -5 group.a 3", "-3 -5 group.a 3", "-5 5 group.a 3", "7 8 group.a 3", "7 5 group.a 0", "7 5 group.a -1",
		"7 5 group.a 18446744073709551616", "9223372036854775808 5 group.a 3", "7 5 person.a 3", "7 5 group. 3", "7 5 group.a.b 3", "7 5 user.b.a 3", "7 5 user.a.a 3",
		"7 5 group.\xff 3", "7 5 group.a\x00 3", "7 5 group." + long + "a 3", "7 5  3", "",
	} {
		s := write(bad)
		if s == "" {
			s = "="
		}
		if p, err := parsePlace(s); domain.Refusal(err).Code != domain.Malformed {
			t.Errorf("%q: %v, %v", bad, p, err)
		}
	}
	for _, bad := range []string{good.String() + "=", good.String() + "\n", "\r" + good.String(), good.String() + "A", good.String()[1:]} {
		if p, err := parsePlace(bad); domain.Refusal(err).Code != domain.Malformed {
			t.Errorf("%q: %v, %v", bad, p, err)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add("NyA1IGdyb3VwLmEgMw")
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := parsePlace(s); err == nil && s != "" && p.String() != s {
			t.Errorf("%q is taken for %q", s, p.String())
		}
	})
}
