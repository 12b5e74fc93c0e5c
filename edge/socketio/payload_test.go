package socketio

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ofText and ofBytes are packets in tables.
func ofText(s string) enginePacket  { return enginePacket{data: []byte(s)} }
func ofBytes(s string) enginePacket { return enginePacket{data: []byte(s), binary: true} }

func samePackets(a, b []enginePacket) bool {
	return slices.EqualFunc(a, b, func(p, q enginePacket) bool {
		return p.binary == q.binary && bytes.Equal(p.data, q.data)
	})
}

// show writes packets as they are written in tables.
func show(packets []enginePacket) string {
	var b strings.Builder
	for _, p := range packets {
		if p.binary {
			fmt.Fprintf(&b, "ofBytes(%q) ", p.data)
		} else {
			fmt.Fprintf(&b, "ofText(%q) ", p.data)
		}
	}
	return b.String()
}

// decodeAll gives a body's packets up to the first error, which must be the end.
func decodeAll(t testing.TB, c codec, body []byte, binary bool) (packets []enginePacket, failed error) {
	t.Helper()
	for p, err := range c.decode(body, binary) {
		switch {
		case failed != nil:
			t.Fatalf("%q: decoding goes on after %v", body, failed)
		case err == nil:
			packets = append(packets, p)
		}
		failed = err
	}
	return packets, failed
}

// bodyTest is a body that is legal and as its codec writes it.
type bodyTest struct {
	name    string
	body    string
	packets []enginePacket
}

func testBodies(t *testing.T, c codec, contentType string, tests []bodyTest) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body, kind := c.encode(slices.Values(test.packets))
			if string(body) != test.body || kind != contentType {
				t.Errorf("encoded: %q as %s, want %q as %s", body, kind, test.body, contentType)
			}
			binary := contentType == contentBinary
			packets, err := decodeAll(t, c, []byte(test.body), binary)
			if !samePackets(packets, test.packets) || err != nil {
				t.Errorf("decoded: %s and error %v, want %s", show(packets), err, show(test.packets))
			}
			for range c.decode([]byte(test.body), binary) {
				break // an iterator that went on would panic
			}
		})
	}
}

// refusalTest is a body that is not legal, some packets of which may be.
type refusalTest struct {
	name    string
	body    string
	packets int
	err     error
}

func testRefusals(t *testing.T, c codec, binary bool, tests []refusalTest) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			packets, err := decodeAll(t, c, []byte(test.body), binary)
			if len(packets) != test.packets || err != test.err {
				t.Errorf("got %d packets and error %v, want %d and %v", len(packets), err, test.packets, test.err)
			}
		})
	}
}

// checkDecoded checks that a body's packets, if it is legal, are the same after they are encoded and decoded again. So is the body,
// if its packets are written as the codec does and need a body of that form.
func checkDecoded(t *testing.T, c codec, body []byte, binary, canonical bool) {
	packets, err := decodeAll(t, c, body, binary)
	if err != nil {
		return
	}
	if len(packets) == 0 {
		t.Fatalf("%q: neither packets nor an error", body)
	}
	for _, p := range packets {
		if len(p.data) == 0 && !p.binary {
			t.Fatalf("%q: an empty text packet", body)
		}
	}
	again, kind := c.encode(slices.Values(packets))
	if canonical && binary == (kind == contentBinary) && !bytes.Equal(again, body) {
		t.Fatalf("%q became %q", body, again)
	}
	packetsAgain, err := decodeAll(t, c, again, kind == contentBinary)
	if !samePackets(packetsAgain, packets) || err != nil {
		t.Fatalf("%q: packets %s became %s, error %v", body, show(packets), show(packetsAgain), err)
	}
}

func TestPayload4(t *testing.T) {
	testBodies(t, codec4{}, contentText, []bodyTest{
		{"one", "4hello", []enginePacket{ofText("4hello")}},
		{"several", "4a\x1e4b\x1e3", []enginePacket{ofText("4a"), ofText("4b"), ofText("3")}},
		{"beyond ASCII", "4語\x1e4😀", []enginePacket{ofText("4語"), ofText("4😀")}},
		{"binary", "451-[]\x1ebAQL/\x1e2", []enginePacket{ofText("451-[]"), ofBytes("\x01\x02\xff"), ofText("2")}},
		{"binary, padded", "bAQ==", []enginePacket{ofBytes("\x01")}},
		{"binary, empty", "b\x1eb", []enginePacket{ofBytes(""), ofBytes("")}},
		{"binary that holds the separator", "bHg==", []enginePacket{ofBytes("\x1e")}},
		{"as many as may be", strings.TrimSuffix(strings.Repeat("3\x1e", maxPayloadPackets), "\x1e"),
			slices.Repeat([]enginePacket{ofText("3")}, maxPayloadPackets)},
	})
}

func TestPayload4Refuses(t *testing.T) {
	testRefusals(t, codec4{}, false, []refusalTest{
		{"too many", strings.Repeat("3\x1e", maxPayloadPackets) + "3", maxPayloadPackets, errTooManyPackets},
		{"nothing", "", 0, errEmptyPacket},
		{"empty last", "4a\x1e", 1, errEmptyPacket},
		{"empty between", "4a\x1e\x1e4b", 1, errEmptyPacket},
		{"not base64", "4a\x1ebA?==", 1, errBase64},
		{"base64 cut short", "bAQL/A", 0, errBase64},
	})
	testRefusals(t, codec4{}, true, []refusalTest{
		{"binary body", "4hello", 0, errBinaryPayload},
		{"binary body, empty", "", 0, errBinaryPayload},
	})
}

// TestPacketsAlone: what comes in a frame of text, or goes into one where the client wants no other.
func TestPacketsAlone(t *testing.T) {
	for _, test := range []struct {
		codec  codec
		base64 string
	}{
		{codec4{}, "bAQL/"},
		{codec3{}, "b4AQL/"},
	} {
		if got := test.codec.base64([]byte("\x01\x02\xff")); string(got) != test.base64 {
			t.Errorf("%T: got %q, want %q", test.codec, got, test.base64)
		}
		for text, want := range map[string]enginePacket{test.base64: ofBytes("\x01\x02\xff"), "2": ofText("2"), "4b": ofText("4b")} {
			got, err := test.codec.text([]byte(text))
			if !samePackets([]enginePacket{got}, []enginePacket{want}) || err != nil {
				t.Errorf("%T: %q is %s and error %v", test.codec, text, show([]enginePacket{got}), err)
			}
		}
		if _, err := test.codec.text(nil); err != errEmptyPacket {
			t.Errorf("%T: nothing gives error %v", test.codec, err)
		}
	}
}

func FuzzPayload4(f *testing.F) {
	for _, seed := range []string{
		"", "4", "40{}\x1e42[\"a\"]\x1e3", "\x1e", "4a\x1e\x1e", "b", "bAQ==", "bAQ=", "451-[]\x1ebAQL/", "4\xff\xfe\x1e2",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// Base64 may be written in more than one way.
		canonical := !bytes.HasPrefix(body, []byte("b")) && !bytes.Contains(body, []byte{separator4, 'b'})
		checkDecoded(t, codec4{}, body, false, canonical)
	})
}
