package socketio

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync/atomic"
)

// Packet is an event that has been encoded once, to be sent to any number of sockets. It does not change and may be kept
// and shared freely; the queues of all connections that it waits for, of both generations of Engine.IO, hold the same bytes.
//
// It is made for the main namespace "/". The few other forms that there may be, for another namespace, of binary data for Engine.IO 3, and with an
// offset, are made when they are first sent, and kept with it.
type Packet struct {
	main   unit // without the offset
	offset []byte
	others atomic.Pointer[[]variant]
}

// form is what the bytes of a packet depend on.
type form struct {
	namespace string
	protocol3 bool // Engine.IO 3; matters if there is binary data
	offset    bool // with the offset, if the packet has one
}

// variant is a packet in another form.
type variant struct {
	form form
	unit unit
}

// NewPacket encodes an event. It is an error if the arguments do not encode as JSON, if they hold more than ten Binary, or if the
// name is reserved.
func NewPacket(event string, args ...any) (*Packet, error) {
	u, err := encodeEvent("/", noID, event, args)
	if err != nil {
		return nil, err
	}
	return &Packet{main: u}, nil
}

// WithOffset gives the packet with an offset, which the clients of sockets that Recover has made recoverable remember, and come
// back with; see there. It is one more argument of the event for them (clients before 4.6 show it to their handlers, as with the reference
// implementation), and nothing for the others.
func (p *Packet) WithOffset(offset string) *Packet {
	quoted, _ := json.Marshal(offset) // a string always encodes
	return &Packet{main: p.main, offset: quoted}
}

// JSON gives the event as an array of its name and its arguments, without the offset. Binary data in it is a placeholder there.
func (p *Packet) JSON() json.RawMessage {
	_, text, _ := p.main.cut()
	return json.RawMessage(text[bytes.IndexByte(text, '['):])
}

// in gives the packet in a form. It takes no lock.
func (p *Packet) in(f form) unit {
	f.protocol3 = f.protocol3 && p.main.hasBinary()
	f.offset = f.offset && p.offset != nil
	if f == (form{namespace: "/"}) {
		return p.main
	}
	for {
		others := p.others.Load()
		var known []variant
		if others != nil {
			known = *others
		}
		for _, v := range known {
			if v.form == f {
				return v.unit
			}
		}
		u := p.main.reform(f, p.offset)
		more := append(slices.Clone(known), variant{f, u})
		if p.others.CompareAndSwap(others, &more) {
			return u
		}
	}
}

// reform gives an event or an acknowledgement for "/" in Engine.IO 4 in another form, with an offset if the form asks for one.
func (u unit) reform(f form, offset []byte) unit {
	_, text, rest := u.cut()
	head := 2 // message, and the packet's type
	if u.hasBinary() {
		head = bytes.IndexByte(text, '-') + 1
	}
	b := make([]byte, headroom, headroom+len(text)+len(f.namespace)+1+len(offset)+1+len(rest)+16)
	b = append(b, text[:head]...)
	b = appendAddress(b, f.namespace)
	b = append(b, text[head:]...)
	if f.offset {
		b = append(append(append(b[:len(b)-1], ','), offset...), ']')
	}
	out := frame(b, frameText)
	for first, data := range rest.frames() {
		if f.protocol3 {
			out = append(appendHeader(out, first, 1+len(data)), binaryMessage)
		} else {
			out = appendHeader(out, first, len(data))
		}
		out = append(out, data...)
	}
	return out
}
