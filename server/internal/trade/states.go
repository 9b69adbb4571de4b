// Package trade is the online-transaction role: it turns a terminal's message into the bank
// host's and back, and makes sure that no money movement is lost or done twice. Every arrow
// of the table below is durable before it is acted on:
//
//	RECEIVED → INTENT → APPROVED | DECLINED | UNKNOWN | NOT_SENT
//	UNKNOWN → REVERSAL_PENDING → REVERSED | REVERSAL_NOT_FOUND | REVERSAL_STUCK
//	APPROVED → CONFIRMED | REVERSAL_PENDING | SUSPENSE; SUSPENSE → CONFIRMED | REVERSAL_PENDING | CLOSED_BY_HAND
//
// A deposit is approved before notes are taken, and can not be taken back afterwards:
//
//	APPROVED | SUSPENSE → CREDIT_PENDING | VOIDED; CREDIT_PENDING → CONFIRMED | SUSPENSE
//
// server/cmd and server/internal/mgmt use it. It knows stores, keys and links only through
// their packages, and the clock only through Options.Now.
package trade

import "zhigui/server/internal/store"

// arrows lists, for every state, the states it may be left for. The store refuses others.
var arrows = map[store.State][]store.State{
	store.Intent:          {store.Approved, store.Declined, store.Unknown, store.NotSent, store.ReversalPending},
	store.Unknown:         {store.ReversalPending},
	store.Approved:        {store.Confirmed, store.ReversalPending, store.Suspense, store.CreditPending, store.Voided},
	store.Suspense:        {store.Confirmed, store.ReversalPending, store.ClosedByHand, store.CreditPending, store.Voided},
	store.CreditPending:   {store.Confirmed, store.Suspense},
	store.ReversalPending: {store.Reversed, store.Confirmed, store.ReversalAbsent, store.ReversalStuck},
	store.ReversalStuck:   {store.ClosedByHand, store.ReversalPending},
}

// into lists the states from which to may be reached.
func into(to store.State) []store.State {
	var out []store.State
	for from := store.Intent; from <= store.CreditPending; from++ {
		for _, s := range arrows[from] {
			if s == to {
				out = append(out, from)
			}
		}
	}
	return out
}

// kind is one kind of transaction a terminal may ask for.
type kind struct {
	name  string
	mti   string
	proc  string
	money bool // moves money: reversed when its outcome is unknown
	pin   bool // needs a PIN block
	opens bool // moves no money, and a confirmation (0220) with the amount follows
	// gives hands something over that is no money (a card): confirmed when the customer has it,
	// reversed when not or when the outcome is unknown. F62 says to whom and is kept by the host.
	gives bool
	tells bool // F62 goes to the host
}

// undone reports whether an outcome in doubt has to be reversed.
func (k *kind) undone() bool { return k.money || k.gives }

// Processing codes (field 3) that a settlement names, too.
const (
	procWithdrawal = "010000"
	procDeposit    = "210000"
	procCardIssue  = "910000"
)

var kinds = []kind{
	{name: "balance", mti: "0200", proc: "310000", pin: true},
	{name: "withdrawal", mti: "0200", proc: procWithdrawal, money: true, pin: true},
	{name: "pinChange", mti: "0200", proc: "700000", pin: true},
	{name: "statement", mti: "0200", proc: "380000", pin: true},
	{name: "deposit", mti: "0100", proc: procDeposit, pin: true, opens: true},
	// The PIN block is that of the new card; F62 is document|phone|name, in GBK.
	{name: "cardIssue", mti: "0200", proc: procCardIssue, pin: true, gives: true, tells: true},
	// F62 is the number of the last line in the book; the answer's, the lines behind it.
	{name: "passbook", mti: "0200", proc: "390000", tells: true},
	{name: "passbookPrinted", mti: "0200", proc: "930000", tells: true},
}

func kindOf(mti string, proc []byte) *kind {
	for i := range kinds {
		if kinds[i].mti == mti && kinds[i].proc == string(proc) {
			return &kinds[i]
		}
	}
	return nil
}

// Response codes this server gives on its own (field 39).
const (
	rcOK          = "00"
	rcTerminal    = "03" // not registered or not enabled
	rcInvalid     = "12"
	rcNotOriginal = "25"
	rcFormat      = "30"
	rcNoRoute     = "92" // no host for this transaction: nothing has happened
	rcDuplicate   = "94"
	rcNotReached  = "91" // not sent: nothing has happened
	rcSystem      = "96" // not sent: nothing has happened
	rcNoAnswer    = "98" // outcome unknown; the server reverses by itself
	rcPIN         = "99" // PIN block cannot be read
	rcMAC         = "A0"
)
