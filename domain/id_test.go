package domain

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hostile is what an id must never be: it would mean something in a subject, a path, a query, a file name, or to the eye.
var hostile = []string{
	"", " ", ".", "..", "*", ">", "a.b", "a.*", "a.>", ".a", "a.", "a b", " a", "a ", "a\tb", "a\nb", "a\r", "a\x00b", "\x00", "a/b", `a\b`,
	"../a", "a%2e", "a:b", "u:a", "a,b", "a;b", "a'b", `a"b`, "a`b", "$JS", "a$", "a+b", "a=b", "a@b", "a#b", "a?b", "a&b", "<a>", "{a}",
	"é", "e\u0301", "安", "ａ", "👋", "а", "a\u200bb", "\u202ea", "a\u2028", "\ufeffa", "\xff", "a\xffb", "a\xc3", "\xed\xa0\x80",
	"~", "~~", "~~a", "a~", "~a.b", "~a b", "~a=", "~é", "~\x00",
	strings.Repeat("a", MaxID+1), "~" + strings.Repeat("a", MaxID), strings.Repeat("a", 10_000), strings.Repeat(".", 10_000), strings.Repeat("安", 3_334),
}

var wellFormed = []string{
	"a", "Z", "0", "_", "-", "--", "ann", "Ann_B-1", "01J9Z3NDEKTSV4RRFFQ69G5FAV", "~a", "~w7bDsQ", "~-_",
	strings.Repeat("a", MaxID), "~" + strings.Repeat("a", MaxID-1),
}

func TestParseID(t *testing.T) {
	for _, s := range wellFormed {
		if u, err := ParseUserID(s); err != nil || string(u) != s {
			t.Errorf("ParseUserID(%q) = %q, %v", s, u, err)
		}
		if g, err := ParseGroupID(s); err != nil || string(g) != s {
			t.Errorf("ParseGroupID(%q) = %q, %v", s, g, err)
		}
	}
	for _, s := range hostile {
		if u, err := ParseUserID(s); codeOf(err) != Malformed || u != "" {
			t.Errorf("ParseUserID(%.40q) = %.40q, %v", s, u, err)
		}
		if g, err := ParseGroupID(s); codeOf(err) != Malformed || g != "" {
			t.Errorf("ParseGroupID(%.40q) = %.40q, %v", s, g, err)
		}
	}
}

func TestParseIDSaysWhichField(t *testing.T) {
	_, uid := ParseUserID("a.b")
	_, gid := ParseGroupID("a.b")
	if m := Refusal(uid).Message; !strings.HasPrefix(m, "uid must be 1 to 96 characters") {
		t.Errorf("of a user: %s", m)
	}
	if m := Refusal(gid).Message; !strings.HasPrefix(m, "gid must be 1 to 96 characters") {
		t.Errorf("of a group: %s", m)
	}
}

func TestExternalUserID(t *testing.T) {
	for _, c := range []struct{ sub, id string }{
		{"ann", "ann"},
		{"01J9Z3NDEKTSV4RRFFQ69G5FAV", "01J9Z3NDEKTSV4RRFFQ69G5FAV"},
		{strings.Repeat("a", MaxID), strings.Repeat("a", MaxID)},
		{"ann@example.org", "~YW5uQGV4YW1wbGUub3Jn"},
		{"auth0|5f7c8", "~YXV0aDB8NWY3Yzg"},
		{"https://id.example.org/ann", "~aHR0cHM6Ly9pZC5leGFtcGxlLm9yZy9hbm4"},
		{" ", "~IA"},
		{".", "~Lg"},
		{"*", "~Kg"},
		{">", "~Pg"},
		{"ann ", "~YW5uIA"}, // another than "ann"
		{"~YW5u", "~fllXNXU"},
		{"~", "~fg"},
		{"a\x00b", "~YQBi"},
		{"\xff\xfe", "~__4"},
		{"é", "~w6k"},
		{"e\u0301", "~ZcyB"}, // another than the composed one
		{"安", "~5a6J"},
		{strings.Repeat(".", 71), "~" + strings.Repeat("Li4u", 23) + "Li4"},
	} {
		u, err := ExternalUserID(c.sub)
		if err != nil || string(u) != c.id {
			t.Errorf("ExternalUserID(%q) = %q, %v, want %q", c.sub, u, err, c.id)
			continue
		}
		if u.Subject() != c.sub {
			t.Errorf("%q stands for %q, want %q", u, u.Subject(), c.sub)
		}
		if _, err := ParseUserID(string(u)); err != nil {
			t.Errorf("%q is no id: %v", u, err)
		}
	}
	for _, sub := range []string{"", strings.Repeat("a", MaxID+1), strings.Repeat(".", 72), strings.Repeat("安", 24), strings.Repeat("a", 10_000), strings.Repeat(">", 10_000)} {
		if u, err := ExternalUserID(sub); codeOf(err) != Malformed || u != "" {
			t.Errorf("ExternalUserID(%.40q) = %.40q, %v", sub, u, err)
		}
	}
}

