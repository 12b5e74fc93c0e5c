//go:build linux

package main

import (
	"fmt"
	"slices"
)

// messages checks the acks of what was sent: what is acknowledged is in the history, once, where the ack says, and in the order in which its device sent it;
// what is refused nobody has seen.
func (s *story) messages(l *library) {
	type name struct{ conversation, id string }
	at := map[name]uint64{}
	for who, histories := range l.histories {
		for conversation, messages := range histories {
			for _, m := range messages {
				if seq := at[name{conversation, m.ID}]; seq != 0 && seq != m.Seq {
					s.fault("%s reads %q in %s twice: at %d and at %d", who, m.ID, conversation, seq, m.Seq)
				}
				at[name{conversation, m.ID}] = m.Seq
			}
		}
	}
	acked := map[name]bool{}
	last := map[name]*op{} // of each device in each conversation, of what was stored at the first try
	for _, o := range s.ops {
		if o.id == "" || o.code != 0 {
			continue
		}
		if before := last[name{o.conversation, o.device}]; o.tries == 1 && !acked[name{o.conversation, o.id}] {
			if last[name{o.conversation, o.device}] = o; before != nil && before.seq > o.seq {
				s.fault("%s sent %q after %q in %s, and it is stored at %d before %d", o.device, o.id, before.id, o.conversation, o.seq, before.seq)
			}
		}
		acked[name{o.conversation, o.id}] = true
	}
	for _, d := range s.devices {
		for conversation, view := range d.view {
			ids := map[string]uint64{}
			for seq, m := range view {
				if twice := ids[m.id]; twice != 0 {
					s.fault("%s shows %q in %s twice: at %d and at %d", d.name, m.id, conversation, seq, twice)
				}
				ids[m.id] = seq
			}
		}
	}
	for _, o := range s.ops {
		if o.id == "" {
			continue
		}
		n := name{o.conversation, o.id}
		switch seq := at[n]; {
		case o.code == 0 && seq != o.seq:
			s.fault("%s's message %q in %s was acknowledged at %d (sent at %.2fs, %d tries), and is read at %d (0: nowhere)",
				o.device, o.id, o.conversation, o.seq, o.at.Seconds(), o.tries, seq)
		case o.code > 0 && seq != 0 && !acked[n]:
			s.fault("%s's message %q in %s was refused with code %d, and is read at %d", o.device, o.id, o.conversation, o.code, seq)
		}
		if o.code > 0 && !acked[n] {
			for place, e := range s.stored[o.conversation] {
				if e.what == "said" && e.id == o.id {
					s.fault("%s's message %q in %s was refused with code %d, and %s heard it at %d", o.device, o.id, o.conversation, o.code, e.to, place)
				}
			}
		}
	}
}

// possible is what something may be in the end, after commands of several devices, of which each waits for the answer to one before it gives the next.
type possible struct {
	perhaps []string          // by commands of which nobody knows what became of them
	last    map[string]string // of each device the last that was acknowledged
}

// note notes a command that sets something to what.
func note[K comparable](all map[K]*possible, at K, o *op, what string) {
	if o.code > 0 {
		return
	}
	p := all[at]
	if p == nil {
		p = &possible{last: map[string]string{}}
		all[at] = p
	}
	if o.code == unknown {
		p.perhaps = append(p.perhaps, what)
	} else {
		p.last[o.device] = what
	}
}

func (p *possible) isCertain() bool { return p != nil && len(p.last) > 0 }

// may says whether it may be so in the end. untouched is that it is as it was before all commands.
func (p *possible) may(what string, untouched bool) bool {
	if untouched && len(p.last) == 0 || slices.Contains(p.perhaps, what) {
		return true
	}
	for _, last := range p.last {
		if last == what {
			return true
		}
	}
	return false
}

func (p *possible) String() string {
	return fmt.Sprintf("acknowledged %v, perhaps %q", p.last, p.perhaps)
}

