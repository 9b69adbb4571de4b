package puloonlcdm2000

import (
	"fmt"

	"zhigui/drivers/internal/puloon"
)

const (
	commID    = 0x50 // interface specification V3.3, 2.1
	cassettes = 2
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
	// Not the maker's: the virtual device's end-to-end security (README.md).
	cmdTrust    = 0x60
	cmdNonce    = 0x61
	cmdForget   = 0x62
	cmdToken    = 0x63
	cmdResponse = 0x64
)

func request(cmd byte, data ...byte) []byte { return puloon.Request(commID, cmd, data...) }

func two(b []byte) (int, error) {
	if b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, fmt.Errorf("%w: count % X", puloon.ErrLayout, b)
	}
	return int(b[0]-'0')*10 + int(b[1]-'0'), nil
}

// layout reads the answers as this specimen has them.
type layout struct{ *profile }

// Command implements puloon.Model.
func (layout) Command(asked []int) byte {
	switch {
	case asked[1] == 0:
		return cmdUpper
	case asked[0] == 0:
		return cmdLower
	}
	return cmdBoth
}

// Frame implements puloon.Model: two digits for each cassette asked.
func (l layout) Frame(_ *puloon.Link, asked []int) ([]byte, error) {
	var digits []byte
	for _, n := range asked {
		if n > 0 {
			digits = fmt.Appendf(digits, "%02d", n)
		}
	}
	return request(l.Command(asked), digits...), nil
}

// Result implements puloon.Model. 45 and its like: CHK(2) EXIT(2) err cassette rejects(2); 56:
// both CHK and EXIT, err, both cassettes, both rejects.
func (layout) Result(cmd byte, d []byte) (puloon.Result, error) {
	one := func(chk, exit, rejects []byte, cassette byte) (puloon.Paid, error) {
		picked, err := two(chk)
		p := puloon.Paid{NearEnd: cassette == 0x31}
		if err == nil {
			p.Exit, err = two(exit)
		}
		if err == nil {
			p.Rejects, err = two(rejects)
		}
		p.Inside = picked != p.Exit+p.Rejects
		return p, err
	}
	out := puloon.Result{Units: make([]puloon.Paid, cassettes)}
	var err error
	switch {
	case cmd == cmdBoth && len(d) == 15:
		out.Err = d[8]
		if out.Units[0], err = one(d[0:2], d[2:4], d[11:13], d[9]); err == nil {
			out.Units[1], err = one(d[4:6], d[6:8], d[13:15], d[10])
		}
	case cmd != cmdBoth && len(d) == 8:
		n := 0
		if cmd == cmdLower || cmd == cmdTestLower {
			n = 1
		}
		out.Err = d[4]
		out.Units[n], err = one(d[0:2], d[2:4], d[6:8], d[5])
	default:
		err = fmt.Errorf("%w: %d characters for command %02X", puloon.ErrLayout, len(d), cmd)
	}
	return out, err
}

// Purged implements puloon.Model.
func (layout) Purged(d []byte) (byte, error) {
	if len(d) != 1 {
		return 0, puloon.ErrLayout
	}
	return d[0], nil
}

// Trials implements puloon.Model: each cassette has its test.
func (layout) Trials(_ *puloon.Link, asked []int) (out []puloon.Trial, err error) {
	for u, cmd := range []byte{cmdTestUpper, cmdTestLower} {
		if asked[u] > 0 {
			only := make([]int, cassettes)
			only[u] = 1
			out = append(out, puloon.Trial{Frame: request(cmd), Asked: only})
		}
	}
	return out, nil
}

// Emptied implements puloon.Model: bill end has an error for each cassette.
func (layout) Emptied(r puloon.Result, _ []int) int {
	switch r.Err {
	case 0x38:
		return 0
	case 0x40:
		return 1
	}
	return -1
}

// Sensors implements puloon.Model. The sensors before the exit are CHK1, CHK2, DIV1, DIV2, EJT;
// CHK3, CHK4.
func (l layout) Sensors(d []byte) (puloon.Sensors, error) {
	if len(d) != 4 {
		return puloon.Sensors{}, fmt.Errorf("%w: %d characters for status", puloon.ErrLayout, len(d))
	}
	s0, s1 := d[2], d[3]
	return puloon.Sensors{
		Exit: s0&0x20 != 0, Path: s0&0x1F != 0 || s1&0x18 != 0, NoTray: bit(s1, 6) != l.RejectTrayPresentBit,
		Missing: []bool{bit(s1, 1) == l.CassetteAbsentBit, bit(s1, 2) == l.CassetteAbsentBit}, NearEnd: []bool{s0&0x40 != 0, s1&0x20 != 0},
	}, nil
}

func bit(b byte, n int) int { return int(b>>n) & 1 }
