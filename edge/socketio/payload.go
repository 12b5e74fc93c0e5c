package socketio

import (
	"bytes"
	"errors"
	"iter"
)

// maxPayloadPackets is the most packets in one POST. A client of the 4.x generation packs all that waits into one POST up to
// maxPayload bytes, so bursts of thousands are legal.
const maxPayloadPackets = 16384

var (
	errEmptyPacket    = errors.New("empty packet")
	errTooManyPackets = errors.New("too many packets in one payload")
)

// codec is how one generation of Engine.IO puts packets into the body of a long-polling request or answer. On
// WebSocket all generations send one packet a frame.
type codec interface {
	// append adds one packet to a payload that holds zero or more.
	append(payload, packet []byte) []byte
	// packets gives a payload's packets in order. It ends after the first error.
	packets(payload []byte) iter.Seq2[[]byte, error]
}

// codecs has the codec for each EIO parameter that is served.
var codecs = map[string]codec{"4": codec4{}}

// codec4 is Engine.IO 4: text packets, joined by a separator that JSON never holds unescaped.
type codec4 struct{}

const separator4 = 0x1e

func (codec4) append(payload, packet []byte) []byte {
	if len(payload) > 0 {
		payload = append(payload, separator4)
	}
	return append(payload, packet...)
}

func (codec4) packets(payload []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for n, more := 1, true; more; n++ {
			var packet []byte
			packet, payload, more = bytes.Cut(payload, []byte{separator4})
			switch {
			case len(packet) == 0:
				yield(nil, errEmptyPacket)
				return
			case n > maxPayloadPackets:
				yield(nil, errTooManyPackets)
				return
			case !yield(packet, nil):
				return
			}
		}
	}
}
