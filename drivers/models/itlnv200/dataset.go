package itlnv200

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"zhigui/drivers/api/cash"
)

var errLayout = errors.New("answer has another layout than documented")

// dataset is what the setup request answers.
type dataset struct {
	unit     byte
	firmware string
	// types by channel, 1 first; ids as cash.NoteType says.
	ids   []string
	types map[string]cash.NoteType
}

// parseSetup: unit type, firmware(4), country(3), multiplier(3), n, values(n), security(n), real
// multiplier(3), protocol; from protocol 6 on countries(3n) and values(4n).
func parseSetup(b []byte) (s dataset, err error) {
	bad := func() (dataset, error) { return s, fmt.Errorf("%w: setup of %d bytes", errLayout, len(b)) }
	if len(b) < 12 {
		return bad()
	}
	n := int(b[11])
	if n == 0 || len(b) < 16+2*n {
		return bad()
	}
	s = dataset{unit: b[0], firmware: string(b[1:5]), types: map[string]cash.NoteType{}}
	values, rest := b[12:12+n], b[12+2*n:]
	factor := int64(rest[0])<<16 | int64(rest[1])<<8 | int64(rest[2])
	multiplier := int64(b[8])<<16 | int64(b[9])<<8 | int64(b[10])
	protocol, rest := rest[3], rest[4:]
	if protocol >= 6 && len(rest) < 7*n {
		return bad()
	}
	if factor == 0 {
		return bad()
	}
	for i := range n {
		currency, major := string(b[5:8]), int64(values[i])*multiplier
		if protocol >= 6 {
			currency, major = string(rest[3*i:3*i+3]), int64(binary.LittleEndian.Uint32(rest[3*n+4*i:]))
		}
		id := ""
		if major > 0 {
			for r := 1; id == "" || s.types[id].Value != 0; r++ { // two channels of one value are two releases
				id = fmt.Sprintf("type%d%s%d", major, strings.TrimSpace(currency), r)
			}
			s.types[id] = cash.NoteType{Currency: currency, Value: major * factor, Enabled: true}
		}
		s.ids = append(s.ids, id)
	}
	return s, nil
}

// byChannel is the note type of a channel; "" if the dataset has none.
func (s dataset) byChannel(ch int) string {
	if ch < 1 || ch > len(s.ids) {
		return ""
	}
	return s.ids[ch-1]
}

// denomination is value and currency as commands carry them.
func denomination(t cash.NoteType) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(t.Value)), t.Currency...)
}

// parseLevels: n × (count(2), value(4), currency(3)).
func (s dataset) parseLevels(b []byte) (map[string]int, error) {
	if len(b) < 1 || len(b) < 1+9*int(b[0]) {
		return nil, fmt.Errorf("%w: levels of %d bytes", errLayout, len(b))
	}
	out := map[string]int{}
	for i := range int(b[0]) {
		e := b[1+9*i:]
		for _, id := range s.ids {
			if t := s.types[id]; id != "" && t.Value == int64(binary.LittleEndian.Uint32(e[2:])) && t.Currency == string(e[6:9]) {
				out[id] = int(binary.LittleEndian.Uint16(e))
				break
			}
		}
	}
	return out, nil
}
