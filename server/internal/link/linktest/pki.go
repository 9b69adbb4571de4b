// Package linktest makes what tests of links need. Tests only import it.
package linktest

import (
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tjfoc/gmsm/sm2"
	"github.com/tjfoc/gmsm/x509"
)

// SM2PKI writes a CA (ca.pem) and, for each name, a signing and an encrypting certificate with their keys (name-sign.pem, name-sign.key, name-enc.pem, name-enc.key) into dir.
func SM2PKI(t testing.TB, dir string, names ...string) {
	t.Helper()
	key := func() *sm2.PrivateKey {
		k, err := sm2.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	caKey := key()
	var serial int64
	template := func(name string, usage x509.KeyUsage) *x509.Certificate {
		serial++
		return &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name, Organization: []string{"test"}}, DNSNames: []string{name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: usage, SignatureAlgorithm: x509.SM2WithSM3,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	}
	write := func(file, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca := template("ca", x509.KeyUsageCertSign)
	ca.IsCA, ca.BasicConstraintsValid, ca.ExtKeyUsage = true, true, nil
	der, err := x509.CreateCertificate(ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	write("ca.pem", "CERTIFICATE", der)
	for _, name := range names {
		for kind, usage := range map[string]x509.KeyUsage{"sign": x509.KeyUsageDigitalSignature, "enc": x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment} {
			k := key()
			der, err := x509.CreateCertificate(template(name, usage), ca, &k.PublicKey, caKey)
			if err != nil {
				t.Fatal(err)
			}
			write(name+"-"+kind+".pem", "CERTIFICATE", der)
			raw, err := x509.MarshalSm2UnecryptedPrivateKey(k)
			if err != nil {
				t.Fatal(err)
			}
			write(name+"-"+kind+".key", "PRIVATE KEY", raw)
		}
	}
}
