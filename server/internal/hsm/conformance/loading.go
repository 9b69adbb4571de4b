package conformance

import (
	"bytes"
	"crypto"
	"errors"
	"testing"

	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
)

// Pad is a PIN pad as remote key loading sees it.
type Pad interface {
	Public() (sign, encrypt []byte, err error)
	LoadHost(text []byte) error
	Offer() (keyload.Offer, error)
	Statement() (keyload.Proof, error)
	ImportKeyToken(token []byte) error
	ImportKey(wrapped, kcv []byte) ([]byte, error)
}

// signers is a module whose signature keys never leave it.
type signers interface {
	hsm.LoadModule
	CreateSigner(own string, a sign.Alg) (crypto.PublicKey, error)
}

// signatures: each algorithm's are verified by its public key alone, also after a restart.
func signatures(t *testing.T, m Module) {
	keys := NewMemory()
	h := m.Open(t, keys).(signers)
	msg := bytes.Repeat([]byte(`{"amount":30000};`), 30)
	for _, a := range []sign.Alg{sign.PSS, sign.PKCS1, sign.SM2} {
		if _, err := h.Sign("nobody", a, "", msg); !errors.Is(err, hsm.ErrNoKey) {
			t.Errorf("%s without a key: %v", a, err)
		}
		pub, err := h.CreateSigner("bank", a)
		if a == sign.PKCS1 { // the RSA key has both paddings
			if !errors.Is(err, hsm.ErrSigner) {
				t.Error("a key was made twice:", err)
			}
			pub, err = h.SignerKey("bank", a)
		}
		if err != nil {
			t.Fatal(a, err)
		}
		h := m.Open(t, keys).(signers)
		again, err := h.SignerKey("bank", a)
		if err != nil || !pub.(interface{ Equal(crypto.PublicKey) bool }).Equal(again) {
			t.Errorf("%s: another public key after a restart (%v)", a, err)
		}
		sig, err := h.Sign("bank", a, "bank0001", msg)
		if err != nil {
			t.Fatal(a, err)
		}
		if err := a.Verify(pub, "bank0001", msg, sig); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		if a.Verify(pub, "bank0001", msg[1:], sig) == nil {
			t.Errorf("%s: another message's signature is right", a)
		}
	}
}

// loading: a pad gets its key by a token, the old one is used until the new one is proven, what a sign-in
// sends can be opened by the pad, and the server holds no key in the clear.
func loading(t *testing.T, m Module, sm bool) {
	keys := NewMemory()
	h := m.Open(t, keys)
	v, err := hsm.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	alg, how := paycrypto.DES, sign.PSS
	if sm {
		alg, how = paycrypto.SM4, sign.SM2
	}
	p := m.Pad(t, "SIM00001", sm)
	l := hsm.NewLoader(v, keys, h.(hsm.LoadModule))
	offer := func() keyload.Offer {
		t.Helper()
		o, err := p.Offer()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if _, err := l.Load("T", alg, offer(), false); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("a pad that nobody knows:", err)
	}
	d := hsm.Device{Serial: "SIM00001"}
	if d.Sign, d.Encrypt, err = p.Public(); err != nil {
		t.Fatal(err)
	}
	if err := l.RegisterDevice("T", d); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load("T", alg, offer(), false); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("a server that cannot sign:", err)
	}
	pub, err := h.(signers).CreateSigner(hsm.LoadOwner, how)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := sign.PEM(pub)
	if err := p.LoadHost(text); err != nil {
		t.Fatal(err)
	}
	prove := func(want bool) {
		t.Helper()
		s, err := p.Statement()
		if err != nil {
			t.Fatal(err)
		}
		if v, err := l.Prove("T", alg, s); err != nil || v.Known != want || !v.Registered {
			t.Errorf("the pad's key: %+v (%v), want %v", v, err, want)
		}
	}
	signIn := func(what string, fits bool) {
		t.Helper()
		w, err := h.NewWorking("T", true)
		if err != nil {
			t.Fatal(what, err)
		}
		for _, k := range [][2][]byte{{w.PIK, w.PIKKCV}, {w.MAK, w.MAKKCV}, {w.TDK, w.TDKKCV}} {
			raw, err := p.ImportKey(k[0], k[1])
			if (err == nil) != fits {
				t.Errorf("%s: the pad opens a working key: %v", what, err)
			}
			if raw != nil && keys.contains(raw) {
				t.Error("a working key is stored in the clear")
			}
		}
	}
	prove(false)
	load := func() {
		t.Helper()
		token, err := l.Load("T", alg, offer(), false)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.ImportKeyToken(token.Token); err != nil {
			t.Fatalf("the pad refuses the token: %v", err)
		}
		if s, _ := p.Statement(); !bytes.Equal(s.KCV, token.KCV) {
			t.Error("the check value told is not the pad's")
		}
	}
	load()
	if _, err := h.NewWorking("T", false); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("a key is used that no pad has proven:", err)
	}
	prove(true)
	signIn("the first key", true)
	first, err := h.Current("T")
	if err != nil {
		t.Fatal(err)
	}

	load() // a rotation; the server stops before the proof comes
	if now, err := h.Current("T"); err != nil || now != first {
		t.Error("working keys went before the pad has proven its new key:", err)
	}
	h = m.Open(t, keys)
	l = hsm.NewLoader(v, keys, h.(hsm.LoadModule))
	prove(true)
	prove(true) // told again
	if _, err := h.Current("T"); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("working keys survived a new TMK:", err)
	}
	signIn("after a rotation", true)

	load() // its proof is lost, and the next offer comes: the key in it counts
	if _, err := l.Load("T", alg, offer(), false); err != nil {
		t.Fatal(err)
	}
	prove(true)
	signIn("after a lost token", true)
}
