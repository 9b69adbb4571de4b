package creatorcrt591

import (
	"errors"

	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/motorcard"
)

// Commands to the antenna, CM 60 (maker's text 1.0, 3.6). 39, which switches the field, has no
// layout there and is not used.
const (
	cmdAirOn  = "C`0"
	cmdAirOff = "C`1"
	cmdAirA   = "C`4"
	cmdAirB   = "C`5"
)

// The kinds of card that an activation tells (Rtype).
const (
	kindA      = 'A'
	kindB      = 'B'
	kindMifare = 'M'
)

// What an activation can say that is no use here. No identifier of a card is in an error.
var (
	errNoAPDU = errors.New("a card without a chip for applications is at the antenna")
	errAirLen = errors.New("the antenna answered in another layout than documented")
)

// activated takes the answer to 60 30 apart: Rtype, then for type A ATQA (2), length of the UID, UID,
// SAK, ATS whose first byte is its length, and whatever follows (the text speaks of a parameter byte,
// its table has none); for type B the 12 bytes of ATQB.
func activated(b []byte) (protocol string, id []byte, err error) {
	if len(b) == 0 {
		return "", nil, errAirLen
	}
	kind, b := b[0], b[1:]
	switch kind {
	case kindA:
		if len(b) < 3 || b[2] != 4 && b[2] != 7 && b[2] != 10 {
			return "", nil, errAirLen
		}
		at := 3 + int(b[2]) + 1
		if len(b) <= at || b[at] == 0 || at+int(b[at]) > len(b) {
			return "", nil, errAirLen
		}
		return card.TypeA, b[at : at+int(b[at])], nil
	case kindB:
		if len(b) < 12 || b[0] != 0x50 {
			return "", nil, errAirLen
		}
		return card.TypeB, b[:12], nil
	case kindMifare:
		return "", nil, errNoAPDU
	}
	return "", nil, errAirLen
}

// antenna are the commands over the antenna. A card that was taken away does not answer (68), is not
// active any more (65), or spoils the exchange (64, 67).
func antenna(p *profile) *motorcard.Air {
	return &motorcard.Air{
		On: cmdAirOn + p.TapOrder, Off: cmdAirOff, IO: map[string]string{card.TypeA: cmdAirA, card.TypeB: cmdAirB},
		Open: activated, None: p.TapNone, Many: p.TapMany,
		Codes: map[string]string{
			"04": card.ErrInvalidData, "61": card.ErrNoMedia, "63": card.ErrNoMedia, "64": card.ErrNoMedia, "65": card.ErrNoMedia,
			"66": card.ErrProtocolNotSupported, "67": card.ErrNoMedia, "68": card.ErrNoMedia,
		},
	}
}
