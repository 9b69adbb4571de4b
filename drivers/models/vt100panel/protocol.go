package vt100panel

import (
	"fmt"
	"strings"

	tt "zhigui/drivers/api/textterminal"
	"zhigui/drivers/internal/dialog"
)

// The sequences that are sent (VT100 User Guide, ECMA-48); see README.md.
const (
	csi        = "\x1b["
	askStatus  = csi + "5n"
	clearAll   = csi + "2J"
	cursorOn   = csi + "?25h"
	cursorOff  = csi + "?25l"
	bell       = "\a"
	maxPending = 24 // bytes of a sequence; more is noise
)

// at moves the cursor; the panel counts from one.
func at(x, y int) string { return fmt.Sprintf("%s%d;%dH", csi, y+1, x+1) }

// attributes sets how the following text looks.
func attributes(a *tt.Attr) string {
	codes := []string{"0"}
	if a != nil {
		if a.Underline {
			codes = append(codes, "4")
		}
		if a.Flash {
			codes = append(codes, "5")
		}
		if a.Inverted {
			codes = append(codes, "7")
		}
	}
	return csi + strings.Join(codes, ";") + "m"
}

type kind int

const (
	gotCharacter kind = iota
	gotSequence       // a command key, or a character that is not printable
	gotReport         // CSI 0 n, CSI 3 n
)

// token is one thing that the panel says.
type token struct {
	kind kind
	text string
	ok   bool // of a report: no malfunction
}

// readToken reads the next one. ESC [ … letter and ESC O letter are one token; all else is one
// byte.
func readToken(next dialog.Next) (token, error) {
	b, err := next()
	if err != nil {
		return token{}, err
	}
	switch {
	case b >= 0x20 && b <= 0x7E:
		return token{kind: gotCharacter, text: string([]byte{b})}, nil
	case b != 0x1B:
		return token{kind: gotSequence, text: string([]byte{b})}, nil
	}
	seq := []byte{b}
	for len(seq) < maxPending {
		if b, err = next(); err != nil {
			return token{}, err
		}
		seq = append(seq, b)
		switch {
		case len(seq) == 2 && b != '[' && b != 'O',
			len(seq) > 2 && seq[1] == 'O',
			len(seq) > 2 && b >= 0x40 && b <= 0x7E:
			text := string(seq)
			if text == csi+"0n" || text == csi+"3n" {
				return token{kind: gotReport, text: text, ok: text == csi+"0n"}, nil
			}
			return token{kind: gotSequence, text: text}, nil
		}
	}
	return token{kind: gotSequence, text: string(seq)}, nil
}
