package remote

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/smx509"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
)

var _ hsm.LoadModule = (*Module)(nil)

// pairOf are the parameters of EI (key type, bits, encoding of the public key) and the number that the key has among records.
func pairOf(a sign.Alg) (command string, version uint32, err error) {
	switch a {
	case sign.PKCS1, sign.PSS:
		return "2307201", hsm.SignerRSA, nil
	case sign.SM2:
		return "2025690", hsm.SignerSM2, nil
	}
	return "", 0, sign.ErrKey
}

// A signer's record: S, two bytes of length, public key (DER), private key under the device's master key.
func (m *Module) signer(own string, a sign.Alg) (pub crypto.PublicKey, private string, err error) {
	_, version, err := pairOf(a)
	if err != nil {
		return nil, "", err
	}
	text, err := m.stored(own, hsm.UseSigner, version)
	if err != nil {
		return nil, "", err
	}
	if len(text) < 3 || len(text) < 3+int(binary.BigEndian.Uint16([]byte(text[1:3]))) {
		return nil, "", ErrProtocol
	}
	n := 3 + int(binary.BigEndian.Uint16([]byte(text[1:3])))
	if pub, err = smx509.ParsePKIXPublicKey([]byte(text[3:n])); err != nil {
		return nil, "", fmt.Errorf("%w: %w", sign.ErrKey, err)
	}
	return pub, text[n:], nil
}

// CreateSigner makes the signature key of own in the device (EI).
func (m *Module) CreateSigner(own string, a sign.Alg) (crypto.PublicKey, error) {
	how, version, err := pairOf(a)
	if err != nil {
		return nil, err
	}
	if _, _, err := m.signer(own, a); !errors.Is(err, hsm.ErrNoKey) {
		return nil, errors.Join(hsm.ErrSigner, err)
	}
	b, err := m.pool.doWithin(20*m.pool.o.Timeout, "EI", []byte(how)) // RSA keys are a search; people wait for it
	if err != nil {
		return nil, err
	}
	der, private, err := lengths(b)
	if err != nil {
		return nil, err
	}
	pub, err := smx509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, ErrProtocol
	}
	sealed := append(binary.BigEndian.AppendUint16([]byte{'S'}, uint16(len(der))), der...)                                                            //nolint:gosec // four digits
	r := hsm.Record{Owner: own, Use: hsm.UseSigner, Version: version, Alg: paycrypto.Alg(version), Sealed: append(sealed, private...), KCV: []byte{}} //nolint:gosec // a small constant
	if err := m.keys.SaveKeys(r); err != nil {
		return nil, fmt.Errorf("hsm: save: %w", err)
	}
	return pub, nil
}

// lengths reads two fields, each with four digits of length.
func lengths(b []byte) (one, two []byte, err error) {
	for _, f := range []*[]byte{&one, &two} {
		n := 0
		if len(b) < 4 {
			return nil, nil, ErrProtocol
		}
		for _, c := range b[:4] {
			if c < '0' || c > '9' {
				return nil, nil, ErrProtocol
			}
			n = 10*n + int(c-'0')
		}
		if len(b) < 4+n {
			return nil, nil, ErrProtocol
		}
		*f, b = b[4:4+n], b[4+n:]
	}
	if len(b) > 0 {
		return nil, nil, ErrProtocol
	}
	return one, two, nil
}

// SignerKey is the public key of own's signature key.
func (m *Module) SignerKey(own string, a sign.Alg) (crypto.PublicKey, error) {
	pub, _, err := m.signer(own, a)
	return pub, err
}

// Sign signs data with own's key (EW); uid is SM2's user identifier.
func (m *Module) Sign(own string, a sign.Alg, uid string, data []byte) ([]byte, error) {
	pub, private, err := m.signer(own, a)
	if err != nil {
		return nil, err
	}
	if uid == "" {
		uid = sign.DefaultUser
	}
	if len(data) > 9999 || len(uid) > 99 {
		return nil, fmt.Errorf("%w: %d bytes to sign", ErrProtocol, len(data))
	}
	how := map[sign.Alg]string{sign.PKCS1: "060101", sign.PSS: "060104", sign.SM2: fmt.Sprintf("909000%02d%s", len(uid), uid)}[a]
	body := append(fmt.Appendf(nil, "%s%04d", how, len(data)), data...)
	b, err := m.pool.do("EW", fmt.Appendf(body, ";99%04d%s", len(private), private))
	if err != nil {
		return nil, err
	}
	sig, _, err := lengths(append(b, "0000"...))
	if err != nil {
		return nil, err
	}
	if err := a.Verify(pub, uid, data, sig); err != nil {
		return nil, ErrProtocol
	}
	return sig, nil
}

// NextTMK implements hsm.LoadModule: the device makes the key (A0), takes the pad's public key (EO) and answers
// the key under it (GK). It is never here in the clear.
func (m *Module) NextTMK(own string, alg paycrypto.Alg, pub crypto.PublicKey, label string) (next hsm.Record, envelope []byte, err error) {
	two, how := "T2", "01"
	if alg == paycrypto.SM4 {
		two = "S4"
	}
	switch pub.(type) {
	case *rsa.PublicKey:
		how = fmt.Sprintf("01020106%02d%s;", len(label), label)
	case *ecdsa.PublicKey:
		how = "9000"
	default:
		return next, nil, sign.ErrKey
	}
	der, err := smx509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return next, nil, fmt.Errorf("%w: %w", sign.ErrKey, err)
	}
	b, err := m.pool.do("A0", []byte("0FFFS%00#"+keyblock.UseKEK+two+"B00S00"))
	if err != nil {
		return next, nil, err
	}
	text, rest, err := block(b, 'S')
	if err != nil || len(rest) != 6 {
		return next, nil, ErrProtocol
	}
	kcv, err := m.checkValue(text)
	if err != nil {
		return next, nil, err
	}
	mac, err := m.pool.do("EO", append([]byte("01"), der...))
	if err != nil {
		return next, nil, err
	}
	if len(mac) != 4+len(der) || string(mac[4:]) != string(der) {
		return next, nil, ErrProtocol
	}
	if b, err = m.pool.do("GK", append([]byte(how+"FFF"+text), mac...)); err != nil {
		return next, nil, err
	}
	if envelope, _, err = lengths(append(b, "0000"...)); err != nil {
		return next, nil, err
	}
	return hsm.Record{Owner: own, Use: hsm.UseNext, Version: 1, Alg: alg, Sealed: []byte(text), KCV: kcv}, envelope, nil
}

// TakeTMK implements hsm.LoadModule.
func (m *Module) TakeTMK(next hsm.Record, beside ...hsm.Record) error {
	next.Use = hsm.UseTMK
	return m.takeTMK(next, beside...)
}
