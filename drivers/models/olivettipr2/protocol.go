package olivettipr2

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhigui/drivers/api/printer"
)

const (
	esc     = 0x1B
	fs      = 0x1C
	gs      = 0x1D
	maxData = 512
)

// Commands (emulation manuals of Compuprint and Tally).
var (
	cmdReset      = []byte{esc, '0'}
	cmdStatus     = []byte{esc, 'j'}
	cmdClear      = []byte{esc, 'l'}
	cmdControlled = []byte{esc, 'n'}
	cmdDocument   = []byte{esc, ' ', 'B'}
	cmdEject      = []byte{esc, 'O'}
	cmdReadStripe = []byte{esc, ']'}
	cmdCheck      = []byte{esc, '\\'}
)

type source interface {
	Byte(deadline time.Time) (byte, error)
}

type kind int

const (
	gotStatus   kind = iota // 1B 72 x
	gotStripe               // 1B 73 data 1C
	gotDocument             // 1B 42 05 m 1B 5A
)

type message struct {
	kind kind
	data []byte
}

// next reads the next thing that the printer says; noise and torn messages are skipped.
func next(src source, deadline time.Time) (message, error) {
	b, err := src.Byte(deadline)
	for {
		for err == nil && b != esc {
			b, err = src.Byte(deadline)
		}
		if err != nil {
			return message{}, err
		}
		if b, err = src.Byte(deadline); err != nil {
			return message{}, err
		}
		switch b {
		case 'r':
			if b, err = src.Byte(deadline); err == nil && b != esc {
				return message{gotStatus, []byte{b}}, nil
			}
		case 's':
			var data []byte
			for b, err = src.Byte(deadline); err == nil && b != fs && b != esc && len(data) < maxData; b, err = src.Byte(deadline) {
				data = append(data, b)
			}
			if err == nil && b == fs {
				return message{gotStripe, data}, nil
			}
		case 'B':
			var m [4]byte
			ok := true
			for i := 0; i < len(m) && ok; i++ {
				if b, err = src.Byte(deadline); err != nil {
					return message{}, err
				}
				m[i] = b
				ok = i != 0 || b == 0x05
			}
			if ok && m[2] == esc && m[3] == 'Z' {
				return message{gotDocument, m[1:2]}, nil
			}
		}
	}
}

var errStripeData = errors.New("stripe data")

// stripeData is the content of the stripe; "" means that there is none. 7F alone is no data,
// 7F inside a damaged character. Fields that are read twice are separated by A; they must agree.
func stripeData(raw []byte) (string, error) {
	if len(raw) == 0 || len(raw) == 1 && raw[0] == 0x7F {
		return "", nil
	}
	first, second, twice := string(raw), "", false
	for i, c := range raw {
		switch {
		case c == 'A' && !twice:
			first, second, twice = string(raw[:i]), string(raw[i+1:]), true
		case c < '0' || c > '?':
			return "", fmt.Errorf("%w: a character could not be read", errStripeData)
		}
	}
	if twice && first != second {
		return "", fmt.Errorf("%w: the two readings differ", errStripeData)
	}
	return first, nil
}

// writable refuses what a stripe of this kind cannot hold.
func (p *profile) writable(data string) error {
	if len(data) == 0 || len(data) > p.StripeMax {
		return fmt.Errorf("%w must have 1 to %d characters", errStripeData, p.StripeMax)
	}
	for _, c := range []byte(data) {
		if c < '0' || c > '?' {
			return fmt.Errorf("%w has a character that the stripe cannot hold", errStripeData)
		}
	}
	return nil
}

var errPlace = errors.New("a line does not fit on the page")

// render is the bytes of lines at their places. Text becomes GB18030 in the Chinese mode.
func (p *profile) render(lines []printer.PassbookLine) ([]byte, error) {
	out := append([]byte(nil), unhex(p.ChineseOn)...)
	for _, l := range lines {
		text, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(l.Text))
		if err != nil {
			return nil, errors.New("a line has a character that GB18030 has not")
		}
		for _, c := range l.Text {
			if c < 0x20 || c == 0x7F {
				return nil, errors.New("a line holds a control character")
			}
		}
		// In GB18030 no character takes more columns than bytes.
		if l.Line < 1 || l.Line > p.Lines || l.Column < 1 || l.Column-1+len(text) > p.Columns {
			return nil, fmt.Errorf("%w: line %d, column %d", errPlace, l.Line, l.Column)
		}
		out = fmt.Appendf(out, "\x1BL%0*d\x1BH%0*d", p.Digits, (l.Line-1)*p.LineUnit, p.Digits, (l.Column-1)*p.ColumnUnit)
		out = append(out, text...)
	}
	return append(out, unhex(p.ChineseOff)...), nil
}
