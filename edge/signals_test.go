package edge_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/domain"
)

// Edges of different versions run side by side. What those before this one say is in testdata/signals.jsonl, of which no line is ever changed; what those
// after it may say more, another field or another kind, is passed over.
func TestSignalsOfOtherVersions(t *testing.T) {
	for name, more := range map[string]string{"before": "", "after": `,"more":{"of":["this"]}`} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.people("ann", "bob", "cat", "dan")
			for _, u := range []domain.UserID{"bob", "cat", "dan"} {
				w.befriend("ann", u)
			}
			n := w.edge()
			a := n.device("ann")
			asked := make(chan bool, 10)
			unhear, err := w.journal.Hear("presence", func(b []byte) {
				var s struct{ Kind, To string }
				if json.Unmarshal(b, &s) == nil && s.Kind == "all" {
					select {
					case asked <- true:
					default:
					}
				}
			})
			must(t, err)
			defer unhear()
			f, err := os.Open("testdata/signals.jsonl")
			must(t, err)
			defer f.Close()
			for lines := bufio.NewScanner(f); lines.Scan(); {
				subject, signal, _ := strings.Cut(lines.Text(), " ")
				signal = strings.TrimSuffix(signal, "}") + more + "}"
				must(t, w.journal.Broadcast(subject, []byte(signal)))
				if more != "" {
					must(t, w.journal.Broadcast(subject, []byte(`{"edge":"older","kind":"of another kind","topic":7}`)))
				}
			}
			hears(a, "+bob", "-bob", "+cat", "+dan")
			if got := online(a); !slices.Equal(got, []domain.UserID{"ann", "cat", "dan"}) {
				t.Errorf("ann sees %v", got)
			}
			var typed struct{ Conversation, UID string }
			must(t, json.Unmarshal(a.expect("typing").Args[0], &typed))
			if typed.Conversation != "u:cat" || typed.UID != "cat" {
				t.Errorf("heard %+v", typed)
			}
			<-asked // and is answered
		})
	}
}
