package operator

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/server/api/access"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/receipt"
)

// driver is a fake device that records what it is told.
type driver struct {
	state  string
	ran    []string
	health error
	last   json.RawMessage
}

func (d *driver) Describe(context.Context) (api.Description, error) {
	return api.Description{Commands: map[string]api.Motion{"CardReader.Reset": api.MovesMedia, "Printer.X-PrintReceipt": api.MovesMedia}}, nil
}
func (d *driver) QueryOp(context.Context, api.OpID) (api.OpRecord, error) { return api.OpRecord{}, nil }
func (d *driver) Status(context.Context) (api.Status, error) {
	return api.Status{Full: true, Classes: json.RawMessage(`{"common":{"device":"` + d.state + `"}}`)}, nil
}
func (d *driver) Execute(_ context.Context, c api.Command, _ func(api.Event)) api.Completion {
	d.ran = append(d.ran, c.Name)
	d.last = c.Payload
	return api.Completion{Outcome: api.Done}
}
func (d *driver) Health(context.Context) error { return d.health }
func (d *driver) Rearm(context.Context) error  { return nil }

type rig struct {
	*Desk
	now       time.Time
	busy      bool
	suspended bool
	drv       *driver
	alarms    []string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	led, err := book.Open(t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { led.Close() })
	forms, err := receipt.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), drv: &driver{state: "online"}}
	r.Desk = New(Parts{
		Terminal: "T0000001", Ledger: led, Devices: map[string]*device.Device{"card": device.New("card", r.drv), "printer": device.New("printer", r.drv)},
		Models: map[string]string{"card": "m"}, Driver: func(string) Driver { return r.drv }, Forms: forms, Items: []Item{{ID: "cards", Warn: 20}},
		SignIn: func(_ context.Context, name, password string) (access.Operator, error) {
			if password != "right" {
				return access.Operator{}, &Refused{Code: "WrongPassword", Err: errors.New("wrong")}
			}
			return access.Operator{Name: name, Role: "operator"}, nil
		},
		Busy: func() bool { return r.busy }, Suspend: func(on bool) { r.suspended = on },
		Changed: func() {}, Alarm: func(kind, _, _ string) { r.alarms = append(r.alarms, kind) },
		Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler),
	})
	if err := led.Log(ej.Counts, ej.Record{}, book.CountsData{Units: map[string]book.Unit{
		"unit1": {Currency: "CNY", Value: 10000, Initial: 500, Count: 90, Rejected: 3, Inaccurate: true}, "unit2": {Currency: "CNY", Value: 5000, Initial: 500, Count: 40}}}); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNobodyWorksWhileACustomerIsServedOrWithoutASignIn(t *testing.T) {
	r := newRig(t)
	if _, err := r.Who(1, true); !errors.Is(err, ErrNobody) {
		t.Errorf("%v", err)
	}
	r.busy = true
	if _, err := r.Open(t.Context(), 1, "op", "right"); !errors.Is(err, ErrBusy) || r.suspended {
		t.Errorf("%v, %v", err, r.suspended)
	}
	r.busy = false
	if _, err := r.Open(t.Context(), 1, "op", "wrong"); err == nil || r.suspended {
		t.Errorf("%v, %v", err, r.suspended)
	}
	if _, err := r.Open(t.Context(), 1, "op", "right"); err != nil || !r.suspended {
		t.Errorf("%v, %v", err, r.suspended)
	}
	if _, err := r.Open(t.Context(), 1, "other", "right"); !errors.Is(err, ErrOther) {
		t.Errorf("%v", err)
	}
	if _, err := r.Who(2, true); !errors.Is(err, ErrNobody) {
		t.Errorf("another connection acts in that name: %v", err)
	}
	r.Close()
	if r.suspended {
		t.Error("the counter stays out of service")
	}
}

func TestADeskLeftOpenClosesItselfWhateverItsPageAsks(t *testing.T) {
	r := newRig(t)
	if _, err := r.Open(t.Context(), 1, "op", "right"); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(4 * time.Minute)
	if _, err := r.Who(1, true); err != nil {
		t.Errorf("closed too early: %v", err)
	}
	r.now = r.now.Add(3 * time.Minute)
	if _, err := r.Who(1, false); err != nil {
		t.Errorf("closed too early: %v", err)
	}
	r.now = r.now.Add(3 * time.Minute)
	r.Tick()
	if _, err := r.Who(1, true); !errors.Is(err, ErrNobody) || r.suspended {
		t.Errorf("%v, %v", err, r.suspended)
	}
}

