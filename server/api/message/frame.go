package message

import (
	"bufio"

	"zhigui/server/api/message/frame"
)

// ErrFrame is a frame whose length prefix cannot be right; the stream is out of step and
// the connection must be closed.
var ErrFrame = frame.ErrFrame

// ReadFrame reads one frame from r into buf (grown when needed, never beyond MaxLen) and
// returns its body without the prefix. An empty body is an idle frame. io.EOF means the
// peer closed between frames.
func (d *Dialect) ReadFrame(r *bufio.Reader, buf []byte) ([]byte, error) { return d.Frame.Read(r, buf) }
