package itlssp

const (
	stx     = 0x7F
	stex    = 0x7E // first data byte of an encrypted packet
	seqBit  = 0x80
	maxData = 255
)

// crc16 is the polynomial 8005, start FFFF, not reflected.
func crc16(b []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x8005
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// pack builds a frame: the checksum is over SEQ|ADDR, LEN and DATA before stuffing; every 7F
// after the first is doubled.
func pack(addr byte, data []byte) []byte {
	b := append([]byte{addr, byte(len(data))}, data...)
	sum := crc16(b)
	b = append(b, byte(sum), byte(sum>>8))
	out := []byte{stx}
	for _, c := range b {
		out = append(out, c)
		if c == stx {
			out = append(out, stx)
		}
	}
	return out
}

// packet is one good frame.
type packet struct {
	addr byte // with the sequence bit
	data []byte
}

// deframer takes the line byte by byte.
type deframer struct {
	raw    []byte // since STX, as received
	body   []byte // unstuffed, from SEQ|ADDR
	inside bool
	half   bool // a 7F came: the next byte says whether it is data
}

// push answers a packet when b ends a good one; bad is true when b ended a frame with a
// wrong checksum (a slave does not answer those).
func (d *deframer) push(b byte) (p packet, ok, bad bool) {
	if !d.inside {
		if b == stx {
			*d = deframer{inside: true, raw: []byte{b}}
		}
		return packet{}, false, false
	}
	switch {
	case d.half && b != stx: // the 7F was a start
		*d = deframer{inside: true, raw: []byte{stx}}
	case !d.half && b == stx:
		d.half = true
		d.raw = append(d.raw, b)
		return packet{}, false, false
	}
	d.half = false
	d.raw = append(d.raw, b)
	d.body = append(d.body, b)
	if len(d.body) < 2 || len(d.body) < 4+int(d.body[1]) {
		return packet{}, false, false
	}
	d.inside = false
	n := len(d.body) - 2
	sum := crc16(d.body[:n])
	if d.body[n] != byte(sum) || d.body[n+1] != byte(sum>>8) || n == 2 {
		return packet{}, false, true
	}
	return packet{addr: d.body[0], data: d.body[2:n]}, true, false
}
