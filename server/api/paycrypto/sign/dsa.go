package sign

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // partners that have nothing else
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
)

// DSA of FIPS 186-4, with SHA-256; a signature is SEQUENCE { r, s }. The standard library has no PKCS #8 and no
// crypto.Signer of it.

var oidDSA = asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}

type dsaKey struct{ k dsa.PrivateKey }

func (k *dsaKey) Public() crypto.PublicKey { return &k.k.PublicKey }

// Sign implements crypto.Signer for a digest.
func (k *dsaKey) Sign(random io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	if n := k.k.Q.BitLen() / 8; len(digest) > n {
		digest = digest[:n]
	}
	r, s, err := dsa.Sign(random, &k.k, digest)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct{ R, S *big.Int }{r, s})
}

func (k *dsaKey) sign(data []byte) ([]byte, error) {
	d := sha256.Sum256(data)
	return k.Sign(rand.Reader, d[:], crypto.SHA256)
}

func verifyDSA(k *dsa.PublicKey, data, sig []byte) bool {
	var x struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &x); err != nil || len(rest) > 0 || x.R.Sign() <= 0 || x.S.Sign() <= 0 {
		return false
	}
	d := sha256.Sum256(data)
	n := min(len(d), k.Q.BitLen()/8)
	return dsa.Verify(k, d[:n], x.R, x.S)
}

func generateDSA() (*dsaKey, error) {
	k := &dsaKey{}
	if err := dsa.GenerateParameters(&k.k.Parameters, rand.Reader, dsa.L2048N256); err != nil {
		return nil, err
	}
	return k, dsa.GenerateKey(&k.k, rand.Reader)
}

type dsaParams struct{ P, Q, G *big.Int }

// dsaInfo is SubjectPublicKeyInfo.
type dsaInfo struct {
	Alg pkix.AlgorithmIdentifier
	Key asn1.BitString
}

// dsaPrivate is PrivateKeyInfo (PKCS #8).
type dsaPrivate struct {
	Version int
	Alg     pkix.AlgorithmIdentifier
	Key     []byte
}

func dsaAlg(p dsa.Parameters) (pkix.AlgorithmIdentifier, error) {
	der, err := asn1.Marshal(dsaParams{p.P, p.Q, p.G})
	return pkix.AlgorithmIdentifier{Algorithm: oidDSA, Parameters: asn1.RawValue{FullBytes: der}}, err
}

func readDSA(a pkix.AlgorithmIdentifier) (p dsa.Parameters, err error) {
	var x dsaParams
	if !a.Algorithm.Equal(oidDSA) {
		return p, ErrKey
	}
	if rest, err := asn1.Unmarshal(a.Parameters.FullBytes, &x); err != nil || len(rest) > 0 || x.P.Sign() <= 0 || x.Q.Sign() <= 0 || x.G.Sign() <= 0 || x.P.BitLen() > 8192 {
		return p, ErrKey
	}
	return dsa.Parameters{P: x.P, Q: x.Q, G: x.G}, nil
}

func pemDSA(k *dsa.PublicKey) ([]byte, error) {
	alg, err := dsaAlg(k.Parameters)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	y, err := asn1.Marshal(k.Y)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	der, err := asn1.Marshal(dsaInfo{alg, asn1.BitString{Bytes: y, BitLength: 8 * len(y)}})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

func parseDSA(der []byte) (*dsa.PublicKey, error) {
	var x dsaInfo
	if rest, err := asn1.Unmarshal(der, &x); err != nil || len(rest) > 0 {
		return nil, ErrKey
	}
	p, err := readDSA(x.Alg)
	if err != nil {
		return nil, err
	}
	var y *big.Int
	if rest, err := asn1.Unmarshal(x.Key.RightAlign(), &y); err != nil || len(rest) > 0 || y.Sign() <= 0 || y.Cmp(p.P) >= 0 {
		return nil, ErrKey
	}
	return &dsa.PublicKey{Parameters: p, Y: y}, nil
}

func (k *dsaKey) marshal() ([]byte, error) {
	alg, err := dsaAlg(k.k.Parameters)
	if err != nil {
		return nil, err
	}
	x, err := asn1.Marshal(k.k.X)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(dsaPrivate{0, alg, x})
}

func parsePrivateDSA(der []byte) (*dsaKey, error) {
	var x dsaPrivate
	if _, err := asn1.Unmarshal(der, &x); err != nil {
		return nil, ErrKey
	}
	p, err := readDSA(x.Alg)
	if err != nil {
		return nil, err
	}
	k := &dsaKey{dsa.PrivateKey{PublicKey: dsa.PublicKey{Parameters: p}}}
	if rest, err := asn1.Unmarshal(x.Key, &k.k.X); err != nil || len(rest) > 0 || k.k.X.Sign() <= 0 || k.k.X.Cmp(p.Q) >= 0 {
		return nil, ErrKey
	}
	k.k.Y = new(big.Int).Exp(p.G, k.k.X, p.P)
	return k, nil
}
