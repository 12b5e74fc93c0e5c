package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes.
type Size int

// units are tried in this order, the largest first so that a whole number of it is written short.
var units = [...]struct {
	name  string
	bytes Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// UnmarshalText reads plain bytes or a whole number of KiB, MiB or GiB: 1000000, 64KiB, 4MiB.
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, strconv.IntSize)
		if err != nil {
			return err
		}
		if n < 0 || n > int64(math.MaxInt/u.bytes) {
			return strconv.ErrRange
		}
		*s = Size(n) * u.bytes
		return nil
	}
	panic("unreachable: every text ends in nothing")
}

// MarshalText writes the form that UnmarshalText reads, in the largest unit that needs no fraction. It returns no error.
func (s Size) MarshalText() ([]byte, error) {
	for _, u := range units {
		if s != 0 && s%u.bytes == 0 {
			return append(strconv.AppendInt(nil, int64(s/u.bytes), 10), u.name...), nil
		}
	}
	return []byte("0"), nil
}

// Sync is the interval at which written events are forced to the disk; 0 is [Always].
type Sync time.Duration

// Always has each event on the disk before it is acknowledged.
const Always Sync = 0

// UnmarshalText reads "always" or a positive Go duration.
func (s *Sync) UnmarshalText(text []byte) error {
	if string(text) == "always" {
		*s = Always
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err == nil && d <= 0 {
		err = errors.New("not a positive duration")
	}
	*s = Sync(d)
	return err
}

// MarshalText writes the form that UnmarshalText reads. It returns no error.
func (s Sync) MarshalText() ([]byte, error) {
	if s == Always {
		return []byte("always"), nil
	}
	return []byte(time.Duration(s).String()), nil
}
