// Package padkey gives the PIN pad its master key over the line: the pad offers itself, the server answers a
// token, the pad takes it and proves that it holds the key, and only then the server uses it. Whatever stops
// in between, the pad's next proof says what it holds. Only the native platform imports it.
package padkey

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/server/api/keyload"
	ej "zhigui/terminal/api/journal"
)

// Pad runs a command in the PIN pad.
type Pad interface {
	Run(ctx context.Context, name string, payload any, emit func(api.Event)) api.Completion
}

// Errors of the server that are no failure of the line.
var (
	// ErrRefused: the server gives this pad no key.
	ErrRefused = errors.New("the server gives this PIN pad no key")
	// ErrOther: another pad is the terminal's; people have to order the change.
	ErrOther = errors.New("another PIN pad is the terminal's: two people have to order a new master key")
	// ErrNone: the server loads no keys over the line here.
	ErrNone = errors.New("the server loads no keys over the line for this terminal")
)

// Server is the access API.
type Server interface {
	OfferKey(ctx context.Context, o keyload.Offer) (keyload.Token, error)
	HeldKey(ctx context.Context, p keyload.Proof) (keyload.Verdict, error)
}

// Loader loads one master key.
type Loader struct {
	Pad    Pad
	Server Server
	Key    string // its name in the pad; TMK, TMK.sm4
	// Record writes into the journal.
	Record func(kind ej.Kind, data Data) error
	Log    *slog.Logger

	registered atomic.Value // serial number that the server knows: its certificates need not be read, which takes seconds
}

// Data is that of the journal's records of a key load; never a key.
type Data struct {
	Key    string `json:"key"`
	Serial string `json:"serial"`
	KCV    string `json:"kcv,omitempty"` // hex
}

// Settle brings pad and server to one key, before a sign-in. A key that the pad got in another way stays.
func (l *Loader) Settle(ctx context.Context) error {
	known, held, err := l.prove(ctx)
	switch {
	case known:
		return nil
	case len(held.KCV) > 0 && len(held.Last) == 0: // it was typed in
		return nil
	case err != nil && len(held.KCV) > 0 && !errors.Is(err, ErrRefused):
		l.Log.Warn("the server does not say whether it knows the PIN pad's key", "err", err)
		return nil // the sign-in will show
	case err != nil:
		return err
	}
	return l.Renew(ctx)
}

// Renew loads a new key, whatever the pad holds.
func (l *Loader) Renew(ctx context.Context) error {
	var x pinpad.StartKeyExchangeResult
	if err := l.run(ctx, pinpad.CmdStartKeyExchange, pinpad.StartKeyExchange{Key: l.Key}, &x); err != nil {
		return err
	}
	o := keyload.Offer{Serial: x.Serial, Nonce: x.RandomItem, Held: keyload.Held(x.Held), Signature: x.Signature}
	if l.registered.Load() != o.Serial {
		var err error
		if o.Certificates, err = l.certificates(ctx); err != nil {
			return err
		}
	}
	d := Data{Key: l.Key, Serial: o.Serial}
	if err := l.Record(ej.KeyOffer, d); err != nil {
		return err
	}
	token, err := l.Server.OfferKey(ctx, o)
	if err != nil {
		return err
	}
	d.KCV = fmt.Sprintf("%X", token.KCV)
	if err := l.Record(ej.KeyToken, d); err != nil {
		return err
	}
	var done pinpad.ImportKeyTokenResult
	imported := l.run(ctx, pinpad.CmdImportKeyToken, pinpad.ImportKeyToken{KeyToken: token.Token, Key: l.Key, KeyUsage: pinpad.UseKEK, LoadOption: "random"}, &done)
	if imported == nil {
		if err := l.Record(ej.KeyTaken, d); err != nil {
			return err
		}
	}
	known, _, err := l.prove(ctx) // whatever the pad answered: what it holds counts
	if err == nil && !known {
		err = errors.New("the PIN pad does not hold the key that was loaded")
	}
	if err != nil {
		return errors.Join(imported, err)
	}
	return imported
}

// prove has the server compare what the pad holds with what it has. A key that it puts to use by this is in
// the journal.
func (l *Loader) prove(ctx context.Context) (known bool, held pinpad.Held, err error) {
	var x pinpad.ExportItemResult
	if err := l.run(ctx, pinpad.CmdExportItem, pinpad.ExportItem{ExportItemType: "deviceId", Key: l.Key}, &x); err != nil {
		return false, held, err
	}
	v, err := l.Server.HeldKey(ctx, keyload.Proof{Serial: string(x.Value), Held: keyload.Held(x.Held), Signature: x.Signature})
	if err != nil {
		return false, x.Held, err
	}
	if v.Registered {
		l.registered.Store(string(x.Value))
	}
	if v.Fresh {
		d := Data{Key: l.Key, Serial: string(x.Value), KCV: fmt.Sprintf("%X", x.KCV)}
		l.Log.Info("a new master key is in use", "key", d.Key, "kcv", d.KCV)
		err = l.Record(ej.KeyLoaded, d)
	}
	return v.Known, x.Held, err
}

// certificates are the pad's, PEM; none when it has none: then it has to be registered.
func (l *Loader) certificates(ctx context.Context) (out []byte, err error) {
	for _, which := range []string{"verificationkey", "enckey"} {
		var c pinpad.GetCertificateResult
		err := l.run(ctx, pinpad.CmdGetCertificate, pinpad.GetCertificate{GetCertificate: which, Key: l.Key}, &c)
		var refused *PadError
		if errors.As(err, &refused) && refused.Done.ErrorCode == pinpad.ErrKeyNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate})...)
	}
	return out, nil
}

// PadError is a command that the pad did not do.
type PadError struct {
	Name string
	Done api.Completion
}

func (e *PadError) Error() string {
	return fmt.Sprintf("PIN pad: %s: %s %s %s", e.Name, e.Done.Code, e.Done.ErrorCode, e.Done.Description)
}

func (l *Loader) run(ctx context.Context, name string, in, out any) error {
	done := l.Pad.Run(ctx, name, in, nil)
	if done.Outcome != api.Done {
		return &PadError{name, done}
	}
	if err := json.Unmarshal(done.Payload, out); err != nil {
		return fmt.Errorf("PIN pad: %s: the answer does not decode", name)
	}
	return nil
}
