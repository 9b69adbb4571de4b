// Package paycrypto has the payment cryptography of the platform as pure functions over
// cached key objects: PIN blocks, message authentication codes, key check values, keys
// under keys. No state, no input or output, nothing stored. Anybody may import it; keys
// in the clear belong only into the HSM (server/internal/hsm), the PIN pad driver and tests.
//
// Sources: GB/T 32907 (SM4), GB/T 15821.1 (MAC), ISO 9797-1, ANSI X9.9/X9.19, NIST SP 800-38B, ISO 9564-1,
// UnionPay POS specification as published (vectors: research notes, transaction.md §2.6).
// No error of this package contains key, PIN or data bytes.
package paycrypto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // the card networks demand it
	"errors"

	"github.com/emmansun/gmsm/sm4"
)

// Alg is a block cipher family: the zone.
type Alg uint8

// Algorithms of keys.
const (
	DES Alg = iota + 1 // single DES (8 bytes), 2-key (16) or 3-key (24) triple DES
	SM4                // 16 bytes
	AES                // 16, 24 or 32 bytes
)

// Errors of this package.
var (
	ErrKey      = errors.New("paycrypto: key length does not fit the algorithm")
	ErrLength   = errors.New("paycrypto: data length is not a multiple of the block")
	ErrPIN      = errors.New("paycrypto: not a PIN of 4 to 12 digits")
	ErrPAN      = errors.New("paycrypto: PAN too short")
	ErrPINBlock = errors.New("paycrypto: not a PIN block of this format")
	// ErrTranslation is a change of format that ISO 9564-1 bans.
	ErrTranslation = errors.New("paycrypto: ISO 9564-1 bans this translation of PIN blocks")
)

// Key is a key with its cipher objects prepared. It is immutable and safe for concurrent use.
type Key struct {
	alg    Alg
	full   cipher.Block // the whole key
	k1, k2 cipher.Block // halves of a DES key for X9.19; k2 nil for a single key
}

// NewKey prepares raw key bytes: 8, 16 or 24 for DES, 16 for SM4, 16, 24 or 32 for AES.
func NewKey(alg Alg, raw []byte) (*Key, error) {
	k := &Key{alg: alg}
	var err error
	switch {
	case alg == SM4 && len(raw) == 16:
		k.full, err = sm4.NewCipher(raw)
	case alg == AES:
		k.full, err = aes.NewCipher(raw)
	case alg == DES && len(raw) == 8:
		k.full, err = des.NewCipher(raw)
		k.k1 = k.full
	case alg == DES && (len(raw) == 16 || len(raw) == 24):
		var long [24]byte
		copy(long[:], raw)
		if len(raw) == 16 {
			copy(long[16:], raw[:8])
		}
		if k.full, err = des.NewTripleDESCipher(long[:]); err == nil {
			k.k1, _ = des.NewCipher(raw[:8])
			k.k2, err = des.NewCipher(raw[8:16])
		}
		clear(long[:])
	default:
		return nil, ErrKey
	}
	if err != nil {
		return nil, ErrKey
	}
	return k, nil
}

// Alg returns the algorithm of the key.
func (k *Key) Alg() Alg { return k.alg }

// BlockSize is 8 for DES and 16 for SM4 and AES.
func (k *Key) BlockSize() int { return k.full.BlockSize() }

// ECB appends src encrypted (or decrypted) block by block to dst.
func (k *Key) ECB(dst, src []byte, decrypt bool) ([]byte, error) {
	n := k.full.BlockSize()
	if len(src)%n != 0 || len(src) == 0 {
		return dst, ErrLength
	}
	at := len(dst)
	dst = append(dst, src...)
	for i := at; i < len(dst); i += n {
		if decrypt {
			k.full.Decrypt(dst[i:i+n], dst[i:i+n])
		} else {
			k.full.Encrypt(dst[i:i+n], dst[i:i+n])
		}
	}
	return dst, nil
}

// CBC appends src encrypted (or decrypted) in cipher block chaining to dst. iv is one block.
func (k *Key) CBC(dst, iv, src []byte, decrypt bool) ([]byte, error) {
	n := k.full.BlockSize()
	if len(src)%n != 0 || len(src) == 0 || len(iv) != n {
		return dst, ErrLength
	}
	at := len(dst)
	dst = append(dst, src...)
	if decrypt {
		cipher.NewCBCDecrypter(k.full, iv).CryptBlocks(dst[at:], src)
	} else {
		cipher.NewCBCEncrypter(k.full, iv).CryptBlocks(dst[at:], src)
	}
	return dst, nil
}

// KCV is the key check value: the first n bytes of the encrypted zero block. It is the
// usual one of DES and SM4 keys; that of AES keys is CMACKCV.
func (k *Key) KCV(n int) []byte {
	b := make([]byte, k.full.BlockSize())
	k.full.Encrypt(b, b)
	return b[:min(n, len(b))]
}

// CMACKCV is the check value of ANSI X9.24-1 Annex A and TR-31 for AES keys: the first n bytes
// of the CMAC of a zero block. Zero blocks encrypted would give away a part of a CMAC subkey.
func (k *Key) CMACKCV(n int) []byte {
	b := appendCMAC(nil, k, make([]byte, k.full.BlockSize()))
	return b[:min(n, len(b))]
}

// CheckValue is the check value that is usual for the key's algorithm: CMACKCV for AES, KCV
// for the others.
func (k *Key) CheckValue(n int) []byte {
	if k.alg == AES {
		return k.CMACKCV(n)
	}
	return k.KCV(n)
}

// Wrap encrypts key material under k in ECB, as terminals expect working keys under a TMK.
func Wrap(k *Key, raw []byte) ([]byte, error) { return k.ECB(nil, raw, false) }

// Unwrap is the inverse of Wrap.
func Unwrap(k *Key, wrapped []byte) ([]byte, error) { return k.ECB(nil, wrapped, true) }
