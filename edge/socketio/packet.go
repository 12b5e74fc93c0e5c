package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A packet of Socket.IO is carried by an Engine.IO message. Its first character is its type.
const (
	kindConnect      = '0'
	kindDisconnect   = '1'
	kindEvent        = '2'
	kindAck          = '3'
	kindConnectError = '4'
	kindBinaryEvent  = '5'
	kindBinaryAck    = '6'
)

// What a client's packet may hold at most, beside what Options say.
const (
	maxNamespace = 256      // bytes of a namespace's name
	maxQuery     = 8192     // bytes of the query that Engine.IO 3 has behind it
	maxAuth      = 64 << 10 // bytes of a CONNECT's payload, which stays for as long as the socket
	maxIDDigits  = 16       // of an ack id; JavaScript counts exactly to 16 digits
	maxArguments = 1024
)

var (
	errKind      = errors.New("unknown packet type")
	errUTF8      = errors.New("text is not UTF-8")
	errNamespace = errors.New("namespace is too long")
	errID        = errors.New("ack id is too long")
	errJSON      = errors.New("payload is not JSON")
	errDepth     = errors.New("payload is nested too deeply")
	errPayload   = errors.New("payload does not fit the packet type")
	errReserved  = errors.New("reserved event name")
	errArguments = errors.New("too many arguments")
)

// packet is a decoded Socket.IO packet. Its data is part of what it was decoded from.
type packet struct {
	kind      byte
	namespace string
	query     string // of a CONNECT: what follows a question mark in its namespace
	id        uint64 // of an ack, if hasID
	hasID     bool
	data      []byte // JSON of the right form for the kind, or nil

	due         int // how many attachments belong to it
	attachments [][]byte
	weight      int // their bytes
}

// limits are those of Options that a packet's text has to keep to.
type limits struct{ depth, attachments int }

// parsePacket decodes the text of a message: <type>[<attachments>-][<namespace>,][<ack id>][JSON]. Binary kinds become their plain ones.
func parsePacket(text []byte, most limits) (packet, error) {
	if len(text) == 0 {
		return packet{}, errKind
	}
	if !utf8.Valid(text) {
		return packet{}, errUTF8 // what is passed on in text frames would make other clients hang up
	}
	p := packet{kind: text[0], namespace: "/"}
	rest := text[1:]
	switch p.kind {
	case kindBinaryEvent, kindBinaryAck:
		count, after, found := bytes.Cut(rest, []byte{'-'})
		due, err := strconv.ParseUint(string(count[:min(len(count), 8)]), 10, 31)
		if err != nil || !found || len(count) > 8 || int(due) > most.attachments {
			return packet{}, errAttachments
		}
		p.kind -= kindBinaryEvent - kindEvent
		p.due, rest = int(due), after
	case kindConnect, kindDisconnect, kindEvent, kindAck, kindConnectError:
	default:
		return packet{}, errKind
	}
	if len(rest) > 0 && rest[0] == '/' {
		name, after, _ := bytes.Cut(rest, []byte{','})
		if p.kind == kindConnect {
			var query []byte
			name, query, _ = bytes.Cut(name, []byte{'?'})
			p.query = string(query[:min(len(query), maxQuery+1)])
		}
		if len(name) > maxNamespace || len(p.query) > maxQuery {
			return packet{}, errNamespace
		}
		p.namespace, rest = string(name), after
	}
	digits := 0
	for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		id, err := strconv.ParseUint(string(rest[:min(digits, maxIDDigits)]), 10, 64)
		if err != nil || digits > maxIDDigits {
			return packet{}, errID
		}
		p.id, p.hasID = id, true
		rest = rest[digits:]
	}
	if len(rest) > 0 {
		if err := checkJSON(rest, most.depth); err != nil {
			return packet{}, err
		}
		p.data = bytes.TrimSpace(rest)
	}
	return p, p.checkForm()
}

// checkForm says whether the data has the form that the packet's kind asks for. CONNECT_ERROR may hold anything; it
// is refused for coming from a client.
func (p *packet) checkForm() error {
	ok := true
	switch p.kind {
	case kindConnect:
		ok = p.data == nil || p.data[0] == '{' && len(p.data) <= maxAuth
	case kindDisconnect:
		ok = p.data == nil
	case kindEvent:
		ok = p.data != nil && p.data[0] == '['
	case kindAck:
		ok = p.data != nil && p.data[0] == '[' && p.hasID
	}
	if !ok {
		return errPayload
	}
	return nil
}

