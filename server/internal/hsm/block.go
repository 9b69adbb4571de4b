package hsm

import (
	"bytes"
	"cmp"
	"fmt"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
)

// ErrNoBlock answers a key block under an SM4 KEK: TR-31 and X9.143 have none.
var ErrNoBlock = fmt.Errorf("%w: under a KEK of SM4 keys come bare, as no key block is made of it", ErrBlock)

// ownKEK are the algorithms whose bare keys come under a KEK of the same one: a key of 16 bytes in ECB.
var ownKEK = map[paycrypto.Alg]bool{paycrypto.DES: true, paycrypto.SM4: true}

// Bare tells why a key of so many bytes for a zone of alg cannot come bare under a KEK of protect; nil when it can.
func Bare(alg, protect paycrypto.Alg, size int) error {
	if !ownKEK[alg] || protect != alg || size != 16 {
		return fmt.Errorf("%w: a bare key is of 16 bytes, in a zone of 3DES or SM4, under a KEK of the zone's own algorithm", ErrBlock)
	}
	return nil
}

// Cryptogram is a bare key: enciphered in ECB under a KEK, with the begin of its check value.
type Cryptogram struct{ Wrapped, KCV []byte }

// Proven wants at least 3 bytes of check value of each: without, any bytes would be a key.
func Proven(cs ...Cryptogram) error {
	for _, c := range cs {
		if len(c.KCV) < 3 {
			return fmt.Errorf("%w: a bare key wants its check value", ErrKCV)
		}
	}
	return nil
}

// blockKEK is a KEK for key blocks.
func (s *Soft) blockKEK(own string) ([]byte, paycrypto.Alg, error) {
	raw, alg, err := s.raw(own, UseKEK, 1)
	if err == nil && alg == paycrypto.SM4 {
		clear(raw)
		return nil, 0, ErrNoBlock
	}
	return raw, alg, err
}

// ImportBlocks implements HSM.
func (s *Soft) ImportBlocks(own, kek, pik, mak string) (Ref, error) {
	protect, _, err := s.blockKEK(kek)
	if err != nil {
		return Ref{}, err
	}
	defer clear(protect)
	p, alg, err := s.openBlock(protect, pik, UsePIN)
	if err != nil {
		return Ref{}, err
	}
	defer clear(p)
	m, macAlg, err := s.openBlock(protect, mak, UseMAC)
	if err != nil {
		return Ref{}, err
	}
	defer clear(m)
	if alg != macAlg {
		return Ref{}, fmt.Errorf("%w: PIN and MAC key are of two algorithms", ErrBlock)
	}
	if err := s.Import(own, alg, p, m); err != nil {
		return Ref{}, err
	}
	return s.Current(own)
}

// ImportBare implements HSM.
func (s *Soft) ImportBare(zone Ref, kek string, u Use, wrapped, kcv []byte, prove func(mac func(data []byte) ([]byte, error)) error) (Ref, error) {
	own := zone.Owner
	other, ok := map[Use]Use{UsePIN: UseMAC, UseMAC: UsePIN}[u]
	now, err := s.Current(own)
	if err != nil || !ok {
		return Ref{}, cmp.Or(err, ErrNoKey)
	}
	protect, protectAlg, err := s.raw(kek, UseKEK, 1)
	if err != nil {
		return Ref{}, err
	}
	defer clear(protect)
	kept, alg, err := s.raw(own, other, now.Version)
	if err != nil {
		return Ref{}, err
	}
	defer clear(kept)
	raw, fresh, err := openBare(alg, protectAlg, protect, Cryptogram{wrapped, kcv})
	if err != nil {
		return Ref{}, err
	}
	defer clear(raw)
	if prove != nil {
		if err := prove(func(data []byte) ([]byte, error) { return paycrypto.AppendMAC(nil, zone.For(alg).MAC, fresh, data) }); err != nil {
			return Ref{}, err
		}
	}
	pik, mak := raw, kept
	if u == UseMAC {
		pik, mak = kept, raw
	}
	if err := s.Import(own, alg, pik, mak); err != nil {
		return Ref{}, err
	}
	return s.Current(own)
}

