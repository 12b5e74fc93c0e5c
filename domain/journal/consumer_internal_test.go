package journal

import (
	"testing"

	"parley/domain"
)

// What is read ahead is bounded by number and by size.
func TestReadAhead(t *testing.T) {
	for _, c := range []struct {
		limit, bytes int // of each event
		want         int
	}{
		{1, 10, 1},
		{3, 10, 3},
		{1 << 20, aheadBytes, 1},
		{1 << 20, aheadBytes - 1, 2},
		{1 << 20, maxEvent, aheadBytes / maxEvent},
	} {
		ahead := &consumer{limit: c.limit, came: make(chan struct{}, 1), room: make(chan struct{}, 1)}
		var seq uint64
		for range 2 {
			n := 0
			for ahead.keep(domain.Record{Seq: seq + 1}, c.bytes, 7) {
				seq++
				n++
			}
			if n != c.want || len(ahead.came) != 1 || !ahead.some() || ahead.nothingLeft(seq) {
				t.Errorf("at most %d events of %d bytes: %d are kept, want %d", c.limit, c.bytes, n, c.want)
			}
			<-ahead.came
			if ready := ahead.take(nil); len(ready) != n || ready[n-1].Seq != seq || ahead.some() || len(ahead.room) != 1 {
				t.Errorf("%d are taken, want %d", len(ready), n)
			}
			<-ahead.room
		}
	}
}
