//go:build unix

package journal

import (
	"os"
	"syscall"
)

// lockFile takes the file for this process; the system lets go of it when the file is closed, also by a crash.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
