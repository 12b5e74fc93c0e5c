package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func FuzzDecodeEvent(f *testing.F) {
	for _, e := range samples {
		b, err := EncodeEvent(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte(`{"event":"group.renamed","by":"ann"}`))
	f.Add([]byte(`{"event":"message","FROM":"ann","msg": { "txt" : "a" } ,"event":"read"}`))
	f.Add([]byte("{\"event\":\"message\",\"from\":\"\xff\",\"msg\":\"\xff\"}"))
	f.Add([]byte(`{"event":"friend.requested","by":"ann","greeting":null}`))
	f.Add([]byte(`{"event":"group.created","by":"ann","name":"x","members":[],"invited":null}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		e, err := DecodeEvent(in)
		if !bytes.Equal(in, before) {
			t.Fatal("the input has been changed")
		}
		var unknown *UnknownEventError
		if errors.As(err, &unknown) {
			if _, known := decoders[unknown.Event]; known {
				t.Fatalf("%s is known and called unknown", unknown.Event)
			}
		}
		if (e == nil) != (err != nil) {
			t.Fatalf("an event %v with the error %v", e, err)
		}
		if err != nil {
			return
		}
		// The first writing may differ from the input in spaces and order; what is written once is read and written the same for ever.
		once, err := EncodeEvent(e)
		if err != nil {
			t.Fatalf("decoded and not encoded: %v", err)
		}
		back, err := DecodeEvent(once)
		if err != nil || back.EventName() != e.EventName() {
			t.Fatalf("%s came back as %v, %v", once, back, err)
		}
		if twice, err := EncodeEvent(back); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s became %s, %v", once, twice, err)
		}
	})
}

// A message is read the same whether in the usual way or as any other event.
func FuzzDecodeMessage(f *testing.F) {
	const head = `{"event":"message","from":"ann","id":"c-1","msg":`
	for _, rest := range []string{
		`"hi"}`, `"hi","open":true}`, `"hi","open":false}`, `"hi","open":true,"open":false}`, `"hi","open":true}}`, `"hi"`, `"hi"}}`, `"hi"} `, `"hi","From":"bob"}`, `}`,
		`""}`, `"\""}`, `"\\"}`, `"\/\b\f\n\r\t"}`, `"\x"}`, `"\u00e9\ud800"}`, `"\`, "\"\n\"}", "\"\x00\"}", "\"\x7f\"}", "\"\xff\"}", "\"é 元 🙂\u2028\"}",
		`{}}`, `{"txt":"hi"}}`, `{"txt":"hi","type":"text","n":12,"m":{"a":"b","c":{}}}}`, `{"txt":"hi",}}`, `{,}}`, `{"txt"}}`, `{"txt":}}`, `{"txt":"hi"`, `{"txt" :"hi"}}`, `{"txt":"hi"]}`,
		`{"n":0}}`, `{"n":-1}}`, `{"n":1e3}}`, `{"n":01}}`, `{"n":1`, `{"n":1]}`, `7}`, `7,"open":true}`, `null}`, `true}`, `[1]}`,
		strings.Repeat(`{"a":`, MaxDepth+1) + `1` + strings.Repeat(`}`, MaxDepth+1) + `}`,
	} {
		f.Add([]byte(head + rest))
	}
	for _, in := range []string{
		`{"event":"message","from":"","id":"","msg":"hi"}`, `{"event":"message","from":"\u0061","id":"é","msg":"hi"}`, `{"event":"message","id":"c-1","from":"ann","msg":"hi"}`,
		`{"event":"message","from":null,"id":"c-1","msg":"hi"}`, "{\"event\":\"message\",\"from\":\"a\x7f\",\"id\":\"\xff\",\"msg\":\"hi\"}",
		`{"event":"message","from":"ann"`, `{"event":"message","from":"ann","id":`, `{"event":"message","from":"ann","id":"c-1","msg":`,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		want, failed := decode[Message](in)
		got, err := decodeMessage(in)
		if (err == nil) != (failed == nil) || err != nil && err.Error() != failed.Error() || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s gives\n%#v, %v, want\n%#v, %v", in, got, err, want, failed)
		}
		_ = append(got.(Message).Msg, "beyond"...)
		if !bytes.Equal(in, before) {
			t.Fatal("what lies behind Msg can be written over")
		}
	})
}

