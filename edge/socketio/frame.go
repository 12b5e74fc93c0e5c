package socketio

import "encoding/binary"

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

// The first byte of a WebSocket frame that is a whole message: the FIN bit and the opcode (RFC 6455, 5.2).
const (
	frameText = 0x81
	framePong = 0x8A
)

// headroom is what newUnit needs before a packet: the longest header of a frame, which for a server has no mask.
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
		u[1] = byte(n)
	case n < 1<<16:
		u = buf[headroom-4:]
		u[1] = 126
		binary.BigEndian.PutUint16(u[2:], uint16(n))
	default:
		u = buf
		u[1] = 127
		binary.BigEndian.PutUint64(u[2:], uint64(n))
	}
	u[0] = first
	return u
}

// cut splits the first frame's packet off a unit that is not empty.
func (u unit) cut() (packet []byte, rest unit) {
	start, n := 2, int(u[1])
	switch n {
	case 126:
		start, n = 4, int(binary.BigEndian.Uint16(u[2:]))
	case 127:
		start, n = 10, int(binary.BigEndian.Uint64(u[2:]))
	}
	return u[start : start+n], u[start+n:]
}

// cost is what a queue counts a unit as, in bytes.
func (u unit) cost() int { return len(u) + unitCost }
