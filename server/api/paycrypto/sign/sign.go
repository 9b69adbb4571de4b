// Package sign makes and verifies signatures over whole messages: RSA (PKCS #1 v1.5 and PSS, SHA-256) and
// SM2 with SM3 and a user identifier. Sources: RFC 8017, GB/T 32918.2, GB/T 35276 (SM2Signature is
// SEQUENCE { r, s }; the identifier is 1234567812345678 unless partners have agreed on another). Nothing is
// stored here; private keys belong into the security module (server/internal/hsm). Anybody may import it.
package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

// Alg names a signature algorithm, as configuration does.
type Alg string

// The algorithms.
const (
	PKCS1 Alg = "rsaPkcs1" // RSASSA-PKCS1-v1_5 with SHA-256
	PSS   Alg = "rsaPss"   // RSASSA-PSS with SHA-256, MGF1 of it, salt of 32 bytes
	SM2   Alg = "sm2"      // SM2 with SM3
)

// DefaultUser is the user identifier of SM2 when nothing else is agreed (GB/T 35276).
const DefaultUser = "1234567812345678"

// Errors. None tells what was signed.
var (
	ErrSignature = errors.New("sign: the signature is wrong")
	ErrKey       = errors.New("sign: not a key of this algorithm")
)

const bits = 3072 // of RSA keys that are made here; less than 2048 are not taken

// Valid says whether a is known.
func (a Alg) Valid() bool { return a == PKCS1 || a == PSS || a == SM2 }

// Generate makes a private key.
func (a Alg) Generate() (crypto.Signer, error) {
	if a == SM2 {
		return sm2.GenerateKey(rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, bits)
}

func user(u string) []byte {
	if u == "" {
		u = DefaultUser
	}
	return []byte(u)
}

// Sign signs data; uid is SM2's user identifier, empty for the usual one.
func (a Alg) Sign(key crypto.Signer, uid string, data []byte) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		digest := sha256.Sum256(data)
		switch a {
		case PKCS1:
			return rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:])
		case PSS:
			return rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	case *sm2.PrivateKey:
		if a == SM2 {
			return k.Sign(rand.Reader, data, sm2.NewSM2SignerOption(true, user(uid)))
		}
	}
	return nil, ErrKey
}

// Verify checks sig over data.
func (a Alg) Verify(pub crypto.PublicKey, uid string, data, sig []byte) error {
	ok := false
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return ErrKey
		}
		digest := sha256.Sum256(data)
		switch a {
		case PKCS1:
			ok = rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], sig) == nil
		case PSS:
			ok = rsa.VerifyPSS(k, crypto.SHA256, digest[:], sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		default:
			return ErrKey
		}
	case *ecdsa.PublicKey:
		if a != SM2 || !sm2.IsSM2PublicKey(k) {
			return ErrKey
		}
		ok = sm2.VerifyASN1WithSM2(k, user(uid), data, sig)
	default:
		return ErrKey
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

// Public reads a public key: PEM of a SubjectPublicKeyInfo or of a certificate, whose validity is not
// looked at: whoever registers it has checked it.
func Public(text []byte) (crypto.PublicKey, error) {
	b, _ := pem.Decode(text)
	if b == nil {
		return nil, fmt.Errorf("%w: no PEM", ErrKey)
	}
	if b.Type == "CERTIFICATE" {
		c, err := smx509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		return c.PublicKey, nil
	}
	k, err := smx509.ParsePKIXPublicKey(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return k, nil
}

// PEM writes a public key.
func PEM(pub crypto.PublicKey) ([]byte, error) {
	der, err := smx509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// Marshal and Parse are the form in which the security module seals a private key: PKCS #8.
func Marshal(key crypto.Signer) ([]byte, error) { return smx509.MarshalPKCS8PrivateKey(key) }

// Parse is the inverse of Marshal.
func Parse(der []byte) (crypto.Signer, error) {
	k, err := smx509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, ErrKey
	}
	return s, nil
}
