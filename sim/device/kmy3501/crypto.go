package kmy3501

import (
	"crypto/cipher"
	"crypto/des"
	"fmt"
)

// two is a double-length key's cipher.
func two(key []byte) (cipher.Block, error) {
	if len(key) != 16 {
		return nil, fmt.Errorf("a key of %d bytes", len(key))
	}
	k := make([]byte, 0, 24)
	k = append(k, key...)
	return des.NewTripleDESCipher(append(k, key[:8]...))
}

// blocks runs f over each block of eight bytes.
func blocks(f func(dst, src []byte), in []byte) []byte {
	out := make([]byte, len(in))
	for at := 0; at+8 <= len(in); at += 8 {
		f(out[at:at+8], in[at:at+8])
	}
	return out
}

// retail is the X9.9 chain under the left half and, as X9.19 ends it, the whole key over the
// last block.
func retail(key, data []byte) ([]byte, error) {
	left, err := des.NewCipher(key[:8])
	if err != nil {
		return nil, err
	}
	whole, err := two(key)
	if err != nil {
		return nil, err
	}
	x := make([]byte, 8)
	for at := 0; at < len(data) || at == 0; at += 8 {
		for i := at; i < at+8 && i < len(data); i++ {
			x[i-at] ^= data[i]
		}
		if at+8 >= len(data) {
			whole.Encrypt(x, x) // E(D(E(x))) is the chain's last step and the end in one
		} else {
			left.Encrypt(x, x)
		}
	}
	return x, nil
}

// union folds the data to one block by XOR, writes it in hex characters, and encrypts twice.
func union(key, data []byte) ([]byte, error) {
	whole, err := two(key)
	if err != nil {
		return nil, err
	}
	var x [8]byte
	for i, b := range data {
		x[i%8] ^= b
	}
	chars := fmt.Appendf(nil, "%X", x[:])
	y := make([]byte, 8)
	whole.Encrypt(y, chars[:8])
	for i := range y {
		y[i] ^= chars[8+i]
	}
	whole.Encrypt(y, y)
	return fmt.Appendf(nil, "%X", y)[:8], nil
}

// isoZero is the clear block of format 0: 0 L PIN F…, XOR 0000 and the twelve digits.
func isoZero(pin, account string) []byte {
	field := func(s string) []byte {
		out := make([]byte, 8)
		for i := range out {
			hi, _ := nibble(s[2*i])
			lo, _ := nibble(s[2*i+1])
			out[i] = hi<<4 | lo
		}
		return out
	}
	a := field(("0" + string(digits[len(pin)]) + pin + "FFFFFFFFFFFFFFFF")[:16])
	for i, b := range field("0000" + account) {
		a[i] ^= b
	}
	return a
}
