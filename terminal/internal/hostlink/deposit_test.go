package hostlink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"zhigui/drivers/api/cash"
	"zhigui/server/api/message"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

var deposit = Request{Type: "deposit", Card: withdrawal.Card, PinBlock: make([]byte, 8), Session: "s"}

// put writes down that notes worth 200 are in the box for txn.
func put(t *testing.T, led *book.Ledger, txn string) {
	t.Helper()
	taken := cash.Deposited{Types: map[string]cash.NoteMoved{"type100CNY1": {Currency: "CNY", Value: 10000, Credited: 2, Cashbox: 2}}}
	for _, x := range []struct {
		kind ej.Kind
		data any
	}{{ej.DepositBegin, nil}, {ej.CashIn, nil}, {ej.Notes, book.CashData{Taken: &taken}}, {ej.DepositClosed, book.CashData{Taken: &taken, Paid: 20000}}} {
		if err := led.Log(x.kind, ej.Record{Txn: txn}, x.data); err != nil {
			t.Fatal(err)
		}
	}
	if d, ok, err := led.Settle(txn, "acceptor"); !ok || err != nil || d.Settle != book.SettleCommit || d.Paid != 20000 {
		t.Fatalf("%+v %v %v", d, ok, err)
	}
}

func TestADepositIsToldUntilTheBankHasAnsweredAndStandsInNobodysWay(t *testing.T) {
	var mu sync.Mutex
	codes := []string{"98", "98", "00"}
	link, p, led := rig(t, func(q, a *message.Message) (bool, bool) {
		if q.MTI() != "0220" {
			return approve(q, a)
		}
		if got := fmt.Sprintf("%s %s %s", q.String(3), q.String(4), q.String(61)[:12]); got != "210000 000000020000 "+q.String(60)[2:8]+q.String(11) {
			t.Errorf("0220: %s", got)
		}
		mu.Lock()
		defer mu.Unlock()
		_ = a.SetString(39, codes[0])
		codes = codes[1:]
		return true, true
	})
	r := link.Transact(context.Background(), deposit)
	if r.Host != book.HostApproved {
		t.Fatalf("%+v", r)
	}
	put(t, led, r.Txn)
	if x := link.Confirm(context.Background(), r.Txn); x.Acked {
		t.Error("acknowledged without the bank's word")
	}
	if w := link.Transact(context.Background(), withdrawal); w.Host != book.HostApproved {
		t.Errorf("a withdrawal behind it: %+v", w)
	}
	if err := link.catchUp(context.Background()); err != nil && !errors.Is(err, errHeld) {
		t.Error(err)
	}
	if x, _ := led.Txn(r.Txn); !x.Acked || x.Settle != book.SettleCommit || x.Refused != "" {
		t.Errorf("%+v", x)
	}
	if got := p.messages(); got != "0800 0100 0220 0220 0200 0220" {
		t.Errorf("sent %s", got)
	}
}

func TestADepositThatTheBankRefusesWaitsForAPerson(t *testing.T) {
	link, _, led := rig(t, func(q, a *message.Message) (bool, bool) {
		if q.MTI() == "0220" {
			_ = a.SetString(39, "62")
			return true, true
		}
		return approve(q, a)
	})
	r := link.Transact(context.Background(), deposit)
	put(t, led, r.Txn)
	if x := link.Confirm(context.Background(), r.Txn); x.Settle != book.SettleSuspense || x.Refused != "62" {
		t.Errorf("%+v", x)
	}
}

func TestADepositWithoutAnAnswerTakesNoNotesAndSaysSo(t *testing.T) {
	link, p, led := rig(t, func(q, a *message.Message) (bool, bool) {
		if q.MTI() != "0220" {
			return false, false
		}
		if q.String(4) != "000000000000" || q.Has(37) {
			t.Errorf("0220: %s", q.Describe())
		}
		return approve(q, a)
	})
	r := link.Transact(context.Background(), deposit)
	if err := led.Log(ej.DepositBegin, ej.Record{Txn: r.Txn}, nil); r.Host != book.HostUnknown || err != nil {
		t.Fatalf("%+v %v", r, err) // the book allows it; the guard does not
	}
	_ = led.Log(ej.DepositClosed, ej.Record{Txn: r.Txn}, book.CashData{})
	if _, ok, err := led.Settle(r.Txn, "acceptor"); !ok || err != nil {
		t.Fatal(err)
	}
	if x := link.Confirm(context.Background(), r.Txn); !x.Acked || x.Settle != book.SettleCommit {
		t.Errorf("%+v", x)
	}
	if got := p.messages(); got != "0800 0100 0220" {
		t.Errorf("sent %s", got)
	}
}
