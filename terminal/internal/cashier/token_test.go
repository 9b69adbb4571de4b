package cashier

import (
	"context"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/book"
)

func TestATokenThatTheModuleRefusesMovesNothingAndIsReversed(t *testing.T) {
	x := approved(t)
	x.dev.script[cash.CmdDispense] = func() api.Completion { return api.Refuse(api.InvalidToken, "too much") }
	done := x.Pay(context.Background(), Order{Txn: txn, Amount: 30000, Token: "NONCE=1"}, nothing)
	if done.Outcome != api.NotStarted || done.Code != api.InvalidToken {
		t.Errorf("%+v", done)
	}
	if got, _ := x.dev.asked.(cash.Dispense); got.Token != "NONCE=1" {
		t.Errorf("the module was shown %+v", x.dev.asked)
	}
	x.end(t, book.CashNotDispensed, book.SettleReverse, 0)
}
