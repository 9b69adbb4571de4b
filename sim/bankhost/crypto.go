package bankhost

import (
	"crypto/cipher"
	"crypto/des" //nolint:gosec // the card networks demand it
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/tjfoc/gmsm/sm4"
)

// Zone holds the two keys the host shares with the acquirer, 16 bytes each, and what they have agreed on.
type Zone struct {
	SM4      bool
	PIK, MAK []byte
	MAC      string // x9.9 or fold; empty: X9.19, under SM4 its CBC-MAC
	Format3  bool   // PIN blocks are of ISO 9564-1 format 3, not 0 (3DES)
}

// zone computes with a Zone's keys. SM4 blocks of tjfoc are not safe for sharing, so every
// use takes its own from a pool.
type zone struct {
	sm4        bool
	pin, mac   *sync.Pool
	kind       string
	format3    bool
	mac3       cipher.Block // the whole MAC key
	tdes       cipher.Block
	mac1, mac2 cipher.Block
	dataID     []byte // of the data keys that a message came under
	before     *zone  // of the same MAC key, with the PIN key before: a message does not tell which it is under
}

func newZone(z Zone) (*zone, error) {
	out := &zone{sm4: z.SM4, pin: &sync.Pool{}, mac: &sync.Pool{}, kind: z.MAC, format3: z.Format3}
	if z.MAC != "" && z.MAC != "fold" && (z.MAC != "x9.9" || z.SM4) || z.Format3 && z.SM4 {
		return nil, fmt.Errorf("bankhost: MAC %q: want x9.9 or fold; x9.9 and PIN blocks of format 3 want 3DES keys", z.MAC)
	}
	if z.SM4 {
		if _, err := sm4.NewCipher(z.PIK); err != nil {
			return nil, fmt.Errorf("bankhost: PIN key: %w", err)
		}
		if _, err := sm4.NewCipher(z.MAK); err != nil {
			return nil, fmt.Errorf("bankhost: MAC key: %w", err)
		}
		out.pin.New = func() any { b, _ := sm4.NewCipher(z.PIK); return b }
		out.mac.New = func() any { b, _ := sm4.NewCipher(z.MAK); return b }
		return out, nil
	}
	if len(z.PIK) != 16 || len(z.MAK) != 16 {
		return nil, fmt.Errorf("bankhost: 3DES keys must have 16 bytes")
	}
	out.tdes, _ = des.NewTripleDESCipher(append(append([]byte(nil), z.PIK...), z.PIK[:8]...))
	out.mac3, _ = des.NewTripleDESCipher(append(append([]byte(nil), z.MAK...), z.MAK[:8]...))
	out.mac1, _ = des.NewCipher(z.MAK[:8])
	out.mac2, _ = des.NewCipher(z.MAK[8:])
	return out, nil
}

// macOf is the 8 hexadecimal characters of field 128 over data.
func (z *zone) macOf(data []byte) string {
	return strings.ToUpper(hex.EncodeToString(z.macBytes(data)[:4]))
}

// macBytes is the whole MAC.
func (z *zone) macBytes(data []byte) []byte {
	c, n := z.mac1, 8
	if z.kind != "" {
		c = z.mac3
	}
	if z.sm4 {
		c, n = z.mac.Get().(cipher.Block), 16
		defer z.mac.Put(c)
	}
	if z.kind == "fold" { // what is chained is the hexadecimal text of all blocks XORed
		all := make([]byte, n)
		for i, b := range data {
			all[i%n] ^= b
		}
		data = []byte(strings.ToUpper(hex.EncodeToString(all)))
	}
	state := make([]byte, n)
	for len(data) > 0 { // the last block is as if padded with zeros
		l := subtle.XORBytes(state, state, data[:min(n, len(data))])
		c.Encrypt(state, state)
		data = data[l:]
	}
	if !z.sm4 && z.kind == "" {
		z.mac2.Decrypt(state, state)
		z.mac1.Encrypt(state, state)
	}
	return state
}

// pinOf decrypts a PIN block and returns the digits; ok is false for a malformed block.
func (z *zone) pinOf(block []byte, pan string) (pin string, ok bool) {
	if pin, ok = z.clearPIN(block, pan); !ok && z.before != nil {
		return z.before.clearPIN(block, pan)
	}
	return pin, ok
}

func (z *zone) clearPIN(block []byte, pan string) (pin string, ok bool) {
	c, n := z.tdes, 8
	if z.sm4 {
		c, n = z.pin.Get().(cipher.Block), 16
		defer z.pin.Put(c)
	}
	if len(block) != n || len(pan) < 13 {
		return "", false
	}
	b := make([]byte, n)
	c.Decrypt(b, block)
	p := pan[len(pan)-13 : len(pan)-1]
	for i := range 6 {
		b[n-6+i] ^= (p[2*i]-'0')<<4 | (p[2*i+1] - '0')
	}
	digits := strings.ToUpper(hex.EncodeToString(b))
	l := int(b[0])
	if z.format3 {
		l ^= 0x30
	}
	if l < 4 || l > 12 {
		return "", false
	}
	for i, ch := range digits[2:] {
		if (i < l) != (ch >= '0' && ch <= '9') || i >= l && ch != 'F' && (!z.format3 || ch < 'A') {
			return "", false
		}
	}
	return digits[2 : 2+l], true
}