// reaction is a person's to a message, by one emoji.
type reaction struct {
	conversation string
	seq          uint64
	who, emoji   string
}

// changes checks that what the last acknowledged change of each message says is what it reads, unless a change of which nobody knows came after it.
func (s *story) changes(l *library) {
	type message struct {
		conversation string
		seq          uint64
	}
	reads := map[message]historic{}
	mine := map[message]map[string]map[string]bool{} // by person and emoji
	for who, histories := range l.histories {
		for conversation, messages := range histories {
			if _, member := l.listed[who][conversation]; !member {
				continue
			}
			for _, m := range messages {
				at := message{conversation, m.Seq}
				reads[at] = m
				for _, r := range m.Reactions {
					if r.Mine {
						if mine[at] == nil {
							mine[at] = map[string]map[string]bool{}
						}
						if mine[at][who] == nil {
							mine[at][who] = map[string]bool{}
						}
						mine[at][who][r.Emoji] = true
					}
				}
			}
		}
	}
	edits, recalls, reacts := map[message]*possible{}, map[message]*possible{}, map[reaction]*possible{}
	for _, o := range s.ops {
		at := message{o.conversation, o.seq}
		switch o.event {
		case "edit":
			note(edits, at, o, o.text)
		case "recall":
			note(recalls, at, o, "recalled")
		case "react":
			note(reacts, reaction{at.conversation, at.seq, o.who, o.text}, o, map[bool]string{true: "on", false: "off"}[o.on])
		}
	}
	for at, m := range reads {
		recall := recalls[at]
		if m.Recalled == nil && recall.isCertain() {
			s.fault("message %d in %s was taken back with code 0, and reads %q", at.seq, at.conversation, m.seen().text)
		}
		if m.Recalled != nil && recall == nil {
			s.fault("message %d in %s reads as taken back, which nobody has done", at.seq, at.conversation)
		}
		if m.Recalled != nil {
			continue
		}
		if e := edits[at]; e != nil && !e.may(m.seen().text, m.Edited == "") {
			s.fault("message %d in %s reads %q after the edits %v", at.seq, at.conversation, m.seen().text, e)
		} else if e == nil && m.Edited != "" {
			s.fault("message %d in %s reads as edited (%q), which nobody has done", at.seq, at.conversation, m.seen().text)
		}
	}
	for at, r := range reacts {
		m := message{at.conversation, at.seq}
		if _, member := l.listed[at.who][at.conversation]; !member || reads[m].Recalled != nil || reads[m].Seq == 0 {
			continue
		}
		is := "off"
		if mine[m][at.who][at.emoji] {
			is = "on"
		}
		if !r.may(is, is == "off") {
			s.fault("%s's reaction %s to %d in %s is %s after %v", at.who, at.emoji, at.seq, at.conversation, is, r)
		}
	}
}

// marks checks that nobody has read less than they have said, or acknowledged to have read, and that the unread are counted right.
func (s *story) marks(l *library) {
	type mark struct{ who, conversation string }
	least := map[mark]uint64{}
	for _, o := range s.ops {
		if o.code == 0 && (o.event == "read" || o.id != "") {
			at := mark{o.who, o.conversation}
			least[at] = max(least[at], o.seq)
		}
	}
	for who, list := range l.listed {
		for conversation, c := range list {
			if c.Read < least[mark{who, conversation}] {
				s.fault("%s has read up to %d in %s, and acknowledged is %d", who, c.Read, conversation, least[mark{who, conversation}])
			}
			unread := 0
			for _, m := range l.histories[who][conversation] {
				if m.Seq > c.Read && m.From != who && m.Recalled == nil {
					unread++
				}
			}
			if unread != c.Unread {
				s.fault("%s has %d unread in %s, and is told %d (read up to %d)", who, unread, conversation, c.Unread, c.Read)
			}
		}
	}
}
