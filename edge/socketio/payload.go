package socketio

import (
	"bytes"
	"encoding/base64"
	"errors"
	"iter"
)

// maxPayloadPackets is the most packets in one POST. A client of the 4.x generation packs all that waits into one POST up to
// maxPayload bytes, so bursts of thousands are legal.
const maxPayloadPackets = 16384

var (
	errEmptyPacket    = errors.New("empty packet")
	errTooManyPackets = errors.New("too many packets in one payload")
	errBase64         = errors.New("binary data is not base64")
	errBinaryPayload  = errors.New("this generation has no binary payloads")
)

// enginePacket is one Engine.IO packet: its type character and its data, or if binary, the bytes of a message alone.
type enginePacket struct {
	data   []byte
	binary bool
}

// codec is how one generation of Engine.IO puts packets into the body of a long-polling request or answer. On
// WebSocket all generations send one packet a frame.
type codec interface {
	// encode makes the body that holds the packets, of which there is at least one, and says of what kind it is. It may go through them twice.
	encode(packets iter.Seq[enginePacket]) (body []byte, contentType string)
	// decode gives a body's packets in order, none of them empty unless it is binary, as parts of the body. It ends after the first error.
	// binary says that the body came as application/octet-stream.
	decode(body []byte, binary bool) iter.Seq2[enginePacket, error]
	// text reads a packet that came as text, alone or from a body: binary data may come as base64 in it.
	text(packet []byte) (enginePacket, error)
	// base64 gives the text form of a binary message's bytes.
	base64(data []byte) []byte
}

const (
	contentText   = "text/plain; charset=UTF-8"
	contentBinary = "application/octet-stream"
)

// codec4 is Engine.IO 4: text packets, joined by a separator that JSON never holds unescaped.
type codec4 struct{}

const separator4 = 0x1e

func (c codec4) encode(packets iter.Seq[enginePacket]) ([]byte, string) {
	var body []byte
	for p := range packets {
		if body != nil {
			body = append(body, separator4)
		}
		if p.binary {
			p.data = c.base64(p.data)
		}
		body = append(body, p.data...)
	}
	return body, contentText
}

func (c codec4) decode(body []byte, binary bool) iter.Seq2[enginePacket, error] {
	return func(yield func(enginePacket, error) bool) {
		if binary {
			yield(enginePacket{}, errBinaryPayload)
			return
		}
		for n, rest, more := 1, body, true; more; n++ {
			var text []byte
			text, rest, more = bytes.Cut(rest, []byte{separator4})
			if n > maxPayloadPackets {
				yield(enginePacket{}, errTooManyPackets)
				return
			}
			p, err := c.text(text)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func (codec4) text(packet []byte) (enginePacket, error) { return unpackText(packet, "b") }

func (codec4) base64(data []byte) []byte { return packBase64("b", data) }

// unpackText reads a text packet; one that begins with the mark holds base64.
func unpackText(packet []byte, mark string) (enginePacket, error) {
	if len(packet) == 0 {
		return enginePacket{}, errEmptyPacket
	}
	if packet[0] != mark[0] {
		return enginePacket{data: packet}, nil
	}
	encoded, ok := bytes.CutPrefix(packet, []byte(mark))
	if !ok {
		return enginePacket{}, errBase64
	}
	data, err := base64.StdEncoding.AppendDecode(nil, encoded)
	if err != nil {
		return enginePacket{}, errBase64
	}
	return enginePacket{data: data, binary: true}, nil
}

// packBase64 is the reverse.
func packBase64(mark string, data []byte) []byte {
	return base64.StdEncoding.AppendEncode([]byte(mark), data)
}
