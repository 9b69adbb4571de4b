package book

// Decision is what must be done about a transaction whose device part is over.
type Decision struct {
	Settle Settle
	Paid   int64
	Reason string
}

// Reversal reasons (F39 of a 0400).
const (
	ReasonNoAnswer = "98"
	ReasonTerminal = "96"
)

// Decide says how a transaction is to be settled now that nothing moves any more. It
// answers SettleNone when there is nothing to tell, and false when the device must be
// asked first. The rules are I3 and I4 of the cash invariants: what the customer could
// reach is never reversed, what certainly stayed inside is reversed, and what nobody
// knows waits for a count.
func Decide(t Txn) (Decision, bool) {
	if !t.Financial {
		return Decision{}, t.Host != HostIntent
	}
	if t.Deposit() {
		return decideDeposit(t)
	}
	if t.Hands() {
		return decideHandover(t)
	}
	if t.Transfers() {
		return decideTransfer(t)
	}
	switch t.Host {
	case HostNone, HostDeclined, HostNotSent:
		return Decision{}, true
	case HostIntent, HostUnknown:
		return Decision{Settle: SettleReverse, Reason: ReasonNoAnswer}, true
	}
	switch t.Cash {
	case CashNone, CashNotDispensed:
		return Decision{Settle: SettleReverse, Reason: ReasonTerminal}, true
	case CashTaken:
		if t.Paid == t.Amount {
			return Decision{Settle: SettleCommit, Paid: t.Paid}, true
		}
		return Decision{Settle: SettleReverse, Paid: t.Paid, Reason: ReasonTerminal}, true
	case CashRetracted:
		if retractedAll(t) {
			return Decision{Settle: SettleReverse, Reason: ReasonTerminal}, true
		}
		return Decision{Settle: SettleSuspense, Reason: "retracted, not counted"}, true
	case CashUnclear:
		return Decision{Settle: SettleSuspense, Reason: "outcome unclear"}, true
	}
	return Decision{}, false
}

// retractedAll: the device counted every presented note back in.
func retractedAll(t Txn) bool {
	if t.Moved.Unknown || len(t.Moved.Units) == 0 {
		return false
	}
	for _, m := range t.Moved.Units {
		if m.Retracted != m.Presented {
			return false
		}
	}
	return true
}
