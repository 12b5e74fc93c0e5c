package domain

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// refused is the error of what else gives something.
func refused[A any](_ A, err error) error { return err }

// parserRules are what people give and what is wrong with it, at least one for each way to be wrong.
func parserRules() (all []refusal) {
	message := func(msg string) error { return refused(ParseMessage(json.RawMessage(msg), 100)) }
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for _, c := range emojiRules() {
		all = append(all, refusal{c.rule, refused(ParseEmoji(c.emoji))})
	}
	return append(all, []refusal{
		{"a uid of nothing", refused(ParseUserID(""))},
		{"a uid with a dot", refused(ParseUserID("a.b"))},
		{"a uid too long", refused(ParseUserID(strings.Repeat("a", MaxID+1)))},
		{"a gid with a star", refused(ParseGroupID("*"))},
		{"a subject of nothing", refused(ExternalUserID(""))},
		{"a subject too long", refused(ExternalUserID(strings.Repeat(".", 72)))},
		{"a conversation of no kind", refused(ParseConversationID(ann, "bob"))},
		{"a conversation with oneself", refused(ParseConversationID(ann, "u:ann"))},
		{"a username of nothing", refused(ParseUsername(""))},
		{"a username with a space", refused(ParseUsername("a b"))},
		{"a name of spaces", refused(ParseName("  "))},
		{"a name too long", refused(ParseName(strings.Repeat("a", MaxName+1)))},
		{"a name that turns the text", refused(ParseName("a\u202eb"))},
		{"an avatar too long", refused(ParseAvatar(strings.Repeat("a", MaxAvatar+1)))},
		{"an avatar with a line end", refused(ParseAvatar("a\n"))},
		{"a description too long", refused(ParseDescription(strings.Repeat("a", MaxDescription+1)))},
		{"a description with NUL", refused(ParseDescription("a\x00"))},
		{"a history that does not exist", refused(ParseHistory("none"))},
		{"a history of nothing", refused(ParseHistory(""))},
		{"a status that does not exist", refused(ParseStatus("away"))},
		{"a status of nothing", refused(ParseStatus(""))},
		{"a message of nothing", message(``)},
		{"a message that is a number", message(`1`)},
		{"a message too large", message(`"` + strings.Repeat("x", 100) + `"`)},
		{"a message larger than any may be", refused(ParseMessage(json.RawMessage(`"`+strings.Repeat("x", MaxMessage)+`"`), 4*MaxMessage))},
		{"an empty string", message(`" "`)},
		{"an empty text", message(`{"txt":""}`)},
		{"no text", message(`{}`)},
		{"an id with a space", message(`{"txt":"hi","id":"a b"}`)},
		{"a message not closed", message(`{"txt":"hi"`)},
		{"a string not closed", message(`"hi`)},
		{"a message that is no UTF-8", message("\"\xff\"")},
		{"a message too deep", message(`{"txt":"hi","a":` + deep(MaxDepth) + `}`)},
	}...)
}

// A refusal is what a rule says no with; nil for yes.
type refusal struct {
	rule string
	err  error
}

type refusals []refusal

func (r *refusals) add(rule string, err error) { *r = append(*r, refusal{rule, err}) }

// allRefusals runs every table of rules, section by section.
func allRefusals(t *testing.T) (sections []string, of map[string]refusals) {
	t.Helper()
	var friendship, writing, greetings, group, inGroup, changes refusals
	for _, c := range slices.Concat(friendRules, friendPauseRules) {
		friendship.add(c.rule, refused(friendshipAfter(c.given).Decide(c.when)))
	}
	for _, c := range friendSendRules {
		writing.add(c.rule, friendshipAfter(c.given).MaySend(c.from, c.open))
	}
	for _, c := range greetingRules {
		greetings.add(c.rule, refused(friendshipAfter(strangers).Decide(RequestFriend{By: ann, Greeting: c.greeting})))
	}
	for _, c := range allGroupRules() {
		group.add(c.rule, refused(groupAfter(c.given...).Decide(c.when)))
	}
	for _, c := range groupSendRules {
		inGroup.add(c.rule, groupAfter(c.given...).MaySend(c.from))
	}
	for _, c := range changeRules {
		changes.add(c.rule, c.given.May(c.when, c.by))
	}
	for _, c := range timeRules {
		changes.add("a change "+c.rule, InTime(noon, noon.Add(c.after), c.limit))
	}
	callers := callerRefusals(t)
	sections = []string{"friendship", "writing to one another", "what goes with an application", "group", "writing in a group", "by caller", "what people give", "changing what was said"}
	return sections, map[string]refusals{
		sections[0]: friendship, sections[1]: writing, sections[2]: greetings, sections[3]: group, sections[4]: inGroup, sections[5]: callers, sections[6]: parserRules(),
		sections[7]: changes,
	}
}

// callerRefusals has one line for all callers whom a rule tells the same.
func callerRefusals(t *testing.T) (all refusals) {
	t.Helper()
	told := map[string]int{} // by what and the sentence, where in all
	eachCaller(t, func(caller string, by UserID, c callerRule, _ Code) {
		err := refused(groupAfter(cast...).Decide(c.when(by)))
		if err == nil {
			return
		}
		key := c.what + err.Error()
		if i, known := told[key]; known {
			all[i].rule += ", " + caller
			return
		}
		told[key] = len(all)
		all.add(c.what+", by "+caller, err)
	})
	return all
}

