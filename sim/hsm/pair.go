package hsm

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	stdx509 "crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"

	"github.com/tjfoc/gmsm/sm2"
	"github.com/tjfoc/gmsm/x509"
)

// Key pairs: EI makes one, EW signs with it, EO takes another's public key, GK puts a key under that.

// private keys are under a key that is derived from the LMK.
func (h *HSM) pairCipher() cipher.AEAD {
	c, _ := aes.NewCipher(append(cmac(newCipher('A', h.lmk), []byte("pair 1")), cmac(newCipher('A', h.lmk), []byte("pair 2"))...))
	g, _ := cipher.NewGCM(c)
	return g
}

func sized(b []byte) []byte { return append(fmt.Appendf(nil, "%04d", len(b)), b...) }

// generatePair is EI: key type (0 signature, 1 key management, 2 both), bits (4), encoding of the public key:
// 01 RSA (DER), 90 SM2 (ours).
func (h *HSM) generatePair(r *request) (string, []byte) {
	kind, bits, encoding := r.take(1), r.number(4, 10), r.take(2)
	if r.bad || !strings.Contains("012", kind) {
		return "15", nil
	}
	var pub, private []byte
	var err error
	switch {
	case encoding == "01" && bits >= 2048 && bits <= 4096:
		var k *rsa.PrivateKey
		if k, err = rsa.GenerateKey(rand.Reader, bits); err == nil {
			private = append([]byte{'R'}, stdx509.MarshalPKCS1PrivateKey(k)...)
			pub, err = stdx509.MarshalPKIXPublicKey(&k.PublicKey)
		}
	case encoding == "90" && bits == 256:
		var k *sm2.PrivateKey
		if k, err = sm2.GenerateKey(rand.Reader); err == nil {
			private = append([]byte{'S'}, k.D.Bytes()...)
			pub, err = x509.MarshalSm2PublicKey(&k.PublicKey)
		}
	default:
		return "04", nil // key length
	}
	if err != nil {
		return "41", nil // hardware
	}
	nonce := random(12)
	blob := h.pairCipher().Seal(append([]byte{'S'}, nonce...), nonce, private, nil)
	return "00", append(sized(pub), sized(blob)...)
}

func (h *HSM) openPair(blob string) (*rsa.PrivateKey, *sm2.PrivateKey) {
	if len(blob) < 14 || blob[0] != 'S' {
		return nil, nil
	}
	b, err := h.pairCipher().Open(nil, []byte(blob[1:13]), []byte(blob[13:]), nil)
	switch {
	case err != nil || len(b) < 2:
	case b[0] == 'R':
		k, _ := stdx509.ParsePKCS1PrivateKey(b[1:])
		return k, nil
	case b[0] == 'S':
		k := &sm2.PrivateKey{D: new(big.Int).SetBytes(b[1:])}
		k.Curve = sm2.P256Sm2()
		k.X, k.Y = k.ScalarBaseMult(b[1:])
		return nil, k
	}
	return nil, nil
}

// sign is EW: hash (06 SHA-256, 90 SM3), signature (01 RSA, 90 SM2), padding (01 PKCS #1 v1.5, 04 PSS, 00 SM2
// and then its user identifier with two digits of length), length (4), data, ;, 99, length (4), private key.
func (h *HSM) sign(r *request) (string, []byte) {
	how := r.take(6)
	uid := ""
	if how == "909000" {
		uid = r.take(r.number(2, 10))
	}
	data := []byte(r.take(r.number(4, 10)))
	if !r.skip(";99") {
		return "15", nil
	}
	rk, sk := h.openPair(r.take(r.number(4, 10)))
	if r.bad || rk == nil && sk == nil {
		return "47", nil // private key
	}
	digest := sha256.Sum256(data)
	var sig []byte
	var err error
	switch {
	case how == "060101" && rk != nil:
		sig, err = rsa.SignPKCS1v15(rand.Reader, rk, crypto.SHA256, digest[:])
	case how == "060104" && rk != nil:
		sig, err = rsa.SignPSS(rand.Reader, rk, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
	case how == "909000" && sk != nil:
		var a, b *big.Int
		if a, b, err = sm2.Sm2Sign(sk, data, []byte(uid), rand.Reader); err == nil {
			sig, err = asn1.Marshal(struct{ R, S *big.Int }{a, b})
		}
	default:
		return "06", nil
	}
	if err != nil {
		return "41", nil
	}
	return "00", sized(sig)
}

// takePublic is EO: encoding 01 (DER), key to the end; the key comes back behind four bytes of MAC under the LMK.
func (h *HSM) takePublic(r *request) (string, []byte) {
	encoding, der := r.take(2), r.take(len(r.b))
	if r.bad || encoding != "01" || publicKey([]byte(der)) == nil {
		return "15", nil
	}
	return "00", append(h.publicMAC([]byte(der)), der...)
}

func (h *HSM) publicMAC(der []byte) []byte {
	return cmac(newCipher('A', h.lmk), append([]byte("public"), der...))[:4]
}

func publicKey(der []byte) any {
	if k, err := stdx509.ParsePKIXPublicKey(der); err == nil {
		if r, ok := k.(*rsa.PublicKey); ok && r.N.BitLen() >= 2048 {
			return r
		}
		return nil
	}
	if k, err := x509.ParseSm2PublicKey(der); err == nil {
		return k
	}
	return nil
}

// exportUnder is GK: encryption (01 RSA, 90 SM2), padding (02 OAEP: 01, hash 06, length (2) and label, ;  – 00 SM2),
// FFF, key, MAC (4) and public key of EO.
func (h *HSM) exportUnder(r *request) (string, []byte) {
	how, label := r.take(4), ""
	if how == "0102" {
		if r.take(4) != "0106" {
			return "06", nil
		}
		label = r.take(r.number(2, 10))
		if !r.skip(";") {
			return "15", nil
		}
	}
	if r.take(3) != "FFF" {
		return "15", nil
	}
	k, code := h.keyed(r, "K")
	if code != "00" {
		return code, nil
	}
	if k.export == 'N' {
		return "AA", nil
	}
	mac, der := r.take(4), []byte(r.take(len(r.b)))
	if r.bad {
		return "15", nil
	}
	if subtle.ConstantTimeCompare([]byte(mac), h.publicMAC(der)) != 1 {
		return "01", nil
	}
	var out []byte
	var err error
	switch pub := publicKey(der).(type) {
	case *rsa.PublicKey:
		if how != "0102" {
			return "06", nil
		}
		out, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, pub, k.raw, []byte(label))
	case *sm2.PublicKey:
		if how != "9000" {
			return "06", nil
		}
		out, err = pub.EncryptAsn1(k.raw, rand.Reader)
	}
	if err != nil {
		return "41", nil
	}
	return "00", sized(out)
}
