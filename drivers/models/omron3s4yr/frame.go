package omron3s4yr

import (
	"errors"
	"fmt"
	"time"
)

// Control codes (specification 1.3); each follows a DLE.
const (
	dle = 0x10
	stx = 0x02
	etx = 0x03
	eot = 0x04
	enq = 0x05
	ack = 0x06
	nak = 0x15
)

const maxText = 2100

var errDamaged = errors.New("damaged frame")

// frame wraps a text: DLE STX, the text with each DLE doubled, DLE ETX, and the XOR of text and
// ETX without the added DLEs (1.4).
func frame(text []byte) []byte {
	b := []byte{dle, stx}
	x := byte(etx)
	for _, c := range text {
		x ^= c
		if c == dle {
			b = append(b, dle)
		}
		b = append(b, c)
	}
	return append(b, dle, etx, x)
}

type source interface {
	Byte(deadline time.Time) (byte, error)
}

type event int

const (
	heardACK event = iota
	heardNAK
	heardEOT
	heardText
	heardDamaged
)

// next reads the next thing that the reader says; noise is skipped. The error is the
// source's when nothing came until the deadline.
func next(src source, deadline time.Time, gap time.Duration) (event, []byte, error) {
	for {
		b, err := src.Byte(deadline)
		if err != nil {
			return 0, nil, err
		}
		for b == dle {
			if b, err = src.Byte(time.Now().Add(gap)); err != nil {
				break
			}
			switch b {
			case ack:
				return heardACK, nil, nil
			case nak:
				return heardNAK, nil, nil
			case eot:
				return heardEOT, nil, nil
			case stx:
				text, err := readText(src, gap)
				if err != nil {
					return heardDamaged, nil, nil
				}
				return heardText, text, nil
			}
		}
	}
}

// readText reads what follows DLE STX; another DLE STX begins again (1.6).
func readText(src source, gap time.Duration) ([]byte, error) {
	var text []byte
	var x byte
	take := func() (byte, error) { return src.Byte(time.Now().Add(gap)) }
	for {
		b, err := take()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		if b == dle {
			if b, err = take(); err != nil {
				return nil, fmt.Errorf("%w: %w", errDamaged, err)
			}
			switch b {
			case dle:
			case stx:
				text, x = nil, 0
				continue
			case etx:
				sum, err := take()
				if err != nil || sum != x^etx {
					return nil, fmt.Errorf("%w: checksum", errDamaged)
				}
				return text, nil
			default:
				return nil, fmt.Errorf("%w: DLE %02X in a text", errDamaged, b)
			}
		}
		x ^= b
		if text = append(text, b); len(text) > maxText {
			return nil, fmt.Errorf("%w: too long", errDamaged)
		}
	}
}
