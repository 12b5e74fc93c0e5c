package domain

import (
	"encoding/json"
	"testing"
	"time"
)

func TestDate(t *testing.T) {
	for want, at := range map[string]time.Time{
		"2026-10-01T12:00:00.000Z": time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC),
		"2026-10-01T12:00:00.999Z": time.Date(2026, 10, 1, 12, 0, 0, 999_999_999, time.UTC), // cut off, not rounded into the future
		"2026-09-30T22:30:00.050Z": time.Date(2026, 10, 1, 0, 30, 0, 50_000_000, time.FixedZone("", 2*3600)),
		"0001-01-01T00:00:00.000Z": {},
	} {
		if got := Date(at); got != want {
			t.Errorf("Date(%v) = %s, want %s", at, got, want)
		}
		if _, err := time.Parse(time.RFC3339, want); err != nil {
			t.Errorf("%s is not RFC 3339: %v", want, err)
		}
	}
}

func TestPositionAsJSON(t *testing.T) {
	b, err := json.Marshal(Position{Epoch: "e1", Seq: 18446744073709551615})
	if want := `{"epoch":"e1","seq":18446744073709551615}`; err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
}
