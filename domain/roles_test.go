package domain

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// actions are what the protocol document's table of roles speaks of: each is all commands that it stands for, in a group of the cast.
var actions = map[string][]func(by UserID) GroupCommand{
	"invite": {invites("new", false), invites("new", true), invites("fay2", false)},
	"leave":  {func(by UserID) GroupCommand { return Leave{by} }},
	"change the group": {
		func(by UserID) GroupCommand { return DescribeGroup{By: by, Name: to("x")} },
		func(by UserID) GroupCommand { return DescribeGroup{By: by, Avatar: to("x")} },
		func(by UserID) GroupCommand { return DescribeGroup{By: by, Description: to("x")} },
		func(by UserID) GroupCommand { return DescribeGroup{By: by, History: to("joined")} },
	},
	"answer applications":   {yesTo("fay"), noTo("fay")},
	"remove a member":       {removes("cat2")},
	"remove an admin":       {removes("bob2")},
	"say who is what":       {makes("cat2", RoleAdmin), makes("bob2", RoleMember)},
	"hand the ownership on": {makes("cat2", RoleOwner), makes("bob2", RoleOwner)},
	"dissolve":              {func(by UserID) GroupCommand { return DissolveGroup{by} }},
}

// speaking are those of them that are said in the group, for which there is no command; of what a message is changed by, whose it is.
var speaking = map[string]func(by UserID) (Spoken, Said){
	"write":                       func(by UserID) (Spoken, Said) { return Message{From: by}, Said{} },
	"react":                       func(by UserID) (Spoken, Said) { return MessageReacted{By: by, On: true}, Said{From: "cat2"} },
	"edit what is one's own":      func(by UserID) (Spoken, Said) { return MessageEdited{By: by}, Said{From: by} },
	"take that back":              func(by UserID) (Spoken, Said) { return MessageRecalled{By: by}, Said{From: by} },
	"take another's message back": func(by UserID) (Spoken, Said) { return MessageRecalled{By: by}, Said{From: "cat2"} },
	"edit another's message":      func(by UserID) (Spoken, Said) { return MessageEdited{By: by}, Said{From: "cat2"} },
}

// may says whether somebody may do a thing: all of what it stands for, or nothing of it.
func may(t *testing.T, action string, by UserID) bool {
	t.Helper()
	g := groupAfter(cast...)
	if says, ok := speaking[action]; ok {
		e, m := says(by)
		change, changes := e.(Change)
		return g.MaySend(by) == nil && (!changes || m.May(change, g.Role(by)) == nil)
	}
	yes := 0
	for _, when := range actions[action] {
		_, err := g.Decide(when(by))
		if err == nil {
			yes++
		} else if codeOf(err) != Forbidden {
			t.Errorf("%s, by %s: %v", action, by, err)
		}
	}
	if yes != 0 && yes != len(actions[action]) {
		t.Errorf("%s may do %d of the %d things that %q stands for", by, yes, len(actions[action]), action)
	}
	return yes > 0
}

// cells gives the cells of a line of a table.
func cells(line string) []string {
	all := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// The protocol document says who may do what, and that is what the rules say.
func TestRolesAreAsTheProtocolSays(t *testing.T) {
	b, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(b), "\n## Roles\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var table []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "|") {
			table = append(table, line)
		}
	}
	if !found || len(table) < 3 || !slices.Equal(cells(table[0]), []string{"", "owner", "admin", "member"}) {
		t.Fatalf("the protocol document has no table of roles:\n%s", section)
	}
	people := []UserID{ann, bob, cat}
	var said []string
	for _, line := range table[2:] {
		row := cells(line)
		if len(row) != 1+len(people) {
			t.Fatalf("a row of another length: %s", line)
		}
		for _, action := range strings.Split(row[0], ", ") {
			if _, known := actions[action]; !known && speaking[action] == nil {
				t.Errorf("the protocol speaks of %q, which is not tried here", action)
				continue
			}
			said = append(said, action)
			for i, by := range people {
				if got := map[bool]string{true: "yes", false: "no"}[may(t, action, by)]; got != row[1+i] {
					t.Errorf("%s, by the %s: %s; the protocol says %s", action, cells(table[0])[1+i], got, row[1+i])
				}
			}
			for _, by := range []UserID{dan, "fay2", "gus", "hal", "ida", eve, ""} {
				if may(t, action, by) {
					t.Errorf("%s, by %q, who is no member", action, by)
				}
			}
		}
	}
	all := slices.Concat(slices.Collect(maps.Keys(actions)), slices.Collect(maps.Keys(speaking)))
	if slices.Sort(all); !slices.Equal(slices.Sorted(slices.Values(said)), all) {
		t.Errorf("the protocol speaks of %q, want each of %q once", said, all)
	}
}

func TestWhoHearsOfApplications(t *testing.T) {
	for _, c := range callers {
		if got, want := groupAfter(cast...).MayAnswer(c.uid), c.uid == ann || c.uid == bob; got != want {
			t.Errorf("%s may answer: %t", c.kind, got)
		}
	}
}

func TestParseHistoryAndStatus(t *testing.T) {
	for _, s := range []string{"all", "joined"} {
		if h, err := ParseHistory(s); err != nil || string(h) != s {
			t.Errorf("ParseHistory(%q) = %q, %v", s, h, err)
		}
	}
	for _, s := range []string{"online", "invisible"} {
		if status, err := ParseStatus(s); err != nil || string(status) != s {
			t.Errorf("ParseStatus(%q) = %q, %v", s, status, err)
		}
	}
	for _, s := range append(hostile, "All", "ALL", " all", "all ", "all\n", "none", "join", "Online", "offline", "away", "invisible ", "online\x00", "0", "null") {
		if h, err := ParseHistory(s); codeOf(err) != Malformed || h != "" {
			t.Errorf("ParseHistory(%.40q) = %q, %v", s, h, err)
		}
		if status, err := ParseStatus(s); codeOf(err) != Malformed || status != "" {
			t.Errorf("ParseStatus(%.40q) = %q, %v", s, status, err)
		}
	}
}
