//go:build linux

package main

import (
	"encoding/json"
	"time"
)

// unknown is the code of what was never answered, or by "perhaps".
const unknown = -1

// event gives what is stored of an event that a device hears, and the map that it holds; of many there is only one of the two, or neither.
func (d *diary) event(t told) (e event, online map[string]string) {
	var who struct {
		ID, GID string
		Self    bool
	}
	var o struct {
		Conversation, By, Emoji, State, UID, GID, ID, Owner, Role string
		Seq, At                                                   uint64
		Msg                                                       json.RawMessage
		On                                                        bool
	}
	if len(t.A) == 0 {
		return e, nil
	}
	last := t.A[0]
	if t.E == "reply" || t.E == "groupReply" {
		json.Unmarshal(t.A[0], &who)
		last = t.A[1]
	}
	json.Unmarshal(last, &o)
	switch t.E {
	case "reply":
		e = event{conversation: "u:" + who.ID, what: "said", by: who.ID, place: o.Seq, id: o.ID, text: text(o.Msg)}
		if who.Self {
			e.by = d.person
		}
	case "groupReply":
		e = event{conversation: "g:" + who.GID, what: "said", by: who.ID, place: o.Seq, id: o.ID, text: text(o.Msg)}
	case "edited", "recalled":
		e = event{conversation: o.Conversation, what: t.E, by: o.By, place: o.At, of: o.Seq, text: text(o.Msg)}
	case "reacted":
		e = event{conversation: o.Conversation, what: t.E, by: o.By, place: o.At, of: o.Seq, id: o.Emoji, text: map[bool]string{true: "on", false: "off"}[o.On]}
	case "friend":
		e = event{conversation: "u:" + o.UID, what: o.State, by: o.By, place: o.Seq}
	case "group":
		e = event{conversation: "g:" + o.GID, what: o.State, by: o.UID, place: o.Seq}
		if o.State == "created" {
			e.by = o.By
		}
	case "userin", "userout", "refresh", "checkStatus":
		json.Unmarshal(t.A[0], &online)
	}
	e.conversation = key(d.person, e.conversation)
	return e, online
}

// command takes in that a device gives a command, or what came of it.
func (s *story) command(d *diary, t told) {
	k := opKey{t.D, t.N}
	if t.K == "do" {
		o := &op{opKey: k, who: d.person, event: t.E, code: unknown, at: time.Since(s.begun)}
		o.arguments(t.A)
		s.ops = append(s.ops, o)
		s.open[k] = o
		return
	}
	o := s.open[k]
	if o == nil {
		s.fault("%s has two answers to op %d", t.D, t.N)
		return
	}
	delete(s.open, k)
	o.tries = t.Tries
	s.counts["commands"]++
	if t.K == "lost" {
		s.counts["unknown outcome"]++
		return
	}
	o.code = t.Code
	switch {
	case t.Code == 9 || t.Code == 4 || t.Code == 1:
		s.fault("%s's %s is answered with code %d: %s", t.D, o.event, t.Code, t.Message)
	case t.Code != 0:
		s.counts["refused "+o.event]++
	case o.id != "":
		var at struct {
			Seq uint64
			ID  string
		}
		json.Unmarshal(t.Data, &at)
		if o.seq = at.Seq; at.ID != o.id || at.Seq == 0 {
			s.fault("%s's %s of %q is answered with %s", t.D, o.event, o.id, t.Data)
		}
		s.counts["acked messages"]++
	case o.event == "sign":
		d.online = nil
		json.Unmarshal(t.Data, &d.online)
	}
}

// arguments reads what a command is about.
func (o *op) arguments(args []json.RawMessage) {
	str := func(i int) (s string) {
		if i < len(args) {
			json.Unmarshal(args[i], &s)
		}
		return s
	}
	var msg struct{ ID string }
	switch o.event {
	case "send":
		o.conversation, o.text = key(o.who, "u:"+str(0)), text(args[1])
		json.Unmarshal(args[1], &msg)
	case "groupSend":
		var to struct{ GID string }
		json.Unmarshal(args[0], &to)
		o.conversation, o.text = "g:"+to.GID, text(args[1])
		json.Unmarshal(args[1], &msg)
	case "edit", "recall", "react", "read":
		o.conversation = key(o.who, str(0))
		json.Unmarshal(args[1], &o.seq)
		if o.event == "edit" {
			o.text = text(args[2])
		}
		if o.event == "react" {
			o.text = str(2)
			json.Unmarshal(args[3], &o.on)
		}
	case "leaveGroup", "invite":
		o.conversation, o.text = "g:"+str(0), str(1)
	}
	o.id = msg.ID
}
