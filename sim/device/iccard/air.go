package iccard

import (
	"crypto/rand"
	"errors"
)

// The contactless side of the same card: ISO/IEC 14443 as far as a reader tells of it, and the quick
// transaction (qPBOC), in which GET PROCESSING OPTIONS gives the cryptogram.

// quickList is the PDOL over the antenna: the terminal's qualifiers, and the values that a cryptogram
// over the contacts is made of, too.
var quickList = []byte{0x9F, 0x66, 4, 0x9F, 0x02, 6, 0x9F, 0x03, 6, 0x9F, 0x1A, 2, 0x95, 5, 0x5F, 0x2A, 2, 0x9A, 3, 0x9C, 1, 0x9F, 0x37, 4}

// quickFiles (94): file 2 record 1. Track 2 comes with the cryptogram.
var quickFiles = []byte{2 << 3, 1, 1, 0}

// quickProfile (82): no offline data authentication.
var quickProfile = []byte{0x00, 0x00}

// Qualifiers (9F66) that the card looks at.
const (
	quickAllowed = 0x20 // byte 1: the terminal does qPBOC
	offlineOnly  = 0x08 // byte 1
	onlinePIN    = 0x04 // byte 1
	wantsHolder  = 0x40 // byte 2: the cardholder must be verified
)

// quick is GET PROCESSING OPTIONS over the antenna. The card always asks the issuer; a terminal that
// cannot gets a refusal.
func (c *Card) quick(body []byte) ([]byte, uint16) {
	const size = 4 + signed
	if len(body) != 2+size || body[0] != 0x83 || body[1] != size {
		return nil, wrongLength
	}
	qualifiers, values := body[2:6], body[6:]
	if qualifiers[0]&quickAllowed == 0 {
		return nil, conditions
	}
	c.count()
	kind, results := byte(0x80), byte(0xA0)
	if qualifiers[0]&offlineOnly != 0 {
		kind, results = 0, 0x80
	}
	wants := []byte{0, 0} // 9F6C
	if qualifiers[1]&wantsHolder != 0 && qualifiers[0]&onlinePIN != 0 {
		wants[0] = 0x80 // PIN online
	}
	atc, sum, issuer := c.sign(kind, quickProfile, values, results)
	c.app.stage = over
	return tlv(0x77, tlv(0x82, quickProfile), tlv(0x94, quickFiles), tlv(0x57, packed(c.track2)), tlv(0x9F36, atc), tlv(0x9F26, sum), tlv(0x9F10, issuer),
		tlv(0x9F27, []byte{kind}), tlv(0x9F6C, wants)), ok
}

// Signal is what the antenna hears of a card that was selected.
type Signal struct {
	Kind byte   // A, B, or M: another kind without APDUs
	ATQ  []byte // answer to the request
	UID  []byte // of type A
	SAK  byte   // of type A
	ATS  []byte // of type A with APDUs
}

// ErrAir is a card that does not answer over the air.
var ErrAir = errors.New("no answer over the air")

// Select wakes the card over the antenna; everything but its memory begins anew. Frames of 256 bytes,
// bit rates up to 424 kbit/s. Blocks on the air are the antenna's business; Command is the rest.
func (c *Card) Select() (Signal, error) {
	c.app = application{air: true}
	if c.chip.State == "mute" || c.chip.Air == "none" {
		return Signal{}, ErrAir
	}
	id := make([]byte, 4) // another one each time, as bank cards have it
	_, _ = rand.Read(id)
	switch c.chip.Air {
	case "B":
		return Signal{Kind: 'B', ATQ: append(append([]byte{0x50}, id...), 0, 0, 0, 0, 0x33, 0x81, 0x81)}, nil
	case "mifare":
		return Signal{Kind: 'M', ATQ: []byte{0x00, 0x04}, UID: id, SAK: 0x08}, nil
	}
	id[0] = 0x08
	ats := append([]byte{byte(5 + len(historical)), 0x78, 0x33, 0x70, 0x02}, historical...)
	return Signal{Kind: 'A', ATQ: []byte{0x00, 0x04}, UID: id, SAK: 0x20, ATS: ats}, nil
}
