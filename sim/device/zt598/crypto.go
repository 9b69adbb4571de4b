package zt598

import (
	"crypto/cipher"
	"crypto/des"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/tjfoc/gmsm/sm4"
)

var errKeyLength = errors.New("key length")

// tripleDES makes a cipher of an 8, 16 or 24 byte key.
func tripleDES(key []byte) (cipher.Block, error) {
	switch len(key) {
	case 8:
		return des.NewCipher(key)
	case 16:
		return des.NewTripleDESCipher(append(append([]byte{}, key...), key[:8]...))
	case 24:
		return des.NewTripleDESCipher(key)
	}
	return nil, errKeyLength
}

// ecb runs a block cipher over whole blocks. The block belongs to the caller's goroutine
// alone: the SM4 implementation keeps state in it.
func ecb(b cipher.Block, data []byte, decrypt bool) ([]byte, bool) {
	n := b.BlockSize()
	if len(data) == 0 || len(data)%n != 0 {
		return nil, false
	}
	out := make([]byte, len(data))
	for i := 0; i < len(data); i += n {
		if decrypt {
			b.Decrypt(out[i:i+n], data[i:i+n])
		} else {
			b.Encrypt(out[i:i+n], data[i:i+n])
		}
	}
	return out, true
}

// kcv3 and kcv4 are the whole check values: a zero block under the key.
func kcv3(key []byte) ([]byte, error) {
	b, err := tripleDES(key)
	if err != nil {
		return nil, err
	}
	out, _ := ecb(b, make([]byte, 8), false)
	return out, nil
}

func kcv4(key []byte) ([]byte, error) {
	b, err := sm4.NewCipher(key)
	if err != nil {
		return nil, errKeyLength
	}
	out, _ := ecb(b, make([]byte, 16), false)
	return out, nil
}

func zeroPad(data []byte, n int) []byte {
	out := append([]byte(nil), data...)
	for len(out) == 0 || len(out)%n != 0 {
		out = append(out, 0)
	}
	return out
}

// macX919 is ISO 9797-1 algorithm 3 with zero padding: DES CBC under the left half, the
// last block decrypted under the right and encrypted under the left half.
func macX919(key, data []byte) ([]byte, error) {
	if len(key) != 16 {
		return nil, errKeyLength
	}
	left, err := des.NewCipher(key[:8])
	if err != nil {
		return nil, err
	}
	right, err := des.NewCipher(key[8:])
	if err != nil {
		return nil, err
	}
	x := cbcMAC(left, make([]byte, 8), data)
	right.Decrypt(x, x)
	left.Encrypt(x, x)
	return x, nil
}

// macSM4 is CBC-MAC over 16-byte blocks, zero padded.
func macSM4(key, iv, data []byte) ([]byte, error) {
	b, err := sm4.NewCipher(key)
	if err != nil {
		return nil, errKeyLength
	}
	return cbcMAC(b, iv, data), nil
}

func cbcMAC(b cipher.Block, iv, data []byte) []byte {
	n := b.BlockSize()
	x := append([]byte(nil), iv...)
	for p := zeroPad(data, n); len(p) > 0; p = p[n:] {
		for i := range x {
			x[i] ^= p[i]
		}
		out := make([]byte, n)
		b.Encrypt(out, x)
		x = out
	}
	return x
}

// clearBlock is 0L PIN F… XOR 0…0 PAN12 in 8 (ISO-0) or 16 (SM4) bytes. pan12 are the
// twelve digits before the check digit.
func clearBlock(pin, pan12 string, size int) ([]byte, bool) {
	if len(pin) < 4 || len(pin) > 12 || len(pan12) != 12 {
		return nil, false
	}
	p, err := hex.DecodeString("0" + string("0123456789ABC"[len(pin)]) + pin + strings.Repeat("F", 2*size-2-len(pin)))
	if err != nil {
		return nil, false
	}
	a, err := hex.DecodeString(strings.Repeat("0", 2*size-12) + pan12)
	if err != nil {
		return nil, false
	}
	for i := range p {
		p[i] ^= a[i]
	}
	return p, true
}
