package socketio

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

func TestPayload3Text(t *testing.T) {
	texts := []bodyTest{
		{"one", "6:4hello", []enginePacket{ofText("4hello")}},
		{"several", "2:4a1:22:4b", []enginePacket{ofText("4a"), ofText("2"), ofText("4b")}},
		{"close", "1:1", []enginePacket{ofText("1")}},
		{"length of two digits", "10:4234:67890", []enginePacket{ofText("4234:67890")}},
		{"two bytes a character", "2:4é1:3", []enginePacket{ofText("4é"), ofText("3")}},
		{"three bytes a character", "3:4語語1:3", []enginePacket{ofText("4語語"), ofText("3")}},
		{"four bytes a character", "3:4😀1:3", []enginePacket{ofText("4😀"), ofText("3")}},
		{"the replacement character", "2:4\ufffd", []enginePacket{ofText("4\ufffd")}},
		{"longer than a word of the machine", "17:4語語 then plain😀\n1:3", []enginePacket{ofText("4語語 then plain😀\n"), ofText("3")}},
		{"as many as may be", strings.Repeat("1:3", maxPayloadPackets),
			slices.Repeat([]enginePacket{ofText("3")}, maxPayloadPackets)},
	}
	testBodies(t, codec3{}, contentText, texts)
	testBodies(t, codec3{textOnly: true}, contentText, append(texts,
		bodyTest{"binary", "6:451-[]6:b4AQL/1:2", []enginePacket{ofText("451-[]"), ofBytes("\x01\x02\xff"), ofText("2")}},
		bodyTest{"binary, padded", "6:b4AQ==", []enginePacket{ofBytes("\x01")}},
		bodyTest{"binary, empty", "2:b42:b4", []enginePacket{ofBytes(""), ofBytes("")}},
	))
}

func TestPayload3Binary(t *testing.T) {
	twelve := "123456789012"
	testBodies(t, codec3{}, contentBinary, []bodyTest{
		{"one", "\x01\x03\xff\x04\x01\xff", []enginePacket{ofBytes("\x01\xff")}},
		{"empty", "\x01\x01\xff\x04", []enginePacket{ofBytes("")}},
		{"beside text", "\x00\x06\xff451-[]\x01\x02\xff\x04\x00\x00\x01\xff2",
			[]enginePacket{ofText("451-[]"), ofBytes("\x00"), ofText("2")}},
		{"beside text beyond ASCII", "\x00\x01\x00\xff4é語😀\x01\x01\xff\x04",
			[]enginePacket{ofText("4é語😀"), ofBytes("")}},
		{"lengths of two digits", "\x00\x01\x03\xff4" + twelve + "\x01\x01\x03\xff\x04" + twelve,
			[]enginePacket{ofText("4" + twelve), ofBytes(twelve)}},
		{"as many as may be", strings.Repeat("\x01\x02\xff\x04\x00", maxPayloadPackets),
			slices.Repeat([]enginePacket{ofBytes("\x00")}, maxPayloadPackets)},
	})
	t.Run("base64", func(t *testing.T) { // which a client may send there, but nobody gets
		packets, err := decodeAll(t, codec3{}, []byte("\x00\x06\xffb4AQ=="), true)
		if want := []enginePacket{ofBytes("\x01")}; !samePackets(packets, want) || err != nil {
			t.Errorf("got %s and error %v, want %s", show(packets), err, show(want))
		}
	})
}

func TestPayload3Refuses(t *testing.T) {
	testRefusals(t, codec3{}, false, []refusalTest{
		{"nothing", "", 0, errEmptyPacket},
		{"too many", strings.Repeat("1:3", maxPayloadPackets+1), maxPayloadPackets, errTooManyPackets},
		{"no length", ":4", 0, errLength},
		{"a length alone", "2", 0, errLength},
		{"a length without a packet", "2:", 0, errLength},
		{"no digits", "4hello", 0, errLength},
		{"another character among the digits", "1x:4", 0, errLength},
		{"digits that are not ASCII", "١:4", 0, errLength},
		{"zero", "0:", 0, errLength},
		{"zero between", "1:30:1:3", 1, errLength},
		{"leading zero", "01:4", 0, errLength},
		{"negative", "-1:4", 0, errLength},
		{"plus", "+1:4", 0, errLength},
		{"fraction", "1.0:4", 0, errLength},
		{"exponent", "1e0:4", 0, errLength},
		{"hexadecimal", "0x1:4", 0, errLength},
		{"space", " 1:4", 0, errLength},
		{"longest length", "999999999:4", 0, errLength},
		{"longer", "1000000000:4", 0, errLength},
		{"more than 64 bits", "18446744073709551617:4", 0, errLength},
		{"nothing but digits", strings.Repeat("9", 100_000), 0, errLength},
		{"beyond the body", "3:4a", 0, errLength},
		{"bytes counted, not units", "3:4é", 0, errLength},
		{"characters counted, not units", "2:4😀", 0, errLength},
		{"trailing garbage", "2:4axyz", 1, errLength},
		{"trailing digits", "2:4a12", 1, errLength},
		{"not UTF-8", "2:4\xff", 0, errUTF8},
		{"a character cut short by the end", "2:4\xe8\xaa", 0, errUTF8},
		{"overlong", "2:4\xc0\x80", 0, errUTF8},
		{"a surrogate in UTF-8", "2:4\xed\xa0\x80", 0, errUTF8},
		{"not base64", "2:4a6:b4A?==", 1, errBase64},
		{"base64 cut short", "6:b4AQL/A", 1, errLength},
		{"binary, not a message", "6:b2AQ==", 0, errBase64},
		{"binary without a type", "1:b", 0, errBase64},
		{"a binary body", "\x00\x01\xff3", 0, errLength},
	})
}

