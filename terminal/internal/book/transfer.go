package book

import (
	"encoding/json"
	"slices"

	ej "zhigui/terminal/api/journal"
)

// TypeTransfer is the Type of a transaction that moves money between accounts: no notes. The host's
// approval is its end; an outcome in doubt is reversed.
const TypeTransfer = "transfer"

// TypePayee is the Type of one that asks whose an account is.
const TypePayee = "payee"

// Transfers reports whether t moves money without any device.
func (t *Txn) Transfers() bool { return t.Type == TypeTransfer }

// decideTransfer: what the host has approved is done, and nobody takes it back; what nobody knows is
// reversed until the server has the reversal.
func decideTransfer(t Txn) (Decision, bool) {
	if t.Host == HostIntent || t.Host == HostUnknown {
		return Decision{Settle: SettleReverse, Reason: ReasonNoAnswer}, true
	}
	return Decision{}, true
}

// CaseData is the data of CASE: business in steps that the server knows by that number. Ended is why
// nothing waits for it any more.
type CaseData struct {
	Number string `json:"number"`
	Case   string `json:"case,omitempty"` // its kind in the server's catalogue
	Amount int64  `json:"amount,omitempty"`
	Ended  string `json:"ended,omitempty"` // used, refused, withdrawn, expired; moved: to another terminal; gone: the server does not know it
}

// caseOf keeps the cases that people may still be busy with: one that nobody wants any more must be withdrawn.
func (b *Book) caseOf(r ej.Record) error {
	var d CaseData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	b.Cases = slices.DeleteFunc(slices.Clone(b.Cases), func(n string) bool { return n == d.Number })
	if d.Ended == "" && d.Case != "" { // one without a kind opens nothing
		b.Cases = append(b.Cases, d.Number)
	}
	return nil
}
