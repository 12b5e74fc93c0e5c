package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestParseMessage(t *testing.T) {
	for _, c := range []struct{ name, msg, id string }{
		{"a string", `"hi"`, ""},
		{"a string of spaces and more", `"  hi "`, ""},
		{"a string that looks like an object", `"{\"txt\":\"\",\"id\":\"x\"}"`, ""},
		{"brackets in a string are no levels", `"` + strings.Repeat("[", 1000) + `"`, ""},
		{"emoji", `"👍"`, ""},
		{"something to be seen among what is not", `"\u200b.\u200b"`, ""},
		{"a family", `"👩\u200d👩\u200d👧"`, ""},
		{"a flag, a keycap, a heart", `{"txt":"🇫🇷 1\ufe0f\u20e3 ❤\ufe0f"}`, ""},
		{"a tag of a language", `"हि"`, ""},
		{"a symbol", `"→"`, ""},
		{"escaped", `"\u4f60\u597d"`, ""},
		{"half a pair", `"\ud800"`, ""},
		{"an object", `{"txt":"hi","type":"text"}`, ""},
		{"an object with an id", `{"txt":"hi","id":"c-1"}`, "c-1"},
		{"an id of one character", `{"txt":"hi","id":"!"}`, "!"},
		{"an id of all kinds of visible ASCII", `{"txt":"hi","id":"~!@#$%^&*()_+{}|:<>?.,/"}`, "~!@#$%^&*()_+{}|:<>?.,/"},
		{"an escaped id", `{"txt":"hi","id":"\u0061b"}`, "ab"},
		{"the longest id", `{"txt":"hi","id":"` + strings.Repeat("x", MaxMessageID) + `"}`, strings.Repeat("x", MaxMessageID)},
		{"whatever else", `{"a":[1,2,{"b":null}],"txt":"hi","TXT":1,"Id":7,"ID":null,"n":-1e400}`, ""},
		{"an escaped name", `{"\u0074xt":"hi"}`, ""},
		{"the last of two counts", `{"txt":"","txt":"hi","id":"a b","id":"ab"}`, "ab"},
		{"spaces between and after", "{ \"txt\" :\n\"hi\" } \n", ""},
		{"an empty key", `{"":"","txt":"hi"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if id, err := ParseMessage(json.RawMessage(c.msg), MaxMessage); err != nil || id != c.id {
				t.Errorf("ParseMessage(%.80s) = %q, %v, want %q", c.msg, id, err, c.id)
			}
		})
	}
	for _, c := range []struct{ name, msg string }{
		{"nothing", ``},
		{"an empty string", `""`},
		{"only spaces", `"   "`},
		{"only spaces of all kinds", `"\t\n\r\u00a0\u3000\u2028"`},
		{"nothing to be seen", `"\u200b"`},
		{"nothing to be seen in an object", `{"txt":"\u200d\u2060\ufeff \u00ad"}`},
		{"marks without a letter", `"\u0301\ufe0f\u034f"`},
		{"control characters", `"\u0000\u0007\u007f\u0085"`},
		{"fillers of Hangul and braille", `"\u3164\u115f\u1160\uffa0\u2800"`},
		{"for private use", `"\ue000"`},
		{"an object of nothing", `{}`},
		{"no text", `{"type":"text"}`},
		{"an empty text", `{"txt":""}`},
		{"a text of spaces", `{"txt":" \n "}`},
		{"TXT is not txt", `{"TXT":"hi"}`},
		{"nor is Txt", `{"Txt":"hi"}`},
		{"the last of two is empty", `{"txt":"hi","txt":""}`},
		{"a text that is null", `{"txt":null}`},
		{"a text that is a number", `{"txt":1}`},
		{"a text that is an object", `{"txt":{"txt":"hi"}}`},
		{"a text that is an array", `{"txt":["hi"]}`},
		{"a number", `1`},
		{"zero", `0`},
		{"null", `null`},
		{"true", `true`},
		{"an array", `["hi"]`},
		{"an array of objects", `[{"txt":"hi"}]`},
		{"no JSON", `hi`},
		{"single quotes", `'hi'`},
		{"a string not closed", `"hi`},
		{"closed by an escaped quote", `"hi\"`},
		{"an object not closed", `{"txt":"hi"`},
		{"two strings", `"hi""ho"`},
		{"two objects", `{"txt":"hi"}{"txt":"ho"}`},
		{"a comma too many", `{"txt":"hi",}`},
		{"a space first", ` "hi"`},
		{"a byte order mark first", "\ufeff\"hi\""},
		{"a line end in a string", "\"a\nb\""},
		{"NUL in a string", "\"a\x00b\""},
		{"NUL after", "\"hi\"\x00"},
		{"a wrong escape", `"\x41"`},
		{"invalid UTF-8 in a string", "\"\xff\""},
		{"invalid UTF-8 in an object", "{\"txt\":\"hi\",\"a\":\"\xc3\"}"},
		{"invalid UTF-8 in a name", "{\"txt\":\"hi\",\"\xed\xa0\x80\":1}"},
		{"an empty id", `{"txt":"hi","id":""}`},
		{"an id that is null", `{"txt":"hi","id":null}`},
		{"an id that is a number", `{"txt":"hi","id":7}`},
		{"an id that is an array", `{"txt":"hi","id":["x"]}`},
		{"an id with a space", `{"txt":"hi","id":"a b"}`},
		{"an id with a line end", `{"txt":"hi","id":"a\r\nNats-Rollup: all"}`},
		{"an id with NUL", `{"txt":"hi","id":"a\u0000"}`},
		{"an id with DEL", `{"txt":"hi","id":"a\u007f"}`},
		{"an id beyond ASCII", `{"txt":"hi","id":"é"}`},
		{"an id one too long", `{"txt":"hi","id":"` + strings.Repeat("x", MaxMessageID+1) + `"}`},
		{"an id of 10 kB", `{"txt":"hi","id":"` + strings.Repeat("x", 10_000) + `"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if id, err := ParseMessage(json.RawMessage(c.msg), MaxMessage); codeOf(err) != Malformed || id != "" {
				t.Errorf("ParseMessage(%.80q) = %q, %v, want code %d", c.msg, id, err, Malformed)
			}
		})
	}
}

func TestParseMessageSize(t *testing.T) {
	text := func(n int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`) }
	object := func(n int) json.RawMessage { return json.RawMessage(`{"txt":"` + strings.Repeat("x", n-10) + `"}`) }
	for _, c := range []struct {
		size, limit int
		code        Code
	}{
		{100, 100, OK},
		{101, 100, TooLarge},
		{MaxMessage, MaxMessage, OK},
		{MaxMessage + 1, MaxMessage, TooLarge},
		{MaxMessage, MaxMessage * 4, OK},
		{MaxMessage + 1, MaxMessage * 4, TooLarge}, // a setting cannot raise it
		{1 << 20, MaxMessage, TooLarge},
		{11, 0, TooLarge},
		{11, -1, TooLarge},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.size, c.limit), func(t *testing.T) {
			for _, msg := range []json.RawMessage{text(c.size), object(c.size)} {
				if _, err := ParseMessage(msg, c.limit); codeOf(err) != c.code || len(msg) != c.size {
					t.Errorf("%d bytes that begin with %.5s: %v, want code %d", len(msg), msg, err, c.code)
				}
			}
		})
	}
}

