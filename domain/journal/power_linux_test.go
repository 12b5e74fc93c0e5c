package journal_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"parley/domain/journal/journaltest"
)

// disk is an ext4 file system of its own, from which a test can cut the power: what was not synced is gone then.
type disk struct{ image, at string }

func newDisk(t *testing.T) *disk {
	t.Helper()
	dir := t.TempDir()
	d := &disk{filepath.Join(dir, "image"), filepath.Join(dir, "disk")}
	if os.Getuid() != 0 {
		t.Skip("only root can mount a disk whose power can be cut")
	}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, 256<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", d.image).CombinedOutput(); err != nil {
		t.Fatalf("no disk can be made (Debian has mkfs.ext4 in e2fsprogs): %v %s", err, out)
	}
	if err := os.Mkdir(d.at, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.at).CombinedOutput(); err != nil {
		t.Skipf("no disk can be mounted here, which not every container may: %v %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", d.at).Run() })
	return d
}

// cut cuts the power: EXT4_IOC_SHUTDOWN without flushing the journal. Nothing reaches the disk from then on.
func (d *disk) cut(t *testing.T) {
	t.Helper()
	f, err := os.Open(d.at)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const shutdown, noLogFlush = 0x8004587d, 2
	flags := uint32(noLogFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		t.Skipf("the power of a disk cannot be cut here: %v", errno)
	}
}

// restore brings the disk back as it is found after a power cut.
func (d *disk) restore(t *testing.T) {
	t.Helper()
	for _, command := range [][]string{{"umount", d.at}, {"mount", "-o", "loop", d.image, d.at}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v %s", command, err, out)
		}
	}
}

// The power is cut at a random moment under load. What was acknowledged before is there, each at its place, where the embedded server syncs before it acknowledges;
// where it syncs each minute, most is lost, which shows that the disk forgets what was not synced.
func TestPowerCut(t *testing.T) {
	for sync, round := range map[string]int{"0s": 3, "1m": 1} {
		for range round {
			t.Run("sync="+sync, func(t *testing.T) {
				d := newDisk(t)
				p := begin(t, "writer", "PARLEY_TEST_DIR="+d.at, "PARLEY_TEST_SYNC="+sync)
				acked := p.acked(time.Duration(300+rand.IntN(1200)) * time.Millisecond)
				d.cut(t)
				p.kill()
				d.restore(t)
				j := journaltest.Open(t, journaltest.Dir(d.at))
				messages, lost := missing(t, j, acked)
				t.Logf("of %d acknowledged messages %d were lost", messages, lost)
				if messages == 0 || sync == "0s" && lost > 0 {
					t.Errorf("of %d acknowledged messages %d were lost, want none", messages, lost)
				}
				if sync != "0s" && lost == 0 {
					t.Errorf("nothing was lost of %d, though nothing was synced: the test shows nothing", messages)
				}
				store(t, j, say(ab, "a", "after"))
				if err := j.Ready(within(t)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
