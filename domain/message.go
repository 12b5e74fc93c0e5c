package domain

import (
	"encoding/json"
	"unicode/utf8"
)

// Limits of a message. What it may weigh in bytes is a setting of the edge, at most MaxMessage.
const (
	MaxMessage   = 256 << 10 // bytes of JSON
	MaxMessageID = 64        // bytes of a client's own id
	MaxDepth     = 32        // levels of objects and arrays in anything a client gives as JSON
)

// ParseMessage checks what a client would like to say: a JSON string, or an object with a string "txt" and whatever else the client
// puts there, of at most limit bytes; the text must hold something to be seen. It gives the client's own id of the message, from the object's
// "id" (1 to MaxMessageID visible ASCII characters), or "". Refusals have code Malformed or TooLarge.
func ParseMessage(msg json.RawMessage, limit int) (id string, err error) {
	if len(msg) > min(limit, MaxMessage) {
		return "", Refuse(TooLarge, "msg must be at most %d bytes of JSON, this one has %d", min(limit, MaxMessage), len(msg))
	}
	if len(msg) > 0 && msg[0] == '"' {
		if err := checkJSON("msg", msg, '"'); err != nil {
			return "", err
		}
		var txt string
		if json.Unmarshal(msg, &txt) != nil || !seen(txt) {
			return "", Refuse(Malformed, "msg must not be empty or blank")
		}
		return "", nil
	}
	if len(msg) == 0 || msg[0] != '{' {
		return "", Refuse(Malformed, "msg must be a string, or an object with a string txt")
	}
	if err := checkJSON("msg", msg, '{'); err != nil {
		return "", err
	}
	var m map[string]json.RawMessage // a struct would take "TXT" for "txt"
	var txt string
	if json.Unmarshal(msg, &m) != nil || json.Unmarshal(m["txt"], &txt) != nil || !seen(txt) {
		return "", Refuse(Malformed, "msg must be a string, or an object with a string txt, and not be empty or blank")
	}
	if raw, given := m["id"]; given && (json.Unmarshal(raw, &id) != nil || !visibleASCII(id)) {
		return "", Refuse(Malformed, "msg.id must be a string of 1 to %d visible ASCII characters", MaxMessageID)
	}
	return id, nil
}

func visibleASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= MaxMessageID
}

// checkJSON refuses what is not one JSON value in valid UTF-8 that begins with first and is at most MaxDepth levels deep.
func checkJSON(field string, b []byte, first byte) error {
	want := map[byte]string{'{': "an object", '"': "a string"}[first]
	switch {
	case len(b) == 0 || b[0] != first:
		return Refuse(Malformed, "%s must be %s", field, want)
	case !utf8.Valid(b):
		return Refuse(Malformed, "%s must be valid UTF-8", field)
	case depth(b) > MaxDepth:
		return Refuse(Malformed, "%s must be at most %d levels deep", field, MaxDepth)
	case !json.Valid(b):
		return Refuse(Malformed, "%s must be valid JSON", field)
	}
	return nil
}

// depth counts how deep objects and arrays are nested in b, without recursion.
func depth(b []byte) (deepest int) {
	level, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}
