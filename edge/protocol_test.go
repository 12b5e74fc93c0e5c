package edge_test

import (
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/domain"
	"parley/edge"
)

// protocol gives a section of the protocol document.
func protocol(t *testing.T, section string) string {
	t.Helper()
	b, err := os.ReadFile("../docs/protocol.md")
	must(t, err)
	_, after, found := strings.Cut(string(b), "\n## "+section+"\n")
	if !found {
		t.Fatalf("the protocol document has no section %q", section)
	}
	before, _, _ := strings.Cut(after, "\n## ")
	return before
}

// rows gives the first cells of a section's tables, without the heads.
func rows(text string) (cells []string) {
	for line := range strings.Lines(text) {
		f := strings.Split(line, "|")
		if len(f) > 2 && !strings.HasPrefix(f[1], "-") {
			cells = append(cells, strings.TrimSpace(f[1]))
		}
	}
	return cells
}

func TestProtocolNamesAllCommands(t *testing.T) {
	var documented []string
	for _, cell := range rows(protocol(t, "Commands"))[1:] {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			documented = append(documented, m[1])
		}
	}
	slices.Sort(documented)
	if !slices.Equal(documented, edge.Commands()) {
		t.Errorf("the document has the commands\n%q, the code\n%q", documented, edge.Commands())
	}
}

func TestProtocolNamesAllCodes(t *testing.T) {
	section := protocol(t, "Answers")
	var documented []domain.Code
	for _, cell := range rows(section)[1:] {
		n, err := strconv.Atoi(cell)
		must(t, err)
		documented = append(documented, domain.Code(n))
	}
	slices.Sort(documented)
	codes := append([]domain.Code{domain.OK}, slices.Sorted(maps.Keys(edge.Statuses()))...)
	if !slices.Equal(documented, codes) {
		t.Errorf("the document has the codes %v, the code %v", documented, codes)
	}

	_, list, _ := strings.Cut(section, "by the statuses")
	statuses := map[domain.Code]int{}
	for _, m := range regexp.MustCompile(`(\d): (\d{3})`).FindAllStringSubmatch(list, -1) {
		code, _ := strconv.Atoi(m[1])
		statuses[domain.Code(code)], _ = strconv.Atoi(m[2])
	}
	if !maps.Equal(statuses, edge.Statuses()) {
		t.Errorf("the document has the statuses %v, the code %v", statuses, edge.Statuses())
	}
	for code, status := range statuses {
		if http.StatusText(status) == "" || status < 400 {
			t.Errorf("code %d has status %d", code, status)
		}
	}
}