func TestUsualMessagesAreReadTheUsualWay(t *testing.T) {
	for in, usual := range map[string]bool{
		`{"event":"message","from":"ann","id":"c-1","msg":"hi"}`:                                                   true,
		`{"event":"message","from":"ann","id":"c-1","msg":{"txt":"a \"b\"\né 🙂","type":"text","n":1},"open":true}`: true,
		`{"event":"message","from":"ann","id":"c-1","msg":[1]}`:                                                    false,
	} {
		if _, ok := usualMessage([]byte(in)); ok != usual {
			t.Errorf("%s: %v, want %v", in, ok, usual)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, msg := range []string{
		``, `"hi"`, `""`, `"\ud800"`, `{}`, `{"txt":"hi"}`, `{"txt":"hi","id":"c-1"}`, `{"TXT":"hi"}`, `{"txt":1}`, `{"txt":"hi","id":"a b"}`, `[1]`, `{"txt":"","txt":"x"}`,
		`{ "txt" : "a b" } `, "\"\xff\"", "\"\u2028<b>\"", `{"txt":"x","a":[[[[{"b":[]}]]]]}`, `{"txt":"x","n":1e999}`, `]]]][[[["`, `"\`, `{"txt":"x","a":"\\"}`,
		`{"txt":"x","a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`,
	} {
		f.Add([]byte(msg), 200)
	}
	f.Fuzz(func(t *testing.T, in []byte, limit int) {
		id, err := ParseMessage(in, limit)
		if err != nil {
			if c := codeOf(err); id != "" || c != Malformed && c != TooLarge {
				t.Fatalf("refused with code %d and the id %q", c, id)
			}
			return
		}
		if len(in) > min(limit, MaxMessage) || !utf8.Valid(in) || !json.Valid(in) || depthByRecursion(t, in) > MaxDepth {
			t.Fatalf("%q was accepted", in)
		}
		b, err := EncodeEvent(Message{From: "ann", ID: id, Msg: in})
		if err != nil {
			t.Fatalf("accepted and not encoded: %v", err)
		}
		e, err := DecodeEvent(b)
		if err != nil {
			t.Fatalf("accepted and not decoded: %v", err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, in); err != nil {
			t.Fatal(err)
		}
		back := e.(Message)
		if !bytes.Equal(back.Msg, compact.Bytes()) || back.ID != id {
			t.Fatalf("%q came back as %q", in, back.Msg)
		}
		if again, err := ParseMessage(back.Msg, limit); err != nil || again != id {
			t.Fatalf("read from the log it is refused: %q, %v", again, err)
		}
	})
}

func FuzzParseTopic(f *testing.F) {
	for _, key := range []string{"user.ann.bob", "user.bob.ann", "group.g1", "person.~w6k", "", ".", "user.ann.ann", "user.ann.bob.cat", "group.*", "person.>", "group.a b", "user.a\x00.b", "group.\xff"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		topic, err := ParseTopic(key)
		if (topic == Topic{}) != (err != nil) {
			t.Fatalf("the topic %v with the error %v", topic, err)
		}
		if err != nil {
			return
		}
		if topic.Key() != key {
			t.Fatalf("%q came back as %q", key, topic.Key())
		}
		if strings.ContainsAny(key, "*> \t\r\n\x00/\\") || strings.Contains(key, "..") || strings.HasSuffix(key, ".") {
			t.Fatalf("%q cannot be in a subject", key)
		}
		if lo, hi, ok := topic.Pair(); ok && (lo >= hi || Direct(hi, lo) != topic) {
			t.Fatalf("%q is no pair in order", key)
		}
	})
}

func FuzzDepth(f *testing.F) {
	for _, in := range []string{`{}`, `[[],{"a":[1,"]"]}]`, `"\"["`, `["\\",[]]`, `{"[{":"}]"}`, `[1e999]`} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got := depth(in)
		if json.Valid(in) && got != depthByRecursion(t, in) {
			t.Fatalf("depth(%q) = %d, the reference says %d", in, got, depthByRecursion(t, in))
		}
	})
}

// Whatever is taken comes back as it was, also from the log; but line ends become the log's own.
func FuzzDescribe(f *testing.F) {
	for _, s := range []string{"", "a", "we\nare\tmany", "a\r\n", "\x00", "\xff", "\xe5\n\xae\t\x89", "\u202ea", "\u2028<b>&", "\u3164", "研发 🚀", strings.Repeat("安", MaxDescription+1), "all", "joined", "online"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, parse := range map[string]func(string) (string, error){
			"name": ParseName, "avatar": ParseAvatar, "description": ParseDescription, "username": ParseUsername,
			"history": func(s string) (string, error) { h, err := ParseHistory(s); return string(h), err },
			"status":  func(s string) (string, error) { status, err := ParseStatus(s); return string(status), err },
		} {
			got, err := parse(s)
			if err != nil {
				if code := codeOf(err); code != Malformed && code != TooLarge || got != "" {
					t.Fatalf("%s %q gives %q, %v", name, s, got, err)
				}
				continue
			}
			same := got == s || name == "description" && got == strings.ReplaceAll(s, "\r\n", "\n")
			if !same || !utf8.ValidString(s) || strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) && (name != "description" || r != '\n' && r != '\t') }) {
				t.Fatalf("%s %q was taken, as %q", name, s, got)
			}
		}
		c := DescribeGroup{By: ann, Name: to("x"), Avatar: to("y"), Description: &s}
		if _, err := ParseName(s); err == nil {
			c.Name = &s
		}
		if _, err := ParseAvatar(s); err == nil {
			c.Avatar = &s
		}
		e, err := groupAfter(team()...).Decide(c)
		if _, bad := ParseDescription(s); (err != nil) != (bad != nil) {
			t.Fatalf("%q: %v, want %v", s, err, bad)
		}
		if err != nil {
			return
		}
		b, err := EncodeEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := DecodeEvent(b); err != nil || back != e {
			t.Fatalf("%#v came back as %#v, %v", e, back, err)
		}
	})
}
