package main

import (
	"encoding/json"
	"fmt"
	"testing"
)

// watcher is a device, and what it hears from now on of who else comes and goes.
type watcher struct {
	*client
	names map[string]string
	me    string
	past  int
}

// watch has a device of one's own watch others.
func watch(c *client, me *user, others ...*user) *watcher {
	w := &watcher{client: c, names: map[string]string{}, me: me.ID}
	for _, u := range others {
		w.names[u.ID] = u.Username
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.past = len(c.heard)
	return w
}

// coming gives those that have been heard since, such as "+bob" and "-cat", without going by them. The driver's lock is held.
func (w *watcher) coming() (all []string) {
	for _, h := range w.heard[w.past:] {
		sign := map[string]string{"userin": "+", "userout": "-"}[h.Event]
		if sign == "" {
			continue
		}
		var who user
		must(w.tb, json.Unmarshal(h.Args[1], &who))
		if who.ID != w.me { // else it is the answer to sign
			all = append(all, sign+w.names[who.ID])
		}
	}
	return all
}

// hears waits for n comings and goings, gives them, and goes by all that has been heard: those that are more are given, too.
func (w *watcher) hears(n int) []string {
	w.tb.Helper()
	w.wait(fmt.Sprintf("%s to hear %d come or go", w.name, n), func() bool { return len(w.coming()) >= n })
	return w.news()
}

// news gives what has been heard so far, and goes by it.
func (w *watcher) news() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.coming()
	w.past = len(w.heard)
	return all
}

// online asks who is, by their connections: whatever was told to this device before has been heard then.
func (c *client) online(me *user) (m map[string]string) {
	c.tb.Helper()
	must(c.tb, json.Unmarshal(c.ok("sign", map[string]any{"user": map[string]string{"id": me.ID}}).Data, &m))
	return m
}

// expectComing waits for the next of those who come or go.
func expectComing(t *testing.T, w *watcher, want string) {
	t.Helper()
	if got := w.hears(1); len(got) != 1 || got[0] != want {
		t.Errorf("%s hears %q, want %q", w.name, got, want)
	}
}
