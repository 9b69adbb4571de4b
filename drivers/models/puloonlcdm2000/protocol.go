package puloonlcdm2000

import (
	"errors"
	"fmt"
	"time"
)

// Control bytes and heads (interface specification V3.3, 2.1).
const (
	soh, stx, etx, eot = 0x01, 0x02, 0x03, 0x04
	ack, nak           = 0x06, 0x15
	commID             = 0x50
)

// Commands. 55, 56 and 77 are the LCDM-2000's (two independent drivers).
const (
	cmdPurge     = 0x44
	cmdUpper     = 0x45
	cmdStatus    = 0x46
	cmdROM       = 0x47
	cmdLower     = 0x55
	cmdBoth      = 0x56
	cmdTestUpper = 0x76
	cmdTestLower = 0x77
)

const (
	frameTime = 200 * time.Millisecond // a frame is complete in 200 ms (2.3)
	maxData   = 64
)

func bcc(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

// request builds a host frame.
func request(cmd byte, data ...byte) []byte {
	b := append([]byte{eot, commID, stx, cmd}, data...)
	b = append(b, etx)
	return append(b, bcc(b))
}

type source interface {
	Byte(deadline time.Time) (byte, error)
}

type kind int

const (
	gotACK kind = iota
	gotNAK
	gotFrame
	gotNotice  // 01 9C reason, 01 8D count: one source only
	gotDamaged // answer NAK
)

type message struct {
	kind kind
	cmd  byte
	data []byte
}

// next reads the next thing the device says; noise is skipped. The error is the source's
// when nothing came until the deadline.
func next(src source, deadline time.Time) (message, error) {
	for {
		b, err := src.Byte(deadline)
		if err != nil {
			return message{}, err
		}
		switch b {
		case ack:
			return message{kind: gotACK}, nil
		case nak:
			return message{kind: gotNAK}, nil
		case soh:
			return readFrame(src)
		}
	}
}

// readFrame reads what follows SOH.
func readFrame(src source) (message, error) {
	limit := time.Now().Add(frameTime)
	raw := []byte{soh}
	for {
		b, err := src.Byte(limit)
		if err != nil {
			return message{kind: gotDamaged}, nil
		}
		raw = append(raw, b)
		switch n := len(raw); {
		case n == 2 && (b == 0x9C || b == 0x8D):
			c, err := src.Byte(limit)
			if err != nil {
				return message{kind: gotDamaged}, nil
			}
			return message{kind: gotNotice, cmd: b, data: []byte{c}}, nil
		case n == 2 && b != commID, n == 3 && b != stx, n > maxData:
			return message{kind: gotDamaged}, nil
		case n > 4 && b == etx:
			sum, err := src.Byte(limit)
			if err != nil || sum != bcc(raw) {
				return message{kind: gotDamaged}, nil
			}
			return message{kind: gotFrame, cmd: raw[3], data: raw[4 : n-1]}, nil
		}
	}
}

// paid is the answer to a dispense for one cassette.
type paid struct {
	chk, exit, rejects int
	nearEnd            bool
}

// result is the answer to 45, 55, 56, 76 and 77: cassettes by number (0 upper, 1 lower).
type result struct {
	err   byte
	units map[int]paid
}

var errLayout = errors.New("answer has another layout than documented")

func two(b []byte) (int, error) {
	if b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, fmt.Errorf("%w: count % X", errLayout, b)
	}
	return int(b[0]-'0')*10 + int(b[1]-'0'), nil
}

// parseResult: 45 and its like: CHK(2) EXIT(2) err cassette rejects(2); 56: both CHK and EXIT,
// err, both cassettes, both rejects.
func parseResult(cmd byte, d []byte) (result, error) {
	one := func(chk, exit, rejects []byte, cassette byte) (paid, error) {
		p := paid{nearEnd: cassette == 0x31}
		for to, from := range map[*int][]byte{&p.chk: chk, &p.exit: exit, &p.rejects: rejects} {
			n, err := two(from)
			if err != nil {
				return p, err
			}
			*to = n
		}
		return p, nil
	}
	switch {
	case cmd == cmdBoth && len(d) == 15:
		up, err := one(d[0:2], d[2:4], d[11:13], d[9])
		if err != nil {
			return result{}, err
		}
		low, err := one(d[4:6], d[6:8], d[13:15], d[10])
		return result{err: d[8], units: map[int]paid{0: up, 1: low}}, err
	case cmd != cmdBoth && len(d) == 8:
		p, err := one(d[0:2], d[2:4], d[6:8], d[5])
		n := 0
		if cmd == cmdLower || cmd == cmdTestLower {
			n = 1
		}
		return result{err: d[4], units: map[int]paid{n: p}}, err
	}
	return result{}, fmt.Errorf("%w: %d characters for command %02X", errLayout, len(d), cmd)
}

// sensors is the answer to 46.
type sensors struct {
	err, s0, s1 byte
}

func parseStatus(d []byte) (sensors, error) {
	if len(d) != 4 {
		return sensors{}, fmt.Errorf("%w: %d characters for status", errLayout, len(d))
	}
	return sensors{err: d[1], s0: d[2], s1: d[3]}, nil
}

func (s sensors) exit() bool { return s.s0&0x20 != 0 }

// path: CHK1, CHK2, DIV1, DIV2, EJT; CHK3, CHK4.
func (s sensors) path() bool { return s.s0&0x1F != 0 || s.s1&0x18 != 0 }

func (s sensors) nearEnd(unit int) bool {
	if unit == 0 {
		return s.s0&0x40 != 0
	}
	return s.s1&0x20 != 0
}

func bit(b byte, n int) int { return int(b>>n) & 1 }
