package domain

import (
	"errors"
	"fmt"
	"testing"
)

// The numbers are part of the protocol.
func TestCodes(t *testing.T) {
	for want, code := range []Code{OK, Unauthenticated, NotFound, Forbidden, Malformed, TooMany, Conflict, TooLarge, Unavailable, Internal} {
		if int(code) != want {
			t.Errorf("a code is %d, the protocol says %d", code, want)
		}
	}
}

func TestRefusal(t *testing.T) {
	cause := errors.New("dial 10.0.0.7: refused")
	no := Refuse(TooLarge, "msg must be at most %d bytes", 5)
	for _, c := range []struct {
		name    string
		err     error
		code    Code
		message string
	}{
		{"a refusal is itself", no, TooLarge, "msg must be at most 5 bytes"},
		{"under layers as well", fmt.Errorf("send: %w", fmt.Errorf("ann: %w", no)), TooLarge, "msg must be at most 5 bytes"},
		{"with its own cause", &Error{Code: Unavailable, Message: "try again", Cause: cause}, Unavailable, "try again"},
		{"any other error is ours, and its words are not shown", cause, Internal, "something went wrong on our side"},
		{"a lost race is ours too", ErrRaced, Internal, "something went wrong on our side"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Refusal(c.err); got.Code != c.code || got.Message != c.message {
				t.Errorf("%+v, want code %d, %q", got, c.code, c.message)
			}
		})
	}
	if got := Refusal(cause); !errors.Is(got, cause) || got.Error() != "something went wrong on our side (code 9): dial 10.0.0.7: refused" {
		t.Errorf("operators are told %q", got)
	}
	if got := no.Error(); got != "msg must be at most 5 bytes (code 7)" {
		t.Errorf("operators are told %q", got)
	}
}
