package szztzt598

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	stx, etx = 0x02, 0x03
	maxBody  = 999
	frameGap = time.Second
)

var errDamaged = errors.New("damaged frame")

type source interface {
	Byte(deadline time.Time) (byte, error)
}

func xor(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

// frame wraps a body: 02 LLL BODY 03 HH, HH over LLL … 03.
func frame(body []byte) []byte {
	b := append(fmt.Appendf([]byte{stx}, "%03d", len(body)), body...)
	b = append(b, etx)
	return fmt.Appendf(b, "%02X", xor(b[1:]))
}

// readRest reads what follows a 02.
func readRest(src source, gap time.Duration) ([]byte, error) {
	var raw []byte
	get := func(n int) error {
		for range n {
			b, err := src.Byte(time.Now().Add(gap))
			if err != nil {
				return fmt.Errorf("%w: %w", errDamaged, err)
			}
			raw = append(raw, b)
		}
		return nil
	}
	if err := get(3); err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(string(raw), 10, 16)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("%w: length", errDamaged)
	}
	if err := get(int(n) + 3); err != nil {
		return nil, err
	}
	body, sum := raw[3:3+n], string(raw[4+n:])
	if raw[3+n] != etx || !strings.EqualFold(sum, fmt.Sprintf("%02X", xor(raw[:4+n]))) {
		return nil, fmt.Errorf("%w: checksum", errDamaged)
	}
	return body, nil
}

// good: RTN 60–9F and A3.
func good(rtn byte) bool { return rtn >= 0x60 && rtn <= 0x9F || rtn == 0xA3 }

// info is the answer to 3: user 50, scan codes 48, settings 20, function 8, model 6,
// hardware 3, firmware 3, serial 8.
func info(data []byte) (model, firmware, serial string) {
	if len(data) < 138 {
		return "", "", ""
	}
	cut := func(from, to int) string { return strings.TrimSpace(printable(data[from:min(to, len(data))])) }
	return cut(126, 132), cut(135, 138), cut(138, 146)
}

func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7E {
			return -1
		}
		return r
	}, string(b))
}
