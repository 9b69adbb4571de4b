package frame

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Read reads one frame from r into buf (grown when needed, never beyond Max) and returns
// its message. An empty message is an idle frame. io.EOF means the peer closed between
// frames. Without length and end marker the message is all that comes until the peer closes
// its direction, as on a short connection.
func (f *Frame) Read(r *bufio.Reader, buf []byte) ([]byte, error) {
	w := len(f.start) + f.width + f.skip
	p, err := r.Peek(max(w, 1))
	if err != nil {
		if len(p) == 0 && errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, unexpected(err)
	}
	if !bytes.HasPrefix(p, f.start) {
		return nil, ErrFrame
	}
	n, ok := get(p[len(f.start):len(f.start)+f.width], f.form)
	n -= f.extra
	if !ok || n < 0 || n > f.Max || n == 0 && f.form != none && !f.Idle() {
		return nil, ErrFrame
	}
	if _, err = r.Discard(w); err != nil {
		return nil, err
	}
	if f.form == none {
		return f.readMarked(r, buf[:0])
	}
	n += len(f.end)
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err = io.ReadFull(r, buf); err != nil {
		return buf, unexpected(err)
	}
	if !bytes.HasSuffix(buf, f.end) {
		return nil, ErrFrame
	}
	return buf[:n-len(f.end)], nil
}

func (f *Frame) readMarked(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		c, err := r.ReadByte()
		if err != nil {
			if len(f.end) == 0 && errors.Is(err, io.EOF) {
				return buf, nil
			}
			return buf, unexpected(err)
		}
		if buf = append(buf, c); len(f.end) > 0 && bytes.HasSuffix(buf, f.end) {
			return buf[:len(buf)-len(f.end)], nil
		}
		if len(buf) >= f.Max+max(len(f.end), 1) {
			return nil, ErrFrame
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
