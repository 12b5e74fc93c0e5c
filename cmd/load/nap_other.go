//go:build !linux

package main

import "time"

// nap sleeps for some nanoseconds.
func nap(ns int64) { time.Sleep(time.Duration(ns)) }
