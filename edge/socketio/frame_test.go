package socketio

import (
	"strings"
	"testing"
)

func TestFramesAroundHeaderSizes(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 300_000} {
		text := strings.Repeat("x", n)
		u := frame(append(make([]byte, headroom), text...), frameText)
		_, packet, rest := u.cut()
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
		_, packet, u = u.cut()
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
	_, main, _ := p.in(form{namespace: "/"}).cut()
	if want := `42["news","<&>",1]`; string(main) != want {
		t.Errorf("main namespace: %s, want %s", main, want)
	}
	_, other, _ := p.in(form{namespace: "/admin"}).cut()
	if want := `42/admin,["news","<&>",1]`; string(other) != want {
		t.Errorf("other namespace: %s, want %s", other, want)
	}
	for _, namespace := range []string{"/", "/admin"} {
		if a, b := p.in(form{namespace: namespace}), p.in(form{namespace: namespace}); &a[0] != &b[0] {
			t.Errorf("%s: encoded twice", namespace)
		}
	}
}
