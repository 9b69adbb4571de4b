package release

import (
	"crypto/ecdsa"
	"encoding/pem"
	"errors"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

// ParsePublic reads a verification key as NewKey writes it.
func ParsePublic(data []byte) (*PublicKey, error) {
	b, _ := pem.Decode(data)
	if b == nil || b.Type != "PUBLIC KEY" {
		return nil, errors.New("release: not a PEM public key")
	}
	if _, err := parseSM2(b.Bytes); err != nil {
		return nil, err
	}
	return &PublicKey{b.Bytes}, nil
}

func parseSM2(der []byte) (*ecdsa.PublicKey, error) {
	k, err := smx509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("release: not a PKIX key")
	}
	p, ok := k.(*ecdsa.PublicKey)
	if !ok || p.Curve != sm2.P256() {
		return nil, errors.New("release: not an SM2 key")
	}
	return p, nil
}

// Verify checks the detached signature over the manifest's bytes and returns the parsed
// manifest. ErrSignature when it does not fit, ErrManifest when the signed text is not one.
func (p *PublicKey) Verify(manifest, sig []byte) (*Manifest, error) {
	k, err := parseSM2(p.der)
	if err != nil {
		return nil, err
	}
	d := Digest(manifest)
	if !sm2.VerifyASN1WithSM2(k, nil, d[:], sig) {
		return nil, ErrSignature
	}
	return Parse(manifest)
}
