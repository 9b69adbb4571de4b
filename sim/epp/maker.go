package epp

import (
	"crypto/rand"
	"crypto/rsa"
	stdx509 "crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/tjfoc/gmsm/sm2"
	"github.com/tjfoc/gmsm/x509"
)

// Maker is a maker of PIN pads: a CA for RSA and one for SM2. Its keys lie in a folder and are worth nothing.
type Maker struct {
	rsaKey  *rsa.PrivateKey
	sm2Key  *sm2.PrivateKey
	rsaCert *stdx509.Certificate
	sm2Cert *x509.Certificate
	pem     []byte
}

// kept is a maker or a pad on the disk: private keys (PKCS #1 and #8) and certificates, DER.
type kept struct {
	Warning string   `json:"warning"`
	RSA     [][]byte `json:"rsa"`
	SM2     [][]byte `json:"sm2"`
	Certs   [][]byte `json:"certs"`
}

const notForReal = "NON-PRODUCTION: private keys of a virtual PIN pad or its maker, in the clear"

// OpenMaker opens the maker of a folder, or founds it. The CA certificates of both are in ca.pem of it.
func OpenMaker(dir string) (*Maker, error) {
	var k kept
	path := filepath.Join(dir, "maker.json")
	err := readKept(path, &k)
	if errors.Is(err, os.ErrNotExist) {
		if k, err = found(); err == nil {
			if err = os.MkdirAll(dir, 0o700); err == nil {
				err = writeKept(path, k)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("epp: maker: %w", err)
	}
	m := &Maker{}
	keys, err := k.pairs()
	if err != nil || len(k.Certs) != 2 {
		return nil, fmt.Errorf("epp: maker: %s: %w", path, err)
	}
	m.rsaKey, m.sm2Key = keys.rsa[0], keys.sm2[0]
	if m.rsaCert, err = stdx509.ParseCertificate(k.Certs[0]); err != nil {
		return nil, fmt.Errorf("epp: maker: %w", err)
	}
	if m.sm2Cert, err = x509.ParseCertificate(k.Certs[1]); err != nil {
		return nil, fmt.Errorf("epp: maker: %w", err)
	}
	for _, c := range k.Certs {
		m.pem = append(m.pem, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	return m, os.WriteFile(filepath.Join(dir, "ca.pem"), m.pem, 0o600)
}

// CA are the certificates of both CAs, PEM.
func (m *Maker) CA() []byte { return m.pem }

func found() (k kept, err error) {
	rk, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return k, err
	}
	sk, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return k, err
	}
	k.Warning = notForReal
	if k.RSA, k.SM2, err = private([]*rsa.PrivateKey{rk}, []*sm2.PrivateKey{sk}); err != nil {
		return k, err
	}
	name := pkix.Name{Organization: []string{"Virtual PIN pads"}, CommonName: "Maker CA RSA"}
	t := stdx509.Certificate{SerialNumber: big.NewInt(1), Subject: name, NotBefore: born, NotAfter: ends, IsCA: true, BasicConstraintsValid: true, KeyUsage: stdx509.KeyUsageCertSign}
	one, err := stdx509.CreateCertificate(rand.Reader, &t, &t, &rk.PublicKey, rk)
	if err != nil {
		return k, err
	}
	name.CommonName = "Maker CA SM2"
	g := x509.Certificate{SerialNumber: big.NewInt(1), Subject: name, NotBefore: born, NotAfter: ends, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		SignatureAlgorithm: x509.SM2WithSM3}
	two, err := x509.CreateCertificate(&g, &g, &sk.PublicKey, sk)
	k.Certs = [][]byte{one, two}
	return k, err
}

// Certificates of virtual things are good for longer than anybody looks.
var born, ends = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC)

// Vouch gives a pad its certificates: of its signatures and for encryption, each with its serial number.
func (m *Maker) Vouch(p *Pad) error {
	for i, usage := range []stdx509.KeyUsage{stdx509.KeyUsageDigitalSignature, stdx509.KeyUsageKeyEncipherment} {
		name := pkix.Name{Organization: []string{"Virtual PIN pads"}, CommonName: "PIN pad " + p.Serial, SerialNumber: p.Serial}
		var err error
		if p.sm {
			t := x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano() + int64(i)), Subject: name, NotBefore: born, NotAfter: ends, KeyUsage: x509.KeyUsage(usage), SignatureAlgorithm: x509.SM2WithSM3}
			p.certs[i], err = x509.CreateCertificate(&t, m.sm2Cert, &p.sm2Keys[i].PublicKey, m.sm2Key)
		} else {
			t := stdx509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano() + int64(i)), Subject: name, NotBefore: born, NotAfter: ends, KeyUsage: usage}
			p.certs[i], err = stdx509.CreateCertificate(rand.Reader, &t, m.rsaCert, &p.rsaKeys[i].PublicKey, m.rsaKey)
		}
		if err != nil {
			return fmt.Errorf("epp: certificate: %w", err)
		}
	}
	return nil
}

