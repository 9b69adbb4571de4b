package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/server/internal/certificate"
)

// issue writes a pair that ends after d.
func issue(t *testing.T, dir, name string, d time.Duration) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(d), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// req: TX-25
func TestAReplacedPairIsServedFromTheNextHandshakeOn(t *testing.T) {
	dir := t.TempDir()
	cert, key := issue(t, dir, "first", time.Hour)
	var failed []error
	p, err := certificate.Open(cert, key, func(err error) { failed = append(failed, err) })
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: p.Get})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the test's end
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = c.(*tls.Conn).Handshake(); _ = c.Close() }()
		}
	}()
	served := func() string {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s := tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // which one it is, is the question
		defer s.Close()                                           //nolint:errcheck // done
		if err := s.Handshake(); err != nil {
			t.Fatal(err)
		}
		return s.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := served(); got != "first" {
		t.Fatal(got)
	}
	later := func() { // file systems' clocks are coarse
		at := time.Now().Add(time.Duration(len(failed)+1) * time.Minute)
		_ = os.Chtimes(cert, at, at)
	}
	issue(t, dir, "second", time.Hour)
	later()
	if got := served(); got != "second" {
		t.Errorf("after the files were replaced: %s", got)
	}
	if err := os.WriteFile(cert, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	later()
	if a, b := served(), served(); a != "second" || b != a || len(failed) != 1 {
		t.Errorf("with half a file: %s %s, told %v", a, b, failed)
	}
	issue(t, dir, "third", time.Hour)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	later()
	if got := served(); got != "second" || len(failed) != 2 || !strings.Contains(failed[1].Error(), "mode 0600") {
		t.Errorf("with a key that others may read: %s, told %v", got, failed)
	}
	if _, err := certificate.Open(cert, key, nil); err == nil {
		t.Error("a key that others may read was taken at the start")
	}
}

// req: TX-25
func TestWhatExpiresSoonIsTold(t *testing.T) {
	soon, _ := issue(t, t.TempDir(), "soon", 20*24*time.Hour)
	over, _ := issue(t, t.TempDir(), "over", -time.Minute)
	fine, _ := issue(t, t.TempDir(), "fine", 90*24*time.Hour)
	_, key := issue(t, t.TempDir(), "no certificate", time.Hour)
	all, unread := certificate.Ending([]string{soon, over, fine, key, "nowhere.pem"}, time.Now())
	if len(all) != 2 || all[0].Subject != "CN=soon" || all[1].Subject != "CN=over" || all[1].Until.After(time.Now()) {
		t.Errorf("%+v", all)
	}
	if len(unread) != 1 {
		t.Error(unread)
	}
}
