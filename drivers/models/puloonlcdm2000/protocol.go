package puloonlcdm2000

import (
	"errors"
	"fmt"

	"zhigui/drivers/internal/puloon"
)

const commID = 0x50 // interface specification V3.3, 2.1

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
	// Not the maker's: the virtual device's end-to-end security (README.md).
	cmdTrust    = 0x60
	cmdNonce    = 0x61
	cmdForget   = 0x62
	cmdToken    = 0x63
	cmdResponse = 0x64
)

func request(cmd byte, data ...byte) []byte { return puloon.Request(commID, cmd, data...) }

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
