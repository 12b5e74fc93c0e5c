package socketio

import (
	"bytes"
	"strings"
	"testing"
)

func TestFramesAroundHeaderSizes(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 300_000} {
		text := strings.Repeat("x", n)
		u := frame(append(make([]byte, headroom), text...), frameText)
		packet, rest := u.cut()
		if string(packet) != text || len(rest) != 0 {
			t.Errorf("%d bytes: cut gives %d bytes and leaves %d", n, len(packet), len(rest))
		}
	}
}

func TestUnitOfSeveralFrames(t *testing.T) {
	var u unit
	want := []string{"42[1]", strings.Repeat("y", 200), "", "z"}
	for _, text := range want {
		u = append(u, frame(append(make([]byte, headroom), text...), frameText)...)
	}
	for i, text := range want {
		var packet []byte
		packet, u = u.cut()
		if string(packet) != text {
			t.Errorf("frame %d: got %q, want %q", i, packet, text)
		}
	}
	if len(u) != 0 {
		t.Errorf("%d bytes are left over", len(u))
	}
}

func TestPacketIsSharedByNamespace(t *testing.T) {
	p, err := NewPacket("news", "<&>", 1)
	if err != nil {
		t.Fatal(err)
	}
	main, _ := p.in("/").cut()
	if want := `42["news","<&>",1]`; string(main) != want {
		t.Errorf("main namespace: %s, want %s", main, want)
	}
	other, _ := p.in("/admin").cut()
	if want := `42/admin,["news","<&>",1]`; string(other) != want {
		t.Errorf("other namespace: %s, want %s", other, want)
	}
	for _, namespace := range []string{"/", "/admin"} {
		if a, b := p.in(namespace), p.in(namespace); &a[0] != &b[0] {
			t.Errorf("%s: encoded twice", namespace)
		}
	}
}

func TestPayload4(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("3\x1e", maxPayloadPackets), "\x1e")
	for _, test := range []struct {
		name, payload string
		packets       int
		err           error
	}{
		{"one", "4hello", 1, nil},
		{"several", "4a\x1e4b\x1e3", 3, nil},
		{"as many as may be", many, maxPayloadPackets, nil},
		{"too many", many + "\x1e3", maxPayloadPackets, errTooManyPackets},
		{"nothing", "", 0, errEmptyPacket},
		{"empty last", "4a\x1e", 1, errEmptyPacket},
		{"empty between", "4a\x1e\x1e4b", 1, errEmptyPacket},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := 0
			var failed error
			for _, err := range (codec4{}).packets([]byte(test.payload)) {
				if failed = err; err == nil {
					n++
				}
			}
			if n != test.packets || failed != test.err {
				t.Errorf("got %d packets and error %v, want %d and %v", n, failed, test.packets, test.err)
			}
		})
	}
}

func FuzzPayload4(f *testing.F) {
	for _, seed := range []string{"", "4", "40{}\x1e42[\"a\"]\x1e3", "\x1e", "4a\x1e\x1e", "b4AQ=", "4\xff\xfe\x1e2"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var again []byte
		for packet, err := range (codec4{}).packets(payload) {
			if err != nil {
				return
			}
			if bytes.IndexByte(packet, separator4) >= 0 {
				t.Fatalf("packet %q holds a separator", packet)
			}
			again = codec4{}.append(again, packet)
		}
		if !bytes.Equal(again, payload) {
			t.Fatalf("%q became %q", payload, again)
		}
	})
}