func TestPayload3RefusesBinary(t *testing.T) {
	testRefusals(t, codec3{}, true, []refusalTest{
		{"nothing", "", 0, errEmptyPacket},
		{"too many", strings.Repeat("\x00\x01\xff3", maxPayloadPackets+1), maxPayloadPackets, errTooManyPackets},
		{"a form alone", "\x01", 0, errLength},
		{"no length", "\x00\xff3", 0, errLength},
		{"a length without an end", "\x00\x01", 0, errLength},
		{"a length without a packet", "\x00\x01\xff", 0, errLength},
		{"zero", "\x01\x00\xff", 0, errLength},
		{"leading zero", "\x00\x00\x01\xff3", 0, errLength},
		{"digits as characters", "\x001\xff3", 0, errLength},
		{"ten as a digit", "\x00\x0a\xff4123456789", 0, errLength},
		{"longest length", "\x00" + strings.Repeat("\x09", maxLengthDigits) + "\xff3", 0, errLength},
		{"longer", "\x00\x01" + strings.Repeat("\x00", maxLengthDigits) + "\xff3", 0, errLength},
		{"nothing but digits", strings.Repeat("\x01", 100_000), 0, errLength},
		{"beyond the body", "\x01\x03\xff\x04a", 0, errLength},
		{"characters counted, not bytes", "\x00\x02\xff4é", 0, errUTF8},
		{"a character cut", "\x00\x03\xff4語", 0, errUTF8},
		{"not UTF-8", "\x00\x02\xff4\xff", 0, errUTF8},
		{"another form", "\x02\x01\xff\x04", 0, errPacketForm},
		{"binary, not a message", "\x01\x02\xff\x02a", 0, errPacketForm},
		{"binary with a character as its type", "\x01\x02\xff4a", 0, errPacketForm},
		{"base64, not a message", "\x00\x06\xffb2AQ==", 0, errBase64},
		{"trailing garbage", "\x00\x01\xff3x", 1, errLength},
		{"a text body", "2:4a", 0, errLength},
	})
}

func TestLengthsFitIntoAnyInt(t *testing.T) {
	if n, rest, err := cutLength([]byte("999999999:4"), '0', endDigits); n != 999_999_999 || string(rest) != "4" || err != nil {
		t.Errorf("got %d, %q and error %v", n, rest, err)
	}
	if n, _, err := cutLength([]byte("1000000000:4"), '0', endDigits); err != errLength {
		t.Errorf("got %d and error %v", n, err)
	}
}

// TestPayload3KeepsPackets: what one end encodes, the other decodes.
func TestPayload3KeepsPackets(t *testing.T) {
	character := rapid.OneOf(rapid.RuneFrom([]rune("a:4é語\ufffd😀")), rapid.Rune())
	text := rapid.Custom(func(t *rapid.T) enginePacket {
		return ofText(strconv.Itoa(rapid.IntRange(0, 6).Draw(t, "type")) + rapid.StringOf(character).Draw(t, "text"))
	})
	binary := rapid.Custom(func(t *rapid.T) enginePacket {
		return enginePacket{data: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), binary: true}
	})
	rapid.Check(t, func(t *rapid.T) {
		c := codec3{textOnly: rapid.Bool().Draw(t, "text only")}
		packets := rapid.SliceOfN(rapid.OneOf(text, binary), 1, 20).Draw(t, "packets")
		body, kind := c.encode(slices.Values(packets))
		want := contentText
		if !c.textOnly && slices.ContainsFunc(packets, func(p enginePacket) bool { return p.binary }) {
			want = contentBinary
		}
		if kind != want {
			t.Fatalf("body of %s is %s, want %s", show(packets), kind, want)
		}
		var got []enginePacket
		for p, err := range c.decode(body, kind == contentBinary) {
			if err != nil {
				t.Fatalf("%q: %v", body, err)
			}
			got = append(got, p)
		}
		if !samePackets(got, packets) {
			t.Fatalf("%s became %s", show(packets), show(got))
		}
	})
}

