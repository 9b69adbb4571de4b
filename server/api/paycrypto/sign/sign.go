// Package sign makes and verifies signatures over whole messages: RSA (PKCS #1 v1.5 and PSS, SHA-256) and
// SM2 with SM3 and a user identifier; for partners that have nothing else also RSA with SHA-512, SHA-1 or MD5 and
// DSA with SHA-256; and keyed digests, for those who share a secret key. Sources: RFC 8017, FIPS 186-4, GB/T 32918.2, GB/T 35276 (SM2Signature is
// SEQUENCE { r, s }; the identifier is 1234567812345678 unless partners have agreed on another). Nothing is
// stored here; private keys belong into the security module (server/internal/hsm). Anybody may import it.
package sign

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // partners that have nothing else
	"crypto/ecdsa"
	_ "crypto/md5" // partners that have nothing else
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // partners that have nothing else
	_ "crypto/sha256"
	_ "crypto/sha512"
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

	SHA512 Alg = "rsaSha512" // RSASSA-PKCS1-v1_5 with SHA-512
	SHA1   Alg = "rsaSha1"   // with SHA-1: legacy
	MD5    Alg = "rsaMd5"    // with MD5: legacy
	DSA    Alg = "dsa"       // DSA of 2048 and 256 bits with SHA-256: legacy
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
func (a Alg) Valid() bool { return a == PSS || a == SM2 || a == DSA || a.Keyed() || a.hash() != 0 }

// Legacy says that a is there for partners that have nothing else: collisions of its digest can be made, or
// nobody maintains it.
func (a Alg) Legacy() bool { return a == MD5 || a == SHA1 || a == DSA }

// hash is that of RSASSA-PKCS1-v1_5; 0 for other algorithms.
func (a Alg) hash() crypto.Hash {
	return map[Alg]crypto.Hash{PKCS1: crypto.SHA256, SHA512: crypto.SHA512, SHA1: crypto.SHA1, MD5: crypto.MD5}[a]
}

func digest(h crypto.Hash, data []byte) []byte {
	x := h.New()
	x.Write(data)
	return x.Sum(nil)
}

// Generate makes a private key.
func (a Alg) Generate() (crypto.Signer, error) {
	switch a {
	case SM2:
		return sm2.GenerateKey(rand.Reader)
	case DSA:
		return generateDSA()
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
		if h := a.hash(); h != 0 {
			return rsa.SignPKCS1v15(rand.Reader, k, h, digest(h, data))
		}
		if a == PSS {
			return rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest(crypto.SHA256, data), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	case *dsaKey:
		if a == DSA {
			return k.sign(data)
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
		switch h := a.hash(); {
		case h != 0:
			ok = rsa.VerifyPKCS1v15(k, h, digest(h, data), sig) == nil
		case a == PSS:
			ok = rsa.VerifyPSS(k, crypto.SHA256, digest(crypto.SHA256, data), sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		default:
			return ErrKey
		}
	case *dsa.PublicKey:
		if a != DSA || k.P.BitLen() < 2048 || k.Q.BitLen() < 224 {
			return ErrKey
		}
		ok = verifyDSA(k, data, sig)
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
	if k, err := parseDSA(b.Bytes); err == nil {
		return k, nil
	}
	k, err := smx509.ParsePKIXPublicKey(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return k, nil
}

// PEM writes a public key.
func PEM(pub crypto.PublicKey) ([]byte, error) {
	if k, ok := pub.(*dsa.PublicKey); ok {
		return pemDSA(k)
	}
	der, err := smx509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// Marshal and Parse are the form in which the security module seals a private key: PKCS #8.
func Marshal(key crypto.Signer) ([]byte, error) {
	if k, ok := key.(*dsaKey); ok {
		return k.marshal()
	}
	return smx509.MarshalPKCS8PrivateKey(key)
}

// Parse is the inverse of Marshal.
func Parse(der []byte) (crypto.Signer, error) {
	if k, err := parsePrivateDSA(der); err == nil {
		return k, nil
	}
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
