package bankhost

import (
	"crypto/des" //nolint:gosec // the card networks demand it
	"encoding/hex"
	"fmt"
	"math/big"
)

// The issuer's master keys of the demo cards: for cryptograms the one of published examples.
const (
	issuerAC     = "0123456789ABCDEFFEDCBA9876543210"
	issuerScript = "13579BDF02468ACEECA86420FDB97531"
)

// rcCryptogram declines a chip whose cryptogram is wrong.
const rcCryptogram = "82"

// chipData is a field 55 taken apart: hexadecimal tag → value.
type chipData map[string][]byte

// parseChip reads field 55, objects of one level; ok is false for anything else.
func parseChip(b []byte) (out chipData, ok bool) {
	out = chipData{}
	for len(b) > 0 {
		n := 1
		if b[0]&0x1F == 0x1F {
			n = 2
		}
		if len(b) < n+1 {
			return nil, false
		}
		tag, size := hex.EncodeToString(b[:n]), int(b[n])
		b = b[n+1:]
		if size == 0x81 && len(b) > 0 {
			size, b = int(b[0]), b[1:]
		} else if size > 0x7F {
			return nil, false
		}
		if size > len(b) {
			return nil, false
		}
		out[tag], b = b[:size], b[size:]
	}
	return out, true
}

// issuer is the issuer's view of one cryptogram.
type issuer struct {
	ac      []byte // session key of the cryptogram
	request []byte
	atc     []byte
	card    string // PAN and sequence number
}

// cardKeyOf is option A: the last 16 digits, encrypted, and their complement, encrypted.
func cardKeyOf(master, digits string) []byte {
	m, _ := hex.DecodeString(master)
	y, _ := hex.DecodeString(digits[len(digits)-16:])
	inv := make([]byte, 8)
	for i := range inv {
		inv[i] = y[i] ^ 0xFF
	}
	return append(ede(m, y), ede(m, inv)...)
}

// sessionOf is the common session key of eight bytes.
func sessionOf(card, r []byte) []byte {
	a, b := append([]byte(nil), r...), append([]byte(nil), r...)
	a[2], b[2] = 0xF0, 0x0F
	return append(ede(card, a), ede(card, b)...)
}

// ede encrypts one block under both halves of a key.
func ede(key, in []byte) []byte {
	k1, _ := des.NewCipher(key[:8])
	k2, _ := des.NewCipher(key[8:16])
	out := append([]byte(nil), in...)
	k1.Encrypt(out, out)
	k2.Decrypt(out, out)
	k1.Encrypt(out, out)
	return out
}

// retail is the MAC of ISO 9797-1 algorithm 3 over data with 80 and zeros behind it.
func retail(key, data []byte) []byte {
	msg := append(append([]byte(nil), data...), 0x80)
	msg = append(msg, make([]byte, (8-len(msg)%8)%8)...)
	k1, _ := des.NewCipher(key[:8])
	k2, _ := des.NewCipher(key[8:16])
	h := new(big.Int)
	for i := 0; i < len(msg); i += 8 {
		x := new(big.Int).Xor(h, new(big.Int).SetBytes(msg[i:i+8]))
		b := x.FillBytes(make([]byte, 8))
		k1.Encrypt(b, b)
		h.SetBytes(b)
	}
	b := h.FillBytes(make([]byte, 8))
	k2.Decrypt(b, b)
	k1.Encrypt(b, b)
	return b
}

// lengths of what a cryptogram is made of, in the order of its making; then 82, 9F36 and the
// verification results out of 9F10.
var signed = []struct {
	tag string
	n   int
}{{"9f02", 6}, {"9f03", 6}, {"9f1a", 2}, {"95", 5}, {"5f2a", 2}, {"9a", 3}, {"9c", 1}, {"9f37", 4}, {"82", 2}, {"9f36", 2}}

// checkChip verifies the cryptogram of a request with a chip; rc "" is good, or none is there.
func (q *request) checkChip(pan string) (rc string) {
	f := q.m.raw(55)
	byChip := len(q.m.text(22)) == 3 && (q.m.text(22)[:2] == "05" || q.m.text(22)[:2] == "07") // contacts, antenna
	if len(f) == 0 {
		if byChip {
			return rcCryptogram
		}
		return ""
	}
	d, ok := parseChip(f)
	if !ok || !byChip || len(pan) < 13 {
		return "30"
	}
	var data []byte
	for _, s := range signed {
		if len(d[s.tag]) != s.n {
			return "30"
		}
		data = append(data, d[s.tag]...)
	}
	ac, iad := d["9f26"], d["9f10"]
	if len(ac) != 8 || len(iad) < 7 || iad[2] != 1 || len(d["9f27"]) != 1 || d["9f27"][0]&0xC0 != 0x80 {
		return rcCryptogram
	}
	data = append(data, iad[3:7]...)
	amount := q.m.text(4)
	if amount == "" {
		amount = "000000000000"
	}
	if hex.EncodeToString(d["9f02"]) != amount { // another amount was signed
		return rcCryptogram
	}
	sequence := "00"
	if s := q.m.text(23); len(s) == 3 {
		sequence = s[1:]
	}
	q.chip = &issuer{request: ac, atc: d["9f36"], card: pan + sequence}
	q.chip.ac = sessionOf(cardKeyOf(issuerAC, q.chip.card), append(append([]byte(nil), d["9f36"]...), 0, 0, 0, 0, 0, 0))
	if string(retail(q.chip.ac, data)) != string(ac) {
		q.chip = nil
		return rcCryptogram
	}
	return ""
}

// chipAnswer is field 55 of the answer: the issuer's cryptogram for the response code, and for a card
// that is to be kept a script that blocks its application.
func (q *request) chipAnswer() []byte {
	c := q.chip
	if c == nil || len(q.rc) != 2 {
		return nil
	}
	x := append([]byte(nil), c.request...)
	x[0] ^= q.rc[0]
	x[1] ^= q.rc[1]
	out := append([]byte{0x91, 10}, ede(c.ac, x)...)
	if q.bent {
		out[2] ^= 1
	}
	out = append(out, q.rc...)
	if q.rc == "38" || q.rc == "75" {
		head := []byte{0x84, 0x1E, 0x00, 0x00, 0x04}
		data := append(append(append([]byte(nil), head...), c.atc...), c.request...)
		mac := retail(sessionOf(cardKeyOf(issuerScript, c.card), c.request), data)[:4]
		command := append(append([]byte{0x86, byte(len(head) + 4)}, head...), mac...)
		out = append(append(out, 0x72, byte(len(command))), command...)
	}
	return out
}

// String keeps a request's chip data out of logs.
func (d chipData) String() string { return fmt.Sprintf("%d objects of a chip", len(d)) }
