package starline

// item is one decoded piece of the print data.
type item struct {
	name string // text, or the command's name in Star's writing ("ESC d", "ETB", …)
	arg  []byte
}

const (
	eot, enq, ack, lf, cr, etb, can = 0x04, 0x05, 0x06, 0x0A, 0x0D, 0x17, 0x18
	esc, gs, rs, fs, syn            = 0x1B, 0x1D, 0x1E, 0x1C, 0x16
	most                            = 1 << 16
)

var controls = map[byte]string{lf: "LF", cr: "CR", enq: "ENQ", eot: "EOT", etb: "ETB", can: "CAN", 0x0E: "SO", 0x14: "DC4", 0x0C: "FF"}

// behindESC is how many bytes follow ESC and a letter.
var behindESC = map[byte]int{
	'@': 0, 'E': 0, 'F': 0, '4': 0, '5': 0, 'M': 0, 'P': 0, ':': 0, 'g': 0, 'p': 0, 'q': 0, '0': 0, '1': 0, '2': 0, 0x0E: 0, 0x14: 0,
	'a': 1, 'd': 1, 'J': 1, 'j': 1, 'I': 1, 'A': 1, '3': 1, 'y': 1, 'z': 1, 'W': 1, 'h': 1, '-': 1, '_': 1, 'R': 1, '/': 1, ' ': 1, 't': 2, 's': 2,
	'i': 2, 'l': 1, 'Q': 1, '$': 1, 'C': 1, '%': 1, 0x07: 2, '?': 2, ack: 1, syn: 2,
}

// behindGS is how many bytes follow ESC GS and a letter.
var behindGS = map[byte]int{'t': 1, 'a': 1, 'A': 2, 'R': 2, 0x03: 3, '#': 7, 'P': 1, '4': 2, 'g': 2, 'h': 2, 'r': 4, 'b': 2}

// next takes the first item off buf: n bytes of it; n 0 asks for more. What it does not know it
// passes over in two or three bytes.
func next(buf []byte) (i item, n int) {
	if len(buf) == 0 {
		return item{}, 0
	}
	b := buf[0]
	switch {
	case controls[b] != "":
		return item{name: controls[b]}, 1
	case b == esc:
		if len(buf) < 2 {
			return item{}, 0
		}
		return escape(buf)
	case b < 0x20 || b == 0x7F:
		return item{name: "skip", arg: buf[:1]}, 1
	}
	return item{name: "text", arg: buf[:1]}, 1
}

func fixed(buf []byte, name string, head, k int) (item, int) {
	if len(buf) < head+k {
		return item{}, 0
	}
	return item{name: name, arg: buf[head : head+k]}, head + k
}

func escape(buf []byte) (item, int) {
	c := buf[1]
	switch c {
	case gs, rs:
		if len(buf) < 3 {
			return item{}, 0
		}
		if c == rs {
			return fixed(buf, "ESC RS "+string(rune(buf[2])), 3, 1)
		}
		if buf[2] == 'y' || buf[2] == 'x' {
			return symbol(buf)
		}
		if buf[2] == 'S' {
			return raster(buf)
		}
		if k, ok := behindGS[buf[2]]; ok {
			name := "ESC GS " + string(rune(buf[2]))
			if buf[2] == 0x03 {
				name = "ESC GS ETX"
			}
			return fixed(buf, name, 3, k)
		}
		return item{name: "skip", arg: buf[:3]}, 3
	case 'b':
		return until(buf, rs, "ESC b")
	case 'D', 'B':
		return until(buf, 0, "ESC "+string(rune(c)))
	case 'K', 'L', 'k', 'X':
		if len(buf) < 4 {
			return item{}, 0
		}
		k := int(buf[2]) + int(buf[3])<<8
		switch c {
		case 'k':
			k *= 24 // a line of 24 dots, so many bytes wide
		case 'X':
			k *= 3
		}
		i, n := fixed(buf, "image", 4, k)
		if n > 0 && c == 'k' {
			i = item{name: "raster", arg: buf[2:n]}
		}
		return i, n
	case ack:
		return fixed(buf, "ESC ACK", 2, 1)
	case syn:
		return fixed(buf, "ESC SYN", 2, 2)
	}
	if k, ok := behindESC[c]; ok {
		return fixed(buf, "ESC "+string(rune(c)), 2, k)
	}
	return item{name: "skip", arg: buf[:2]}, 2
}

// symbol is ESC GS y (QR) or x (PDF417): settings S, data D, print P, information I.
func symbol(buf []byte) (item, int) {
	if len(buf) < 4 {
		return item{}, 0
	}
	name := "ESC GS " + string(rune(buf[2])) + " " + string(rune(buf[3]))
	switch buf[3] {
	case 'S':
		return fixed(buf, name, 4, 2)
	case 'D':
		if len(buf) < 8 {
			return item{}, 0
		}
		return fixed(buf, name, 4, 4+int(buf[6])+int(buf[7])<<8)
	}
	return item{name: name}, 4
}

// raster is ESC GS S m xL xH yL yH n and the dots.
func raster(buf []byte) (item, int) {
	if len(buf) < 9 {
		return item{}, 0
	}
	k := (int(buf[4]) + int(buf[5])<<8) * (int(buf[6]) + int(buf[7])<<8)
	i, n := fixed(buf, "raster", 9, min(k, most))
	if n > 0 {
		i.arg = append([]byte{buf[4], buf[5]}, i.arg...)
	}
	return i, n
}

func until(buf []byte, end byte, name string) (item, int) {
	for i := 2; i < len(buf); i++ {
		if buf[i] == end || i > 512 {
			return item{name: name, arg: buf[2:i]}, i + 1
		}
	}
	return item{}, 0
}
