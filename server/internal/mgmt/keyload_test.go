package mgmt_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	acc "zhigui/server/api/access"
	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/access"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/store"
	"zhigui/sim/epp"
)

// req: G-09
func TestATerminalFetchesItsPINPadsKeyFromTheServer(t *testing.T) {
	r := newRig(t)
	s, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), r.st)
	if err != nil {
		t.Fatal(err)
	}
	l := hsm.NewLoader(s.Vault, r.st, s)
	r.acc = access.New(r.st, access.Options{Keys: l, Log: slog.New(slog.DiscardHandler)})
	maker, err := epp.OpenMaker(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pub, err := s.CreateSigner(hsm.LoadOwner, sign.PSS)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := sign.PEM(pub)
	pad := func(serial string) *epp.Pad {
		p, err := epp.New(serial, false)
		if err := errors.Join(err, maker.Vouch(p), p.LoadHost(text)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	post := func(path string, in, out any, want int) {
		t.Helper()
		if st := r.terminal("POST", path, in, out); st != want {
			t.Errorf("%s: status %d, want %d", path, st, want)
		}
	}
	offer := func(p *epp.Pad) keyload.Offer {
		o, err := p.Offer()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	p := pad("SIM00001")
	bare := offer(p)
	bare.Certificates = nil
	post(acc.PathKeys, bare, nil, 404)
	post(acc.PathKeys, offer(p), nil, 403) // its maker is not known
	if _, err := l.AddMaker("sim", maker.CA()); err != nil {
		t.Fatal(err)
	}
	p.SetFault(epp.FaultSignature)
	post(acc.PathKeys, offer(p), nil, 403)
	p.SetFault(epp.FaultNone)
	load := func(p *epp.Pad) {
		t.Helper()
		var token keyload.Token
		post(acc.PathKeys, offer(p), &token, 200)
		if err := p.ImportKeyToken(token.Token); err != nil {
			t.Error(err)
		}
	}
	held := func(p *epp.Pad, known bool) {
		t.Helper()
		proof, err := p.Statement()
		if err != nil {
			t.Fatal(err)
		}
		var v keyload.Verdict
		if post(acc.PathHeldKey, proof, &v, 200); v.Known != known {
			t.Error("known:", v.Known)
		}
	}
	held(p, false)
	load(p)
	held(p, true)
	held(p, true)
	w, err := s.NewWorking("00000001", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ImportKey(w.PIK, w.PIKKCV); err != nil {
		t.Error("a working key:", err)
	}

	q := pad("SIM00002") // the pad was exchanged
	held(q, false)
	post(acc.PathKeys, offer(q), nil, 409)
	ctx, now := context.Background(), time.Now()
	c := &store.Command{ID: "k1", Terminal: "00000001", Kind: acc.CommandLoadKey, Args: "{}", State: store.CommandProposed, By: "anna", Created: now, Expires: now.Add(time.Hour)}
	if err := r.st.AddCommand(ctx, c); err != nil {
		t.Fatal(err)
	}
	post(acc.PathKeys, offer(q), nil, 409) // one person's word is not enough
	if err := r.st.AgreeCommand(ctx, "k1", "bert", now); err != nil {
		t.Fatal(err)
	}
	if _, err := r.st.DueCommands(ctx, "00000001", now); err != nil {
		t.Fatal(err)
	}
	load(q)
	held(q, true)
	if err := r.st.CommandResult(ctx, "00000001", "k1", true, "", now); err != nil {
		t.Fatal(err)
	}
	post(acc.PathKeys, offer(p), nil, 409) // and now the old one is a stranger

	lines, err := r.st.Audits(ctx, 100)
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, a := range lines {
		if a.Action != "terminal.key" {
			continue
		}
		for _, word := range []string{"not yet in use", "it is the terminal's now", "refused"} {
			if strings.Contains(a.Note, word) {
				n[word]++
			}
		}
	}
	if n["not yet in use"] != 2 || n["it is the terminal's now"] != 2 || n["refused"] != 4 {
		t.Error("audit trail:", n)
	}
}
