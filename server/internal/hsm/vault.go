package hsm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"zhigui/server/internal/durable"
)

// Vault protects data at rest under the master key file: keys and data keys with AES-256-GCM,
// the journal's columns with data keys, which are rotated, and keyed digests. Both modules have
// one; a hardware module keeps keys, not the journal's columns.
type Vault struct {
	gcm   cipher.AEAD
	index []byte
	data  atomic.Pointer[ring]
}

// NewVault derives a vault's keys from the master key.
func NewVault(master []byte) (*Vault, error) {
	derive := func(label string) []byte {
		h := hmac.New(sha256.New, master)
		h.Write([]byte(label))
		return h.Sum(nil)
	}
	blk, err := aes.NewCipher(derive("seal"))
	if err != nil {
		return nil, fmt.Errorf("hsm: %w", err)
	}
	gcm, err := cipher.NewGCM(blk)
	if err != nil {
		return nil, fmt.Errorf("hsm: %w", err)
	}
	return &Vault{gcm: gcm, index: derive("index")}, nil
}

// seal is 12 bytes of random nonce, ciphertext, tag.
func seal(gcm cipher.AEAD, dst, plain, aad []byte) []byte {
	at := len(dst)
	var nonce [12]byte
	_, _ = rand.Read(nonce[:]) // never fails since Go 1.24
	dst = append(dst, nonce[:]...)
	return gcm.Seal(dst, dst[at:at+12], plain, aad)
}

func unseal(gcm cipher.AEAD, dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < 12 {
		return dst, ErrSeal
	}
	out, err := gcm.Open(dst, sealed[:12], sealed[12:], aad)
	if err != nil {
		return dst, ErrSeal
	}
	return out, nil
}

// sealKey and openKey protect keys: under the master key itself.
func (v *Vault) sealKey(plain, aad []byte) []byte           { return seal(v.gcm, nil, plain, aad) }
func (v *Vault) openKey(sealed, aad []byte) ([]byte, error) { return unseal(v.gcm, nil, sealed, aad) }

// Index implements HSM.
func (v *Vault) Index(pan []byte) []byte {
	h := hmac.New(sha256.New, v.index)
	h.Write(pan)
	return h.Sum(nil)[:16]
}

// MasterKey reads the master key file, or creates it with mode 0600 when it is missing. A
// file that others may read is refused.
func MasterKey(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		k := make([]byte, 32)
		if _, err := rand.Read(k); err != nil {
			return nil, fmt.Errorf("hsm: random: %w", err)
		}
		err = durable.Create(path, k)
		if errors.Is(err, fs.ErrExist) { // another process was faster
			return MasterKey(path)
		}
		if err != nil {
			return nil, fmt.Errorf("hsm: master key: %w", err)
		}
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("hsm: master key: %w", err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("hsm: master key file %s may be read by others; set mode 0600", path)
	}
	k, err := os.ReadFile(path)
	if err != nil || len(k) != 32 {
		return nil, fmt.Errorf("hsm: master key file %s is not 32 bytes", path)
	}
	return k, nil
}
