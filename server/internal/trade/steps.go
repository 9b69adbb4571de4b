package trade

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"zhigui/server/api/message"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/store"
)

// step is what a product may have done before the host is asked. It answers the code of a refusal, with
// which nothing has happened, or "".
type step func(w *work, t *store.Txn, pan []byte) (rc string)

// steps by the name that the catalogue of products uses.
var steps = map[string]step{
	"pin":     pin,
	"newPin":  newPIN,
	"private": private,
	"limits":  limits,
}

// StepNames are the steps a catalogue of products may use.
func StepNames() []string { return slices.Sorted(maps.Keys(steps)) }

// limits takes the transaction's shares of the limits that are configured: with the row of the journal.
func limits(w *work, t *store.Txn, pan []byte) string {
	claims, code := w.z.e.o.Risk.Claims(&risk.Query{Product: t.Kind, Channel: t.Channel, PAN: pan, Card: hex.EncodeToString(t.PANIndex), Terminal: t.Terminal,
		Merchant: w.term.Merchant, Amount: t.Amount, At: t.Created.In(shanghai)})
	w.claims = claims
	return code
}

// carried refuses a host whose messages have no place for what a step hands over: it would do something else, or without a PIN.
func (w *work) carried(f message.Canon, t *store.Txn) string {
	if w.host.Codec().Carries(f) {
		return ""
	}
	w.z.e.o.Log.Warn("the dialect of the product's host has no place for a field that the product hands over", "host", t.Host, "dialect", w.host.Codec().Name(), "product", t.Kind, "field", f.String())
	return rcNoRoute
}

// pin re-encrypts the customer's PIN for the host.
func pin(w *work, t *store.Txn, pan []byte) string {
	if rc := w.carried(message.PINBlock, t); rc != "" {
		return rc
	}
	pb, err := w.translate(w.in.Get(52), pan)
	if err != nil || w.out.Set(52, pb) != nil {
		return pinRefusal(err)
	}
	_ = w.out.SetString(53, "2600000000000000")
	return ""
}

// newPIN re-encrypts the PIN that is to become the customer's: F62, hexadecimal towards the host.
func newPIN(w *work, t *store.Txn, pan []byte) string {
	if rc := w.carried(message.Private, t); rc != "" {
		return rc
	}
	pb, err := w.translate(w.in.Get(62), pan)
	if err != nil {
		return pinRefusal(err)
	}
	if w.out.SetString(62, fmt.Sprintf("%X", pb)) != nil {
		return rcFormat
	}
	return ""
}

// private hands F62 through to the host.
func private(w *work, t *store.Txn, _ []byte) string {
	if rc := w.carried(message.Private, t); rc != "" {
		return rc
	}
	if w.out.Set(62, w.in.Get(62)) != nil {
		return rcFormat
	}
	return ""
}
