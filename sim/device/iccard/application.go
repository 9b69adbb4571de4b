package iccard

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
)

// application is the state of a session with the chip: what a reset forgets.
type application struct {
	air      bool   // reached over the antenna
	selected string // "", pse, ppse, app
	stage    int
	first    []byte // the first cryptogram
	auth     int    // issuer authentication: 0 not asked, 1 good, -1 failed
	key      []byte // session key of this ATC
	values   []byte // what the first cryptogram was made of
}

// Stages of a transaction.
const (
	idle = iota
	initiated
	online // a request cryptogram was given
	over
)

// Status words.
const (
	ok           = 0x9000
	invalidated  = 0x6283
	authFailed   = 0x6300
	wrongLength  = 0x6700
	secureWrong  = 0x6988
	conditions   = 0x6985
	notSupported = 0x6A81
	fileMissing  = 0x6A82
	noRecord     = 0x6A83
	wrongP1P2    = 0x6A86
	noData       = 0x6A88
	badINS       = 0x6D00
	badCLA       = 0x6E00
)

var (
	pse  = []byte("1PAY.SYS.DDF01")
	ppse = []byte("2PAY.SYS.DDF01")
)

// Command runs an APDU of any case and answers data and status word.
func (c *Card) Command(apdu []byte) []byte {
	data, sw := c.command(apdu)
	return binary.BigEndian.AppendUint16(data, sw)
}

func (c *Card) command(apdu []byte) ([]byte, uint16) {
	if len(apdu) < 4 {
		return nil, wrongLength
	}
	cla, ins, p1, p2 := apdu[0], apdu[1], apdu[2], apdu[3]
	var body []byte
	if len(apdu) > 5 {
		n := int(apdu[4])
		if len(apdu) != 5+n && len(apdu) != 6+n {
			return nil, wrongLength
		}
		body = apdu[5 : 5+n]
	}
	if c.mem.CardBlocked {
		return nil, notSupported
	}
	switch {
	case ins == 0xA4 && cla == 0:
		return c.choose(p1, p2, body)
	case ins == 0xB2 && cla == 0:
		return c.record(p1, p2)
	case ins == 0x84 && cla == 0:
		b := make([]byte, 8)
		_, _ = rand.Read(b)
		return b, ok
	case c.app.selected != "app":
		if cla != 0 && cla != 0x80 && cla != 0x84 {
			return nil, badCLA
		}
		return nil, conditions
	case ins == 0xA8 && cla == 0x80:
		return c.begin(body)
	case ins == 0xCA && cla == 0x80:
		return c.getData(uint16(p1)<<8 | uint16(p2))
	case ins == 0xAE && cla == 0x80:
		return c.generate(p1, body)
	case ins == 0x82 && cla == 0:
		return nil, c.authenticate(body)
	case cla == 0x84 && (ins == 0x1E || ins == 0x18 || ins == 0x16):
		return nil, c.script(apdu[:4], body)
	case cla != 0 && cla != 0x80 && cla != 0x84:
		return nil, badCLA
	}
	return nil, badINS
}

// choose is SELECT by name: EMV Book 1, 11.3; part of an AID finds the application once.
func (c *Card) choose(p1, p2 byte, name []byte) ([]byte, uint16) {
	if p1 != 4 || p2 != 0 && p2 != 2 {
		return nil, wrongP1P2
	}
	if c.chip.State == "foreign" {
		return nil, fileMissing
	}
	entry := tlv(0x61, tlv(0x4F, AID), tlv(0x50, []byte("PBOC DEBIT")), tlv(0x87, []byte{1}))
	switch {
	case bytes.Equal(name, pse) && !c.app.air:
		c.app = application{selected: "pse"}
		return tlv(0x6F, tlv(0x84, pse), tlv(0xA5, tlv(0x88, []byte{1}), tlv(0x5F2D, []byte("zhen")), tlv(0x9F11, []byte{1}))), ok
	case bytes.Equal(name, ppse):
		c.app = application{air: c.app.air, selected: "ppse"}
		return tlv(0x6F, tlv(0x84, ppse), tlv(0xA5, tlv(0xBF0C, entry))), ok
	case len(name) >= 5 && bytes.HasPrefix(AID, name) && p2 == 0:
		c.app = application{air: c.app.air, selected: "app"}
		asks := []byte{0x9F, 0x1A, 2, 0x9F, 0x35, 1}
		if c.app.air {
			asks = quickList
		}
		fci := tlv(0x6F, tlv(0x84, AID), tlv(0xA5, tlv(0x50, []byte("PBOC DEBIT")), tlv(0x87, []byte{1}),
			tlv(0x9F38, asks), tlv(0x5F2D, []byte("zhen"))))
		if c.mem.AppBlocked {
			return fci, invalidated
		}
		return fci, ok
	}
	return nil, fileMissing
}

// begin is GET PROCESSING OPTIONS; it counts the transaction.
func (c *Card) begin(body []byte) ([]byte, uint16) {
	if c.app.stage != idle || c.mem.AppBlocked || c.mem.ATC == 0xFFFF {
		return nil, conditions
	}
	if c.app.air {
		return c.quick(body)
	}
	if len(body) != 5 || body[0] != 0x83 || body[1] != 3 { // as the PDOL asks
		return nil, wrongLength
	}
	c.count()
	if c.Protocol() == 0 {
		return tlv(0x80, profile, files), ok
	}
	return tlv(0x77, tlv(0x82, profile), tlv(0x94, files)), ok
}

// count begins a transaction: the counter is saved before anything is signed under it.
func (c *Card) count() {
	c.mem.ATC++
	c.save()
	c.app.stage = initiated
	var r [8]byte
	binary.BigEndian.PutUint16(r[:], c.mem.ATC)
	c.app.key = sessionKey(c.keyAC, r)
}

func (c *Card) getData(tag uint16) ([]byte, uint16) {
	word := func(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
	switch tag {
	case 0x9F36:
		return tlv(0x9F36, word(c.mem.ATC)), ok
	case 0x9F13:
		return tlv(0x9F13, word(c.mem.LastOnline)), ok
	case 0x9F17:
		return tlv(0x9F17, []byte{3}), ok
	}
	return nil, noData
}
