package mgmt_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	acc "zhigui/server/api/access"
	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/access"
	"zhigui/server/internal/hsm"
	"zhigui/sim/epp"
)

// req: G-09
func TestATerminalFetchesItsPINPadsKeyFromTheServer(t *testing.T) {
	r := newRig(t)
	s, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), r.st)
	if err != nil {
		t.Fatal(err)
	}
	r.acc = access.New(r.st, access.Options{Keys: s, Log: slog.New(slog.DiscardHandler)})
	p, err := epp.New("SIM00001", false)
	if err != nil {
		t.Fatal(err)
	}
	offer := func() (o keyload.Offer) {
		o.Serial, o.Nonce, o.Signature, _ = p.StartKeyExchange()
		return o
	}
	if st := r.terminal("POST", acc.PathKeys, offer(), nil); st != 404 {
		t.Error("without a registered pad:", st)
	}
	pub, err := s.CreateSigner(hsm.LoadOwner, sign.PSS)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := sign.PEM(pub)
	d := hsm.Device{Serial: p.Serial}
	d.Sign, d.Encrypt, _ = p.Public()
	if err := s.RegisterDevice("00000001", d); err != nil || p.LoadHost(text) != nil {
		t.Fatal(err)
	}
	p.SetFault(epp.FaultSignature)
	if st := r.terminal("POST", acc.PathKeys, offer(), nil); st != 403 {
		t.Error("a wrong signature:", st)
	}
	p.SetFault(epp.FaultNone)
	var token keyload.Token
	if st := r.terminal("POST", acc.PathKeys, offer(), &token); st != 200 {
		t.Fatal("status", st)
	}
	if err := p.ImportKeyToken(token.Token); err != nil {
		t.Error(err)
	}
	w, err := s.NewWorking("00000001", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ImportKey(w.PIK, w.PIKKCV); err != nil {
		t.Error("a working key:", err)
	}
	var refused, made int
	lines, err := r.st.Audits(context.Background(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if l.Action == "terminal.key" && l.Note == "a new master key" {
			made++
		} else if l.Action == "terminal.key" {
			refused++
		}
	}
	if made != 1 || refused != 2 {
		t.Errorf("audit trail: %d made, %d refused", made, refused)
	}
}
