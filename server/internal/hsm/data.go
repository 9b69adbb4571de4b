package hsm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm4"

	"zhigui/server/api/paycrypto"
)

// DataOwner is the owner of the data keys among the keys at rest.
const DataOwner = "data"

// ring are the data keys by version. Version 0 is the vault's own, for a vault without data keys.
type ring struct {
	keys   Keys
	newest uint32
	all    map[uint32]cipher.AEAD
}

// UseDataKeys makes Seal use the newest data key of alg (SM4 or AES); when there is none of alg
// as the newest, one is made. Older ones go on opening what they sealed.
func (v *Vault) UseDataKeys(keys Keys, alg paycrypto.Alg) error {
	r, newestAlg, err := v.loadData(keys)
	if err != nil {
		return err
	}
	if r.newest == 0 || newestAlg != alg {
		if _, err := v.addDataKey(keys, r.newest+1, alg); err != nil {
			return err
		}
		if r, _, err = v.loadData(keys); err != nil {
			return err
		}
	}
	v.data.Store(r)
	return nil
}

// RotateDataKey makes a new data key of alg, with which this vault seals from now on. Another
// process goes on with the one before until it starts again, and opens what either has sealed.
func (v *Vault) RotateDataKey(alg paycrypto.Alg) (version uint32, err error) {
	r := v.data.Load()
	if r == nil {
		return 0, errors.New("hsm: this vault has no data keys")
	}
	if r, _, err = v.loadData(r.keys); err != nil {
		return 0, err
	}
	if version, err = v.addDataKey(r.keys, r.newest+1, alg); err != nil {
		return 0, err
	}
	if r, _, err = v.loadData(r.keys); err == nil {
		v.data.Store(r)
	}
	return version, err
}

func (v *Vault) addDataKey(keys Keys, version uint32, alg paycrypto.Alg) (uint32, error) {
	if version > 0xffff {
		return 0, errors.New("hsm: too many data keys")
	}
	raw := make([]byte, 16)
	if alg == paycrypto.AES {
		raw = make([]byte, 32)
	}
	if _, err := rand.Read(raw); err != nil {
		return 0, fmt.Errorf("hsm: random: %w", err)
	}
	defer clear(raw)
	k, err := paycrypto.NewKey(alg, raw)
	if err != nil {
		return 0, fmt.Errorf("hsm: data key: %w", err)
	}
	rec := Record{Owner: DataOwner, Use: UseData, Version: version, Alg: alg, KCV: k.CheckValue(4)}
	rec.Sealed = v.sealKey(raw, aad(rec))
	return version, keys.SaveKeys(rec)
}

func (v *Vault) loadData(keys Keys) (*ring, paycrypto.Alg, error) {
	recs, err := keys.LoadKeys(DataOwner)
	if err != nil {
		return nil, 0, fmt.Errorf("hsm: load data keys: %w", err)
	}
	r := &ring{keys: keys, all: map[uint32]cipher.AEAD{}}
	var alg paycrypto.Alg
	for _, rec := range recs {
		if rec.Use != UseData {
			continue
		}
		raw, err := v.openKey(rec.Sealed, aad(rec))
		if err != nil {
			return nil, 0, fmt.Errorf("hsm: data key %d: %w", rec.Version, err)
		}
		var blk cipher.Block
		if rec.Alg == paycrypto.SM4 {
			blk, err = sm4.NewCipher(raw)
		} else {
			blk, err = aes.NewCipher(raw)
		}
		clear(raw)
		if err != nil {
			return nil, 0, fmt.Errorf("hsm: data key %d: %w", rec.Version, err)
		}
		if r.all[rec.Version], err = cipher.NewGCM(blk); err != nil {
			return nil, 0, fmt.Errorf("hsm: data key %d: %w", rec.Version, err)
		}
		if rec.Version > r.newest {
			r.newest, alg = rec.Version, rec.Alg
		}
	}
	return r, alg, nil
}

// Seal implements HSM: two bytes of the data key's version, and what it sealed.
func (v *Vault) Seal(dst, plain, aad []byte) []byte {
	gcm, version := v.gcm, uint32(0)
	if r := v.data.Load(); r != nil {
		gcm, version = r.all[r.newest], r.newest
	}
	return seal(gcm, binary.BigEndian.AppendUint16(dst, uint16(version)), plain, aad)
}

// Open implements HSM.
func (v *Vault) Open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < 2 {
		return dst, ErrSeal
	}
	version, gcm := uint32(binary.BigEndian.Uint16(sealed)), v.gcm
	if version != 0 {
		r := v.data.Load()
		if r == nil {
			return dst, ErrSeal
		}
		if gcm = r.all[version]; gcm == nil { // another process has rotated
			if again, _, err := v.loadData(r.keys); err == nil {
				gcm = again.all[version]
				v.data.CompareAndSwap(r, again)
			}
		}
		if gcm == nil {
			return dst, ErrSeal
		}
	}
	return unseal(gcm, dst, sealed[2:], aad)
}

// Stale tells whether sealed is under another than the newest data key.
func (v *Vault) Stale(sealed []byte) bool {
	newest := uint32(0)
	if r := v.data.Load(); r != nil {
		newest = r.newest
	}
	return len(sealed) >= 2 && uint32(binary.BigEndian.Uint16(sealed)) != newest
}
