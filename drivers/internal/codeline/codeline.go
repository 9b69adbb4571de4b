// Package codeline is a scanner whose codes are text without a frame, ended by a tail: the wait for one
// code, and how it is taken out of the bytes. The gm65 and serialscanner models import it.
package codeline

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// Max is the longest code that is kept: a QR code holds 2953 bytes.
const Max = 4096

// Tails are the ends of a code that scanners offer.
var Tails = map[string]string{"CR": "\r", "LF": "\n", "CRLF": "\r\n", "TAB": "\t"}

// Line collects one code.
type Line struct {
	Tail string // the bytes, from Tails
	buf  []byte
	over bool
}

// Add takes a byte; done is true when it ended a code that is not empty. A code that is
// longer than Max is dropped as a whole.
func (l *Line) Add(b byte) (code []byte, done bool) {
	l.buf = append(l.buf, b)
	if !bytes.HasSuffix(l.buf, []byte(l.Tail)) {
		if len(l.buf) > Max+len(l.Tail) {
			l.over = true
			l.buf = append(l.buf[:0], l.buf[len(l.buf)-len(l.Tail):]...)
		}
		return nil, false
	}
	code, over := append([]byte(nil), l.buf[:len(l.buf)-len(l.Tail)]...), l.over
	l.Drop()
	return code, !over && len(code) > 0 && len(code) <= Max
}

// Drop forgets what was collected.
func (l *Line) Drop() { l.buf, l.over = l.buf[:0], false }

// Pending reports whether a code has begun.
func (l *Line) Pending() bool { return len(l.buf) > 0 || l.over }

// ErrNoise is given for bytes that no symbol yields on a clean line.
var ErrNoise = errors.New("the code holds control characters")

// Clean refuses a code with control characters other than those of GS1 and ISO 15434 (GS,
// RS, EOT) and white space: they are noise of the line.
func Clean(code []byte) error {
	for _, b := range code {
		if b < 0x20 && b != 0x1D && b != 0x1E && b != 0x04 && b != '\t' && b != '\r' && b != '\n' || b == 0x7F {
			return ErrNoise
		}
	}
	return nil
}

// aim maps the code character of an AIM identifier (ISO/IEC 15424) to the symbology name of
// XFS4IoT; where the modifier decides too, it is the plain member of the family.
var aim = map[byte]string{'A': "code39", 'C': "code128", 'E': "ean13", 'F': "codabar", 'G': "code93", 'H': "code11", 'I': "itf",
	'L': "pdf417", 'M': "msi", 'P': "plessey", 'Q': "qrCode", 'U': "maxiCode", 'd': "dataMatrix", 'z': "aztec", 'e': "rss", 'S': "std2Of5"}

// AIM cuts the AIM identifier off a code: its three characters and the XFS4IoT symbology,
// "" when it is not known.
func AIM(code []byte) (rest []byte, id, symbology string) {
	if len(code) < 3 || code[0] != ']' {
		return code, "", ""
	}
	id = string(code[:3])
	symbology = aim[code[1]]
	switch {
	case id == "]C1":
		symbology = "ean128"
	case id == "]E4":
		symbology = "ean8"
	}
	return code[3:], id, symbology
}

// Hex decodes a profile value that holds bytes.
func Hex(key, v string) ([]byte, error) {
	b, err := hex.DecodeString(v)
	if err != nil {
		return nil, fmt.Errorf("profile: %s: %q is not hex", key, v)
	}
	return b, nil
}
