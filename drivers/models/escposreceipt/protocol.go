package escposreceipt

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"

	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/receipt"
)

// Commands (Epson's ESC/POS reference).
var (
	initialise = []byte{0x1B, 0x40, 0x1C, 0x26}                   // ESC @, FS &
	asbOn      = []byte{0x1D, 0x61, 0xFF}                         // GS a
	jobDone    = []byte{0x1D, 0x72, 0x01}                         // GS r 1
	fullStatus = []byte{0x10, 0x04, 0x14}                         // DLE EOT 20, kiosk printers
	dropBuffer = []byte{0x10, 0x14, 0x08, 1, 3, 0x14, 1, 6, 2, 8} // DLE DC4 8
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
func render(r printer.Receipt, columns int) ([]byte, error) {
	out := append([]byte(nil), initialise...)
	for i, l := range r.Lines {
		align, ok := map[string]byte{"": 0, "left": 0, "center": 1, "right": 2}[l.Align]
		if !ok {
			return nil, fmt.Errorf("line %d: align must be left, center or right", i)
		}
		out = append(out, 0x1B, 0x61, align)
		if l.QR != "" {
			if len(l.QR) > 1000 {
				return nil, fmt.Errorf("line %d: a QR code holds 1000 bytes at most", i)
			}
			out = append(out, qr(l.QR)...)
			continue
		}
		if l.Rule {
			out = append(append(out, strings.Repeat("-", columns)...), 0x0A)
			continue
		}
		cols := columns
		if l.Bold {
			out = append(out, 0x1B, 0x45, 1)
		}
		if l.Big {
			out = append(out, 0x1D, 0x21, 0x11)
			cols /= 2
		}
		out = append(out, text(l.Text)...)
		if l.Right != "" {
			gap := max(1, cols-width(l.Text)-width(l.Right))
			out = append(out, strings.Repeat(" ", gap)...)
			out = append(out, text(l.Right)...)
		}
		out = append(out, 0x0A)
		if l.Big {
			out = append(out, 0x1D, 0x21, 0)
		}
		if l.Bold {
			out = append(out, 0x1B, 0x45, 0)
		}
	}
	return append(out, 0x1B, 0x61, 0), nil
}

// qr is GS ( k: model 2, module size 6, correction M, store, print.
func qr(s string) []byte {
	n := len(s) + 3
	out := []byte{0x1D, 0x28, 0x6B, 4, 0, 0x31, 0x41, 0x32, 0, 0x1D, 0x28, 0x6B, 3, 0, 0x31, 0x43, 6, 0x1D, 0x28, 0x6B, 3, 0, 0x31, 0x45, 0x31,
		0x1D, 0x28, 0x6B, byte(n), byte(n >> 8), 0x31, 0x50, 0x30}
	return append(append(out, s...), 0x1D, 0x28, 0x6B, 3, 0, 0x31, 0x51, 0x30)
}

type kind int

const (
	noise    kind = iota
	more          // not complete yet
	full          // 10 0F b3 b4 b5 b6
	asb           // four bytes
	realtime      // DLE EOT 1 … 4
	paper         // GS r
)

// classify takes the next answer off the front of b: the kinds are told apart by their fixed
// bits (README.md).
func classify(b []byte) (k kind, n int) {
	if len(b) == 0 {
		return more, 0
	}
	switch {
	case b[0]&0x93 == 0x12:
		return realtime, 1
	case b[0]&0x93 == 0x10:
		switch {
		case len(b) < 2:
			return more, 0
		case b[0] == 0x10 && b[1] == 0x0F:
			if len(b) < 6 {
				return more, 0
			}
			return full, 6
		case len(b) < 4:
			return more, 0
		case b[1]&0x90 == 0 && b[2]&0x90 == 0 && b[3]&0x90 == 0:
			return asb, 4
		}
		return noise, 1
	case b[0]&0x90 == 0:
		return paper, 1
	}
	return noise, 1
}

// state is what the printer says of itself.
type state = receipt.State

func fromFull(b []byte) state {
	return state{End: b[2]&0x01 != 0, Near: b[2]&0x04 != 0, Exit: b[2]&0x20 != 0, Cover: b[3]&0x03 != 0,
		Jam: b[4]&0x40 != 0, Other: b[4]&0x09 != 0 || b[5]&0x40 != 0, Cutter: b[5]&0x01 != 0}
}

// fromRealtime joins the answers to DLE EOT 2, 3 and 4.
func fromRealtime(offline, errs, roll byte) state {
	return state{Cover: offline&0x04 != 0, End: offline&0x20 != 0 || roll&0x60 != 0, Near: roll&0x0C != 0,
		Cutter: errs&0x08 != 0, Other: errs&0x60 != 0}
}
