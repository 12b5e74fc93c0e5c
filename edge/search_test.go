package edge_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"parley/domain"
	"parley/edge"
)

// What was said is found by its words, in any script, by those who may read it; at once after it was said, on any edge.
func TestSearch(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "eve")
	w.befriend("ann", "bob")
	a, b := w.edge(), w.edge()
	ann := a.device("ann")
	ann.ok("send", "bob", "Let us meet at the Old Bridge")
	ann.ok("send", "bob", map[string]any{"txt": "我们在老桥见面"})
	var found struct {
		Messages []domain.FoundView
		Next     string
	}
	for q, want := range map[string]string{"bridge old": `"Let us meet at the Old Bridge"`, "老桥": `{"txt":"我们在老桥见面"}`} {
		if status, _ := b.ask(http.MethodGet, "/api/search?q="+url.QueryEscape(q), b.token("bob"), "", &found); status != http.StatusOK || len(found.Messages) != 1 {
			t.Fatalf("%s: %d, %+v", q, status, found)
		}
		if m := found.Messages[0]; m.Conversation != "u:ann" || string(m.Msg) != want || found.Next != "" {
			t.Errorf("%s: %+v", q, found)
		}
	}
	if status, _ := b.ask(http.MethodGet, "/api/search?q=bridge", b.token("eve"), "", &found); status != http.StatusOK || len(found.Messages) != 0 {
		t.Errorf("an outsider: %d, %+v", status, found)
	}
}

// Who searches too often is told when to come again, in the answer and in its header.
func TestSearchPace(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann")
	n := w.edge(func(o *edge.Options) { o.Settings.Searches = 1 })
	token := n.token("ann")
	for i := range 11 {
		var p struct {
			problem
			RetryAfter int
		}
		status, header := n.ask(http.MethodGet, "/api/search?q=x", token, "", &p)
		switch {
		case i < 10 && status != http.StatusOK:
			t.Fatalf("search %d: %d", i, status)
		case i == 10 && (status != http.StatusTooManyRequests || p.Code != domain.TooMany || p.RetryAfter < 1 || header.Get("Retry-After") != strconv.Itoa(p.RetryAfter)):
			t.Errorf("one too many: %d, %+v, %v", status, p, header)
		}
	}
}
