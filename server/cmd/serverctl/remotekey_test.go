package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/choose"
	"zhigui/sim/epp"
)

// req: G-09
func TestAPINPadIsRegisteredAtTheCommandLineAndThenGetsItsKey(t *testing.T) {
	b := newBank(t, "data: data\n", person("anna", "admin", "", "secret"))
	dir, cfg := b.dir, b.cfg
	must := func(args ...string) {
		t.Helper()
		if _, err := b.do("secret\n", append(args, "--by", "anna")...); err != nil {
			t.Fatal(args, err)
		}
	}
	p, err := epp.New("SIM00001", true)
	if err != nil {
		t.Fatal(err)
	}
	signKey, encKey, _ := p.Public()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if b != nil && os.WriteFile(path, b, 0o600) != nil {
			t.Fatal(name)
		}
		return path
	}
	must("key", "signer", "--owner", hsm.LoadOwner, "--alg", "sm2", "--out", file("host.pem", nil))
	one, _ := os.ReadFile(file("host.pem", nil))
	must("key", "signer", "--owner", hsm.LoadOwner, "--alg", "sm2", "--out", file("host.pem", nil))
	if two, _ := os.ReadFile(file("host.pem", nil)); !bytes.Equal(one, two) || p.LoadHost(one) != nil {
		t.Fatal("the public key of the server")
	}
	must("key", "device", "--owner", "00000001", "--serial", "SIM00001", "--sign", file("s.pem", signKey), "--encrypt", file("e.pem", encKey))
	st, h, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	l, err := choose.Loader(h, st)
	if err != nil {
		t.Fatal(err)
	}
	load := func(terminal string, p *epp.Pad) error {
		o, err := p.Offer()
		if err != nil {
			t.Fatal(err)
		}
		token, err := l.Load(terminal, paycrypto.SM4, o, false)
		if err != nil {
			return err
		}
		return p.ImportKeyToken(token.Token)
	}
	if err := load("00000001", p); err != nil {
		t.Error(err)
	}
	maker, err := epp.OpenMaker(filepath.Join(dir, "maker"))
	if err != nil {
		t.Fatal(err)
	}
	q, _ := epp.New("SIM00002", true)
	if err := errors.Join(maker.Vouch(q), q.LoadHost(one)); err != nil {
		t.Fatal(err)
	}
	if err := load("00000002", q); !errors.Is(err, hsm.ErrMaker) {
		t.Error("before its maker is known:", err)
	}
	must("key", "maker", "--owner", "sim", "--ca", filepath.Join(dir, "maker", "ca.pem"))
	if err := load("00000002", q); err != nil {
		t.Error(err)
	}
	must("key", "revoke", "--owner", "SIM00002")
	if err := load("00000002", q); !errors.Is(err, hsm.ErrRevoked) {
		t.Error("a revoked pad:", err)
	}
}
