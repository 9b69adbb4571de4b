package escp

import "bytes"

// token is one decoded piece of what the host sent.
type token struct {
	name string // text, or the command ("ESC (V", "FS &", "FF", in remote mode "REMOTE ST")
	arg  []byte
}

const (
	esc, fs, lf, cr, ff, can = 0x1B, 0x1C, 0x0A, 0x0D, 0x0C, 0x18
	most                     = 1 << 16
)

// sizes are the bytes behind ESC and a letter; -1 is a list that a NUL ends.
var sizes = map[byte]int{
	'@': 0, 'E': 0, 'F': 0, 'G': 0, 'H': 0, '4': 0, '5': 0, 'M': 0, 'P': 0, 'g': 0, '0': 0, '2': 0, 'T': 0, '<': 0, '=': 0, '>': 0, '#': 0, 0x0E: 0, 0x0F: 0,
	'$': 2, '\\': 2, 'J': 1, '3': 1, '+': 1, 'A': 1, 'W': 1, 'w': 1, '!': 1, 0x19: 1, 'x': 1, 'k': 1, 't': 1, 'R': 1, 'l': 1, 'Q': 1, 'U': 1, 'S': 1,
	'-': 1, ' ': 1, 'a': 1, 'p': 1, 'N': 1, 'O': 0, '6': 0, '7': 0, 'j': 1, 'r': 1, 'q': 1, 0x00: 2, 'D': -1, 'B': -1,
}

var sizesFS = map[byte]int{'&': 0, '.': 0, 'S': 2, 'T': 2, 'W': 1, '-': 1, '!': 1, 'J': 0, 'K': 0, 'x': 1, 'k': 1, 0x0E: 0, 0x14: 0, 0x0F: 0, 0x12: 0, 'D': 2, 'C': 1}

var single = map[byte]string{lf: "LF", cr: "CR", ff: "FF", can: "CAN", 0x0E: "SO", 0x14: "DC4"}

// next takes the first token off buf: n bytes; n 0 asks for more. In remote mode there are only
// commands of two letters, and the end of the mode.
func next(buf []byte, remote bool) (t token, n int) {
	switch {
	case len(buf) == 0:
		return token{}, 0
	case remote && buf[0] != esc:
		if len(buf) < 4 {
			return token{}, 0
		}
		return part(buf, "REMOTE "+string(rune(buf[0]))+string(rune(buf[1])), 4, min(int(buf[2])+int(buf[3])<<8, most))
	case single[buf[0]] != "":
		return token{name: single[buf[0]]}, 1
	case buf[0] != esc && buf[0] != fs:
		if buf[0] < 0x20 || buf[0] == 0x7F {
			return token{name: "skip", arg: buf[:1]}, 1
		}
		return token{name: "text", arg: buf[:1]}, 1
	case len(buf) < 2:
		return token{}, 0
	}
	c := buf[1]
	if buf[0] == fs {
		if k, ok := sizesFS[c]; ok {
			return part(buf, "FS "+string(rune(c)), 2, k)
		}
		return token{name: "skip", arg: buf[:2]}, 2
	}
	switch c {
	case '(':
		if len(buf) < 5 {
			return token{}, 0
		}
		return part(buf, "ESC ("+string(rune(buf[2])), 5, min(int(buf[3])+int(buf[4])<<8, most))
	case '*':
		if len(buf) < 5 {
			return token{}, 0
		}
		k := int(buf[3]) + int(buf[4])<<8
		if buf[2] >= 32 {
			k *= 3
		}
		t, n := part(buf, "ESC *", 5, k)
		if n > 0 {
			t.arg = buf[2:n]
		}
		return t, n
	case 'C':
		if len(buf) < 3 {
			return token{}, 0
		}
		if buf[2] == 0 {
			return part(buf, "ESC C inches", 3, 1)
		}
		return part(buf, "ESC C", 2, 1)
	case 0x01: // ESC SOH @EJL … LF
		i := bytes.IndexByte(buf, lf)
		switch {
		case i > 0:
			return token{name: "EJL", arg: buf[2:i]}, i + 1
		case len(buf) > 128:
			return token{name: "skip", arg: buf[:2]}, 2
		}
		return token{}, 0
	}
	k, ok := sizes[c]
	switch {
	case !ok:
		return token{name: "skip", arg: buf[:2]}, 2
	case k < 0:
		i := bytes.IndexByte(buf[2:], 0)
		switch {
		case i >= 0:
			return token{name: "ESC " + string(rune(c)), arg: buf[2 : 2+i]}, i + 3
		case len(buf) > 64:
			return token{name: "skip", arg: buf[:2]}, 2
		}
		return token{}, 0
	}
	return part(buf, "ESC "+string(rune(c)), 2, k)
}

func part(buf []byte, name string, head, k int) (token, int) {
	if len(buf) < head+k {
		return token{}, 0
	}
	return token{name: name, arg: buf[head : head+k]}, head + k
}
