package samv

// ask is one command: CMD and PARA, and what follows them.
type ask struct {
	cmd, para byte
	data      []byte
}

// State of a look at the line's bytes.
type verdict int

const (
	more   verdict = iota // not complete yet
	skip                  // no frame begins here
	good                  // a frame
	badSum                // a frame with a wrong sum
	badLen                // a frame with an impossible length
)

var preamble = []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69}

// look examines the front of buf; n bytes are used up unless it wants more.
func look(buf []byte) (a ask, n int, v verdict) {
	for i, b := range buf {
		if i == len(preamble) {
			break
		}
		if b != preamble[i] {
			return a, 1, skip
		}
	}
	if len(buf) < 7 {
		return a, 0, more
	}
	length := int(buf[5])<<8 + int(buf[6])
	if length < 3 || length > 512 {
		return a, 7, badLen
	}
	if len(buf) < 7+length {
		return a, 0, more
	}
	var sum byte
	for _, b := range buf[5 : 6+length] {
		sum ^= b
	}
	if sum != buf[6+length] {
		return a, 7 + length, badSum
	}
	return ask{buf[7], buf[8], append([]byte(nil), buf[9:6+length]...)}, 7 + length, good
}

// answer builds AA AA AA 96 69 LEN 00 00 SW3 data CHK.
func answer(sw3 byte, data ...byte) []byte {
	length := 4 + len(data)
	out := append([]byte(nil), preamble...)
	out = append(out, byte(length>>8), byte(length), 0, 0, sw3)
	out = append(out, data...)
	var sum byte
	for _, b := range out[5:] {
		sum ^= b
	}
	return append(out, sum)
}