// refusalLines are the golden file: each rule that says no, with its code and its whole sentence.
func refusalLines(t *testing.T) (lines []string) {
	t.Helper()
	sections, of := allRefusals(t)
	for _, section := range sections {
		lines = append(lines, "# "+section)
		seen := map[string]bool{}
		for _, r := range of[section] {
			if seen[r.rule] {
				t.Errorf("two rules of %s are called %q", section, r.rule)
			}
			seen[r.rule] = true
			if r.err == nil {
				continue
			}
			e, ok := r.err.(*Error)
			if !ok || e.Cause != nil {
				t.Errorf("%s: %v is no refusal in words for people", r.rule, r.err)
				continue
			}
			if (e.RetryAfter > 0) != (e.Code == TooMany) || e.Code == TooMany && !strings.HasSuffix(e.Message, " "+e.RetryAfter.String()) {
				t.Errorf("%s: code %d, try again after %v, and the sentence is %q", r.rule, e.Code, e.RetryAfter, e.Message)
			}
			lines = append(lines, fmt.Sprintf("%s: %d %s", r.rule, e.Code, e.Message))
		}
	}
	return lines
}

var refusalsFile = filepath.Join("testdata", "refusals.txt")

// What people are told is part of the rules: it changes with -update only, and is read when it does.
func TestRefusals(t *testing.T) {
	lines := refusalLines(t)
	if *update {
		if err := os.WriteFile(refusalsFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(refusalsFile)
	if err != nil {
		t.Fatalf("%v: run go test -update", err)
	}
	if got := strings.Join(lines, "\n") + "\n"; got != string(b) {
		t.Errorf("%s differs (-: it has, +: the rules say); go test -update writes it anew:\n%s", refusalsFile, difference(strings.Split(string(b), "\n"), lines))
	}
}

// difference is which lines one has and the other has not, or else where their order parts.
func difference(was, is []string) string {
	var b strings.Builder
	for _, line := range was {
		if line != "" && !slices.Contains(is, line) {
			fmt.Fprintln(&b, "-", line)
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) {
			fmt.Fprintln(&b, "+", line)
		}
	}
	if b.Len() == 0 {
		return "the same lines in another order or number"
	}
	return b.String()
}

// A sentence is what stands in the source: the format of a refusal.
type sentence struct {
	at      token.Position
	format  string
	matches *regexp.Regexp
	weight  int // how many characters of it are not filled in
}

var verb = regexp.MustCompile(`%[a-z]`)

func newSentence(at token.Position, format string) sentence {
	parts := verb.Split(format, -1)
	weight := len(strings.Join(parts, ""))
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return sentence{at: at, format: format, matches: regexp.MustCompile(`^` + strings.Join(parts, `.+`) + `$`), weight: weight}
}

// sentences are all that the package may say no with: the formats of calls of Refuse, and what the rights say for those that say nothing by themselves.
func sentences(t *testing.T) (all []sentence) {
	t.Helper()
	set := token.NewFileSet()
	literal := func(e ast.Expr) string {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			t.Errorf("%s: a refusal whose sentence is not written where it is made", set.Position(e.Pos()))
			return ""
		}
		s, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, f := range parseDomain(t, set, parser.SkipObjectResolution) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "Refuse" {
					if s := newSentence(set.Position(n.Pos()), literal(n.Args[1])); s.weight > 0 {
						all = append(all, s)
					} else if len(n.Args) != 3 || !strings.HasSuffix(source(n.Args[2]), ".only") {
						t.Errorf("%s: a refusal that says nothing by itself, and is no right's", s.at)
					}
				}
			case *ast.CompositeLit:
				if name, ok := n.Type.(*ast.Ident); ok && name.Name == "right" {
					all = append(all, newSentence(set.Position(n.Pos()), literal(n.Elts[1])))
				}
			}
			return true
		})
	}
	return all
}

// source is the last two names of a selector.
func source(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return source(s.X) + "." + s.Sel.Name
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// Each refusal in the source is met by a rule, and what a rule is told stands in the source. A line belongs to the sentence that says most of it.
func TestEveryRefusalIsMet(t *testing.T) {
	all := sentences(t)
	if len(all) < 40 {
		t.Fatalf("only %d sentences were found in the source", len(all))
	}
	b, err := os.ReadFile(refusalsFile)
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		said := regexp.MustCompile(`^.+: \d (.+)\n$`).FindStringSubmatch(line)
		if said == nil {
			if !strings.HasPrefix(line, "# ") {
				t.Errorf("not a line of refusals: %s", line)
			}
			continue
		}
		best := sentence{weight: -1}
		for _, s := range all {
			if s.matches.MatchString(said[1]) && s.weight > best.weight {
				best = s
			}
		}
		if best.weight < 0 {
			t.Errorf("nothing in the source says %q", said[1])
		}
		met[best.format] = true
	}
	for _, s := range all {
		if !met[s.format] {
			t.Errorf("%s: no rule is told %q", s.at, s.format)
		}
	}
}
