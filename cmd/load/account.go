package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// message is what the text of a message says of itself.
type message struct {
	sender int    // its number on the stage
	slot   int    // of the sender's window
	seq    uint64 // the how manieth of the sender, from 0
	due    int64  // when it was to be sent, by the stage's clock
}

// The text of a message: the stage's mark, the message in hexadecimal digits of fixed places, and dots up to the length that is wanted.
const (
	markLength = 10
	senderAt   = 0
	slotAt     = senderAt + 6
	seqAt      = slotAt + 3
	dueAt      = seqAt + 8
	headLength = dueAt + 14

	minBytes   = markLength + headLength
	maxSenders = 1 << 24
	maxWindow  = 1 << 12
)

func (m message) append(b []byte) []byte {
	b = appendHex(b, uint64(m.sender), slotAt-senderAt)
	b = appendHex(b, uint64(m.slot), seqAt-slotAt)
	b = appendHex(b, m.seq, dueAt-seqAt)
	return appendHex(b, uint64(m.due), headLength-dueAt)
}

func appendHex(b []byte, v uint64, digits int) []byte {
	const hex = "0123456789abcdef"
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, hex[v>>shift&15])
	}
	return b
}

// parseMessage reads what follows the mark in a text.
func parseMessage(b []byte) (m message, ok bool) {
	if len(b) < headLength {
		return m, false
	}
	sender, ok1 := parseHex(b[senderAt:slotAt])
	slot, ok2 := parseHex(b[slotAt:seqAt])
	seq, ok3 := parseHex(b[seqAt:dueAt])
	due, ok4 := parseHex(b[dueAt:headLength])
	return message{int(sender), int(slot), seq, int64(due)}, ok1 && ok2 && ok3 && ok4
}

func parseHex(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// parseAck reads an ack, 43<id>[{"code":0,…}].
func parseAck(frame []byte) (id uint64, code int, ok bool) {
	open := bytes.IndexByte(frame, '[')
	if open < 3 {
		return 0, 0, false
	}
	id, err := strconv.ParseUint(string(frame[2:open]), 10, 64)
	const key = `"code":`
	at := bytes.Index(frame[open:], []byte(key))
	if err != nil || at < 0 || open+at+len(key) >= len(frame) {
		return 0, 0, false
	}
	c := frame[open+at+len(key)]
	return id, int(c - '0'), '0' <= c && c <= '9'
}

// lastString gives the last argument of an event if it is a string, which is how a client knows an offset.
func lastString(frame []byte) (s []byte, ok bool) {
	b, ok := bytes.CutSuffix(frame, []byte(`"]`))
	at := bytes.LastIndexByte(b, '"')
	if !ok || at < 1 || b[at-1] != ',' {
		return nil, false
	}
	return b[at+1:], true
}

// ledger is what one device has heard of one sender.
type ledger struct {
	next       uint64              // all before it have come, but for
	missing    map[uint64]struct{} // those
	doubled    uint64
	disordered uint64 // came after a later one
}

// note notes that a message has come; fresh is false for one that has come before.
func (l *ledger) note(seq uint64) (fresh bool) {
	if seq >= l.next {
		for ; l.next < seq; l.next++ {
			if l.missing == nil {
				l.missing = map[uint64]struct{}{}
			}
			l.missing[l.next] = struct{}{}
		}
		l.next++
		return true
	}
	if _, late := l.missing[seq]; late {
		delete(l.missing, seq)
		l.disordered++
		return true
	}
	l.doubled++
	return false
}

// lost is how many of the messages before end have not come, though they were not refused.
func (l *ledger) lost(end uint64, refused map[uint64]bool) (n uint64) {
	for seq := range l.missing {
		if !refused[seq] {
			n++
		}
	}
	if end > l.next {
		n += end - l.next
		for seq := range refused {
			if seq >= l.next && seq < end {
				n--
			}
		}
	}
	return n
}

// faults is what a server must not do. Nothing of it may be, for a run to count.
type faults struct {
	Lost       uint64 `json:"lost"`       // messages that a recipient has not had when the drain ended
	Doubled    uint64 `json:"doubled"`    // that one has had twice
	Disordered uint64 `json:"disordered"` // that came after a later one of the same sender
	Stray      uint64 `json:"stray"`      // that came to somebody for whom they were not, or garbled
	Refused    uint64 `json:"refused"`    // commands and queries that were answered with another code than 0
	Unanswered uint64 `json:"unanswered"` // messages without an ack when the drain ended
	CutOff     uint64 `json:"cutOff"`     // connections that were not to end and did, or could not be made
	Reset      uint64 `json:"reset"`      // devices that were told to begin anew
}

func (f *faults) add(o faults) {
	f.Lost += o.Lost
	f.Doubled += o.Doubled
	f.Disordered += o.Disordered
	f.Stray += o.Stray
	f.Refused += o.Refused
	f.Unanswered += o.Unanswered
	f.CutOff += o.CutOff
	f.Reset += o.Reset
}

func (f faults) String() string {
	return fmt.Sprintf("%d lost, %d doubled, %d disordered, %d stray, %d refused, %d unanswered, %d cut off, %d reset",
		f.Lost, f.Doubled, f.Disordered, f.Stray, f.Refused, f.Unanswered, f.CutOff, f.Reset)
}
