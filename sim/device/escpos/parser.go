package escpos

// op is one decoded item of the print data.
type op struct {
	name string // text, LF, or the command ("ESC @", "GS V", …)
	arg  []byte
}

const (
	esc, gs, fs, dle, lf = 0x1B, 0x1D, 0x1C, 0x10, 0x0A
	maxBlock             = 1 << 16
)

// paramBytes is how many parameter bytes a command has that is fully described by its length.
var paramBytes = map[[2]byte]int{
	{esc, '@'}: 0, {esc, 'a'}: 1, {esc, 'E'}: 1, {esc, 'G'}: 1, {esc, '!'}: 1, {esc, '-'}: 1, {esc, 'M'}: 1, {esc, 'd'}: 1, {esc, 'J'}: 1, {esc, 't'}: 1, {esc, 'R'}: 1,
	{esc, '2'}: 0, {esc, '3'}: 1, {esc, ' '}: 1, {esc, 'V'}: 1, {esc, '{'}: 1, {esc, 'p'}: 3, {esc, '$'}: 2, {esc, '\\'}: 2, {esc, 0x06}: 1, {esc, '='}: 1,
	{esc, 'i'}: 0, {esc, 'm'}: 0, {esc, 'c'}: 2,
	{gs, '!'}: 1, {gs, 'B'}: 1, {gs, 'a'}: 1, {gs, 'r'}: 1, {gs, 'e'}: 1, {gs, 'I'}: 1, {gs, 'h'}: 1, {gs, 'w'}: 1, {gs, 'H'}: 1, {gs, 'f'}: 1, {gs, 'L'}: 2, {gs, 'W'}: 2,
	{gs, 'P'}: 2, {gs, 'b'}: 1,
	{fs, '&'}: 0, {fs, '.'}: 0, {fs, '!'}: 1, {fs, '-'}: 1, {fs, 'W'}: 1, {fs, 'S'}: 2, {fs, 'C'}: 1,
}

var prefix = map[byte]string{esc: "ESC ", gs: "GS ", fs: "FS ", dle: "DLE "}

// next decodes the first item of buf: n bytes of it. n 0 means that more bytes are needed.
// Unknown commands are skipped as two bytes; no input makes it fail.
func next(buf []byte) (o op, n int) {
	if len(buf) == 0 {
		return op{}, 0
	}
	b := buf[0]
	switch {
	case b == lf:
		return op{name: "LF"}, 1
	case b == dle:
		return nextDLE(buf)
	case b == esc || b == gs || b == fs:
	case b < 0x20:
		return op{name: "skip", arg: buf[:1]}, 1
	default:
		return op{name: "text", arg: buf[:1]}, 1
	}
	if len(buf) < 2 {
		return op{}, 0
	}
	c := buf[1]
	name := prefix[b] + string(rune(c))
	size := 2
	switch {
	case b == gs && c == 'V':
		if len(buf) < 3 {
			return op{}, 0
		}
		size = 3
		if buf[2] == 65 || buf[2] == 66 {
			size = 4
		}
	case c == '(':
		if len(buf) < 5 {
			return op{}, 0
		}
		size = 5 + int(buf[3]) + int(buf[4])<<8
		name += " " + string(rune(buf[2]))
	case b == gs && c == '8':
		if len(buf) < 7 {
			return op{}, 0
		}
		size = min(7+int(buf[3])+int(buf[4])<<8+int(buf[5])<<16, maxBlock)
	case b == gs && c == 'v':
		if len(buf) < 8 {
			return op{}, 0
		}
		size = min(8+(int(buf[4])+int(buf[5])<<8)*(int(buf[6])+int(buf[7])<<8), maxBlock)
	case b == esc && c == '*':
		if len(buf) < 5 {
			return op{}, 0
		}
		k := int(buf[3]) + int(buf[4])<<8
		if buf[2] >= 32 {
			k *= 3
		}
		size = min(5+k, maxBlock)
	case b == gs && c == 'k':
		return nextBarcode(buf)
	case b == esc && c == 'D':
		return untilZero(buf, name)
	default:
		k, ok := paramBytes[[2]byte{b, c}]
		if !ok {
			return op{name: "skip", arg: buf[:2]}, 2
		}
		size = 2 + k
	}
	if len(buf) < size {
		return op{}, 0
	}
	return op{name: name, arg: buf[2:size]}, size
}

// nextDLE passes over what Tap has handled already.
func nextDLE(buf []byte) (op, int) {
	if len(buf) < 2 {
		return op{}, 0
	}
	size := 3
	switch {
	case buf[1] == 0x14 && len(buf) < 3:
		return op{}, 0
	case buf[1] == 0x14 && buf[2] == 8:
		size = 10
	case buf[1] == 0x14:
		size = 5
	case buf[1] != 0x04 && buf[1] != 0x05:
		return op{name: "skip", arg: buf[:1]}, 1
	}
	if len(buf) < size {
		return op{}, 0
	}
	return op{name: "real-time", arg: buf[1:size]}, size
}

func nextBarcode(buf []byte) (op, int) {
	if len(buf) < 4 {
		return op{}, 0
	}
	if buf[2] < 65 {
		return untilZero(buf, "GS k")
	}
	size := 4 + int(buf[3])
	if len(buf) < size {
		return op{}, 0
	}
	return op{name: "GS k", arg: buf[2:size]}, size
}

func untilZero(buf []byte, name string) (op, int) {
	for i := 2; i < len(buf); i++ {
		if buf[i] == 0 || i > 300 {
			return op{name: name, arg: buf[2:i]}, i + 1
		}
	}
	return op{}, 0
}
