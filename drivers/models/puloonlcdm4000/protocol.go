package puloonlcdm4000

import (
	"bytes"
	"cmp"
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
func quantity(counts []int, tail []byte) []byte {
	var b []byte
	for _, n := range counts {
		b = append(b, offset+byte(n))
	}
	return append(append(b, offset, offset), tail...)
}

func count(b byte) (int, error) {
	if b < offset || b > offset+100 {
		return 0, fmt.Errorf("%w: count %02X", puloon.ErrLayout, b)
	}
	return int(b - offset), nil
}

// layout reads the answers as this specimen has them.
type layout struct {
	*profile
	file string // of the record before a movement
}

// Command implements puloon.Model.
func (layout) Command([]int) byte { return cmdDispense }

// Frame implements puloon.Model.
func (l layout) Frame(on *puloon.Link, asked []int) ([]byte, error) {
	tail, err := l.tail(on)
	return request(cmdDispense, quantity(asked, tail)...), err
}

// tail is what follows the counts of 52 and 53. A device with serial numbers wants the one
// after its last.
func (l layout) tail(on *puloon.Link) ([]byte, error) {
	if l.Tail == "reserved" {
		return bytes.Repeat([]byte{offset}, 9), nil
	}
	data, err := on.Ask(cmdSerial, l.Retries)
	if err != nil || len(data) < 2 {
		return nil, fmt.Errorf("serial number of the last command: %w", cmp.Or(err, puloon.ErrLayout))
	}
	next := data[1] + 1
	if next < offset || next > 0x7F {
		next = offset
	}
	return []byte{next}, nil
}

// Result implements puloon.Model: the answer to 51, 52 and 53, and the second part of the answer
// to 55. ERROR MISS, and for each cassette EXIT REJECT TYPE; what follows is reserved.
func (layout) Result(_ byte, d []byte) (puloon.Result, error) {
	if len(d) < 2+3*cassettes || d[0] < offset {
		return puloon.Result{}, fmt.Errorf("%w: %d characters of a result", puloon.ErrLayout, len(d))
	}
	r := puloon.Result{Err: d[0] - offset, Units: make([]puloon.Paid, cassettes)}
	for i := range r.Units {
		exit, err := count(d[2+3*i])
		if err != nil {
			return r, err
		}
		rejects, err := count(d[3+3*i])
		if err != nil {
			return r, err
		}
		r.Units[i] = puloon.Paid{Exit: exit, Rejects: rejects}
	}
	return r, nil
}

// Purged implements puloon.Model.
func (l layout) Purged(d []byte) (byte, error) {
	r, err := l.Result(cmdPurge, d)
	return r.Err, err
}

// Trials implements puloon.Model: one test of all cassettes.
func (l layout) Trials(on *puloon.Link, asked []int) ([]puloon.Trial, error) {
	tail, err := l.tail(on)
	return []puloon.Trial{{Frame: request(cmdTest, quantity(asked, tail)...), Asked: asked}}, err
}

// Emptied implements puloon.Model: after a pick-up error the first cassette that paid too little
// is the one that gave none.
func (layout) Emptied(r puloon.Result, asked []int) int {
	for u, n := range asked {
		if r.Err == 0x01 && r.Units[u].Exit < n {
			return u
		}
	}
	return -1
}

// DISP: b0 DVTL, b1 DVTR, b2 EJT, b3 EXIT, b4 RJT.
const (
	exit = 1 << 3
	path = 1<<0 | 1<<1 | 1<<2 | 1<<4
)

// Sensors implements puloon.Model: ERROR DISP, and for each cassette STAT TYPE OPACITY LENGTH.
func (l layout) Sensors(d []byte) (puloon.Sensors, error) {
	if len(d) < 2+4*cassettes || d[0] < offset {
		return puloon.Sensors{}, fmt.Errorf("%w: %d characters for status", puloon.ErrLayout, len(d))
	}
	blocked := d[1]
	if l.BlockedBit == 0 {
		blocked = ^blocked
	}
	s := puloon.Sensors{Exit: blocked&exit != 0, Path: blocked&path != 0, NoTray: slices.Contains(l.TrayErrors, fmt.Sprintf("%02X", d[0]-offset))}
	for i := range cassettes {
		s.NearEnd = append(s.NearEnd, d[2+4*i]>>l.NearEndBit&1 == 1)
		s.Missing = append(s.Missing, d[3+4*i] != '1'+byte(i))
	}
	return s, nil
}
