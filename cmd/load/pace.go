package main

import (
	"context"
	"time"
)

// pace calls back for each thing that is due in turn, at fixed times, however late it or whoever is called is, until ctx ends. from and every are by the
// clock, in nanoseconds.
func pace(ctx context.Context, from int64, every float64, do func(nth int, due int64)) {
	for n := 0; ; n++ {
		due := from + int64(float64(n)*every)
		for wait := due - clock(); wait > 0; wait = due - clock() {
			if wait <= coarse {
				nap(wait)
			} else if pause(ctx, time.Duration(wait-coarse)) != nil {
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
		do(n, due)
	}
}

// coarse is how late a timer of Go's may be, in nanoseconds, when the process waits for the network: epoll counts milliseconds. As much would be in
// each latency.
const coarse = int64(2 * time.Millisecond)