func TestParseMessageDepth(t *testing.T) {
	arrays := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		levels int
		code   Code
	}{
		{1, OK}, {MaxDepth - 1, OK}, {MaxDepth, Malformed}, {10_001, Malformed}, {100_000, Malformed},
	} {
		t.Run(fmt.Sprint(c.levels), func(t *testing.T) {
			msg := json.RawMessage(`{"txt":"hi","a":` + arrays(c.levels) + `}`) // the object is one level more
			if _, err := ParseMessage(msg, MaxMessage); codeOf(err) != c.code {
				t.Errorf("ParseMessage: %v, want code %d", err, c.code)
			}
		})
	}
}

func TestDepth(t *testing.T) {
	for in, want := range map[string]int{
		`1`: 0, `""`: 0, `{}`: 1, `[]`: 1, `[1,[2],[3,[4]]]`: 3, `{"a":{},"b":[{}]}`: 3, `[[],[],[]]`: 2,
		`"[[["`: 0, `["\"[["]`: 1, `["\\",[]]`: 2, `{"[{\"":[]}`: 2, `"\\\"{"`: 0,
	} {
		if got := depth([]byte(in)); got != want {
			t.Errorf("depth(%s) = %d, want %d", in, got, want)
		}
		if got := depthByRecursion(t, []byte(in)); got != want {
			t.Errorf("the reference says %d for %s, want %d", got, in, want)
		}
	}
}

// depthByRecursion is what depth must agree with for all JSON that is valid.
func depthByRecursion(t *testing.T, b []byte) int {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var value func() int
	value = func() int {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("%.80q: %v", b, err)
		}
		if _, composed := tok.(json.Delim); !composed {
			return 0
		}
		deepest := 0
		for d.More() { // in objects the names are values of depth 0
			deepest = max(deepest, value())
		}
		if _, err := d.Token(); err != nil {
			t.Fatalf("%.80q: %v", b, err)
		}
		return 1 + deepest
	}
	return value()
}
