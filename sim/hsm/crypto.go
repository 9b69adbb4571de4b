package hsm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // the card networks demand it
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"github.com/tjfoc/gmsm/sm4"
)

// newCipher makes a cipher of algorithm T, A or 4; nil when the length does not fit. Objects are not
// shared: those of this SM4 library are not safe for it.
func newCipher(alg byte, raw []byte) cipher.Block {
	var c cipher.Block
	var err error
	switch {
	case alg == 'T' && len(raw) == 8:
		c, err = des.NewCipher(raw)
	case alg == 'T' && len(raw) == 16:
		c, err = des.NewTripleDESCipher(append(append([]byte(nil), raw...), raw[:8]...))
	case alg == 'T' && len(raw) == 24:
		c, err = des.NewTripleDESCipher(raw)
	case alg == 'A':
		c, err = aes.NewCipher(raw)
	case alg == '4' && len(raw) == 16:
		c, err = sm4.NewCipher(raw)
	}
	if err != nil {
		return nil
	}
	return c
}

func ecb(c cipher.Block, in []byte, decrypt bool) []byte {
	out := make([]byte, len(in))
	for n, i := c.BlockSize(), 0; i+n <= len(in); i += n {
		if decrypt {
			c.Decrypt(out[i:i+n], in[i:i+n])
		} else {
			c.Encrypt(out[i:i+n], in[i:i+n])
		}
	}
	return out
}

// chain is a CBC over whole blocks from zero; the last block is the MAC of ISO 9797-1 algorithm 1.
func chain(c cipher.Block, data []byte) []byte {
	n := c.BlockSize()
	x := make([]byte, n)
	for len(data) > 0 {
		subtle.XORBytes(x, x, data[:n])
		c.Encrypt(x, x)
		data = data[n:]
	}
	return x
}

// pad pads by ISO 9797-1 method 1 or 2; 0 takes whole blocks only.
func pad(data []byte, n int, method byte) ([]byte, bool) {
	out := append([]byte(nil), data...)
	if method == '2' {
		out = append(out, 0x80)
	}
	for len(out)%n != 0 {
		if method == '0' {
			return nil, false
		}
		out = append(out, 0)
	}
	return out, true
}

// cmac is SP 800-38B, with subkeys computed as whole numbers.
func cmac(c cipher.Block, data []byte) []byte {
	n := c.BlockSize()
	rb := byte(0x87)
	if n == 8 {
		rb = 0x1B
	}
	twice := func(in []byte) []byte {
		out := make([]byte, n)
		for i := n - 1; i >= 0; i-- {
			out[i] = in[i] << 1
			if i < n-1 && in[i+1]&0x80 != 0 {
				out[i] |= 1
			}
		}
		if in[0]&0x80 != 0 {
			out[n-1] ^= rb
		}
		return out
	}
	sub := twice(ecb(c, make([]byte, n), false))
	padded := append([]byte(nil), data...)
	if len(data) == 0 || len(data)%n != 0 {
		sub = twice(sub)
		padded, _ = pad(data, n, '2')
	}
	last := padded[len(padded)-n:]
	subtle.XORBytes(last, last, sub)
	return chain(c, padded)
}

// retail is ISO 9797-1 algorithm 3.
func retail(raw, padded []byte) []byte {
	one, two := newCipher('T', raw[:8]), newCipher('T', raw[8:16])
	x := chain(one, padded)
	two.Decrypt(x, x)
	one.Encrypt(x, x)
	return x
}

// fold is the UnionPay POS MAC.
func fold(c cipher.Block, data []byte) []byte {
	n := c.BlockSize()
	x := make([]byte, n)
	padded, _ := pad(data, n, '1')
	for i := 0; i < len(padded); i += n {
		subtle.XORBytes(x, x, padded[i:i+n])
	}
	text := strings.ToUpper(hex.EncodeToString(x))
	first := ecb(c, []byte(text[:n]), false)
	subtle.XORBytes(first, first, []byte(text[n:]))
	return ecb(c, first, false)
}

// pinDigits reads the PIN of an encrypted block; the answer is an error code, 00 for none. format is
// the device's number; pan has all digits for 48, the 12 rightmost without check digit otherwise.
func pinDigits(c cipher.Block, block []byte, format, pan string) (pin, code string) {
	f, ok := pinFormats[format]
	if !ok {
		return "", "23"
	}
	if len(block) != f.size {
		return "", "15"
	}
	clear := ecb(c, block, true)
	if format == "48" {
		subtle.XORBytes(clear, clear, panField(pan))
		clear = ecb(c, clear, true)
	} else if f.pan {
		subtle.XORBytes(clear[f.size-8:], clear[f.size-8:], bcd("0000"+pan))
	}
	text := strings.ToUpper(hex.EncodeToString(clear))
	n := strings.IndexByte("0123456789ABCDEF", text[1])
	if text[0] != f.control || n < 4 || n > 12 {
		return "", "20"
	}
	rest := text[2+n : 16]
	if format == "90" {
		rest = text[2+n:]
	}
	if strings.Trim(text[2:2+n], "0123456789") != "" || strings.Trim(rest, f.fill) != "" {
		return "", "20"
	}
	return text[2 : 2+n], "00"
}

// pinBlock makes an encrypted block.
func pinBlock(c cipher.Block, pin, format, pan string, random func(int) []byte) ([]byte, string) {
	f, ok := pinFormats[format]
	if !ok {
		return nil, "23"
	}
	text := string(f.control) + string("0123456789ABCDEF"[len(pin)]) + pin
	for _, r := range random(14 - len(pin)) {
		text += string(f.fill[int(r)%len(f.fill)])
	}
	if format == "90" {
		text += "FFFFFFFFFFFFFFFF"
	}
	clear := bcd(text)
	if format == "48" {
		x := ecb(c, append(clear, random(8)...), false)
		subtle.XORBytes(x, x, panField(pan))
		return ecb(c, x, false), "00"
	}
	if f.pan {
		subtle.XORBytes(clear[f.size-8:], clear[f.size-8:], bcd("0000"+pan))
	}
	return ecb(c, clear, false), "00"
}

// pinFormats by the device's number. 01, 05, 34, 47 and 48 are payShield's for ISO 9564-1 formats 0, 1,
// 2, 3 and 4; 90, the block of 16 bytes under SM4, is ours.
var pinFormats = map[string]struct {
	size    int
	control byte
	fill    string
	pan     bool
	alg     byte // of the key
}{
	"01": {8, '0', "F", true, 'T'}, "05": {8, '1', "0123456789ABCDEF", false, 'T'}, "34": {8, '2', "F", false, 'T'},
	"47": {8, '3', "ABCDEF", true, 'T'}, "48": {16, '4', "A", false, 'A'}, "90": {16, '0', "F", true, '4'},
}

// panField is ISO 9564-1 format 4's.
func panField(pan string) []byte {
	m := 0
	if len(pan) > 12 {
		m = len(pan) - 12
	}
	for len(pan) < 12 {
		pan = "0" + pan
	}
	text := string("0123456789"[m]) + pan
	return bcd(text + strings.Repeat("0", 32-len(text)))
}

func bcd(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		return make([]byte, (len(text)+1)/2)
	}
	return b
}
