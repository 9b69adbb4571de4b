package puloonlcdm4000

import (
	"errors"
	"fmt"
	"slices"

	"zhigui/drivers/internal/puloon"
)

const (
	commID    = 0x30
	cassettes = 4
	offset    = 0x20 // counts and error codes are sent with this added
)

// Commands (interface specification LCDM-4000, through two independent drivers).
const (
	cmdStatus   = 0x50
	cmdPurge    = 0x51
	cmdDispense = 0x52
	cmdTest     = 0x53
	cmdLast     = 0x55
	cmdSerial   = 0x67 // one driver only
)

func request(cmd byte, data ...byte) []byte { return puloon.Request(commID, cmd, data...) }

// quantity is the data of 52 and 53: a count for each cassette, no time-out (20 20), and the
// tail of the profile.
func quantity(counts [cassettes]int, tail []byte) []byte {
	var b []byte
	for _, n := range counts {
		b = append(b, offset+byte(n))
	}
	return append(append(b, offset, offset), tail...)
}

var errLayout = errors.New("answer has another layout than documented")

// paid is what a result says about one cassette.
type paid struct {
	exit, rejects int
	present       bool
}

// result is the answer to 51, 52 and 53, and the second part of the answer to 55.
type result struct {
	err   byte // without the offset
	units [cassettes]paid
}

func count(b byte) (int, error) {
	if b < offset || b > offset+100 {
		return 0, fmt.Errorf("%w: count %02X", errLayout, b)
	}
	return int(b - offset), nil
}

// parseResult: ERROR MISS, and for each cassette EXIT REJECT TYPE; what follows is reserved.
func parseResult(d []byte) (r result, err error) {
	if len(d) < 2+3*cassettes || d[0] < offset {
		return r, fmt.Errorf("%w: %d characters of a result", errLayout, len(d))
	}
	r.err = d[0] - offset
	for i := range r.units {
		at := d[2+3*i:]
		u := &r.units[i]
		if u.exit, err = count(at[0]); err != nil {
			return r, err
		}
		if u.rejects, err = count(at[1]); err != nil {
			return r, err
		}
		u.present = at[2] != '0'
	}
	return r, nil
}

// parseLast takes the answer to 55: the command whose result is told, and the result.
func parseLast(d []byte) (cmd byte, r result, err error) {
	if len(d) < 1 {
		return 0, r, errLayout
	}
	r, err = parseResult(d[1:])
	return d[0], r, err
}

// sensors is the answer to 50.
type sensors struct {
	err, disp byte
	stat      [cassettes]byte
	present   [cassettes]bool
}

// parseStatus: ERROR DISP, and for each cassette STAT TYPE OPACITY LENGTH.
func parseStatus(d []byte) (s sensors, err error) {
	if len(d) < 2+4*cassettes || d[0] < offset {
		return s, fmt.Errorf("%w: %d characters for status", errLayout, len(d))
	}
	s.err, s.disp = d[0]-offset, d[1]
	for i := range s.stat {
		s.stat[i] = d[2+4*i]
		s.present[i] = d[3+4*i] == '1'+byte(i)
	}
	return s, nil
}

// DISP: b0 DVTL, b1 DVTR, b2 EJT, b3 EXIT, b4 RJT.
const (
	bitExit = 3
	path    = 1<<0 | 1<<1 | 1<<2 | 1<<4
)

// blocked is DISP with a 1 for each sensor at which something lies.
func (d *driver) blocked(s sensors) byte {
	if d.p.BlockedBit == 0 {
		return ^s.disp & 0x1F
	}
	return s.disp & 0x1F
}

func (d *driver) atExit(s sensors) bool { return d.blocked(s)&(1<<bitExit) != 0 }
func (d *driver) onPath(s sensors) bool { return d.blocked(s)&path != 0 }
func (d *driver) nearEnd(b byte) bool   { return b>>d.p.NearEndBit&1 == 1 }
func (d *driver) noTray(s sensors) bool {
	return slices.Contains(d.p.TrayErrors, fmt.Sprintf("%02X", s.err))
}
