package mysql

import (
	"testing"
	"time"
)

// A swap that does not get in rests twice as long each time, up to half a minute.
func TestASwapRestsLongerAndLonger(t *testing.T) {
	rest := swapRest
	for _, want := range []time.Duration{2, 4, 8, 16, 30, 30} {
		if rest = longer(rest); rest != want*time.Second {
			t.Errorf("it rests for %v, want %v s", rest, int(want))
		}
	}
}
