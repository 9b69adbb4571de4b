package hsm

import (
	"crypto"
	"errors"
	"fmt"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
)

// Numbers of signature keys among paycrypto.Alg of a Record: they are no keys of block ciphers.
const (
	algRSA paycrypto.Alg = 16 + iota
	algSM2
	algDSA
)

// Versions of signature keys among records, the same numbers.
const (
	SignerRSA = uint32(algRSA)
	SignerSM2 = uint32(algSM2)
)

// ErrSigner is a signature key that is there already.
var ErrSigner = errors.New("hsm: there is a signature key of this owner and algorithm")

func signAlg(a sign.Alg) (paycrypto.Alg, error) {
	switch a {
	case sign.PKCS1, sign.PSS, sign.SHA512, sign.SHA1, sign.MD5:
		return algRSA, nil
	case sign.DSA:
		return algDSA, nil
	case sign.SM2:
		return algSM2, nil
	}
	return 0, sign.ErrKey
}

// CreateSigner makes the signature key of own for a: RSA (both paddings) or SM2. The private key never
// leaves the module.
func (s *Soft) CreateSigner(own string, a sign.Alg) (crypto.PublicKey, error) {
	alg, err := signAlg(a)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.signer(own, alg); err == nil {
		return nil, ErrSigner
	}
	key, err := a.Generate()
	if err != nil {
		return nil, fmt.Errorf("hsm: %w", err)
	}
	der, err := sign.Marshal(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	r := Record{Owner: own, Use: UseSigner, Version: uint32(alg), Alg: alg, KCV: []byte{}}
	r.Sealed = s.sealKey(der, aad(r))
	if err := s.keys.SaveKeys(r); err != nil {
		return nil, fmt.Errorf("hsm: save: %w", err)
	}
	return key.Public(), nil
}

// signer opens a key once: it is never replaced.
func (s *Soft) signer(own string, alg paycrypto.Alg) (crypto.Signer, error) {
	id := fmt.Sprintf("%s|%d", own, alg)
	if k, ok := s.signers.Load(id); ok {
		return k.(crypto.Signer), nil
	}
	der, _, err := s.raw(own, UseSigner, uint32(alg))
	if err != nil {
		return nil, err
	}
	defer clear(der)
	k, err := sign.Parse(der)
	if err != nil {
		return nil, err
	}
	s.signers.Store(id, k)
	return k, nil
}

// SignerKey is the public key of own's signature key.
func (s *Soft) SignerKey(own string, a sign.Alg) (crypto.PublicKey, error) {
	alg, err := signAlg(a)
	if err != nil {
		return nil, err
	}
	k, err := s.signer(own, alg)
	if err != nil {
		return nil, err
	}
	return k.Public(), nil
}

// Sign signs data with own's key; uid is SM2's user identifier.
func (s *Soft) Sign(own string, a sign.Alg, uid string, data []byte) ([]byte, error) {
	alg, err := signAlg(a)
	if err != nil {
		return nil, err
	}
	k, err := s.signer(own, alg)
	if err != nil {
		return nil, err
	}
	return a.Sign(k, uid, data)
}
