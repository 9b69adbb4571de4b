package padkey

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/sim/epp"
	ej "zhigui/terminal/api/journal"
)

// bench is a pad, a server's half and a journal.
type bench struct {
	t   *testing.T
	pad *epp.Pad
	key crypto.Signer
	// next waits for its proof, held is the terminal's.
	next, held keyload.Held
	said       []ej.Kind
	// faults
	loseReply bool  // of the pad, after it took a token
	down      error // of the server, on proofs
	refuse    error // on offers
}

func newBench(t *testing.T) (*bench, *Loader) {
	t.Helper()
	b := &bench{t: t}
	var err error
	if b.pad, err = epp.New("SIM00001", false); err != nil {
		t.Fatal(err)
	}
	if b.key, err = sign.PSS.Generate(); err != nil {
		t.Fatal(err)
	}
	text, _ := sign.PEM(b.key.Public())
	if err := b.pad.LoadHost(text); err != nil {
		t.Fatal(err)
	}
	return b, &Loader{Pad: b, Server: b, Key: "TMK", Log: slog.New(slog.DiscardHandler), Record: func(kind ej.Kind, d Data) error {
		if d.Key != "TMK" || d.Serial != "SIM00001" {
			t.Errorf("%s: %+v", kind, d)
		}
		b.said = append(b.said, kind)
		return nil
	}}
}

// Run implements Pad.
func (b *bench) Run(_ context.Context, name string, payload any, _ func(api.Event)) api.Completion {
	done := func(v any) api.Completion {
		raw, err := json.Marshal(v)
		if err != nil {
			b.t.Error(err)
		}
		return api.Completion{Outcome: api.Done, Payload: raw}
	}
	switch name {
	case pinpad.CmdStartKeyExchange:
		o, err := b.pad.Offer()
		if err != nil {
			b.t.Error(err)
		}
		return done(pinpad.StartKeyExchangeResult{RandomItem: o.Nonce, Serial: o.Serial, Held: pinpad.Held(o.Held), Signature: o.Signature})
	case pinpad.CmdExportItem:
		o, err := b.pad.Statement()
		if err != nil {
			b.t.Error(err)
		}
		return done(pinpad.ExportItemResult{Value: []byte(o.Serial), Held: pinpad.Held(o.Held), Signature: o.Signature})
	case pinpad.CmdGetCertificate:
		return api.Fail(api.NotStarted, pinpad.ErrKeyNotFound, "none")
	case pinpad.CmdImportKeyToken:
		if err := b.pad.ImportKeyToken(payload.(pinpad.ImportKeyToken).KeyToken); err != nil {
			return api.Fail(api.Failed, err.Error(), "")
		}
		if b.loseReply {
			return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError}
		}
		return done(pinpad.ImportKeyTokenResult{})
	}
	return api.Refuse(api.UnsupportedCommand, name)
}

// OfferKey implements Server.
func (b *bench) OfferKey(_ context.Context, o keyload.Offer) (t keyload.Token, err error) {
	if b.refuse != nil {
		return t, b.refuse
	}
	key := make([]byte, 16)
	_, _ = rand.Read(key)
	k, _ := paycrypto.NewKey(paycrypto.DES, key)
	text, enc, _ := b.pad.Public()
	pub, _ := sign.Public(text)
	signed, _ := o.Signed()
	if err := sign.PSS.Verify(pub, "", signed, o.Signature); err != nil {
		b.t.Error(err)
	}
	to, _ := sign.Public(enc)
	body := keyload.Body{Serial: o.Serial, Nonce: o.Nonce, Algorithm: keyload.TripleDES, KCV: k.CheckValue(4)}
	if body.Envelope, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, to.(*rsa.PublicKey), key, []byte(o.Serial)); err != nil {
		return t, err
	}
	t.KCV = body.KCV
	t.Token, err = keyload.Seal(body, func(d []byte) ([]byte, error) { return sign.PSS.Sign(b.key, "", d) })
	b.next = keyload.Held{Last: o.Nonce, KCV: body.KCV}
	return t, err
}

// HeldKey implements Server.
func (b *bench) HeldKey(_ context.Context, p keyload.Proof) (v keyload.Verdict, err error) {
	if b.down != nil {
		return v, b.down
	}
	if len(p.Last) > 0 && cmp.Equal(p.Held, b.next) && !cmp.Equal(p.Held, b.held) {
		b.held, v.Fresh = b.next, true
	}
	v.Known = len(p.Last) > 0 && cmp.Equal(p.Held, b.held)
	return v, nil
}

// same says whether pad and server have one key.
func (b *bench) same() bool {
	s, _ := b.pad.Statement()
	return len(s.KCV) > 0 && bytes.Equal(s.KCV, b.held.KCV)
}

func (b *bench) want(kinds ...ej.Kind) {
	b.t.Helper()
	if d := cmp.Diff(kinds, b.said); d != "" {
		b.t.Error(d)
	}
	b.said = nil
}

// req: G-09
func TestAPadWithoutAKeyGetsOneAndOneWithTheServersKeyIsLeftAlone(t *testing.T) {
	b, l := newBench(t)
	if err := l.Settle(t.Context()); err != nil || !b.same() {
		t.Fatal(err)
	}
	b.want(ej.KeyOffer, ej.KeyToken, ej.KeyTaken, ej.KeyLoaded)
	if err := l.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	b.want()
	before := b.held
	if err := l.Renew(t.Context()); err != nil || !b.same() || cmp.Equal(before, b.held) {
		t.Error("a rotation:", err)
	}
	b.want(ej.KeyOffer, ej.KeyToken, ej.KeyTaken, ej.KeyLoaded)
	b.pad.Hold(nil, nil) // it lost its keys
	if err := l.Settle(t.Context()); err != nil || !b.same() {
		t.Error("after a loss:", err)
	}
}

// req: G-09
func TestALostReplyOfThePadOrOfTheServerCostsNoKey(t *testing.T) {
	b, l := newBench(t)
	b.loseReply = true
	err := l.Renew(t.Context())
	var pad *PadError
	if !errors.As(err, &pad) || !b.same() {
		t.Error("the proof did not count:", err)
	}
	b.want(ej.KeyOffer, ej.KeyToken, ej.KeyLoaded)
	b.loseReply, b.down = false, errors.New("no route")
	if err := l.Renew(t.Context()); !errors.Is(err, b.down) || b.same() {
		t.Error("the server has switched without a proof:", err)
	}
	b.want(ej.KeyOffer, ej.KeyToken, ej.KeyTaken)
	if err := l.Settle(t.Context()); err != nil {
		t.Error("a pad with a key may try to sign in:", err)
	}
	b.down = nil
	if err := l.Settle(t.Context()); err != nil || !b.same() {
		t.Error(err)
	}
	b.want(ej.KeyLoaded)
}

func TestAKeyThatWasTypedInStaysAndARefusalIsTold(t *testing.T) {
	b, l := newBench(t)
	b.refuse = fmt.Errorf("%w: 409", ErrOther)
	if err := l.Settle(t.Context()); !errors.Is(err, ErrOther) {
		t.Error(err)
	}
	b.want(ej.KeyOffer)
	b.down = ErrNone
	if err := l.Settle(t.Context()); !errors.Is(err, ErrNone) {
		t.Error("no key, and none to be had:", err)
	}
	b.pad.Hold(nil, bytes.Repeat([]byte{0x5A, 0x21}, 8))
	for _, b.down = range []error{nil, ErrNone, errors.New("no route")} {
		if err := l.Settle(t.Context()); err != nil {
			t.Error(err)
		}
	}
	b.want()
}
