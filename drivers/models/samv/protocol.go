package samv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"zhigui/drivers/api/idcard"
	"zhigui/drivers/internal/dialog"
)

// Commands: CMD and PARA.
var (
	cmdReset   = []byte{0x10, 0xFF}
	cmdStatus  = []byte{0x11, 0xFF}
	cmdModule  = []byte{0x12, 0xFF}
	cmdFind    = []byte{0x20, 0x01}
	cmdSelect  = []byte{0x20, 0x02}
	cmdRead    = []byte{0x30, 0x01}
	cmdReadAll = []byte{0x30, 0x10} // with the fingerprints
)

// Answers: SW3 (SW1 and SW2 are 0).
const (
	swOK       = 0x90
	swFound    = 0x9F
	swChecksum = 0x10
	swNoCard   = 0x80
	swNoItem   = 0x91
)

var swNames = map[byte]string{0x10: "checksum", 0x11: "length", 0x21: "command", 0x24: "unknown command", 0x31: "card authentication", 0x32: "module authentication",
	0x33: "information check", 0x40: "card command", 0x41: "read failed", 0x47: "random number", 0x60: "self-test", 0x66: "not authorised", 0x80: "no card", 0x81: "select failed", 0x91: "no data in this item"}

// status is the reader's own word for what went wrong.
type status byte

func (s status) Error() string {
	return fmt.Sprintf("the reader says %02X %s", byte(s), swNames[byte(s)])
}

const (
	maxData  = 4096
	textSize = 256
)

func xor(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

// frame is AA AA AA 96 69 LEN CMD PARA CHK; LEN counts what follows it.
func frame(cmd []byte) []byte {
	body := binary.BigEndian.AppendUint16(nil, uint16(len(cmd)+1))
	body = append(body, cmd...)
	return append(append([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69}, body...), xor(body))
}

// readAnswer finds the next answer: SW3 and data. A command that the reader got damaged
// counts as a damaged answer, so that it is sent again.
func readAnswer(next dialog.Next) ([]byte, error) {
	head := [5]byte{}
	for string(head[:]) != "\xAA\xAA\xAA\x96\x69" {
		b, err := next()
		if err != nil {
			return nil, err
		}
		copy(head[:], head[1:])
		head[4] = b
	}
	body := make([]byte, 2, 64)
	for i := range body {
		b, err := next()
		if err != nil {
			return nil, err
		}
		body[i] = b
	}
	n := int(binary.BigEndian.Uint16(body))
	if n < 4 || n > maxData {
		return nil, fmt.Errorf("%w: length %d", dialog.ErrDamaged, n)
	}
	for range n {
		b, err := next()
		if err != nil {
			return nil, err
		}
		body = append(body, b)
	}
	if xor(body) != 0 {
		return nil, fmt.Errorf("%w: checksum", dialog.ErrDamaged)
	}
	if body[2] != 0 || body[3] != 0 || body[4] == swChecksum || body[4] == 0x11 {
		return nil, fmt.Errorf("%w: %02X %02X %02X", dialog.ErrDamaged, body[2], body[3], body[4])
	}
	return body[4 : len(body)-1], nil
}

var errLayout = errors.New("the card's data are not laid out as a resident identity card's")

// parts cuts the data of a read: lengths first (two, or three with fingerprints), then as
// many blocks. The error never holds data.
func parts(data []byte, n int) ([][]byte, error) {
	if len(data) < 2*n {
		return nil, errLayout
	}
	rest := data[2*n:]
	out := make([][]byte, n)
	for i := range out {
		size := int(binary.BigEndian.Uint16(data[2*i:]))
		if size > len(rest) {
			return nil, errLayout
		}
		out[i], rest = rest[:size], rest[size:]
	}
	if len(rest) != 0 || len(out[0]) != textSize {
		return nil, errLayout
	}
	return out, nil
}

// text takes the text block apart: UTF-16, little end first, fixed places.
func text(b []byte) idcard.Card {
	at := 0
	cut := func(n int) string {
		u := make([]uint16, n/2)
		for i := range u {
			u[i] = binary.LittleEndian.Uint16(b[at+2*i:])
		}
		at += n
		return strings.Map(func(r rune) rune {
			if r < 0x20 || r == 0x7F || r == 0xFFFD {
				return -1
			}
			return r
		}, strings.TrimSpace(string(utf16.Decode(u))))
	}
	c := idcard.Card{Name: cut(30), Sex: cut(2), Nation: cut(4), Birth: cut(16), Address: cut(70), Number: cut(36), Issuer: cut(30), From: cut(16), Until: cut(16)}
	c.NationName = idcard.NationName(c.Nation)
	return c
}

// moduleID prints the sixteen bytes of the module's number as they stand on its plate.
func moduleID(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	le := binary.LittleEndian
	return fmt.Sprintf("%02d.%02d-%08d-%010d-%010d", le.Uint16(b), le.Uint16(b[2:]), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:]))
}