func TestExternalUserIDIsReversible(t *testing.T) {
	subject := rapid.OneOf(rapid.String(), rapid.StringMatching(`[~A-Za-z0-9_-]{1,20}`), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		x, y := subject.Draw(t, "x"), subject.Draw(t, "y")
		idX, errX := ExternalUserID(x)
		idY, errY := ExternalUserID(y)
		if errX != nil || errY != nil {
			return // refused as too long or empty
		}
		if idX.Subject() != x {
			t.Errorf("%q became %q, which stands for %q", x, idX, idX.Subject())
		}
		if (x == y) != (idX == idY) {
			t.Errorf("%q and %q became %q and %q", x, y, idX, idY)
		}
	})
}

// An id that no subject was encoded to stands for itself: it names nobody from outside.
func TestSubjectOfWhatIsNoEncoding(t *testing.T) {
	for _, u := range []UserID{"ann", "~a", "~a.b", ""} {
		if got := u.Subject(); got != string(u) {
			t.Errorf("%q stands for %q", u, got)
		}
	}
}

func TestParseUsername(t *testing.T) {
	for _, s := range []string{"a", "Ann", "ann_b", "a.b-c", "..", "007", "安娜", "Ärger", "юля", "日本語", "한국", "अ", "٣", strings.Repeat("a", MaxUsername), strings.Repeat("安", MaxUsername)} {
		if got, err := ParseUsername(s); err != nil || got != s {
			t.Errorf("ParseUsername(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", " ", "a b", " a", "a ", "a\n", "a\x00b", "a*", "a>", "a/b", `a\b`, "a@b", "a:b", "~a", "a'b", `a"b`, "a%b", "<a>",
		"e\u0301", "a\u0308", "हि", "👋", "²", "½", "Ⅷ", "a\u200bb", "a\u200db", "\u202ea", "a\u00a0b", "a\ufeff", "a\u2028",
		"\ufffd", "a\ufffdb", "\xff", "a\xffb", "a\xc3",
		strings.Repeat("a", MaxUsername+1), strings.Repeat("安", MaxUsername+1), strings.Repeat("a", 10_000), strings.Repeat("e\u0301", 5_000),
	} {
		if got, err := ParseUsername(s); codeOf(err) != Malformed || got != "" {
			t.Errorf("ParseUsername(%.40q) = %.40q, %v", s, got, err)
		}
	}
}

func TestParseName(t *testing.T) {
	for _, s := range []string{"a", "Ann Lee", " a", "R&D / 研发 <1>", "e\u0301", "👩‍👩‍👧", "a.b*>", "O'Neil; DROP TABLE", "1", "!", "👋", "a\u200b", "\u200fמ", "हि", "مرحبا", "\ufffd", strings.Repeat("安", MaxName)} {
		if got, err := ParseName(s); err != nil || got != s {
			t.Errorf("ParseName(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", " ", "   ", "\u00a0", "\u3000", "\u2028", "a\n", "a\tb", "a\x00b", "a\x7f", "a\u0085b", "a\x1b[31m", "\xff", "a\xffb", "a\xc3",
		"\u200b", "\u200d\u2060", "\ufeff ", "\u00ad", "\u0301", "\ufe0f", "\u034f", "\u2800", "\u3164", "\u115f\u1160", "\uffa0", "\ue000",
		"a\u202eb", "\u202aa", "a\u202b", "a\u202c", "\u202da", "a\u2066b", "a\u2067", "a\u2068", "a\u2069",
	} {
		if got, err := ParseName(s); codeOf(err) != Malformed || got != "" {
			t.Errorf("ParseName(%.40q) = %.40q, %v", s, got, err)
		}
	}
	for _, s := range []string{strings.Repeat("a", MaxName+1), strings.Repeat("安", MaxName+1), strings.Repeat("a", 10_000), strings.Repeat(" ", 10_000), strings.Repeat("\n", MaxName+1)} {
		if got, err := ParseName(s); codeOf(err) != TooLarge || got != "" {
			t.Errorf("ParseName(%.40q) = %.40q, %v", s, got, err)
		}
	}
}

func TestParseAvatar(t *testing.T) {
	for _, s := range []string{"", "👩", "https://example.org/a.png?x=1&y=2", "data:image/png;base64,AAAA", strings.Repeat("a", MaxAvatar), strings.Repeat("é", MaxAvatar/2)} {
		if got, err := ParseAvatar(s); err != nil || got != s {
			t.Errorf("ParseAvatar(%.40q) = %.40q, %v", s, got, err)
		}
	}
	for _, s := range []string{"a\n", "a\x00", "\x7f", "\xff"} {
		if got, err := ParseAvatar(s); codeOf(err) != Malformed || got != "" {
			t.Errorf("ParseAvatar(%.40q) = %.40q, %v", s, got, err)
		}
	}
	for _, s := range []string{strings.Repeat("a", MaxAvatar+1), strings.Repeat("é", MaxAvatar/2+1), strings.Repeat("a", 1_000_000)} {
		if got, err := ParseAvatar(s); codeOf(err) != TooLarge || got != "" {
			t.Errorf("ParseAvatar(%.40q) = %.40q, %v", s, got, err)
		}
	}
}

func TestParseDescription(t *testing.T) {
	for _, s := range []string{
		"", " ", "a", "\n", "\t", "we\nare\tmany\n", "R&D <b> 研发 👩‍👩‍👧", "\u202eturned", "e\u0301", "\ufffd", "\u2028",
		strings.Repeat("安", MaxDescription), strings.Repeat("\n", MaxDescription),
	} {
		if got, err := ParseDescription(s); err != nil || got != s {
			t.Errorf("ParseDescription(%.40q) = %.40q, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{"a\r\nb": "a\nb", "\r\n\r\n": "\n\n", strings.Repeat("\r\n", MaxDescription): strings.Repeat("\n", MaxDescription)} {
		if got, err := ParseDescription(s); err != nil || got != want {
			t.Errorf("ParseDescription(%.40q) = %.40q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"\r", "a\rb", "a\n\rb", "a\r\r\nb", "\x00", "a\x00", "\v", "\f", "\x1b[31m", "\x7f", "\u0085", "\xff", "a\xc3", "\xed\xa0\x80", "\n\xff", "\xe5\n\xae\n\x89", "\xe5\t\xae\t\x89",
	} {
		if got, err := ParseDescription(s); codeOf(err) != Malformed || got != "" {
			t.Errorf("ParseDescription(%.40q) = %.40q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		strings.Repeat("a", MaxDescription+1), strings.Repeat("安", MaxDescription+1), strings.Repeat("\n", MaxDescription+1), strings.Repeat("\r\n", MaxDescription+1),
		strings.Repeat("a", 1_000_000),
	} {
		if got, err := ParseDescription(s); codeOf(err) != TooLarge || got != "" {
			t.Errorf("ParseDescription(%.40q) = %.40q, %v", s, got, err)
		}
	}
}
