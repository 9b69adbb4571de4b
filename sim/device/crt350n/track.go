package crt350n

import (
	"math/bits"
	"strings"
)

// A track is stored as the magnetic stripe holds it: one byte a character, data bits low,
// an odd parity bit above them, start sentinel, data, end sentinel, LRC (ISO/IEC 7811-2:
// track 1 six data bits from 20h, tracks 2 and 3 four data bits from 30h).

type alphabet struct {
	base       byte
	bits       uint
	start, end byte
}

func alphabetOf(track int) alphabet {
	if track == 1 {
		return alphabet{0x20, 6, '%', '?'}
	}
	return alphabet{0x30, 4, ';', '?'}
}

func (a alphabet) encode(c byte) (byte, bool) {
	v := c - a.base
	if c < a.base || v >= 1<<a.bits {
		return 0, false
	}
	if bits.OnesCount8(v)%2 == 0 {
		v |= 1 << a.bits
	}
	return v, true
}

// EncodeTrack writes a track; false means a character that the track cannot hold.
func EncodeTrack(track int, data string) ([]byte, bool) {
	if data == "" {
		return nil, true
	}
	a := alphabetOf(track)
	var out []byte
	var lrc byte
	for _, c := range []byte(string(a.start) + data + string(a.end)) {
		v, ok := a.encode(c)
		if !ok || c == a.end && len(out) < len(data)+1 {
			return nil, false
		}
		out = append(out, v)
		lrc ^= v & (1<<a.bits - 1)
	}
	if bits.OnesCount8(lrc)%2 == 0 {
		lrc |= 1 << a.bits
	}
	return append(out, lrc), true
}

// DecodeTrack reads a track; a non-empty code is the device's read error: 20 parity, 23 no
// data, 24 no stripe, 26 no start sentinel, 27 no end sentinel, 28 LRC.
func DecodeTrack(track int, raw []byte) (data, code string) {
	a := alphabetOf(track)
	if raw == nil {
		return "", "24"
	}
	if len(raw) == 0 {
		return "", "23"
	}
	mask := byte(1)<<a.bits - 1
	var sb strings.Builder
	var lrc byte
	for i, v := range raw {
		if bits.OnesCount8(v)%2 == 0 {
			return "", "20"
		}
		c := v&mask + a.base
		lrc ^= v & mask
		switch {
		case i == 0 && c != a.start:
			return "", "26"
		case i == 0:
		case c == a.end:
			switch {
			case i+1 >= len(raw) || raw[i+1]&mask != lrc:
				return "", "28"
			case sb.Len() == 0:
				return "", "23"
			}
			return sb.String(), ""
		default:
			sb.WriteByte(c)
		}
	}
	return "", "27"
}

// Damage spoils a track as a worn stripe is: start, end, lrc, parity or blank.
func Damage(track int, raw []byte, how string) []byte {
	if len(raw) < 4 {
		return raw
	}
	out := append([]byte(nil), raw...)
	a := alphabetOf(track)
	switch how {
	case "start":
		out[0], _ = a.encode(a.base)
	case "end":
		out = out[:len(out)-2]
	case "lrc":
		out[len(out)-1] ^= 0x03
	case "parity":
		out[2] ^= 0x01
	case "blank":
		return []byte{}
	}
	return out
}