// checkJSON says whether text is one JSON value that is nested at most so deep.
func checkJSON(text []byte, most int) error {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > most {
				return errDepth
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	if !json.Valid(text) {
		return errJSON
	}
	return nil
}

// splitArray gives the elements of a JSON array that checkJSON has let pass, as parts of it.
func splitArray(text []byte) ([]json.RawMessage, error) {
	text = bytes.TrimSpace(text[1 : len(text)-1])
	if len(text) == 0 {
		return []json.RawMessage{}, nil
	}
	var elements []json.RawMessage
	depth, quoted, start := 0, false, 0
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text) || text[i] == ',' && depth == 0 && !quoted:
			if len(elements) == maxArguments {
				return nil, errArguments
			}
			// A slice without spare room, so that nobody's append reaches into the next element.
			elements = append(elements, bytes.TrimSpace(text[start:i:i]))
			start = i + 1
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case quoted:
		case text[i] == '[' || text[i] == '{':
			depth++
		case text[i] == ']' || text[i] == '}':
			depth--
		}
	}
	return elements, nil
}

// parseEvent splits an event's data into its name and its arguments. A name that is a number, which the protocol allows,
// is given as it is written.
func parseEvent(data []byte) (name string, args []json.RawMessage, err error) {
	elements, err := splitArray(data)
	if err != nil {
		return "", nil, err
	}
	if len(elements) == 0 {
		return "", nil, errPayload
	}
	switch first := elements[0]; {
	case first[0] == '-' || '0' <= first[0] && first[0] <= '9':
		return string(first), elements[1:], nil
	case first[0] != '"':
		return "", nil, errPayload
	default:
		name = unquote(first)
	}
	if reserved(name) {
		return "", nil, errReserved
	}
	return name, elements[1:], nil
}

// unquote gives the text of a JSON string that checkJSON has let pass. Only one with escapes, which are rare in a name, takes encoding/json.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var text string
	json.Unmarshal(quoted, &text) // it is a string
	return text
}

// reserved says whether an event's name is one that the libraries keep for themselves.
func reserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// noID stands for a packet without an ack id.
const noID = -1

// encodePacket makes a unit of one packet. A nil value is left out.
func encodePacket(kind byte, namespace string, id int64, value any) (unit, error) {
	b := make(sink, headroom, 128)
	b = append(b, packetMessage, kind)
	b = appendAddress(b, namespace)
	if id != noID {
		b = strconv.AppendInt(b, id, 10)
	}
	if value != nil {
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			return nil, fmt.Errorf("socketio: encode: %w", err)
		}
		b = b[:len(b)-1] // the encoder's newline
	}
	if !utf8.Valid(b[headroom:]) { // in a json.RawMessage or what a json.Marshaler has made; clients would hang up
		return nil, fmt.Errorf("socketio: encode: %w", errUTF8)
	}
	if bytes.Contains(b, mark) {
		if kind != kindEvent && kind != kindAck {
			return nil, fmt.Errorf("socketio: encode: %w: binary data", errPayload)
		}
		return encodeBinary(b[headroom:])
	}
	return frame(b, frameText), nil
}

// encodeBinary makes a unit for Engine.IO 4 of a packet with Binary in it.
func encodeBinary(text []byte) (unit, error) {
	text, attachments, err := extract(text)
	if err != nil {
		return nil, fmt.Errorf("socketio: encode: %w", err)
	}
	b := make([]byte, headroom, headroom+len(text)+3)
	b = append(b, packetMessage, text[1]+(kindBinaryEvent-kindEvent))
	b = append(strconv.AppendInt(b, int64(len(attachments)), 10), '-')
	u := frame(append(b, text[2:]...), frameText)
	for _, data := range attachments {
		u = append(appendHeader(u, frameBinary, len(data)), data...)
	}
	return u, nil
}

// appendAddress adds a packet's namespace, which is left out for the main one.
func appendAddress(b []byte, namespace string) []byte {
	if namespace == "/" {
		return b
	}
	return append(append(b, namespace...), ',')
}

// sink is a writer into itself.
type sink []byte

func (s *sink) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}
