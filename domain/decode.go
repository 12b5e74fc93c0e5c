package domain

import "bytes"

// decodeMessage is decode[Message], ten times as fast for what EncodeEvent writes of the usual messages: nearly all of a log is that. Whatever
// looks otherwise is left to decode[Message], and so are all errors.
func decodeMessage(b []byte) (Event, error) {
	if m, ok := usualMessage(b); ok {
		return m, nil
	}
	return decode[Message](b)
}

// usualMessage reads {"event":"message","from":"…","id":"…","msg":…} with or without "open" at the end. Msg lies in b itself.
func usualMessage(b []byte) (m Message, ok bool) {
	const toID, toMsg = `,"id":`, `,"msg":`
	names, ok1 := bytes.CutPrefix(b, []byte(eventHead+`message","from":`))
	from := plainString(names)
	rest, ok2 := bytes.CutPrefix(names[from:], []byte(toID))
	id := plainString(rest)
	rest, ok3 := bytes.CutPrefix(rest[id:], []byte(toMsg))
	msg := usualValue(rest, MaxDepth)
	if !ok1 || !ok2 || !ok3 || from == 0 || id == 0 || msg == 0 {
		return m, false
	}
	switch string(rest[msg:]) {
	case `}`:
	case `,"open":true}`:
		m.Open = true
	default:
		return m, false
	}
	both := string(names[1 : from+len(toID)+id-1])
	m.From, m.ID, m.Msg = UserID(both[:from-2]), both[from+len(toID):], rest[:msg:msg]
	return m, true
}

// plainString is how long the JSON string is that b begins with, if it is of visible ASCII and nothing in it is escaped; else 0.
func plainString(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\' || c < ' ' || c > '~':
			return 0
		}
	}
	return 0
}

// usualValue is how long the JSON value is that b begins with, if it is a string, a plain number, or an object of such values without spaces
// between its parts and at most so deep; else 0.
func usualValue(b []byte, deep int) int {
	switch {
	case len(b) == 0:
		return 0
	case b[0] == '"':
		return usualString(b)
	case b[0] == '{' && deep > 0:
		return usualObject(b, deep)
	case '1' <= b[0] && b[0] <= '9':
		for i, c := range b {
			if c < '0' || c > '9' {
				if c == ',' || c == '}' {
					return i
				}
				return 0
			}
		}
	}
	return 0
}

func usualObject(b []byte, deep int) int {
	if len(b) > 1 && b[1] == '}' {
		return 2
	}
	for i := 1; ; i++ { // behind { or ,
		key := usualString(b[i:])
		if i += key; key == 0 || i == len(b) || b[i] != ':' {
			return 0
		}
		i++
		value := usualValue(b[i:], deep-1)
		if i += value; value == 0 || i == len(b) {
			return 0
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
		default:
			return 0
		}
	}
}

// usualString is how long the JSON string is that b begins with; 0 if it is none, or has something in it that is escaped by its number.
func usualString(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return 0
		case c == '\\':
			if i++; i == len(b) || bytes.IndexByte([]byte(`"\/bfnrt`), b[i]) < 0 {
				return 0
			}
		}
	}
	return 0
}
