package paycrypto

import (
	"crypto/subtle"
	"math/bits"
)

// Chip cards: EMV 4.3 Book 2. All keys are of two DES halves.

// CardKey derives a card's master key from an issuer's: A1.4.1, option A. sequence is the PAN sequence
// number, two digits.
func CardKey(issuer *Key, pan string, sequence byte) (*Key, error) {
	if issuer.alg != DES || issuer.k2 == nil {
		return nil, ErrKey
	}
	if sequence > 99 || len(pan) < 12 {
		return nil, ErrPAN
	}
	all := pan + string([]byte{'0' + sequence/10, '0' + sequence%10})
	var in [16]byte
	for i, at := 15, len(all)-1; i >= 0 && at >= 0; i, at = i-1, at-1 {
		if all[at] < '0' || all[at] > '9' {
			return nil, ErrPAN
		}
		in[i/2] |= (all[at] - '0') << (4 * (1 - i%2))
	}
	for i := range 8 {
		in[8+i] = ^in[i]
	}
	return derived(issuer, in)
}

// ChipSession is the common session key of r: A1.3.1. For a cryptogram r is the card's counter and
// six zeros, for a script the cryptogram.
func ChipSession(card *Key, r [8]byte) (*Key, error) {
	if card.alg != DES || card.k2 == nil {
		return nil, ErrKey
	}
	var in [16]byte
	copy(in[:], r[:])
	copy(in[8:], r[:])
	in[2], in[10] = 0xF0, 0x0F
	return derived(card, in)
}

// derived is the key made of two encrypted blocks, with odd parity.
func derived(k *Key, in [16]byte) (*Key, error) {
	raw, err := k.ECB(nil, in[:], false)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	for i, b := range raw {
		if bits.OnesCount8(b)%2 == 0 {
			raw[i] ^= 1
		}
	}
	return NewKey(DES, raw)
}

// Cryptogram is an application cryptogram over data under a session key: 8.1.2, padding 80.
func Cryptogram(session *Key, data []byte) ([]byte, error) {
	return AppendMAC(nil, X919M2, session, data)
}

// ResponseCryptogram is the issuer's answer to a request cryptogram, method 1: 8.2.1.
func ResponseCryptogram(session *Key, request [8]byte, code [2]byte) ([]byte, error) {
	request[0] ^= code[0]
	request[1] ^= code[1]
	return session.ECB(nil, request[:], false)
}

// CheckCryptogram verifies a card's request cryptogram and answers the issuer's for code; ok is false
// for a wrong one.
func CheckCryptogram(issuer *Key, pan string, sequence byte, counter uint16, data []byte, request [8]byte, code [2]byte) (answer []byte, ok bool, err error) {
	card, err := CardKey(issuer, pan, sequence)
	if err != nil {
		return nil, false, err
	}
	session, err := ChipSession(card, [8]byte{byte(counter >> 8), byte(counter)})
	if err != nil {
		return nil, false, err
	}
	want, err := Cryptogram(session, data)
	if err != nil || subtle.ConstantTimeCompare(want, request[:]) != 1 {
		return nil, false, err
	}
	answer, err = ResponseCryptogram(session, request, code)
	return answer, true, err
}
