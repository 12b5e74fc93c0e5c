package edge_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"parley/domain"
)

// What changes messages and races with a block, a removal or the loss of a role is in or out for everyone alike: for who has done it, for those who
// listen at either edge, and in the read models.
func TestTheLogDecidesOnChanges(t *testing.T) {
	apart(t, func(t *testing.T, w *world, nodes [2]*node) {
		w.people("ann", "bob", "cat")
		w.befriend("ann", "bob")
		w.group("g", "ann", "bob", "cat")
		a, b, c := nodes[0].device("ann"), nodes[1].device("bob"), nodes[1].device("cat")
		const many = 40
		direct := b.ok("send", "ann", "0").seq(t)
		var inGroup []uint64
		for i := range many {
			inGroup = append(inGroup, c.ok("groupSend", gid("g"), fmt.Sprint(i)).seq(t))
		}
		a.until(fmt.Sprint(many - 1))
		w.fold()

		// race gives many commands while somebody goes on undoing and redoing what they depend on, each time for one of them at least.
		race := func(times int, command func(i int) bool, meanwhile func()) (counted []int) {
			stop, given := make(chan struct{}), make(chan struct{}, 1)
			var done sync.WaitGroup
			done.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-given:
						meanwhile()
					}
				}
			})
			for i := range times {
				if command(i) {
					counted = append(counted, i)
				}
				select {
				case given <- struct{}{}:
				default:
				}
			}
			close(stop)
			done.Wait()
			return counted
		}
		in := func(a answer, refused ...domain.Code) bool {
			if a.Code != domain.OK && !slices.Contains(refused, a.Code) {
				t.Errorf("answered %+v", a)
			}
			return a.Code == domain.OK
		}

		edits := race(10*many, func(i int) bool {
			return in(b.emit("edit", "u:ann", direct, fmt.Sprint("edit ", i)), domain.Forbidden)
		}, func() {
			a.ok("block", "bob")
			a.ok("unblock", "bob")
			b.emit("sendApply", "ann")
			a.emit("acceptFriend", "bob")
		})
		recalls := race(many, func(i int) bool {
			return in(b.emit("recall", "g:g", inGroup[i]), domain.Forbidden)
		}, func() {
			a.ok("setRole", "g", "bob", "admin")
			a.ok("setRole", "g", "bob", "member")
		})
		w.befriend("ann", "bob")
		w.say(domain.Direct("ann", "bob"), "bob", "end")
		w.say(domain.InGroup("g"), "cat", "end of all")
		var want, wantInGroup []string
		for _, i := range edits {
			want = append(want, fmt.Sprintf(`edited u:bob %d by bob "edit %d"`, direct, i))
		}
		for _, i := range recalls {
			wantInGroup = append(wantInGroup, fmt.Sprintf("recalled g:g %d by bob", inGroup[i]))
		}
		for d, want := range map[*device][]string{a: append(want, wantInGroup...), c: wantInGroup} {
			d.until("end of all")
			if d == a {
				d.until("end")
			}
			heardChanges(d, want...)
		}
		t.Logf("of %d counted %d edits, of %d %d recalls", 10*many, len(edits), many, len(recalls))
		for _, n := range nodes {
			text := fmt.Sprintf(`"edit %d"`, edits[len(edits)-1])
			if m := n.message("ann", "u:bob", direct); string(m.Msg) != text {
				t.Errorf("ann reads %s, want %s", m.Msg, text)
			}
			for i, seq := range inGroup {
				if m := n.message("cat", "g:g", seq); (m.Recalled != nil) != slices.Contains(recalls, i) {
					t.Errorf("cat reads message %d as %+v", i, m)
				}
			}
		}
	})
}
