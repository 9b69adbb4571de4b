package iccard

import (
	"crypto/cipher"
	"crypto/des" //nolint:gosec // the card networks demand it
	"fmt"
	"math/bits"
	"strings"
)

func tripleDES(key []byte) cipher.Block {
	c, err := des.NewTripleDESCipher(append(append([]byte(nil), key...), key[:8]...))
	if err != nil {
		panic(fmt.Sprintf("a key has 16 bytes: %v", err))
	}
	return c
}

// masterKey is the card's key of an issuer master key: EMV Book 2 A1.4.1, option A, odd parity.
func masterKey(issuer []byte, pan string, sequence byte) []byte {
	digits := pan + fmt.Sprintf("%02d", sequence)
	if n := len(digits); n < 16 {
		digits = strings.Repeat("0", 16-n) + digits
	} else {
		digits = digits[n-16:]
	}
	y := packed(digits)
	out := make([]byte, 16)
	c := tripleDES(issuer)
	c.Encrypt(out[:8], y)
	for i := range y {
		y[i] ^= 0xFF
	}
	c.Encrypt(out[8:], y)
	return oddParity(out)
}

// sessionKey is the common session key of r: EMV Book 2 A1.3.1.
func sessionKey(master []byte, r [8]byte) []byte {
	out := make([]byte, 16)
	c := tripleDES(master)
	r[2] = 0xF0
	c.Encrypt(out[:8], r[:])
	r[2] = 0x0F
	c.Encrypt(out[8:], r[:])
	return oddParity(out)
}

// oddParity changes nothing for DES; published keys are written so.
func oddParity(key []byte) []byte {
	for i, b := range key {
		if bits.OnesCount8(b)%2 == 0 {
			key[i] ^= 1
		}
	}
	return key
}

// mac is the retail MAC of ISO/IEC 9797-1 (algorithm 3, padding method 2).
func mac(key, data []byte) []byte {
	left, _ := des.NewCipher(key[:8])
	right, _ := des.NewCipher(key[8:])
	data = append(append([]byte(nil), data...), 0x80)
	for len(data)%8 != 0 {
		data = append(data, 0)
	}
	out := make([]byte, 8)
	for ; len(data) > 0; data = data[8:] {
		for i := range out {
			out[i] ^= data[i]
		}
		left.Encrypt(out, out)
	}
	right.Decrypt(out, out)
	left.Encrypt(out, out)
	return out
}

// responseCryptogram is the ARPC, method 1: EMV Book 2 8.2.1.
func responseCryptogram(key, request, code []byte) []byte {
	x := append([]byte(nil), request...)
	x[0] ^= code[0]
	x[1] ^= code[1]
	tripleDES(key).Encrypt(x, x)
	return x
}

// packed writes digits (and D, F) two to a byte; a missing last one is F.
func packed(digits string) []byte {
	if len(digits)%2 == 1 {
		digits += "F"
	}
	out := make([]byte, len(digits)/2)
	for i := range digits {
		v := digits[i] - '0'
		if digits[i] >= 'A' {
			v = digits[i] - 'A' + 10
		}
		out[i/2] |= v << (4 * (1 - i%2))
	}
	return out
}
