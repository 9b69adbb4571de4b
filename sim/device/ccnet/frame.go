package ccnet

const (
	sync    = 0x02
	address = 0x03
	ack     = 0x00
	nak     = 0xFF
	illegal = 0x30
	minSize = 6
)

// crc16 is CRC-16/KERMIT: polynomial 8408 reflected, start 0.
func crc16(b []byte) uint16 {
	crc := uint16(0)
	for _, c := range b {
		crc ^= uint16(c)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x8408
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}

// pack builds a frame; LEN counts the whole of it.
func pack(data ...byte) []byte {
	b := append([]byte{sync, address, byte(len(data) + 5)}, data...)
	sum := crc16(b)
	return append(b, byte(sum), byte(sum>>8))
}

// readFrame reads what follows the 02. ok false: noise or incomplete; bad: the checksum is wrong.
func readFrame(next func() (byte, bool)) (raw []byte, ok, bad bool) {
	raw = []byte{sync}
	for len(raw) < 3 {
		b, got := next()
		if !got {
			return raw, false, false
		}
		raw = append(raw, b)
	}
	if raw[1] != address || raw[2] < minSize {
		return raw, false, false
	}
	for len(raw) < int(raw[2]) {
		b, got := next()
		if !got {
			return raw, false, false
		}
		raw = append(raw, b)
	}
	n := len(raw) - 2
	sum := crc16(raw[:n])
	return raw, true, raw[n] != byte(sum) || raw[n+1] != byte(sum>>8)
}
