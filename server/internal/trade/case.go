package trade

import (
	"context"
	"errors"
	"strconv"

	"zhigui/server/internal/cases"
	"zhigui/server/internal/store"
)

// needsCase refuses a transaction that needs a case which is not ready at its terminal; with one that is,
// it takes it: in the commit of the journal's row, so that no second transaction has it too.
func (e *Engine) needsCase(ctx context.Context, w *work, t *store.Txn) (rc string, err error) {
	k := e.o.Cases.For(t.Kind, t.Channel, w.z.o.Keys == "", t.Amount)
	if k == nil {
		return "", nil
	}
	number, err := e.st.ReadyCase(ctx, k.Name, t.Terminal, t.PANMasked, t.Amount, cases.Bound(w.in.Get(62)), t.Created)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return rcCase, nil
	case err != nil:
		return rcSystem, err
	}
	w.claims = append(w.claims, store.Claim{Rule: store.CaseClaim, Subject: strconv.FormatInt(number, 10), Period: t.Created.In(shanghai).Format("20060102"), Amount: t.Amount})
	return "", nil
}
