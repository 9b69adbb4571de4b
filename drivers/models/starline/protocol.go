package starline

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"

	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/receipt"
)

// Commands (STAR Line Mode Command Specifications).
var (
	initialise = []byte{0x1B, 0x40}             // ESC @
	asbOff     = []byte{0x1B, 0x1E, 0x61, 0x00} // ESC RS a 0
	asbOn      = []byte{0x1B, 0x1E, 0x61, 0x01}
	statusNow  = []byte{0x1B, 0x06, 0x01} // ESC ACK SOH
	jobEnd     = []byte{0x17}             // ETB
)

// text converts to GB18030; what it has not becomes a question mark, control characters a
// blank: a text must not be able to command the printer.
func text(s string) []byte {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F {
			return ' '
		}
		return r
	}, s)
	b, err := encoding.ReplaceUnsupported(simplifiedchinese.GB18030.NewEncoder()).Bytes([]byte(s))
	if err != nil {
		return bytes.Repeat([]byte{'?'}, len([]rune(s)))
	}
	return b
}

// width is the number of columns: two for each character that is not ASCII.
func width(s string) (n int) {
	for _, r := range s {
		n++
		if r > 0x7F {
			n++
		}
	}
	return n
}

// render turns a receipt into the printer's language, without the cut.
func (p *profile) render(r printer.Receipt) ([]byte, error) {
	out := append(append([]byte(nil), initialise...), unhex(p.ChineseBytes)...)
	for i, l := range r.Lines {
		align, ok := map[string]byte{"": 0, "left": 0, "center": 1, "right": 2}[l.Align]
		if !ok {
			return nil, fmt.Errorf("line %d: align must be left, center or right", i)
		}
		out = append(out, 0x1B, 0x1D, 0x61, align)
		switch {
		case len(l.QR) > 1000:
			return nil, fmt.Errorf("line %d: a QR code holds 1000 bytes at most", i)
		case l.QR != "":
			out = append(out, qr(l.QR)...)
		case l.Rule:
			out = append(append(out, strings.Repeat("-", p.Columns)...), 0x0A)
		default:
			out = append(append(out, p.line(l)...), 0x0A)
		}
	}
	return append(out, 0x1B, 0x1D, 0x61, 0), nil
}

func (p *profile) line(l printer.Line) (out []byte) {
	cols := p.Columns
	if l.Bold {
		out = append(out, 0x1B, 0x45)
	}
	if l.Big {
		out = append(out, 0x1B, 0x69, 1, 1)
		cols /= 2
	}
	out = append(out, text(l.Text)...)
	if l.Right != "" {
		gap := max(1, cols-width(l.Text)-width(l.Right))
		out = append(append(out, strings.Repeat(" ", gap)...), text(l.Right)...)
	}
	if l.Big {
		out = append(out, 0x1B, 0x69, 0, 0)
	}
	if l.Bold {
		out = append(out, 0x1B, 0x46)
	}
	return out
}

// qr is ESC GS y: model 2, correction M, six dots a module, data, print.
func qr(s string) []byte {
	out := []byte{0x1B, 0x1D, 0x79, 0x53, 0x30, 2, 0x1B, 0x1D, 0x79, 0x53, 0x31, 1, 0x1B, 0x1D, 0x79, 0x53, 0x32, 6,
		0x1B, 0x1D, 0x79, 0x44, 0x31, 0, byte(len(s)), byte(len(s) >> 8)}
	return append(append(out, s...), 0x1B, 0x1D, 0x79, 0x50)
}

// number reads the five bits that a status byte has for a number.
func number(b byte) int { return int(b>>1&7) | int(b>>5&3)<<3 }

const shortest = 7 // two headers and the five bytes that every model has

// frame takes the next status off the front of b: n bytes, of which the last are it when ok. n
// 0 asks for more. What cannot be one is passed over byte by byte.
func frame(b []byte) (status []byte, n int) {
	if len(b) == 0 {
		return nil, 0
	}
	if b[0]&0x91 != 0x01 {
		return nil, 1
	}
	size := number(b[0])
	if size < shortest {
		return nil, 1
	}
	for i := 1; i < min(size, len(b)); i++ {
		if b[i]&0x91 != 0 {
			return nil, 1
		}
	}
	if len(b) < size {
		return nil, 0
	}
	return b[:size], size
}

// state is what the printer says about itself.
type state struct {
	receipt.State
	back    bool // drawn back
	reached bool // an ETB since the last status
	count   int  // of ETBs, modulo 32; -1 if the model does not count
}

// decode reads a status that frame has found.
func decode(b []byte) state {
	s := state{State: receipt.State{Cover: b[2]&0x20 != 0, Cutter: b[3]&0x08 != 0, Other: b[3]&0x64 != 0 || b[4]&0x0A != 0, Jam: b[4]&0x04 != 0, End: b[5]&0x08 != 0, Near: b[5]&0x06 != 0}, reached: b[2]&0x02 != 0, count: -1}
	if len(b) > 7 {
		s.count = number(b[7])
	}
	if len(b) > 8 {
		place := number(b[8]) & 7
		s.Exit, s.back = place == 3, place == 6
	}
	return s
}
