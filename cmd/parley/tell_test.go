package main

import (
	"strings"
	"testing"

	"parley/projector"
)

// A rebuild prints the first differences, verify all that are kept; both count the others.
func TestDifferencesAreTold(t *testing.T) {
	var c projector.Comparison
	for range projector.MaxDifferences + 1 {
		c.Add(projector.Difference{Table: "marks", Missing: true})
	}
	for most, rest := range map[int]string{maxTold: "and 9801 differences more\n", projector.MaxDifferences: "and 1 difference more\n"} {
		var out strings.Builder
		(&task{node: &node{out: &out}}).tell(c, most)
		if n := strings.Count(out.String(), "differs: "); n != most || !strings.HasSuffix(out.String(), rest) {
			t.Errorf("%d are told, and then %q; want %d and %q", n, out.String()[len(out.String())-40:], most, rest)
		}
	}
}
