package domain

import "time"

// Draft is an event on its way into the log.
type Draft struct {
	Topic Topic
	Event Event

	// Expect, where not nil, is the sequence of the last event that the decision was made from, in the event's own lane (0: there was
	// none). If another has come since, the append fails with ErrRaced and stores nothing.
	Expect *uint64

	// Once, where not "", names the draft within its topic: a second with the same name, within the log's window of minutes, is not
	// stored again but answered with the place of the first.
	Once string
}

// Stored says where the log put a draft.
type Stored struct {
	Shard     int
	Seq       uint64
	Duplicate bool // it was there already: Seq is the first one's
}

// Record is an event at its place in the log.
type Record struct {
	Topic Topic
	Shard int
	Seq   uint64    // its place in the shard, growing, from 1
	Prev  uint64    // of a live copy: the place of the one before it in the same lane, 0 for the first
	Time  time.Time // when the log stored it
	Event Event
}

// Position is a place in one shard of the log: everything up to Seq in the life of the log that Epoch names. The zero Position
// is before everything.
//
// Time says what stood there: when the log stored the event at Seq, in nanoseconds since 1970; 0 is unknown. A log that was restored
// from a backup and has grown again has the same epoch and the same sequences, but not the same times. How far two positions of one
// log are apart does not depend on it.
type Position struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
	Time  int64  `json:"time,omitempty"`
}

// Date writes an instant as clients see it: RFC 3339 in UTC with milliseconds.
func Date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
