package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhigui/server/api/code"
	"zhigui/server/internal/config"
	"zhigui/server/internal/mgmt"
	"zhigui/server/internal/store"
)

// req: TX-25
func TestACertificateThatEndsRaisesAnAlarmUntilItIsReplaced(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(dir, "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	file := filepath.Join(dir, "partner.pem")
	issue := func(d time.Duration) {
		t.Helper()
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "partner"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(d)}
		der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
		if err == nil {
			err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "server.yaml")
	text := "hosts:\n- name: core\n  link: {kind: http, address: 'http://127.0.0.1:1/', signature: {alg: rsaPss, owner: us, partner: partner.pem}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &services{c: c, st: st, log: slog.New(slog.NewTextHandler(io.Discard, nil)), broker: mgmt.NewBroker()}
	look := func(want string) {
		t.Helper()
		for range 2 { // the second time nothing new is told
			s.lookAtCertificates(t.Context(), time.Now())
		}
		as, err := st.Alarms(t.Context(), "", false, 10)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range as {
			if a.Code == code.CertificateEnds {
				got += a.Severity
			}
		}
		if got != want {
			t.Errorf("open alarms: %q, want %q", got, want)
		}
	}
	issue(365 * 24 * time.Hour)
	look("")
	issue(10 * 24 * time.Hour)
	look("warning")
	issue(-time.Hour)
	look("critical")
	again, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s = &services{c: c, st: st, log: s.log, broker: s.broker} // a restart
	issue(365 * 24 * time.Hour)
	look("")
	if err := os.WriteFile(file, again, 0o600); err != nil { // the old one was put back
		t.Fatal(err)
	}
	look("critical")
}
