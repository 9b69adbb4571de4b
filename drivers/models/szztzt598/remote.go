package szztzt598

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"zhigui/drivers/internal/epp"
)

// remotePart is how many bytes of an item one command carries, in hex: few, as the line is slow and an answer
// must be whole within the reply time.
const remotePart = 100

// remote are the master keys that come over the line, none without the extension.
func (p *profile) remote() epp.Remote {
	r := epp.Remote{Zones: map[string]epp.Zone{}, Part: remotePart}
	for _, name := range p.Masters {
		if s, ok := p.slot(name); ok && p.RemoteKeys {
			kk, _ := hex.DecodeString(s.kk) // readProfile has tried it
			r.Zones[name] = epp.Zone{Number: map[bool]byte{false: 1, true: 2}[s.sm4], Slot: kk[0]}
		}
	}
	return r
}

func (d *driver) remote() epp.Remote {
	r := d.p.remote()
	r.Do = d.extension
	return r
}

// fitsExtension says whether data is the answer to an operation: a late one to an earlier try is none.
func fitsExtension(op byte, body string, data []byte) bool {
	switch op {
	case 1, 2, 3, 4, 5:
		return len(data) == 4
	case 6:
		return len(data) > 4 && string(data[:4]) == body[3:7]
	case 8:
		return len(data) == 16 || len(data) == 32
	}
	return len(data) == 0
}

var errExtension = errors.New("the answer to the extension is not what it should be")

// extension is command x: zone, operation, and arguments as text.
func (d *driver) extension(zone, op byte, arg []byte) ([]byte, error) {
	body := fmt.Sprintf("x%d%d", zone, op)
	switch {
	case len(arg) >= 2:
		body += fmt.Sprintf("%04d%X", binary.BigEndian.Uint16(arg), arg[2:])
	case len(arg) == 1: // a slot
		body += fmt.Sprintf("%02X", arg[0])
	}
	data, err := d.exchange(body, func(data []byte) bool { return fitsExtension(op, body, data) })
	if err != nil {
		return nil, err
	}
	switch {
	case op >= 1 && op <= 5: // a length
		n, err := strconv.ParseUint(string(data), 10, 16)
		if err != nil {
			return nil, errExtension
		}
		return binary.BigEndian.AppendUint16(nil, uint16(n)), nil
	case op == 6:
		data = data[4:]
	}
	b, err := hex.DecodeString(string(data))
	if err != nil {
		return nil, errExtension
	}
	return b, nil
}
