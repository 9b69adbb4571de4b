package iccard

// profile (AIP, 82): cardholder verification, terminal risk management, issuer authentication.
// There is no offline data authentication: the counter is online only.
var profile = []byte{0x1C, 0x00}

// files (AFL, 94): file 1 record 1; file 2 records 1 and 2.
var files = []byte{1 << 3, 1, 1, 0, 2 << 3, 1, 2, 0}

// The data object lists: as PBOC cards have them.
var (
	cdol1 = []byte{0x9F, 0x02, 6, 0x9F, 0x03, 6, 0x9F, 0x1A, 2, 0x95, 5, 0x5F, 0x2A, 2, 0x9A, 3, 0x9C, 1, 0x9F, 0x37, 4, 0x9F, 0x21, 3, 0x9F, 0x4E, 20}
	cdol2 = append([]byte{0x8A, 2}, cdol1...)
)

// The first 29 bytes of the values of either list (behind 8A) go into the cryptogram.
const (
	signed    = 29
	listed    = 52
	listedTwo = 2 + listed
)

func (c *Card) record(number, p2 byte) ([]byte, uint16) {
	if p2&7 != 4 {
		return nil, wrongP1P2
	}
	file := p2 >> 3
	switch {
	case c.app.selected == "pse" && file == 1:
		if number != 1 {
			return nil, noRecord
		}
		return tlv(0x70, tlv(0x61, tlv(0x4F, AID), tlv(0x50, []byte("PBOC DEBIT")), tlv(0x87, []byte{1}))), ok
	case c.app.selected != "app":
		return nil, conditions
	case file == 1 && number == 1:
		return tlv(0x70, tlv(0x57, packed(c.track2)), tlv(0x5F20, []byte(c.holder))), ok
	case file == 2 && number == 1:
		return tlv(0x70, tlv(0x5A, packed(c.pan)), tlv(0x5F34, packed(string([]byte{'0' + c.sequence/10, '0' + c.sequence%10}))),
			tlv(0x5F24, packed(c.expiry+"31")), tlv(0x5F25, packed("200101")), tlv(0x9F07, []byte{0xFF, 0x00}), tlv(0x5F28, []byte{0x01, 0x56}),
			tlv(0x8E, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x00}), // enciphered PIN online, always
			tlv(0x9F0D, []byte{0xD8, 0x60, 0x04, 0xA8, 0x00}), tlv(0x9F0E, []byte{0x00, 0x10, 0x00, 0x00, 0x00}), tlv(0x9F0F, []byte{0xD8, 0x68, 0x04, 0xF8, 0x00})), ok
	case file == 2 && number == 2:
		return tlv(0x70, tlv(0x8C, cdol1), tlv(0x8D, cdol2), tlv(0x9F08, []byte{0x00, 0x30}), tlv(0x5F30, []byte{0x02, 0x01})), ok
	case file == 1 || file == 2:
		return nil, noRecord
	}
	return nil, fileMissing
}
