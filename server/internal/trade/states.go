// Package trade is the online-transaction role: it turns a terminal's message into the bank
// host's and back, and makes sure that no money movement is lost or done twice. Every arrow
// of the table below is durable before it is acted on:
//
//	RECEIVED → INTENT → APPROVED | DECLINED | UNKNOWN | NOT_SENT
//	UNKNOWN → REVERSAL_PENDING → REVERSED | REVERSAL_NOT_FOUND | REVERSAL_STUCK
//	APPROVED → CONFIRMED | REVERSAL_PENDING | SUSPENSE; SUSPENSE → CONFIRMED | REVERSAL_PENDING | CLOSED_BY_HAND
//
// server/cmd and server/internal/mgmt use it. It knows stores, keys and links only through
// their packages, and the clock only through Options.Now.
package trade

import "zhigui/server/internal/store"

// arrows lists, for every state, the states it may be left for. The store refuses others.
var arrows = map[store.State][]store.State{
	store.Intent:          {store.Approved, store.Declined, store.Unknown, store.NotSent, store.ReversalPending},
	store.Unknown:         {store.ReversalPending},
	store.Approved:        {store.Confirmed, store.ReversalPending, store.Suspense},
	store.Suspense:        {store.Confirmed, store.ReversalPending, store.ClosedByHand},
	store.ReversalPending: {store.Reversed, store.Confirmed, store.ReversalAbsent, store.ReversalStuck},
	store.ReversalStuck:   {store.ClosedByHand, store.ReversalPending},
}

// into lists the states from which to may be reached.
func into(to store.State) []store.State {
	var out []store.State
	for from := store.Intent; from <= store.ClosedByHand; from++ {
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
}

var kinds = []kind{
	{"balance", "0200", "310000", false, true},
	{"withdrawal", "0200", "010000", true, true},
	{"pinChange", "0200", "700000", false, true},
	{"statement", "0200", "380000", false, true},
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
	rcDuplicate   = "94"
	rcNotReached  = "91" // not sent: nothing has happened
	rcSystem      = "96" // not sent: nothing has happened
	rcNoAnswer    = "98" // outcome unknown; the server reverses by itself
	rcPIN         = "99" // PIN block cannot be read
	rcMAC         = "A0"
)
