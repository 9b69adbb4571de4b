package message

import (
	"bufio"
	"errors"
	"io"
)

// ErrFrame is a frame whose length prefix cannot be right; the stream is out of step and
// the connection must be closed.
var ErrFrame = errors.New("message: frame length out of range")

// ReadFrame reads one frame from r into buf (grown when needed, never beyond MaxLen) and
// returns its body without the prefix. An empty body is an idle frame. io.EOF means the
// peer closed between frames.
func (d *Dialect) ReadFrame(r *bufio.Reader, buf []byte) ([]byte, error) {
	w := 2
	if d.Prefix == PrefixASCII4 {
		w = 4
	}
	p, err := r.Peek(w)
	if err != nil {
		if len(p) == 0 && errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if errors.Is(err, io.EOF) {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
	n := int(p[0])<<8 | int(p[1])
	if d.Prefix == PrefixASCII4 {
		var ok bool
		if n, ok = ascii(p); !ok {
			return nil, ErrFrame
		}
	}
	if n > d.MaxLen || (n == 0 && d.Prefix == PrefixBinary2) {
		return nil, ErrFrame
	}
	if _, err = r.Discard(w); err != nil {
		return nil, err
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err = io.ReadFull(r, buf); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return buf, err
}
