package main_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms is the house: what each package may import of the others, and which modules of other people's are its alone. The centre
// imports nothing; broker, database and socket are told about the domain, never the other way round. Edge and projector know neither
// each other nor the journal nor the settings: they say in interfaces of their own what they need, and cmd hands it in.
var rooms = []struct{ pkg, mayImport, keeps string }{
	// the rules, and the log
	{"domain", "", ""},
	{"domain/journal", "domain", "github.com/nats-io/nats.go github.com/nats-io/nats-server/v2"},
	// people's connections
	{"edge/socketio", "", ""},
	{"edge/web", "", ""},
	{"edge", "domain edge/socketio edge/web", ""},
	// what the log adds up to: the fold hands rows to its stores, and what their answers share is in view
	{"projector", "domain", ""},
	{"projector/internal/view", "domain projector", ""},
	{"projector/memory", "domain projector projector/internal/view", ""},
	{"projector/mysql", "domain projector projector/internal/view", "github.com/go-sql-driver/mysql"},
	// what puts it together
	{"config", "", "github.com/spf13/viper"},
	{"cmd/parley", everything, ""},
	{"cmd/load", "", "github.com/HdrHistogram/hdrhistogram-go"},
}

// everything is every package of the table but those under cmd.
const everything = "*"

// shared are the modules that may have more than one importer; every other module has one at most, so that there is one place to
// look at when it changes. Flags are declared where the settings are and parsed where the commands are; each program shows its own progress; and who puts
// the server under load is at the other end of its WebSockets, and may not import its packages.
var shared = map[string]string{
	"github.com/spf13/pflag": "config cmd/parley cmd/load",
	"github.com/spf13/cobra": "config cmd/parley cmd/load",

	"github.com/schollz/progressbar/v3": "cmd/parley cmd/load",
	"github.com/gorilla/websocket":      "edge/socketio cmd/load",
}

// Packages whose name ends in "test" (a journal, a database for the length of a test) are test code: they import what they need, and
// no other package's own code imports them.
func isTestSupport(pkg string) bool { return strings.HasSuffix(path.Base(pkg), "test") }

func TestTheHouse(t *testing.T) {
	modules := required(t)
	uses := imports(t)
	if len(uses) == 0 {
		t.Fatal("no imports found")
	}
	for _, complaint := range complaints(uses, modules) {
		t.Error(complaint)
	}
}

// Each of these breaks one rule of the house, so that a rule which no longer bites is noticed.
func TestTheHouseNoticesABreach(t *testing.T) {
	modules := []string{"github.com/nats-io/nats.go", "github.com/spf13/viper", "github.com/spf13/pflag", "github.com/gorilla/websocket", "golang.org/x/crypto"}
	for _, c := range []struct {
		breach string
		uses   []use
	}{
		{"domain/journal: may not import edge", []use{{"domain/journal", "parley/edge"}}},
		{"domain: may not import domain/journal", []use{{"domain", "parley/domain/journal"}}},
		{"domain: may import nothing but the standard library", []use{{"domain", "golang.org/x/crypto/argon2"}}},
		{"edge: may not import projector", []use{{"edge", "parley/projector"}}},
		{"edge: may not import config", []use{{"edge", "parley/config"}}},
		{"projector: may not import domain/journal", []use{{"projector", "parley/domain/journal"}}},
		{"cmd/parley: may not import cmd/load", []use{{"cmd/parley", "parley/cmd/load"}}},
		{"cmd/parley: may not import domain/journal/journaltest", []use{{"cmd/parley", "parley/domain/journal/journaltest"}}},
		{"helper: is not in the table", []use{{"helper", "fmt"}}},
		{"edge: may not import github.com/nats-io/nats.go", []use{{"edge", "github.com/nats-io/nats.go/jetstream"}}},
		{"cmd/parley: may not import github.com/spf13/viper", []use{{"cmd/parley", "github.com/spf13/viper"}}},
		{"edge: may not import github.com/gorilla/websocket", []use{{"edge", "github.com/gorilla/websocket"}}},
		{"edge: may not import github.com/spf13/pflag", []use{{"edge", "github.com/spf13/pflag"}}},
		{"edge: imports example.org/x", []use{{"edge", "example.org/x"}}},
		{"golang.org/x/crypto is imported by edge and by projector", []use{{"edge", "golang.org/x/crypto/argon2"}, {"projector", "golang.org/x/crypto/blake2b"}}},
	} {
		if got := complaints(c.uses, modules); len(got) != 1 || !strings.HasPrefix(got[0], c.breach) {
			t.Errorf("the complaints are %q, want one that begins with %q", got, c.breach)
		}
	}
	fine := []use{
		{"domain", "strings"}, {"edge", "parley/domain"}, {"edge", "parley/edge/socketio"}, {"cmd/parley", "parley/domain/journal"}, {"cmd/parley", "parley/config"},
		{"domain/journal", "github.com/nats-io/nats.go"}, {"domain/journal", "github.com/nats-io/nats.go/jetstream"},
		{"config", "github.com/spf13/pflag"}, {"cmd/parley", "github.com/spf13/pflag"}, {"edge", "golang.org/x/crypto/argon2"}, {"edge", "golang.org/x/crypto/blake2b"},
		{"domain/journal/journaltest", "github.com/nats-io/nats.go"}, {"domain/journal/journaltest", "parley/domain/journal"},
	}
	if got := complaints(fine, modules); len(got) != 0 {
		t.Errorf("nothing is wrong, and the complaints are %q", got)
	}
}

