package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// healing is for how long, at most, those whose edge has died are seen online by their friends.
const healing = 10 * time.Second

// TestEdgeIsKilled kills an edge, and then the one to which people have moved. Who comes back elsewhere at once was never gone for their friends;
// who does not is gone within healing, as the list of friends says, too.
func TestEdgeIsKilled(t *testing.T) {
	t.Parallel()
	b := build(t)
	nats, dsn := b.natsServer(t), mysqltest.DSN(t)
	apart := []string{"--nats", nats.url, "--mysql", dsn, "--data", t.TempDir(), "--auth.secret", "a secret that is long enough for HS256"}
	b.spawn(t, "projector", apart...)
	edge := b.spawn(t, "edge", apart...)
	d := startDriver(t)
	ann, bob, cat, dan := register(t, edge.url, "ann"), register(t, edge.url, "bob"), register(t, edge.url, "cat"), register(t, edge.url, "dan")
	a := ann.device(d, "ann", nil)
	devices := map[*user]*client{}
	for _, u := range []*user{bob, cat, dan} {
		devices[u] = u.device(d, u.Username, nil)
		befriend(t, a, devices[u], ann, u)
	}
	for round, library := range []string{today, old} {
		other := b.spawn(t, "edge", apart...)
		come := func(u *user) *client {
			u.url = other.url
			before := devices[u]
			devices[u] = u.deviceAt(d, library, fmt.Sprintf("%s %d", u.Username, round), u.url, nil)
			if before != nil {
				before.close() // else it goes on trying to reach the dead edge
			}
			return devices[u]
		}
		a.close()
		a = come(ann)
		eventually(t, "the other edge knows who is online", func() bool { return len(a.online(ann)) == 4 })
		w := watch(a, ann, bob, cat, dan)

		killed := time.Now()
		edge.kill()
		come(bob)
		gone := w.hears(2)
		took := time.Since(killed)
		t.Logf("cat and dan are gone %v after their edge was killed", took.Round(time.Millisecond))
		if slices.Sort(gone); !slices.Equal(gone, []string{"-cat", "-dan"}) {
			t.Fatalf("ann hears %q", gone)
		}
		if took > healing {
			t.Errorf("cat and dan are gone after %v, want %v at most", took, healing)
		}
		come(cat)
		expectComing(t, w, "+cat")
		if got := a.online(ann); got[ann.ID] == "" || got[bob.ID] == "" || got[cat.ID] == "" || len(got) != 3 {
			t.Errorf("ann is told that online are %v", got)
		}
		var seen time.Time
		eventually(t, "ann is told when dan was seen last", func() (is bool) {
			at, err := time.Parse(time.RFC3339, ann.seen(t, dan))
			seen = at
			return err == nil && at.After(killed.Add(-time.Second))
		})
		t.Logf("dan was seen last %v after the edge was killed", seen.Sub(killed).Round(time.Millisecond))
		if late := seen.Sub(killed); late > healing {
			t.Errorf("dan was seen %v after the edge was killed", late)
		}
		come(dan)
		expectComing(t, w, "+dan")
		a.online(ann)
		if more := w.news(); len(more) > 0 {
			t.Errorf("ann hears %q, too", more)
		}
		edge = other
	}
}
