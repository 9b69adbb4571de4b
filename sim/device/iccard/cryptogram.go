package iccard

import (
	"bytes"
	"encoding/binary"
)

// generate is GENERATE AC. The first one goes online whatever is asked but a refusal; the second
// one is a TC only when the terminal asks for it and the issuer's cryptogram was good.
func (c *Card) generate(p1 byte, body []byte) ([]byte, uint16) {
	kind := p1 & 0xC0
	switch {
	case c.app.stage == initiated && len(body) == listed:
		cvr := byte(0xA0) // first: request; second: not asked yet
		if kind == 0 {
			cvr = 0x80
		} else {
			kind = 0x80
		}
		c.app.values = append([]byte(nil), body[:signed]...)
		out := c.cryptogram(kind, c.app.values, cvr)
		c.app.stage = online
		if kind == 0 {
			c.app.stage = over
		}
		return out, ok
	case c.app.stage == online && len(body) == listedTwo:
		if kind == 0x80 {
			return nil, wrongP1P2
		}
		if c.app.auth != 1 || body[0] != '0' || body[1] != '0' {
			kind = 0
		}
		cvr := byte(0x20) | kind // second: refusal 00, TC 01; first: request
		if c.app.auth < 0 {
			cvr |= 0x08
		}
		if kind != 0 {
			c.mem.LastOnline = c.mem.ATC
			c.save()
		}
		c.app.stage = over
		return c.cryptogram(kind, body[2:2+signed], cvr), ok
	case c.app.stage == initiated || c.app.stage == online:
		return nil, wrongLength
	}
	return nil, conditions
}

// cryptogram signs the terminal's values, the profile, the counter and the verification
// results, and answers CID, counter, cryptogram and issuer data.
func (c *Card) cryptogram(kind byte, values []byte, results byte) []byte {
	atc, sum, issuer := c.sign(kind, profile, values, results)
	if c.Protocol() == 0 {
		return tlv(0x80, []byte{kind}, atc, sum, issuer)
	}
	return tlv(0x77, tlv(0x9F27, []byte{kind}), tlv(0x9F36, atc), tlv(0x9F26, sum), tlv(0x9F10, issuer))
}

// sign answers counter, cryptogram and issuer data.
func (c *Card) sign(kind byte, aip, values []byte, results byte) (atc, sum, issuer []byte) {
	cvr := []byte{0x03, results, 0x00, 0x00}
	atc = binary.BigEndian.AppendUint16(nil, c.mem.ATC)
	sum = mac(c.app.key, bytes.Join([][]byte{values, aip, atc, cvr}, nil))
	if kind == 0x80 {
		c.app.first = sum
	}
	return atc, sum, bytes.Join([][]byte{{0x07, 0x01, 0x01}, cvr, {0x01}}, nil) // key index 1, version 1, 3DES
}

// authenticate is EXTERNAL AUTHENTICATE: the issuer's cryptogram and response code, once.
func (c *Card) authenticate(body []byte) uint16 {
	switch {
	case c.app.stage != online || c.app.auth != 0:
		return conditions
	case len(body) != 10:
		return wrongLength
	case !bytes.Equal(responseCryptogram(c.app.key, c.app.first, body[8:]), body[:8]):
		c.app.auth = -1
		return authFailed
	}
	c.app.auth = 1
	return ok
}

// script is an issuer's command with a MAC of four bytes under the session key of the first
// cryptogram: 1E blocks the application, 18 unblocks it, 16 blocks the card.
func (c *Card) script(head, body []byte) uint16 {
	if len(body) != 4 || c.app.first == nil {
		return secureWrong
	}
	data := append(append([]byte(nil), head...), 4)
	data = binary.BigEndian.AppendUint16(data, c.mem.ATC)
	data = append(data, c.app.first...)
	if !bytes.Equal(mac(sessionKey(c.keyMsg, [8]byte(c.app.first)), data)[:4], body) {
		return secureWrong
	}
	switch head[1] {
	case 0x1E:
		c.mem.AppBlocked = true
	case 0x18:
		c.mem.AppBlocked = false
	case 0x16:
		c.mem.CardBlocked = true
	}
	c.save()
	return ok
}
