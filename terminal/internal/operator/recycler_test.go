package operator

import (
	"errors"
	"testing"

	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
)

const store = "unit100CNY1"

// withStore is a desk at a counter whose recycler has taken notes in: seven hundreds in its store, and
// three in the cash box.
func withStore(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.Devices[book.Acceptor] = device.New(book.Acceptor, r.drv)
	if err := r.Ledger.Log(ej.Counts, ej.Record{Device: book.Acceptor}, book.CountsData{Units: map[string]book.Unit{store: {Device: book.Acceptor, Currency: "CNY", Value: 10000, Initial: 7, Count: 7}}}); err != nil {
		t.Fatal(err)
	}
	for kind, data := range map[ej.Kind]any{ej.HostIntent: book.HostData{Type: book.TypeDeposit, Financial: true}} {
		if err := r.Ledger.Log(kind, ej.Record{Txn: "d"}, data); err != nil {
			t.Fatal(err)
		}
	}
	taken := cash.Deposited{Types: map[string]cash.NoteMoved{"type100CNY1": {Currency: "CNY", Value: 10000, Credited: 3, Cashbox: 3}}}
	for _, x := range []struct {
		kind ej.Kind
		data any
	}{{ej.HostResult, book.HostData{Host: book.HostApproved}}, {ej.DepositBegin, nil}, {ej.DepositClosed, book.CashData{Taken: &taken, Paid: 30000}}} {
		if err := r.Ledger.Log(x.kind, ej.Record{Txn: "d"}, x.data); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestAnExchangeOfARecycleUnitAgreesWithWhatTheDeviceCounts(t *testing.T) {
	r := withStore(t)
	level, answers := 17, true
	r.Level = func(unit string) (int, bool) { return level, answers && unit == store }
	found := map[string]Found{store: {Counted: 7, Added: 10}, "unit2": {Counted: 40}}
	var no *Refused
	answers = false
	if _, err := r.Exchange("op", found); !errors.As(err, &no) || no.Code != "recyclerSilent" {
		t.Errorf("a device that is silent: %v", err)
	}
	answers, level = true, 16
	if _, err := r.Exchange("op", found); !errors.As(err, &no) || no.Code != "levelDiffers" {
		t.Errorf("a device that counts otherwise: %v", err)
	}
	level = 17
	list, err := r.Exchange("op", found)
	if err != nil || len(list) != 2 || list[0].Before.Count != 7 || list[0].After.Count != 17 || list[0].After.Device != book.Acceptor || list[0].Difference != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	r.Ledger.Read(func(b *book.Book) {
		if u := b.Units[store]; u.Count != 17 || u.Initial != 17 || !u.At(book.Acceptor) || !b.Units["unit2"].At(book.Dispenser) {
			t.Errorf("%+v %+v", u, b.Units["unit2"])
		}
	})
}

func TestTheCashBoxIsEmptiedWithItsImageBefore(t *testing.T) {
	r := withStore(t)
	if b := r.Look().Box; b == nil || b.Count != 3 || b.Amount != 30000 || len(b.Notes) != 1 {
		t.Fatalf("%+v", b)
	}
	r.busy = true
	if _, err := r.EmptyBox("op", 30000); !errors.Is(err, ErrBusy) {
		t.Errorf("while a customer is served: %v", err)
	}
	r.busy = false
	if _, err := r.EmptyBox("op", -1); err == nil {
		t.Error("less than nothing was counted")
	}
	x, err := r.EmptyBox("op", 29900)
	if err != nil || x.Booked != 30000 || x.Difference != -100 || len(r.alarms) != 1 || r.alarms[0] != "boxDifference" {
		t.Fatalf("%+v, %v, alarms %v", x, err, r.alarms)
	}
	if b := r.Look().Box; b.Count != 0 || b.Amount != 0 {
		t.Errorf("%+v", b)
	}
	if x, err = r.EmptyBox("op", 0); err != nil || x.Difference != 0 || len(r.alarms) != 1 {
		t.Errorf("an empty one: %+v, %v", x, err)
	}
	if plain := newRig(t); plain.Look().Box != nil {
		t.Error("a counter without an acceptor has a cash box")
	} else if _, err := plain.EmptyBox("op", 0); err == nil {
		t.Error("it was emptied")
	}
}
