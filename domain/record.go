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
type Position struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Date writes an instant as clients see it: RFC 3339 in UTC with milliseconds.
func Date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
