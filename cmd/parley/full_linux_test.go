package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDiskFull fills the disk of a parley that has its log with it. Senders get code 8, the history can be read, operators are told why; and once there is room
// again all goes on, without a restart of the process: what was refused is sent again, is heard, and is in the history, once.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("nothing can be mounted here, as only root may, and not in every container; there is no other disk that may be filled: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	p := start(t, "--data", dir)
	d := startDriver(t)
	ann, bob := register(t, p.url, "ann"), register(t, p.url, "bob")
	a, b := ann.device(d, "ann", nil), bob.device(d, "bob", nil)
	befriend(t, a, b, ann, bob)
	message := func(id string) map[string]string {
		return map[string]string{"txt": strings.Repeat("x", 1000), "id": id}
	}
	a.ok("send", bob.ID, message("before"))
	ready := func() (status int, says string) {
		r, err := http.Get(p.ops + "/readyz")
		must(t, err)
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		must(t, err)
		return r.StatusCode, string(body)
	}

	balloon, err := os.Create(filepath.Join(dir, "balloon"))
	must(t, err)
	defer balloon.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = balloon.Write(block)
	}
	var begun time.Time
	for i, id := 0, ""; ; i++ { // the first ones may still find room
		id = "lost" + string(rune('a'+i))
		begun = time.Now()
		if got := a.emit("send", bob.ID, message(id)); got.Code == 8 {
			t.Logf("refused with code 8 after %v", time.Since(begun).Round(time.Millisecond))
			break
		} else if got.Code != 0 || i == 20 {
			t.Fatalf("send on a full disk: code %d, %s", got.Code, got.Message)
		}
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	status, says := ready()
	t.Logf("readyz: %d %s", status, says)
	if status != http.StatusServiceUnavailable || !strings.Contains(says, "no space left on device") || !strings.Contains(says, "make room on its disk") {
		t.Errorf("readyz on a full disk: %d %s", status, says)
	}
	if first := ann.history(t, "u:"+bob.ID)[0]; first.ID != "before" {
		t.Errorf("the history begins with %+v", first)
	}

	must(t, os.Remove(balloon.Name()))
	must(t, balloon.Truncate(0))
	begun = time.Now()
	eventually(t, "ann can send again", func() bool { return a.emit("send", bob.ID, message("after")).Code == 0 })
	t.Logf("healed after %v", time.Since(begun).Round(time.Millisecond))
	eventually(t, "it is ready", func() bool { status, _ := ready(); return status == http.StatusOK })
	eventually(t, "bob hears it", func() bool {
		heard := b.all("reply")
		return len(heard) > 0 && strings.Contains(string(heard[len(heard)-1].Args[1]), `"after"`)
	})
	times := map[string]int{}
	for _, m := range bob.history(t, "u:"+ann.ID) {
		times[m.ID]++
	}
	if times["before"] != 1 || times["after"] != 1 {
		t.Errorf("the history holds %v", times)
	}
}
