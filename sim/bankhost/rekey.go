package bankhost

import (
	"bytes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // the card networks demand it
	"crypto/rand"
	"fmt"
	"time"

	"github.com/tjfoc/gmsm/sm4"

	"zhigui/server/api/paycrypto/keyblock"
)

// zones are the keys that messages may come under: those before, and the newest last.
func (h *Host) zones() []*zone { return *h.keys.Load() }

// Rekey makes new zone keys and sends them to the acquirer as TR-31 key blocks under kek, in F48 of an
// 0800 with F70 101. The host uses them when the acquirer has answered 00 (the next message under them
// proves it); what comes under the ones before is good as long as they are the ones before. It answers
// the keys, for a test to compare.
func (h *Host) Rekey(kek []byte) (pik, mak []byte, err error) {
	pik, mak = make([]byte, 16), make([]byte, 16)
	for _, k := range [][]byte{pik, mak} {
		if _, err := rand.Read(k); err != nil {
			return nil, nil, err
		}
	}
	next, err := newZone(Zone{SM4: h.o.Zone.SM4, PIK: pik, MAK: mak, MAC: h.o.Zone.MAC, Format3: h.o.Zone.Format3})
	if err != nil {
		return nil, nil, err
	}
	alg, version, usage := byte('T'), byte('B'), "M3"
	if h.o.Zone.SM4 {
		alg, usage = '4', "M1"
	}
	p, err := keyblock.Wrap(kek, keyblock.Header{Version: version, Usage: "P0", Algorithm: alg, Mode: 'B', KeyVersion: "00", Export: 'E'}, pik)
	if err != nil {
		return nil, nil, err
	}
	m, err := keyblock.Wrap(kek, keyblock.Header{Version: version, Usage: usage, Algorithm: alg, Mode: 'C', KeyVersion: "00", Export: 'E'}, mak)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now().In(time.FixedZone("CST", 8*3600))
	var f [129]string
	f[0], f[7], f[11], f[33], f[48], f[53], f[70], f[128] = "0800", now.Format("0102150405"), fmt.Sprintf("%06d", now.UnixMilli()%1000000), "00010000", "NK"+p+"|"+m, "2600000000000000", "101", "00000000"
	z := h.zones()
	old := z[len(z)-1]
	if h.tell(&f) == 0 {
		return nil, nil, fmt.Errorf("bankhost: no link")
	}
	h.keys.Store(&[]*zone{old, next}) // answers still under the old ones, until the acquirer uses the new
	return pik, mak, nil
}

// block is the cipher of a key of 16 bytes.
func block(sm bool, key []byte) (cipher.Block, error) {
	if sm {
		return sm4.NewCipher(key)
	}
	return des.NewTripleDESCipher(append(bytes.Clone(key), key[:8]...))
}

// RekeyBare sends one new key of the zone in ECB under the member's master key: kind 1 is the PIN key, 2 the
// MAC key, whose message is under the new key itself. now are the keys of this moment; the ones that follow
// are answered.
func (h *Host) RekeyBare(mmk []byte, now Zone, kind byte) (Zone, error) {
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return now, err
	}
	next := now
	if kind == '1' {
		next.PIK = key
	} else {
		next.MAK = key
	}
	z, err := newZone(next)
	if err != nil {
		return now, err
	}
	c, err := block(now.SM4, mmk)
	if err != nil {
		return now, err
	}
	check, err := block(now.SM4, key)
	if err != nil {
		return now, err
	}
	wrapped, kcv := make([]byte, 16), make([]byte, check.BlockSize())
	for i := 0; i < len(key); i += c.BlockSize() {
		c.Encrypt(wrapped[i:], key[i:])
	}
	check.Encrypt(kcv, kcv)
	at := time.Now().In(time.FixedZone("CST", 8*3600))
	var f [129]string
	f[0], f[7], f[11], f[33], f[48], f[53], f[70], f[128] = "0800", at.Format("0102150405"), fmt.Sprintf("%06d", at.UnixMilli()%1000000), "00010000",
		"NK"+string(wrapped)+string(kcv[:4]), string(kind)+"600000000000000", "101", "00000000"
	zones := h.zones()
	old, under := zones[len(zones)-1], zones[len(zones)-1]
	if kind == '2' {
		under = z
	} else {
		z.before = old
	}
	if h.tellUnder(under, &f) == 0 {
		return now, fmt.Errorf("bankhost: no link")
	}
	h.keys.Store(&[]*zone{old, z})
	return next, nil
}
