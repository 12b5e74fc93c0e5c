package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// line shows an event.
func (s *stage) line(h heard) string {
	words := []string{h.Event}
	for i, raw := range h.Args {
		var arg any
		must(s.t, json.Unmarshal(raw, &arg))
		isMap := h.Event == "userin" || h.Event == "userout" || h.Event == "refresh" || h.Event == "checkStatus"
		switch {
		case h.Event == "open":
			s.opened(h.Client, raw)
		case isMap && i == 0:
			words = append(words, s.online(arg))
		default:
			words = append(words, s.show(h.Event, arg))
		}
	}
	return strings.Join(words, " ")
}

// opened checks a device's first event.
func (s *stage) opened(device string, raw json.RawMessage) {
	var hello struct {
		Code      *int
		Namespace string
		Message   string
		Handshake struct {
			Time, Address, URL string
			Issued             int64
			Secure             *bool
			Query              map[string]string
		}
	}
	must(s.t, json.Unmarshal(raw, &hello))
	h, eio := hello.Handshake, map[string]string{today: "4", old: "3"}[s.devices[device].lib]
	if hello.Code == nil || *hello.Code != 0 || hello.Namespace != "/" || hello.Message != "welcome to main channel, please sign" ||
		!isDate(h.Time) || h.Issued == 0 || !strings.HasPrefix(h.Address, "127.0.0.1") || h.Secure == nil || *h.Secure || h.Query["EIO"] != eio ||
		!strings.HasPrefix(h.URL, "/socket.io/?") || bytes.Contains(raw, []byte("token")) {
		s.t.Errorf("%s: %s's open: %s", s.step, device, raw)
	}
}

// online shows who is in a map, and sees that each is there by a connection that others may know.
func (s *stage) online(arg any) string {
	connections, _ := arg.(map[string]any)
	var in []string
	for id, conn := range connections {
		conn, _ := conn.(string)
		who := s.names[id]
		if whose := s.conns[conn]; conn == "" || s.secret[conn] || whose != "" && whose != who || whose == "" && !s.hasOld(who) {
			s.t.Errorf("%s: %s is online by the connection %q of %q", s.step, who, conn, whose)
		}
		in = append(in, who)
	}
	slices.Sort(in)
	return fmt.Sprint(in)
}

// hasOld says whether somebody has a device with the old library, whose connection has another id for others.
func (s *stage) hasOld(who string) bool {
	for conn, whose := range s.conns {
		if whose == who && s.secret[conn] {
			return true
		}
	}
	return false
}

// show shows an argument.
func (s *stage) show(event string, arg any) string {
	o, isObject := arg.(map[string]any)
	if !isObject {
		return encode(arg)
	}
	if date, has := o["date"]; has {
		if text, _ := date.(string); !isDate(text) {
			s.t.Errorf("%s: %s has the date %v", s.step, event, date)
		}
		delete(o, "date")
	}
	if who, has := o["username"]; has { // somebody's profile
		name := s.names[fmt.Sprint(o["id"])]
		if avatar, has := o["avatar"]; who != name || o["name"] != strings.ToUpper(name) || !has || avatar != "" {
			s.t.Errorf("%s: %s has the profile %v of %s", s.step, event, o, name)
		}
		delete(o, "username")
		delete(o, "name")
		delete(o, "avatar")
	}
	if at, has := o["at"].(float64); has { // of a change
		if seq, has := o["seq"].(float64); !has || at <= seq {
			s.t.Errorf("%s: %s is at %v, of what is at %v", s.step, event, at, o["seq"])
		}
		delete(o, "at")
	}
	if seq, has := o["seq"].(float64); has {
		s.showSeq(event, o, uint64(seq))
	}
	for key, value := range o {
		if text, is := value.(string); is {
			o[key] = s.named(text)
		}
	}
	if len(o) == 1 && o["id"] != nil {
		return fmt.Sprint(o["id"])
	}
	return encode(o)
}

// showSeq takes the place of something out of what is shown, where it is the one that it must be.
func (s *stage) showSeq(event string, o map[string]any, seq uint64) {
	switch said, known := s.said[seq]; event {
	case "reply", "groupReply":
		if known && o["id"] == said.id {
			delete(o, "seq")
			delete(o, "id")
		}
	case "read", "edited", "recalled", "reacted":
		if known {
			o["seq"] = said.text
		}
	default: // of a decision
		if s.told[seq] == "" {
			s.told[seq] = s.step
		}
		if o["seq"] = s.told[seq]; s.told[seq] == s.step {
			delete(o, "seq")
		}
	}
}

// named puts a name in the place of an id.
func (s *stage) named(text string) string {
	kind, id := "", text
	if strings.HasPrefix(text, "u:") || strings.HasPrefix(text, "g:") {
		kind, id = text[:2], text[2:]
	}
	if name := s.names[id]; name != "" {
		return kind + name
	}
	return text
}

func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return "?"
	}
	return strings.TrimSpace(b.String())
}

func isDate(s string) bool {
	_, err := time.Parse("2006-01-02T15:04:05.000Z", s)
	return err == nil
}