// ImportCryptograms implements HSM.
func (s *Soft) ImportCryptograms(own, kek string, pik, mak Cryptogram) (Ref, error) {
	protect, alg, err := s.raw(kek, UseKEK, 1)
	if err != nil {
		return Ref{}, err
	}
	defer clear(protect)
	if err := Proven(pik, mak); err != nil {
		return Ref{}, err
	}
	p, _, err := openBare(alg, alg, protect, pik)
	if err != nil {
		return Ref{}, err
	}
	defer clear(p)
	m, _, err := openBare(alg, alg, protect, mak)
	if err != nil {
		return Ref{}, err
	}
	defer clear(m)
	if err := s.Import(own, alg, p, m); err != nil {
		return Ref{}, err
	}
	return s.Current(own)
}

func openBare(alg, protectAlg paycrypto.Alg, protect []byte, c Cryptogram) (raw []byte, k *paycrypto.Key, err error) {
	if err := Bare(alg, protectAlg, len(c.Wrapped)); err != nil {
		return nil, nil, err
	}
	if k, err = paycrypto.NewKey(alg, protect); err != nil {
		return nil, nil, err
	}
	if raw, err = paycrypto.Unwrap(k, c.Wrapped); err == nil {
		k, err = paycrypto.NewKey(alg, raw)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBlock, err)
	}
	if !bytes.HasPrefix(k.CheckValue(8), c.KCV) {
		clear(raw)
		return nil, nil, ErrKCV
	}
	return raw, k, nil
}

func (s *Soft) openBlock(protect []byte, block string, u Use) ([]byte, paycrypto.Alg, error) {
	h, raw, err := keyblock.Unwrap(protect, block)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrBlock, err)
	}
	alg, ok := map[byte]paycrypto.Alg{keyblock.AlgTDES: paycrypto.DES, keyblock.AlgDES: paycrypto.DES, keyblock.AlgAES: paycrypto.AES, keyblock.AlgSM4: paycrypto.SM4}[h.Algorithm]
	first := map[Use]byte{UsePIN: 'P', UseMAC: 'M', UseTDK: 'D'}[u]
	if !ok || h.Usage[0] != first {
		return nil, 0, fmt.Errorf("%w: usage %s, algorithm %c", ErrBlock, h.Usage, h.Algorithm)
	}
	return raw, alg, nil
}

// ExportBlock implements HSM.
func (s *Soft) ExportBlock(key Ref, u Use, kek string) (string, error) {
	if u != UsePIN && u != UseMAC {
		return "", ErrNoKey
	}
	protect, protectAlg, err := s.blockKEK(kek)
	if err != nil {
		return "", err
	}
	defer clear(protect)
	raw, alg, err := s.raw(key.Owner, u, key.Version)
	if err != nil {
		return "", err
	}
	defer clear(raw)
	h := BlockHeader(protectAlg, alg, u)
	block, err := keyblock.Wrap(protect, h, raw)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBlock, err)
	}
	return block, nil
}

// BlockHeader is the header of an exported zone key: version by the KEK, usage by key and algorithm.
func BlockHeader(protect, alg paycrypto.Alg, u Use) keyblock.Header {
	h := keyblock.Header{Version: 'B', KeyVersion: "00", Export: 'E', Usage: keyblock.UsePIN, Mode: 'B'}
	if protect == paycrypto.AES {
		h.Version = 'D'
	}
	h.Algorithm = map[paycrypto.Alg]byte{paycrypto.DES: keyblock.AlgTDES, paycrypto.AES: keyblock.AlgAES, paycrypto.SM4: keyblock.AlgSM4}[alg]
	if u == UseTDK {
		h.Usage = keyblock.UseData
	}
	if u == UseMAC {
		h.Mode = 'C'
		h.Usage = map[paycrypto.Alg]string{paycrypto.DES: keyblock.UseMAC3, paycrypto.AES: keyblock.UseCMAC, paycrypto.SM4: keyblock.UseMAC1}[alg]
	}
	return h
}
