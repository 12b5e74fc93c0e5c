package edge

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkPace is what the limits add to each command: one look at the person's bucket and one at the address's.
func BenchmarkPace(b *testing.B) {
	s := Settings{Messages: 1_000_000, AddressCommands: 1_000_000}
	people, strangers := newPacer(s.ofPeople()), newPacer(s.ofStrangers())
	who := make([]string, 10_000)
	for i := range who {
		who[i] = fmt.Sprintf("%026d", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			now := time.Now()
			_ = people.take(who[i%len(who)], saying, 1, now)
			_ = strangers.take("192.0.2.1", commanding, 1, now)
		}
	})
}
