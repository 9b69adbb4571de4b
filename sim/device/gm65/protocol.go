package gm65

const (
	readZone  = 0x07
	writeZone = 0x08
	saveZones = 0x09
	heartbeat = 0x0A
)

// request is one command frame without its head and sum.
type request struct {
	op   byte
	zone int
	data []byte
}

// sum16 is the CRC of the maker's manual: polynomial x16+x12+x5+1, from zero, high bit first.
func sum16(b []byte) uint16 {
	r := 0
	for _, v := range b {
		for bit := 7; bit >= 0; bit-- {
			r <<= 1
			if r&0x10000 != 0 {
				r ^= 0x11021
			}
			if v>>bit&1 == 1 {
				r ^= 0x1021
			}
		}
	}
	return uint16(r)
}

// parse takes a request off the front of buf: n bytes are used up (0: more are needed). ok
// is false for what is no request.
func parse(buf []byte) (r request, n int, ok bool) {
	switch {
	case len(buf) == 0:
		return r, 0, false
	case buf[0] != 0x7E:
		return r, 1, false
	case len(buf) < 2:
		return r, 0, false
	case buf[1] != 0x00:
		return r, 1, false
	case len(buf) < 4:
		return r, 0, false
	}
	size := 2 + 4 + int(buf[3]) + 2
	if len(buf) < size {
		return r, 0, false
	}
	body, sum := buf[2:size-2], int(buf[size-2])<<8|int(buf[size-1])
	if sum != 0xABCD && sum != int(sum16(body)) {
		return r, 1, false
	}
	return request{op: body[0], zone: int(body[2])<<8 | int(body[3]), data: append([]byte(nil), body[4:]...)}, size, true
}

// answer is 02 00 00 LEN data CRC; head differs for the heartbeat.
func answer(head byte, data ...byte) []byte {
	body := append([]byte{0x00, byte(len(data))}, data...)
	s := sum16(body)
	return append(append([]byte{head, 0x00}, body...), byte(s>>8), byte(s))
}
