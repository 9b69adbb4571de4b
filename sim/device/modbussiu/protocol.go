package modbussiu

// check16 is the sum of an RTU frame, low byte first: the reflected polynomial A001 from
// FFFF, by table.
func check16(b []byte) [2]byte {
	lo, hi := byte(0xFF), byte(0xFF)
	for _, x := range b {
		t := table[lo^x]
		lo, hi = hi^byte(t), byte(t>>8)
	}
	return [2]byte{lo, hi}
}

var table = func() (t [256]uint16) {
	for i := range t {
		v := uint16(i)
		for range 8 {
			low := v & 1
			v >>= 1
			if low == 1 {
				v ^= 0xA001
			}
		}
		t[i] = v
	}
	return t
}()

func seal(b ...byte) []byte {
	s := check16(b)
	return append(b, s[0], s[1])
}

// query is one request: function and what follows it without the sum.
type query struct {
	unit, fn byte
	data     []byte
}

func (q query) word(i int) int { return int(q.data[i])<<8 | int(q.data[i+1]) }

// next takes a query off the front of buf: n bytes are used up (0: more are needed); ok is
// false for bytes that are none. Frames are told by their length: a PTY has no pauses.
func next(buf []byte) (q query, n int, ok bool) {
	if len(buf) < 2 {
		return q, 0, false
	}
	size := 8
	if fn := buf[1]; fn == 15 || fn == 16 {
		if len(buf) < 7 {
			return q, 0, false
		}
		size = 9 + int(buf[6])
	} else if fn == 7 || fn == 17 {
		size = 4
	}
	if len(buf) < size {
		return q, 0, false
	}
	if s := check16(buf[:size-2]); s[0] != buf[size-2] || s[1] != buf[size-1] {
		return q, 1, false
	}
	return query{buf[0], buf[1], append([]byte(nil), buf[2:size-2]...)}, size, true
}
