package socketio

import (
	"encoding/binary"
	"iter"
)

// A packet of Engine.IO is one character that says its type and then its data.
const (
	packetOpen    = '0'
	packetClose   = '1'
	packetPing    = '2'
	packetPong    = '3'
	packetMessage = '4'
	packetUpgrade = '5'
	packetNoop    = '6'
)

// binaryMessage begins a binary packet in Engine.IO 3, where 4 has the bare data: the packet's type, as a number this time.
const binaryMessage = 4

// The first byte of a WebSocket frame that is a whole message: the FIN bit and the opcode (RFC 6455, 5.2).
const (
	frameText   = 0x81
	frameBinary = 0x82
	framePong   = 0x8A
)

// headroom is what frame needs before a packet: the longest header of a frame, which for a server has no mask.
const headroom = 10

// unitCost is what a unit takes up in a queue beside its bytes.
const unitCost = 24

// A unit is what must stay together on its way to the client: one or more whole WebSocket frames as a server sends
// them, back to back, each holding one Engine.IO packet. It is never changed once made, so any number of queues may share it;
// a WebSocket gets it as it is, and long-polling takes the packets out of it again.
type unit []byte

// ping is the server's heartbeat.
var ping = frame([]byte{headroom: packetPing}, frameText)

// frame makes a unit of one frame, in place: buf is headroom bytes of anything and then the frame's data.
func frame(buf []byte, first byte) unit {
	n := len(buf) - headroom
	var u unit
	switch {
	case n < 126:
		u = buf[headroom-2:]
	case n < 1<<16:
		u = buf[headroom-4:]
	default:
		u = buf
	}
	appendHeader(u[:0], first, n)
	return u
}

// appendHeader adds the header of a frame that holds n bytes.
func appendHeader(u unit, first byte, n int) unit {
	switch {
	case n < 126:
		return append(u, first, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(u, first, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(u, first, 127), uint64(n))
	}
}

// cut splits the first frame off a unit that is not empty: the first byte of its header, its data, and what follows.
func (u unit) cut() (first byte, data []byte, rest unit) {
	start, n := 2, int(u[1])
	switch n {
	case 126:
		start, n = 4, int(binary.BigEndian.Uint16(u[2:]))
	case 127:
		start, n = 10, int(binary.BigEndian.Uint64(u[2:]))
	}
	return u[0], u[start : start+n : start+n], u[start+n:]
}

// frames gives a unit's frames: the first byte of each one's header, and its data.
func (u unit) frames() iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for rest := u; len(rest) > 0; {
			var first byte
			var data []byte
			first, data, rest = rest.cut()
			if !yield(first, data) {
				return
			}
		}
	}
}

// hasBinary says whether a unit is a Socket.IO packet with attachments, whose form depends on the generation of Engine.IO.
func (u unit) hasBinary() bool {
	_, text, rest := u.cut()
	return len(rest) > 0 && len(text) > 1 && (text[1] == kindBinaryEvent || text[1] == kindBinaryAck)
}

// cost is what a queue counts a unit as, in bytes.
func (u unit) cost() int { return len(u) + unitCost }
