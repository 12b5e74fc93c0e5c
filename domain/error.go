package domain

import (
	"errors"
	"fmt"
	"time"
)

// Code tells a client's program why it was refused. The numbers are part of the protocol and never change their meaning.
type Code int

// The codes, as the protocol document lists them.
const (
	OK              Code = 0 // done; for what is stored: it is in the log
	Unauthenticated Code = 1 // not signed in, or the token is bad
	NotFound        Code = 2 // no such user, group or message
	Forbidden       Code = 3 // no friend, no member, blocked, lacks the role
	Malformed       Code = 4 // says which field and what it must be
	TooMany         Code = 5 // try again after RetryAfter
	Conflict        Code = 6 // against what is so: already friends, already answered
	TooLarge        Code = 7
	Unavailable     Code = 8 // the log cannot be reached; the same id may be sent again
	Internal        Code = 9 // a fault of ours
)

// Error is a refusal in words that a person may read. Every other error in Parley is for its operators and is never shown.
type Error struct {
	Code       Code
	Message    string
	RetryAfter time.Duration // for TooMany: when it is worth trying again
	Cause      error         // for operators, not shown; may be nil
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s (code %d): %v", e.Message, e.Code, e.Cause)
	}
	return fmt.Sprintf("%s (code %d)", e.Message, e.Code)
}

// Unwrap gives the cause, if there is one.
func (e *Error) Unwrap() error { return e.Cause }

// Refuse makes an Error. The sentence says which input, what is wrong with it and what would be right.
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Refusal finds the Error in err; one that holds none is a fault of ours and says no more than that.
func Refusal(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Message: "something went wrong on our side", Cause: err}
}

// ErrRaced says that a Draft's expectation did not hold: somebody else's event came first. Read the state and decide again.
var ErrRaced = errors.New("another event came first")

// ErrUnreadable says that what stands at a place of the log is no event, or one that is damaged or does not belong there: trying again is of
// no use. An event of an unknown name is an UnknownEventError instead.
var ErrUnreadable = errors.New("the log holds what cannot be read")

// ErrGone says that a position names another life of the log (its epoch differs), a place that the log has not reached, or one where
// something else stands now.
var ErrGone = errors.New("the log does not hold this position")
