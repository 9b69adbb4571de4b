package link

import (
	"encoding/binary"
	"net"
)

// records follows where the records of TLS or TLCP end in what was read: type, version and length, then so many bytes.
type records struct {
	net.Conn
	head [5]byte
	have int // bytes of the head
	left int // bytes of the record behind it
}

// Read implements net.Conn.
func (r *records) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	for b = b[:n]; len(b) > 0; {
		if r.left > 0 {
			k := min(r.left, len(b))
			r.left, b = r.left-k, b[k:]
			continue
		}
		k := copy(r.head[r.have:], b)
		if r.have, b = r.have+k, b[k:]; r.have == len(r.head) {
			r.have, r.left = 0, int(binary.BigEndian.Uint16(r.head[3:]))
		}
	}
	return n, err
}

// whole tells whether the last record is complete.
func (r *records) whole() bool { return r.have == 0 && r.left == 0 }
