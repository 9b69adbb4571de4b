package iccard

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Serve puts a card into the virtual reader of vsmartcard's vpcd at addr and answers it until ctx ends:
// length in two bytes, then a control byte (0 off, 1 on, 2 reset, 4 answer to reset) or a command.
// Every PC/SC program of the machine can use the card then.
func Serve(ctx context.Context, addr string, c *Card) error {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("vpcd: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	s := &Slot{}
	s.Put(c)
	r := bufio.NewReader(conn)
	for {
		var n [2]byte
		_, err := io.ReadFull(r, n[:])
		in := make([]byte, binary.BigEndian.Uint16(n[:]))
		if err == nil {
			_, err = io.ReadFull(r, in)
		}
		if ctx.Err() != nil {
			return nil // the card was taken, whatever was being said
		}
		if err != nil {
			return fmt.Errorf("vpcd: %w", err)
		}
		out, reply := s.virtual(in)
		if !reply {
			continue
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil && ctx.Err() == nil {
			return fmt.Errorf("vpcd: %w", err)
		}
	}
}

// virtual answers one message of vpcd; only commands and the question for the ATR have an answer.
func (s *Slot) virtual(in []byte) (out []byte, reply bool) {
	if len(in) != 1 {
		out, err := s.Transmit(s.protocol, in)
		if errors.Is(err, ErrLength) {
			out = []byte{0x67, 0x00}
		}
		return out, true
	}
	switch in[0] {
	case 0:
		s.Off()
	case 1, 2:
		_, _ = s.Power() // a mute chip has no ATR
	case 4:
		if s.card == nil {
			return nil, true
		}
		if !s.on {
			_, _ = s.Power()
		}
		return s.atr, true
	}
	return nil, false
}
