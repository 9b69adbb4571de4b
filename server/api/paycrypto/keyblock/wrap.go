package keyblock

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"zhigui/server/api/paycrypto"
)

// Wrap writes a key block of version B or D. kbpk is the protection key in the clear: 16 or 24 bytes
// of TDES for B, 16, 24 or 32 of AES for D. The key is padded to the longest of its algorithm, so
// that the block does not tell its length.
func Wrap(kbpk []byte, h Header, key []byte) (string, error) {
	if h.Version != 'B' && h.Version != 'D' {
		return "", ErrVersion
	}
	block, mac, _ := sizes(h.Version)
	if len(key) == 0 || len(key) > 1024 {
		return "", ErrKey
	}
	long := len(key)
	switch h.Algorithm {
	case AlgTDES, AlgDES:
		long = max(long, 24)
	case AlgAES:
		long = max(long, 32)
	}
	plain := make([]byte, (2+long+block-1)/block*block)
	defer clear(plain)
	if _, err := rand.Read(plain); err != nil {
		return "", fmt.Errorf("keyblock: random: %w", err)
	}
	binary.BigEndian.PutUint16(plain, uint16(8*len(key))) //nolint:gosec // at most 1024 bytes
	copy(plain[2:], key)
	head, err := h.text(2 * (len(plain) + mac))
	if err != nil {
		return "", err
	}
	enc, auth, err := derive(h.Version, kbpk)
	if err != nil {
		return "", err
	}
	tag, err := cmac(auth, head, plain)
	if err != nil {
		return "", err
	}
	sealed, err := enc.CBC(nil, tag, plain, false)
	if err != nil {
		return "", err
	}
	return head + strings.ToUpper(hex.EncodeToString(sealed)+hex.EncodeToString(tag)), nil
}

// Unwrap checks a block and answers its header and key. Nothing of the key is looked at before the
// MAC is right (A, C), or before the whole is (B, D: their MAC is over the key in the clear).
func Unwrap(kbpk []byte, block string) (Header, []byte, error) {
	h, n, err := parse(block)
	if err != nil {
		return h, nil, err
	}
	size, macSize, _ := sizes(h.Version)
	body, err := hex.DecodeString(block[n:])
	if err != nil || len(body) < size+macSize || (len(body)-macSize)%size != 0 {
		return h, nil, ErrFormat
	}
	sealed, tag := body[:len(body)-macSize], body[len(body)-macSize:]
	var plain []byte
	if h.Version == 'A' || h.Version == 'C' {
		plain, err = openVariant(kbpk, block[:n], sealed, tag)
	} else {
		plain, err = openDerived(h.Version, kbpk, block[:n], sealed, tag)
	}
	if err != nil {
		return h, nil, err
	}
	defer clear(plain)
	bits := int(binary.BigEndian.Uint16(plain))
	if bits == 0 || bits%8 != 0 || bits/8 > len(plain)-2 {
		return h, nil, ErrFormat
	}
	return h, append([]byte(nil), plain[2:2+bits/8]...), nil
}

func openDerived(version byte, kbpk []byte, head string, sealed, tag []byte) ([]byte, error) {
	enc, auth, err := derive(version, kbpk)
	if err != nil {
		return nil, err
	}
	plain, err := enc.CBC(nil, tag, sealed, true)
	if err != nil {
		return nil, err
	}
	want, err := cmac(auth, head, plain)
	if err != nil || subtle.ConstantTimeCompare(want, tag) != 1 {
		clear(plain)
		return nil, ErrMAC
	}
	return plain, nil
}

// openVariant is the method of versions A and C: keys are the protection key XOR 45 (encryption)
// and 4D (MAC), the MAC is the first half of a TDES CBC-MAC over header and ciphertext.
func openVariant(kbpk []byte, head string, sealed, tag []byte) ([]byte, error) {
	variant := func(v byte) (*paycrypto.Key, error) {
		if len(kbpk) != 16 && len(kbpk) != 24 {
			return nil, ErrKey
		}
		raw := make([]byte, len(kbpk))
		defer clear(raw)
		for i, b := range kbpk {
			raw[i] = b ^ v
		}
		return paycrypto.NewKey(paycrypto.DES, raw)
	}
	auth, err := variant(0x4D)
	if err != nil {
		return nil, err
	}
	want, err := paycrypto.AppendMAC(nil, paycrypto.X99, auth, append([]byte(head), sealed...))
	if err != nil || subtle.ConstantTimeCompare(want[:len(tag)], tag) != 1 {
		return nil, ErrMAC
	}
	enc, err := variant(0x45)
	if err != nil {
		return nil, err
	}
	return enc.CBC(nil, []byte(head[:8]), sealed, true)
}

func cmac(k *paycrypto.Key, head string, plain []byte) ([]byte, error) {
	data := append([]byte(head), plain...)
	defer clear(data)
	return paycrypto.AppendMAC(nil, paycrypto.CMAC, k, data)
}

// derive makes the encryption and the MAC key of a protection key (TR-31:2018, 5.3.2.1 and 5.3.2.3):
// CMACs over counter, purpose, 00, algorithm and length.
func derive(version byte, kbpk []byte) (enc, auth *paycrypto.Key, err error) {
	alg, kind := paycrypto.DES, map[int]uint16{16: 0, 24: 1}
	if version == 'D' {
		alg, kind = paycrypto.AES, map[int]uint16{16: 2, 24: 3, 32: 4}
	}
	code, ok := kind[len(kbpk)]
	if !ok {
		return nil, nil, ErrKey
	}
	k, err := paycrypto.NewKey(alg, kbpk)
	if err != nil {
		return nil, nil, ErrKey
	}
	one := func(purpose uint16) (*paycrypto.Key, error) {
		var raw []byte
		defer func() { clear(raw) }()
		for counter := byte(1); len(raw) < len(kbpk); counter++ {
			in := [8]byte{0: counter}
			binary.BigEndian.PutUint16(in[1:], purpose)
			binary.BigEndian.PutUint16(in[4:], code)
			binary.BigEndian.PutUint16(in[6:], uint16(8*len(kbpk))) //nolint:gosec // at most 32
			if raw, err = paycrypto.AppendMAC(raw, paycrypto.CMAC, k, in[:]); err != nil {
				return nil, err
			}
		}
		return paycrypto.NewKey(alg, raw[:len(kbpk)])
	}
	if enc, err = one(0); err != nil {
		return nil, nil, err
	}
	auth, err = one(1)
	return enc, auth, err
}
