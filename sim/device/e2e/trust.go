// Package e2e is the trusted side of XFS4IoT end-to-end security inside a virtual dispenser:
// it holds the key and the command nonce, accepts tokens and counts what was paid under them
// (CWA 17852, Common.GetCommandNonce, CashDispenser.Dispense, GetPresentStatus). It knows
// nothing of a line or of notes; the firmware asks it before notes move. Written from the
// published token format, apart from any driver. Imported by virtual dispensers and tests.
package e2e

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Verdict is what became of a token or of a payment under it; it is one byte on the line.
type Verdict byte

// The verdicts.
const (
	Accepted   Verdict = '0'
	BadFormat  Verdict = 'F' // invalidTokenFormat
	NoValue    Verdict = 'K' // invalidTokenKeyNoValue
	NoNonce    Verdict = 'N' // noCommandNonce
	WrongNonce Verdict = 'M' // invalidTokenNonce
	WrongHMAC  Verdict = 'H' // invalidTokenHMAC
	Different  Verdict = 'D' // invalidToken: another token than the one in use
	Unusable   Verdict = 'U' // invalidToken: no DISPENSE1, several currencies, another currency
	TooMuch    Verdict = 'V' // invalidToken: more than the token authorises, or no token
	NoKey      Verdict = 'X' // no key is loaded: tokens mean nothing
)

// Cleared is why there is no command nonce.
type Cleared byte

// The reasons of Common.NonceClearedEvent.
const (
	Never   Cleared = '0' // none was asked for since the power came
	Asked   Cleared = '1' // Common.ClearCommandNonce
	UsedUp  Cleared = '2' // the whole value was paid
	Expired Cleared = '3' // its time was over
)

// Trust is the state of one device. Key survives the power; all else does not. It is used by
// one goroutine at a time.
type Trust struct {
	// Currency is the one that the device pays, as in DISPENSE1.
	Currency string
	// Life is how long a nonce is good; 0 is for ever.
	Life time.Duration
	Now  func() time.Time

	key     []byte
	nonce   string
	until   time.Time
	why     Cleared
	token   [sha256.Size]byte // HMAC of the token in use
	inUse   bool
	granted int64 // of the token in use, see parseAmount
	spent   int64
	shown   bool // a token was accepted and no payment has used that yet
}

// SetKey loads the key as a service engineer does, inside the safe: never over the line.
func (t *Trust) SetKey(key []byte) { t.key = key; t.PowerOff() }

// HasKey reports whether tokens are enforced.
func (t *Trust) HasKey() bool { return len(t.key) > 0 }

// PowerOff forgets nonce and token.
func (t *Trust) PowerOff() { t.clear(Never) }

// Clear is Common.ClearCommandNonce.
func (t *Trust) Clear() { t.clear(Asked) }

func (t *Trust) clear(why Cleared) {
	t.nonce, t.inUse, t.shown, t.granted, t.spent, t.why = "", false, false, 0, 0, why
	t.token = [sha256.Size]byte{}
}

// State is whether a nonce is there, and why not.
func (t *Trust) State() (held bool, why Cleared) {
	if t.nonce != "" && !t.until.IsZero() && t.Now().After(t.until) {
		t.clear(Expired)
	}
	return t.nonce != "", t.why
}

// Nonce makes a new command nonce; tokens for the one before are worth nothing from now on.
func (t *Trust) Nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	t.clear(Never)
	t.nonce = strings.ToUpper(hex.EncodeToString(b[:]))
	t.until = time.Time{}
	if t.Life > 0 {
		t.until = t.Now().Add(t.Life)
	}
	return t.nonce
}

// Present takes the token of the next payment.
func (t *Trust) Present(text string) Verdict {
	t.shown = false
	if !t.HasKey() {
		return NoKey
	}
	p, v := parse(text)
	if v != Accepted {
		return v
	}
	held, _ := t.State()
	amount, ok := parseAmount(p.dispense, t.Currency)
	switch sum := t.sign(p.signed); {
	case !held:
		return NoNonce
	case !hmac.Equal(sum[:], p.hmac[:]):
		return WrongHMAC
	case !hmac.Equal([]byte(p.nonce), []byte(t.nonce)):
		return WrongNonce
	case t.inUse && p.hmac != t.token:
		return Different
	case p.more || !ok:
		return Unusable
	}
	if !t.inUse {
		t.inUse, t.token, t.granted, t.spent = true, p.hmac, amount, 0
	}
	t.shown = true
	return Accepted
}

// Reserve takes value (major units) from the token before notes move. Without a key anything
// may be paid. It is answered once for each accepted Present.
func (t *Trust) Reserve(value int64) Verdict {
	if !t.HasKey() {
		return Accepted
	}
	shown := t.shown
	t.shown = false
	if held, _ := t.State(); !held || !shown || value <= 0 || value > (t.granted-t.spent)/scale {
		return TooMuch
	}
	t.spent += value * scale
	return Accepted
}

// Release gives back value that certainly was not paid, and ends a token that is used up.
func (t *Trust) Release(value int64) {
	if !t.inUse {
		return // the power went, or the nonce was cleared meanwhile
	}
	if t.spent -= value * scale; t.spent >= t.granted {
		t.clear(UsedUp)
	}
}

// ID is the DISPENSEID of the token in use, "" without one.
func (t *Trust) ID() string {
	if !t.inUse {
		return ""
	}
	return strings.ToUpper(hex.EncodeToString(t.token[:]))
}

// Paid is what the device says of its last dispense, in major units.
type Paid struct {
	ID        string // DISPENSEID; "" if it was not paid under a token
	Dispensed int64
	Presented int64
	Retracted bool
	// Back is what was drawn in; -1: the device cannot count it.
	Back int64
}

// Respond signs a present status for the host's nonce.
func (t *Trust) Respond(nonce string, p Paid) (string, Verdict) {
	if !t.HasKey() {
		return "", NoKey
	}
	if nonce == "" || len(nonce) > 32 || strings.Trim(nonce, "0123456789ABCDEF") != "" {
		return "", BadFormat
	}
	yes := map[bool]string{true: "YES", false: "NO"}
	money := func(n int64) string { return fmt.Sprintf("%d.00%s", n, t.Currency) }
	body := ""
	if p.ID != "" {
		body = "DISPENSEID=" + p.ID + ","
	}
	body += "DISPENSED1=" + money(p.Dispensed) + ",PRESENTED1=" + yes[p.Presented > 0] + ",PRESENTEDAMOUNT1=" + money(p.Presented) +
		",RETRACTED1=" + yes[p.Retracted]
	switch {
	case p.Retracted && p.Back < 0:
		body += ",RETRACTEDAMOUNT1=?"
	case p.Retracted:
		body += ",RETRACTEDAMOUNT1=" + money(p.Back)
	}
	length := len("NONCE=,TOKENFORMAT=1,TOKENLENGTH=0000,,HMACSHA256=") + len(nonce) + len(body) + 2*sha256.Size
	signed := fmt.Sprintf("NONCE=%s,TOKENFORMAT=1,TOKENLENGTH=%04d,%s,HMACSHA256=", nonce, length, body)
	sum := t.sign(signed)
	return signed + strings.ToUpper(hex.EncodeToString(sum[:])), Accepted
}

func (t *Trust) sign(text string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, t.key)
	h.Write([]byte(text))
	copy(sum[:], h.Sum(nil))
	return sum
}
