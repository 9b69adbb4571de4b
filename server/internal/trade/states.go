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

import (
	"context"
	"fmt"
	"slices"

	"zhigui/server/internal/store"
)

// arrows lists, for every state, the states it may be left for.
var arrows = map[store.State][]store.State{
	store.Intent:          {store.Approved, store.Confirmed, store.Declined, store.Unknown, store.NotSent, store.ReversalPending},
	store.Unknown:         {store.ReversalPending},
	store.Approved:        {store.Confirmed, store.ReversalPending, store.Suspense, store.CreditPending, store.Voided},
	store.Confirmed:       {store.ReversalPending}, // of a product that nobody confirms, when its answer did not arrive
	store.Suspense:        {store.Confirmed, store.ReversalPending, store.ClosedByHand, store.CreditPending, store.Voided},
	store.CreditPending:   {store.Confirmed, store.Suspense},
	store.ReversalPending: {store.Reversed, store.Confirmed, store.ReversalAbsent, store.ReversalStuck},
	store.ReversalStuck:   {store.ClosedByHand, store.ReversalPending},
}

// finish stores an outcome of a transaction that is in one of the states from; an arrow that is not in
// the table is refused.
func (e *Engine) finish(ctx context.Context, id int64, o *store.Outcome, from ...store.State) error {
	for _, f := range from {
		if !slices.Contains(arrows[f], o.State) {
			return fmt.Errorf("trade: transaction %d: no way from %s to %s", id, f, o.State)
		}
	}
	return e.st.Finish(ctx, id, o, from...)
}

// Response codes this server gives on its own (field 39).
const (
	rcOK          = "00"
	rcTerminal    = "03" // not registered or not enabled, or who would be paid is out of use: nothing has happened
	rcInvalid     = "12"
	rcNotOriginal = "25"
	rcFormat      = "30"
	rcBlocked     = "58" // terminal or merchant is blocked: nothing has happened
	rcCardBlocked = "62" // card is blocked here: nothing has happened
	rcNoRoute     = "92" // no host for this transaction: nothing has happened
	rcCase        = "60" // a case must be done first (business in steps): nothing has happened
	rcDuplicate   = "94"
	rcNotReached  = "91" // not sent: nothing has happened
	rcSystem      = "96" // not sent: nothing has happened
	rcNoAnswer    = "98" // outcome unknown; the server reverses by itself
	rcPIN         = "99" // PIN block cannot be read
	rcMAC         = "A0"
	rcLate        = "A2" // its sender waits no more: nothing has happened
	rcStands      = "A1" // to a reversal that is too late: the original stands, people compare
)