// req: G-04
func TestAnExchangeKeepsBothImagesAndTheDifference(t *testing.T) {
	r := newRig(t)
	images, err := r.Exchange("op", map[string]Found{"unit1": {Counted: 88, Added: 412}})
	if err != nil || len(images) != 1 {
		t.Fatalf("%+v, %v", images, err)
	}
	want := Image{Unit: "unit1", Before: book.Unit{Currency: "CNY", Value: 10000, Initial: 500, Count: 90, Rejected: 3, Inaccurate: true},
		After: book.Unit{Currency: "CNY", Value: 10000, Initial: 500, Count: 500}, Line: book.ExchangeLine{Booked: 90, Counted: 88, Added: 412, Rejected: 3}, Difference: -2}
	if diff := cmp.Diff(want, images[0]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cashDifference"}, r.alarms); diff != "" {
		t.Error(diff)
	}
	o := r.Look()
	if *o.Units["unit1"] != want.After || o.Units["unit2"].Count != 40 {
		t.Errorf("%+v", o.Units)
	}
	if len(r.drv.ran) != 1 || r.drv.ran[0] != "Printer.X-PrintReceipt" {
		t.Errorf("no slip: %v", r.drv.ran)
	}
	for name, f := range map[string]map[string]Found{"nothing": {}, "an unknown unit": {"unit9": {Counted: 1}}, "more taken than there": {"unit1": {Counted: 5, Removed: 6}}, "a negative count": {"unit1": {Counted: -1, Added: 5}}} {
		if _, err := r.Exchange("op", f); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestNoExchangeWhileNotesMayStillMove(t *testing.T) {
	r := newRig(t)
	for _, x := range []struct {
		kind ej.Kind
		data any
	}{
		{ej.HostIntent, book.HostData{Type: "withdrawal", Amount: 10000, Financial: true}}, {ej.HostResult, book.HostData{Host: book.HostApproved}},
		{ej.Intent, book.CashData{Plan: map[string]int{"unit1": 1}, Amount: 10000}},
	} {
		if err := r.Ledger.Log(x.kind, ej.Record{Txn: "1/1", Op: "1/1-d1"}, x.data); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Exchange("op", map[string]Found{"unit1": {Counted: 90}}); err == nil {
		t.Error("exchanged in the middle of a dispense")
	}
}

// req: G-04
func TestAPersonSaysHowFarAPassbookWasPrinted(t *testing.T) {
	r := newRig(t)
	f := book.Folio{Account: "622588******0001", Mark: "m", Line: 5, Seq: 4, From: 5, To: 7, At: 6}
	if err := r.Ledger.Log(ej.BookPrinting, ej.Record{}, f); err != nil {
		t.Fatal(err)
	}
	seen := r.Look().Books
	if len(seen) != 1 || seen[0].From != 5 || seen[0].To != 7 {
		t.Fatalf("%+v", seen)
	}
	for _, c := range [][2]int{{-1, 0}, {0, 2}, {2, 1}, {3, 4}, {4, 4}} {
		if err := r.Passbook("op", seen[0].ID, c[0], c[1]); err == nil {
			t.Errorf("%v is taken", c)
		}
	}
	if err := r.Passbook("op", seen[0].ID+1, 1, 1); err == nil {
		t.Error("another book is taken")
	}
	if err := r.Passbook("op", seen[0].ID, 1, 2); err != nil {
		t.Fatal(err)
	}
	if len(r.Look().Books) > 0 {
		t.Error("it is asked again")
	}
	r.Ledger.Read(func(b *book.Book) {
		if got, _ := b.BrokenFolio("m", 5, 4); got.OnSeq != 5 || got.OnLine != 7 || got.By != "op" {
			t.Errorf("%+v", got)
		}
	})
}

func TestStockThatRunsShortRaisesAnAlarm(t *testing.T) {
	r := newRig(t)
	for _, m := range []book.StockData{{Item: "cards", Move: book.StockDraw, Quantity: 30, By: "op"}, {Item: "cards", Move: book.StockHandIn, Quantity: 9, By: "op"}, {Item: "cards", Move: book.StockVoid, Quantity: 1, By: "op"}} {
		if _, err := r.Move(m); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"stockShort"}, r.alarms); diff != "" {
		t.Error(diff)
	}
	if s := r.Look().Stock[0]; s.Count != 20 || !s.Short {
		t.Errorf("%+v", s)
	}
	if _, err := r.Move(book.StockData{Item: "gold", Move: book.StockDraw, Quantity: 1, By: "op"}); err == nil {
		t.Error("an item that is not kept")
	}
}

// req: G-05, T-14
func TestASelfTestSaysWhichStepFailed(t *testing.T) {
	r := newRig(t)
	steps, err := r.SelfTest(t.Context(), "card")
	if err != nil || len(steps) != 3 || !steps[2].OK {
		t.Errorf("%+v, %v", steps, err)
	}
	r.drv.state = "hardwareError"
	if steps, _ = r.SelfTest(t.Context(), "card"); len(steps) != 2 || steps[1].OK || steps[1].Detail != "it is hardwareError" {
		t.Errorf("%+v", steps)
	}
	r.drv.health = errors.New("stuck")
	if steps, _ = r.SelfTest(t.Context(), "card"); len(steps) != 1 || steps[0].OK {
		t.Errorf("%+v", steps)
	}
	if _, err := r.SelfTest(t.Context(), "oven"); err == nil {
		t.Error("a device that is not there")
	}
}

// req: G-05
func TestTheJournalIsReadNewestFirstInPages(t *testing.T) {
	r := newRig(t)
	for i := range 450 {
		txn := ""
		if i%100 == 7 {
			txn = "000001/000007"
		}
		if err := r.Ledger.Log(ej.Note, ej.Record{Txn: txn}, map[string]int{"i": i}); err != nil {
			t.Fatal(err)
		}
	}
	var seqs []uint64
	for before := uint64(0); ; {
		list, err := r.Journal(before, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			seqs = append(seqs, e.Seq)
		}
		if len(list) == 0 || list[len(list)-1].Seq == 1 {
			break
		}
		before = list[len(list)-1].Seq
	}
	if len(seqs) != int(r.Ledger.Last()) {
		t.Fatalf("%d of %d records", len(seqs), r.Ledger.Last())
	}
	for i := 1; i < len(seqs); i++ {
		if seqs[i] != seqs[i-1]-1 {
			t.Fatalf("%d after %d", seqs[i], seqs[i-1])
		}
	}
	if list, err := r.Journal(0, "000007"); err != nil || len(list) != 5 {
		t.Errorf("%d records of the transaction, %v", len(list), err)
	}
}