// use is one import: of a package of ours, by its path below the module, in code that is not a test.
type use struct{ pkg, path string }

func complaints(uses []use, modules []string) (found []string) {
	complain := func(format string, args ...any) {
		if c := fmt.Sprintf(format, args...); !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	importer := map[string]string{} // of each module, the first one seen
	for _, u := range uses {
		if isTestSupport(u.pkg) {
			continue
		}
		mayImport, listed := room(u.pkg)
		if !listed {
			complain("%s: is not in the table of the house", u.pkg)
			continue
		}
		first, _, _ := strings.Cut(u.path, "/")
		if first == "parley" {
			ours := strings.TrimPrefix(strings.TrimPrefix(u.path, "parley"), "/")
			if !slices.Contains(mayImport, ours) {
				complain("%s: may not import %s", u.pkg, ours)
			}
			continue
		}
		if !strings.Contains(first, ".") {
			continue // the standard library
		}
		module := moduleOf(u.path, modules)
		homes, reserved := homesOf(module)
		switch {
		case u.pkg == "domain":
			complain("%s: may import nothing but the standard library, not %s", u.pkg, u.path)
		case module == "":
			complain("%s: imports %s, which no module of go.mod holds", u.pkg, u.path)
		case reserved && !slices.Contains(homes, u.pkg):
			complain("%s: may not import %s, which is for %s", u.pkg, module, strings.Join(homes, ", "))
		case !reserved && importer[module] != "" && importer[module] != u.pkg:
			complain("%s is imported by %s and by %s", module, importer[module], u.pkg)
		}
		importer[module] = u.pkg
	}
	return found
}

// room gives what a package may import of ours.
func room(pkg string) (mayImport []string, listed bool) {
	for _, r := range rooms {
		if r.pkg != pkg {
			continue
		}
		if r.mayImport != everything {
			return strings.Fields(r.mayImport), true
		}
		for _, other := range rooms {
			if !strings.HasPrefix(other.pkg, "cmd/") {
				mayImport = append(mayImport, other.pkg)
			}
		}
		return mayImport, true
	}
	return nil, false
}

// homesOf gives the packages that a module is reserved for; reserved is false where any one package may have it.
func homesOf(module string) (homes []string, reserved bool) {
	if pkgs, ok := shared[module]; ok {
		return strings.Fields(pkgs), true
	}
	for _, r := range rooms {
		if slices.Contains(strings.Fields(r.keeps), module) {
			return []string{r.pkg}, true
		}
	}
	return nil, false
}

// moduleOf is the longest of modules that holds the imported path; "" for none.
func moduleOf(imported string, modules []string) (module string) {
	for _, m := range modules {
		if (imported == m || strings.HasPrefix(imported, m+"/")) && len(m) > len(module) {
			module = m
		}
	}
	return module
}

const root = "../.." // of the module

// required gives the modules that go.mod names.
func required(t *testing.T) (modules []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(f) >= 2 && strings.HasPrefix(f[1], "v") {
			modules = append(modules, f[0])
		}
	}
	if len(modules) == 0 {
		t.Fatal("go.mod names no modules")
	}
	return modules
}

// imports gives every import of the module's own files, without the tests.
func imports(t *testing.T) (uses []use) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && file != root && (name[0] == '.' || name[0] == '_' || name == "testdata" || name == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			uses = append(uses, use{filepath.ToSlash(pkg), imported})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return uses
}