// Both are a device's pads in both zones, with the same serial number.
type Both struct{ RSA, SM2 *Pad }

// Zone is the pad of a zone: 1 is RSA, 2 SM2; nil for any other.
func (b *Both) Zone(n int) *Pad {
	switch n {
	case 1:
		return b.RSA
	case 2:
		return b.SM2
	}
	return nil
}

// Origin is where a virtual pad's identity comes from; without a maker it has none, and no keys over the line.
type Origin struct {
	Maker string `yaml:"maker" json:"maker,omitempty"` // folder of its maker's CA (OpenMaker)
	// Host is a file with the bank's public keys (PEM, RSA and SM2), pinned before the pad leaves the secure
	// room; empty: they come over the line.
	Host string `yaml:"host" json:"host,omitempty"`
}

// Open opens the identity of a pad: key pairs with certificates of its maker, made at the first time. nil: no
// maker.
func (o Origin) Open(file, serial string) (*Items, error) {
	if o.Maker == "" {
		return nil, nil
	}
	b, err := Factory(file, serial, o.Maker, o.Host)
	if err != nil {
		return nil, err
	}
	return &Items{Both: *b}, nil
}

// Factory opens the identity of a device in a file, or makes it, with the bank's public keys of host pinned.
// A host key that came over the line is kept by the device itself.
func Factory(file, serial, makerDir, host string) (*Both, error) {
	var k kept
	err := readKept(file, &k)
	if errors.Is(err, os.ErrNotExist) {
		if k, err = made(serial, makerDir); err == nil {
			err = writeKept(file, k)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("epp: identity: %w", err)
	}
	keys, err := k.pairs()
	if err != nil || len(keys.rsa) != 2 || len(keys.sm2) != 2 || len(k.Certs) != 4 {
		return nil, fmt.Errorf("epp: identity: %s: %w", file, errors.Join(ErrFormat, err))
	}
	b := &Both{&Pad{Serial: serial, rsaKeys: [2]*rsa.PrivateKey(keys.rsa), certs: [2][]byte(k.Certs[:2])},
		&Pad{Serial: serial, sm: true, sm2Keys: [2]*sm2.PrivateKey(keys.sm2), certs: [2][]byte(k.Certs[2:])}}
	if host == "" {
		return b, nil
	}
	text, err := os.ReadFile(host)
	if err != nil {
		return nil, fmt.Errorf("epp: the bank's public keys: %w", err)
	}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return b, nil
		}
		if b.RSA.setHost(block.Bytes) != nil && b.SM2.setHost(block.Bytes) != nil {
			return nil, fmt.Errorf("epp: the bank's public keys: %w", ErrFormat)
		}
	}
}

func made(serial, makerDir string) (k kept, err error) {
	m, err := OpenMaker(makerDir)
	if err != nil {
		return k, err
	}
	k.Warning = notForReal
	for _, sm := range []bool{false, true} {
		p, err := New(serial, sm)
		if err != nil {
			return k, err
		}
		if err := m.Vouch(p); err != nil {
			return k, err
		}
		r, s, err := private(p.rsaKeys[:], p.sm2Keys[:])
		if err != nil {
			return k, err
		}
		k.RSA, k.SM2, k.Certs = append(k.RSA, r...), append(k.SM2, s...), append(k.Certs, p.certs[:]...)
	}
	return k, nil
}

func private(rs []*rsa.PrivateKey, ss []*sm2.PrivateKey) (r, s [][]byte, err error) {
	for _, k := range rs {
		if k != nil {
			r = append(r, stdx509.MarshalPKCS1PrivateKey(k))
		}
	}
	for _, k := range ss {
		if k == nil {
			continue
		}
		der, err := x509.MarshalSm2UnecryptedPrivateKey(k)
		if err != nil {
			return nil, nil, err
		}
		s = append(s, der)
	}
	return r, s, nil
}

type pairs struct {
	rsa []*rsa.PrivateKey
	sm2 []*sm2.PrivateKey
}

func (k kept) pairs() (p pairs, err error) {
	for _, der := range k.RSA {
		r, err := stdx509.ParsePKCS1PrivateKey(der)
		if err != nil {
			return p, err
		}
		p.rsa = append(p.rsa, r)
	}
	for _, der := range k.SM2 {
		s, err := x509.ParsePKCS8UnecryptedPrivateKey(der)
		if err != nil {
			return p, err
		}
		p.sm2 = append(p.sm2, s)
	}
	return p, nil
}

func readKept(path string, k *kept) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, k)
}

func writeKept(path string, k kept) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
