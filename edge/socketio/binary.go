package socketio

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// maxSentAttachments is how many pieces of binary data the client libraries take in one packet.
const maxSentAttachments = 10

var errAttachments = errors.New("too many attachments")

// Binary is data that travels as an attachment, outside the packet's JSON, and that clients get as a Buffer, an ArrayBuffer or the like. It may be
// an argument, or be anywhere inside one; a plain []byte becomes a string in base64, as encoding/json does. One packet may
// hold ten. Its encoding is for this package's own use.
type Binary []byte

// mark is what a Binary's place in the JSON is found by: nothing that anybody else could have written. It never leaves the process.
var mark = []byte(rand.Text())

// MarshalJSON leaves the data in the JSON, marked, for extract to find.
func (b Binary) MarshalJSON() ([]byte, error) {
	text := make([]byte, 0, 2+len(mark)+base64.StdEncoding.EncodedLen(len(b)))
	text = append(append(text, '"'), mark...)
	return append(base64.StdEncoding.AppendEncode(text, b), '"'), nil
}

// extract puts placeholders where there is Binary in the text, and gives what it has taken out.
func extract(text []byte) (rest []byte, attachments [][]byte, err error) {
	for {
		before, after, found := bytes.Cut(text, mark)
		if !found {
			return append(rest, text...), attachments, nil
		}
		if len(attachments) == maxSentAttachments {
			return nil, nil, errAttachments
		}
		encoded, after, _ := bytes.Cut(after, []byte{'"'})
		data, err := base64.StdEncoding.AppendDecode(nil, encoded)
		if err != nil {
			return nil, nil, err
		}
		rest = append(rest, before[:len(before)-1]...)
		rest = append(rest, `{"_placeholder":true,"num":`...)
		rest = append(strconv.AppendInt(rest, int64(len(attachments)), 10), '}')
		attachments = append(attachments, data)
		text = after
	}
}

// Arg is one argument of an event or of an acknowledgement, valid JSON in UTF-8 with or without binary data in it. As an
// argument of Emit, Ack, Call and NewPacket it is sent on, binary data included; elsewhere use Decode or JSON, since its own encoding is for this
// package alone. It may be kept.
type Arg struct {
	text        json.RawMessage
	attachments [][]byte // of the whole packet; nil if none of them is in this argument
}

// Decode puts the argument into v as json.Unmarshal does, with binary data for the []byte or Binary anywhere in v.
func (a Arg) Decode(v any) error {
	text := a.text
	if a.HasBinary() {
		var err error
		if text, err = a.fill(func(data []byte) any { return data }); err != nil {
			return err
		}
	}
	return json.Unmarshal(text, v)
}

// JSON gives the argument as it came, with placeholders for binary data. It is not a copy: do not change it.
func (a Arg) JSON() json.RawMessage { return a.text }

// HasBinary says whether there is binary data in the argument.
func (a Arg) HasBinary() bool { return a.attachments != nil }

// MarshalJSON is for sending the argument on.
func (a Arg) MarshalJSON() ([]byte, error) {
	if !a.HasBinary() {
		return a.text, nil
	}
	return a.fill(func(data []byte) any { return Binary(data) })
}

// fill gives the argument's JSON with what put makes of the attachments in the place of the placeholders.
func (a Arg) fill(put func([]byte) any) (json.RawMessage, error) {
	tree, err := parseTree(a.text)
	if err != nil {
		return nil, err
	}
	tree, err = replace(tree, len(a.attachments), func(num int) any { return put(a.attachments[num]) })
	if err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

// parseTree reads JSON without rounding its numbers.
func parseTree(text []byte) (tree any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return tree, d.Decode(&tree)
}

// replace puts what put makes of the attachments in the place of their placeholders, as the reference implementation finds them.
func replace(tree any, attachments int, put func(num int) any) (any, error) {
	var err error
	switch t := tree.(type) {
	case []any:
		for i := range t {
			if t[i], err = replace(t[i], attachments, put); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if t["_placeholder"] == true {
			n, _ := t["num"].(json.Number)
			num, err := strconv.Atoi(string(n))
			if err != nil || num < 0 || num >= attachments {
				return nil, fmt.Errorf("%w: no attachment %q", errPayload, n)
			}
			return put(num), nil
		}
		for k := range t {
			if t[k], err = replace(t[k], attachments, put); err != nil {
				return nil, err
			}
		}
	}
	return tree, nil
}

// newArgs makes arguments of JSON values, of a packet with these attachments. It is an error if they ask for an attachment that is not there, or
// for one twice: no client library writes that, and it would make much out of little.
func newArgs(values []json.RawMessage, attachments [][]byte) ([]Arg, error) {
	args := make([]Arg, len(values))
	used := make([]bool, len(attachments))
	for i, text := range values {
		args[i].text = text
		if attachments == nil {
			continue
		}
		tree, err := parseTree(text)
		if err != nil {
			return nil, err
		}
		twice := false
		if _, err := replace(tree, len(attachments), func(num int) any {
			args[i].attachments = attachments
			twice = twice || used[num]
			used[num] = true
			return nil
		}); err != nil {
			return nil, err
		}
		if twice {
			return nil, fmt.Errorf("%w: an attachment is there twice", errPayload)
		}
	}
	return args, nil
}
