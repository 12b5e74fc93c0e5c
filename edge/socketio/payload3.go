package socketio

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"iter"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	errLength     = errors.New("packet length is wrong")
	errPacketForm = errors.New("packet is neither text nor a binary message")
)

// codec3 is Engine.IO 3: each packet comes behind its length. A text body counts UTF-16 code units, as JavaScript does, and a binary
// body counts bytes. Text to be sent must be UTF-8, or the client would count otherwise.
type codec3 struct {
	textOnly bool // the client asked for text alone (b64=1)
}

// mark3 is what base64 begins with: that it is, and the type of a message.
const mark3 = "b4"

// In a text body the digits of a length are characters, and this ends them.
const endDigits = ':'

// In a binary body each packet begins with its form, the digits of its length are the bytes 0 to 9, and so is a binary packet's type.
const (
	formText    = 0x00
	formBinary  = 0x01
	endBytes    = 0xff
	typeMessage = packetMessage - '0'
)

// maxLengthDigits keeps lengths below 1e9, so that any int holds them.
const maxLengthDigits = 9

// encode goes over the packets twice: first to measure them, so that the body is one allocation. It is text unless that would take
// base64 which the client has not asked for.
func (c codec3) encode(packets iter.Seq[enginePacket]) ([]byte, string) {
	size, asText := 0, true
	for p := range packets {
		size += c.room(p)
		asText = asText && (c.textOnly || !p.binary)
	}
	body := make([]byte, 0, size)
	if asText {
		for p := range packets {
			body = appendText3(body, p)
		}
		return body, contentText
	}
	for p := range packets {
		body = appendBinary3(body, p)
	}
	return body, contentBinary
}

// room is how many bytes a packet takes in a body, or up to two more.
func (c codec3) room(p enginePacket) int {
	n := len(p.data)
	switch {
	case p.binary && c.textOnly:
		n = len(mark3) + base64.StdEncoding.EncodedLen(n)
	case p.binary:
		n++ // its type
	}
	digits := 1
	for rest := n; rest >= 10; rest /= 10 {
		digits++
	}
	return len("\x00\xff") + digits + n
}

// appendText3 adds a packet to a text body.
func appendText3(body []byte, p enginePacket) []byte {
	if !p.binary {
		body = strconv.AppendInt(body, int64(utf16Length(p.data)), 10)
		return append(append(body, endDigits), p.data...)
	}
	body = strconv.AppendInt(body, int64(len(mark3)+base64.StdEncoding.EncodedLen(len(p.data))), 10)
	return base64.StdEncoding.AppendEncode(append(append(body, endDigits), mark3...), p.data)
}

// appendBinary3 adds a packet to a binary body.
func appendBinary3(body []byte, p enginePacket) []byte {
	form, n := byte(formText), len(p.data)
	if p.binary {
		form, n = formBinary, 1+n
	}
	body = append(body, form)
	digits := len(body)
	body = strconv.AppendInt(body, int64(n), 10)
	for i := digits; i < len(body); i++ {
		body[i] -= '0'
	}
	body = append(body, endBytes)
	if p.binary {
		body = append(body, typeMessage)
	}
	return append(body, p.data...)
}

func (c codec3) decode(body []byte, binary bool) iter.Seq2[enginePacket, error] {
	cut := c.cutText
	if binary {
		cut = c.cutBinary
	}
	return func(yield func(enginePacket, error) bool) {
		if len(body) == 0 {
			yield(enginePacket{}, errEmptyPacket)
			return
		}
		rest := body
		for n := 1; len(rest) > 0; n++ {
			if n > maxPayloadPackets {
				yield(enginePacket{}, errTooManyPackets)
				return
			}
			var p enginePacket
			var err error
			p, rest, err = cut(rest)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// cutText cuts the first packet off a text body.
func (c codec3) cutText(body []byte) (p enginePacket, rest []byte, err error) {
	units, rest, err := cutLength(body, '0', endDigits)
	if err != nil {
		return enginePacket{}, nil, err
	}
	size, err := utf16Prefix(rest, units)
	if err != nil {
		return enginePacket{}, nil, err
	}
	p, err = c.text(rest[:size])
	return p, rest[size:], err
}

// cutBinary cuts the first packet off a binary body.
func (c codec3) cutBinary(body []byte) (p enginePacket, rest []byte, err error) {
	form := body[0]
	size, rest, err := cutLength(body[1:], 0, endBytes)
	if err != nil {
		return enginePacket{}, nil, err
	}
	if size > len(rest) {
		return enginePacket{}, nil, errLength
	}
	data, rest := rest[:size], rest[size:]
	switch {
	case form == formText && !utf8.Valid(data):
		err = errUTF8
	case form == formText:
		p, err = c.text(data)
	case form == formBinary && data[0] == typeMessage:
		p = enginePacket{data: data[1:], binary: true}
	default:
		err = errPacketForm
	}
	return p, rest, err
}

func (codec3) text(packet []byte) (enginePacket, error) { return unpackText(packet, mark3) }

func (codec3) base64(data []byte) []byte { return packBase64(mark3, data) }

// cutLength cuts a length, and what ends it, off the front of a body. It has no leading zeros and so is at least one.
func cutLength(body []byte, zero, end byte) (n int, rest []byte, err error) {
	for i, c := range body {
		digit := c - zero
		switch {
		case c == end && i > 0:
			return n, body[i+1:], nil
		case digit > 9 || digit == 0 && i == 0 || i == maxLengthDigits:
			return 0, nil, errLength
		}
		n = 10*n + int(digit)
	}
	return 0, nil, errLength
}

// highBits has the bit that a byte of UTF-8 has if it is not ASCII, for eight bytes at once.
const highBits = 0x8080808080808080

// utf16Length is how many UTF-16 code units a text has, which is valid UTF-8: one for each character, and one more for those of
// four bytes.
func utf16Length(text []byte) int {
	n := len(text)
	for ; len(text) >= 8; text = text[8:] {
		eight := binary.LittleEndian.Uint64(text)
		if eight&highBits == 0 {
			continue
		}
		within := eight &^ (eight << 1) & highBits                              // 10xxxxxx: not a character's first byte
		ofFour := eight & (eight << 1) & (eight << 2) & (eight << 3) & highBits // 11110xxx: the first of four
		n += bits.OnesCount64(ofFour) - bits.OnesCount64(within)
	}
	for _, c := range text {
		switch {
		case c >= 0xf0:
			n++
		case c&0xc0 == 0x80:
			n--
		}
	}
	return n
}

// utf16Prefix is how many bytes the first so many UTF-16 code units of a text take. It is an error if the text is shorter, or is not
// UTF-8 up to there, or if a character goes on behind them.
func utf16Prefix(text []byte, units int) (size int, err error) {
	for units > 0 {
		if units >= 8 && len(text)-size >= 8 && binary.LittleEndian.Uint64(text[size:])&highBits == 0 {
			size, units = size+8, units-8
			continue
		}
		r, width := utf8.DecodeRune(text[size:])
		switch {
		case width == 0:
			return 0, errLength
		case width == 1 && r == utf8.RuneError:
			return 0, errUTF8
		}
		size, units = size+width, units-utf16.RuneLen(r)
	}
	if units < 0 {
		return 0, errLength
	}
	return size, nil
}
