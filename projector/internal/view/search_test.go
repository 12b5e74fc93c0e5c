package view

import (
	"testing"

	"parley/domain"
	"parley/projector"
)

// A search that is always late looks at something each time, and so gets to the end.
func TestSearchThatIsLate(t *testing.T) {
	var lines []Line
	for _, g := range []domain.GroupID{"a", "b", "c"} {
		topic := domain.InGroup(g)
		lines = append(lines, Line{MemberRow: projector.MemberRow{Topic: topic, Present: true}, Tail: projector.TailRow{Topic: topic, Seq: 1}})
	}
	reads, hits, pages := 0, 0, 0
	for next := ""; pages == 0 || next != ""; pages++ {
		found, following, err := Search(append([]Line(nil), lines...), []string{"x"}, next, 10, func() bool { return true },
			func(_ domain.Topic, _, before uint64, _ int, look func(Said) bool) error {
				if reads++; before > 1 {
					look(Said{MessageRow: projector.MessageRow{Seq: 1, Msg: []byte(`"x"`)}})
				}
				return nil
			})
		if err != nil || reads > pages+1 || pages > 5 {
			t.Fatalf("page %d: %d reads, %v", pages, reads, err)
		}
		next, hits = following, hits+len(found)
	}
	if hits != len(lines) {
		t.Errorf("%d were found, want %d", hits, len(lines))
	}
}
