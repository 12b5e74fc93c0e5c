package main

import "syscall"

// nap sleeps for some nanoseconds, to some tens of microseconds, and takes a thread meanwhile.
func nap(ns int64) {
	t := syscall.NsecToTimespec(ns)
	_ = syscall.Nanosleep(&t, nil) // if a signal ends it, there is another nap
}
