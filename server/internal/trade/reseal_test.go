package trade_test

import (
	"context"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/trade"
)

// The data key is rotated while the server runs: what was stored is sealed again, and a repeat
// still gets the stored answer.
//
// req: TX-31
func TestStoredMessagesAreSealedAgainAfterARotation(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	v := r.hsm.(*hsm.Soft)
	if err := v.UseDataKeys(r.st, paycrypto.SM4); err != nil {
		t.Fatal(err)
	}
	x := r.terminal("00000001", trade.Zone3DES)
	q, first := x.withdraw(card1, 10000)
	before := r.txn(x, q)
	if n, err := trade.Reseal(context.Background(), r.st, v); n != 0 || err != nil {
		t.Fatal("nothing is stale yet:", n, err)
	}
	if _, err := v.RotateDataKey(paycrypto.SM4); err != nil {
		t.Fatal(err)
	}
	_, _ = x.withdraw(card1, 20000) // under the new key already
	if n, err := trade.Reseal(context.Background(), r.st, v); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	after := r.txn(x, q)
	if string(before.Answer) == string(after.Answer) || string(before.Request) == string(after.Request) || v.Stale(after.Answer) || v.Stale(after.Request) || !before.Updated.Equal(after.Updated) {
		t.Error("not sealed again, or changed")
	}
	again := x.do(q, true)
	if again.String(39) != "00" || again.String(37) != first.String(37) {
		t.Error(again.Describe())
	}
}