// TestUTF16 compares what is counted without decoding with what the standard library decodes, wherever the words of eight bytes begin.
func TestUTF16(t *testing.T) {
	for pad := range 9 {
		text := strings.Repeat("x", pad) + "é語😀\ufffd\U0010ffff, eight and more then\x7f\u0080ÿ\u07ff\u0800\uffff\U00010000語語語é"
		units := 0
		for at, r := range text + "\x00" { // one more, for the end of the text
			if got := utf16Length([]byte(text[:at])); got != units {
				t.Errorf("%q: %d units, want %d", text[:at], got, units)
			}
			if got, err := utf16Prefix([]byte(text), units); got != at || err != nil {
				t.Errorf("%d units of %q: %d bytes and error %v, want %d", units, text, got, err, at)
			}
			width := len(utf16.Encode([]rune{r}))
			if width == 2 {
				if _, err := utf16Prefix([]byte(text), units+1); err != errLength {
					t.Errorf("%d units of %q, which cut a character: error %v", units+1, text, err)
				}
			}
			units += width
		}
		if _, err := utf16Prefix([]byte(text), units); err != errLength {
			t.Errorf("a unit more than %q has: error %v", text, err)
		}
	}
}

// mix3 is what is measured: packets as they wait for a client while a conversation is lively.
type mix3 struct {
	name    string
	codec   codec3
	packets iter.Seq[enginePacket]
}

func mixes3() []mix3 {
	say := func(text string) enginePacket { return ofText(`42["reply",{"id":"ann"},{"msg":"` + text + `"}]`) }
	ascii := slices.Repeat([]enginePacket{say(strings.Repeat("so it goes. ", 20))}, 32)
	cjk := slices.Repeat([]enginePacket{say(strings.Repeat("如此等等😀", 20))}, 32)
	header := ofText(`451-["file",{"_placeholder":true,"num":0}]`)
	files := slices.Repeat([]enginePacket{header, ofBytes(strings.Repeat("\x89", 4096))}, 4)
	return []mix3{
		{"ascii", codec3{}, slices.Values(ascii)},
		{"cjk", codec3{}, slices.Values(cjk)},
		{"binary", codec3{}, slices.Values(files)},
		{"base64", codec3{textOnly: true}, slices.Values(files)},
	}
}

// TestPayload3BodyNeverGrows: a body that had to grow would have room for much more.
func TestPayload3BodyNeverGrows(t *testing.T) {
	for _, mix := range mixes3() {
		body, _ := mix.codec.encode(mix.packets)
		spare := cap(body) - len(body)
		for range mix.packets {
			spare -= 2
		}
		if spare > 0 {
			t.Errorf("%s: %d bytes for a body of %d", mix.name, cap(body), len(body))
		}
	}
}

func FuzzPayload3Text(f *testing.F) {
	for _, seed := range []string{
		"", "1:3", "2:4a1:26:b4AQL/", "3:4😀2:4語", "2:4😀", "0:", ":", "01:4", "999999999:4", "18446744073709551617:4", "2:4\xff", "2:b4", "6:b4AQ=A",
		"20:4plain text and 語語語語", "1:b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		canonical := !bytes.Contains(body, []byte(":b4")) // base64 may be written in more than one way
		checkDecoded(t, codec3{textOnly: true}, body, false, canonical)
	})
}

func FuzzPayload3Binary(f *testing.F) {
	for _, seed := range []string{
		"", "\x00\x01\xff3", "\x01\x02\xff\x04a", "\x00\x06\xff451-[]\x01\x03\xff\x04\x01\xff", "\x00\x05\xff4😀", "\x00\x03\xff4😀", "\x01\x00\xff", "\x01\x01\xff\x04",
		"\x00\x06\xffb4AQ==", "\x02\x01\xff\x04", "\x00\x01\xff\x04", "\x00\x01\x02\xff4ten and one", "\x00\x01", "\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff\x04",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		canonical := !bytes.Contains(body, []byte("\xffb4")) // base64 becomes a binary packet
		checkDecoded(t, codec3{}, body, true, canonical)
	})
}

func BenchmarkPayload3Encode(b *testing.B) {
	for _, mix := range mixes3() {
		b.Run(mix.name, func(b *testing.B) {
			body, _ := mix.codec.encode(mix.packets)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				mix.codec.encode(mix.packets)
			}
		})
	}
}
