package domain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// parseDomain reads the package's own files, without the tests.
func parseDomain(t *testing.T, set *token.FileSet, mode parser.Mode) (files []*ast.File) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, e.Name(), nil, mode)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		t.Fatal("no files found")
	}
	return files
}

// Everything that the rules need of the standard library. What reads clocks, throws dice, waits or talks to the world is not there.
var pure = []string{"bytes", "encoding/base64", "encoding/json", "errors", "fmt", "strings", "time", "unicode", "unicode/utf8"}

func TestDomainImportsOnlyWhatIsPure(t *testing.T) {
	set := token.NewFileSet()
	for _, f := range parseDomain(t, set, parser.ImportsOnly) {
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(pure, path) {
				t.Errorf("%s: domain imports %s", set.Position(spec.Pos()), path)
			}
		}
	}
}

// Package time is there for instants and durations; its clock and its timers are not for rules.
func TestDomainReadsNoClock(t *testing.T) {
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	set := token.NewFileSet()
	for _, f := range parseDomain(t, set, parser.SkipObjectResolution) {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(clock, s.Sel.Name) {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: domain uses time.%s", set.Position(n.Pos()), s.Sel.Name)
				}
			}
			return true
		})
	}
}
