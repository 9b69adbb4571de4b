package cashier

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/session"
)

// store is a module that counts its units, as a recycler does.
type store struct {
	*module
	levels    map[string]int
	unsettled bool
}

const hundred = "unit100CNY1"

func (s *store) Read(iface string, v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var raw []byte
	switch iface {
	case "common":
		raw, _ = json.Marshal(map[string]bool{"X-unsettled": s.unsettled})
	case "cashAcceptor":
		raw, _ = json.Marshal(cash.AcceptorStatus{Transport: s.path, Levels: s.levels, NoteTypes: map[string]cash.NoteType{"type100CNY1": {Currency: "CNY", Value: 10000}}})
	default:
		raw, _ = json.Marshal(cash.Status{Transport: s.path, Positions: []cash.Position{{Position: "outDefault", PositionStatus: s.exit}}})
	}
	_ = json.Unmarshal(raw, v)
}

func (s *store) gives(n int, then api.Completion) func() api.Completion {
	return func() api.Completion {
		s.mu.Lock()
		s.levels[hundred] -= n
		if n > 0 {
			s.exit = "notEmpty"
		}
		s.mu.Unlock()
		then.Payload, _ = json.Marshal(cash.Moved{Units: map[string]cash.UnitMoved{hundred: {Presented: n}}})
		return then
	}
}

// recycler is a till that pays from a store of five hundreds.
type recycler struct {
	*till
	dev    *store
	alarms []string
	told   []string
}

func openStore(t *testing.T, dir string, dev *store) *recycler {
	t.Helper()
	led, err := book.Open(dir, journal.Options{})
	must(t, err)
	g, err := guard.New()
	must(t, err)
	x := &recycler{till: &till{dir: dir, led: led, fire: func() {}}, dev: dev}
	x.Cashier = New(Config{Currency: "CNY", Device: book.Acceptor, Keeps: true, TakeTimeout: time.Minute, MoveTimeout: time.Minute, RecoverTimeout: time.Millisecond, MaxNotes: 20, SeesTaking: true},
		dev, led, g, session.New(nil), Hooks{Settled: func(id string) { x.settled = append(x.settled, id) }, Alarm: func(kind, _, _ string) { x.alarms = append(x.alarms, kind) },
			Event: func(e api.Event) { x.told = append(x.told, e.Name+string(e.Payload)) }},
		func(_ time.Duration, f func()) func() { x.fire = f; return func() { x.fire = func() {} } },
		slog.New(slog.NewTextHandler(io.Discard, nil)))
	return x
}

func stored(t *testing.T) *recycler {
	t.Helper()
	x := openStore(t, t.TempDir(), &store{module: newModule(), levels: map[string]int{hundred: 5}})
	must(t, x.led.Log(ej.Counts, ej.Record{Device: "cash"}, book.CountsData{Units: map[string]book.Unit{"unit1": {Currency: "CNY", Value: 10000, Count: 100}}}))
	if !x.Recount(t.Context(), always) || len(x.alarms) > 0 {
		t.Fatalf("the store was not taken into the books: %v", x.alarms)
	}
	id, err := x.sess.Begin("withdraw", "zh", "")
	must(t, err)
	x.sess.CardGone()
	must(t, x.led.Log(ej.HostIntent, ej.Record{Txn: txn, Session: id}, book.HostData{Type: "withdrawal", Amount: 30000, STAN: 1, Batch: "000001", Financial: true}))
	must(t, x.led.Log(ej.HostResult, ej.Record{Txn: txn}, book.HostData{Host: book.HostApproved, Code: "00"}))
	return x
}

func always() bool { return true }

func (x *recycler) units(t *testing.T) (store, cassette book.Unit) {
	t.Helper()
	x.led.Read(func(b *book.Book) { store, cassette = *b.Units[hundred], *b.Units["unit1"] })
	return store, cassette
}

func TestAWithdrawalIsPaidFromTheStoreAsFromACassette(t *testing.T) {
	x := stored(t)
	x.dev.script[cash.CmdDispense] = x.dev.gives(3, api.Completion{Outcome: api.Done})
	if done := x.Dispense(t.Context(), txn, 30000, nothing); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	x.end(t, book.CashPresented, book.SettleNone, 30000)
	x.dev.set("empty", "empty")
	x.Taken()
	if got := x.end(t, book.CashTaken, book.SettleCommit, 30000); got.From != book.Acceptor {
		t.Errorf("paid from %q", got.From)
	}
	if s, c := x.units(t); s.Count != 2 || s.Presented != 3 || c.Count != 100 {
		t.Errorf("store %+v, cassette %+v", s, c)
	}
	if _, err := x.Plan(30000); err == nil {
		t.Error("a plan of notes that are not there")
	}
	if again := x.Dispense(t.Context(), txn, 30000, nothing); again.Outcome != api.NotStarted {
		t.Errorf("a second payout: %+v", again)
	}
}

func TestWhatIsLeftAtAnExitThatKeepsItWaitsForAPerson(t *testing.T) {
	x := stored(t)
	x.dev.script[cash.CmdDispense] = x.dev.gives(3, api.Completion{Outcome: api.Done})
	x.Dispense(t.Context(), txn, 30000, nothing)
	x.fire()
	x.end(t, book.CashUnclear, book.SettleSuspense, 30000)
	if slices.Contains(x.dev.ran, cash.CmdRetract) || !slices.Contains(x.alarms, "cashLeft") {
		t.Errorf("ran %v, alarms %v", x.dev.ran, x.alarms)
	}
	if want := []string{EvRetracted + `{"cash":"unclear","left":true,"settle":"suspense","txn":"` + txn + `"}`}; !slices.Equal(x.told, want) {
		t.Errorf("the page hears %v", x.told)
	}
	if s, _ := x.units(t); !s.Inaccurate || s.Count != 2 {
		t.Errorf("%+v", s)
	}
	x.dev.set("empty", "empty")
	if _, err := x.sess.End(); err != nil {
		t.Fatal(err)
	}
	if !x.Recount(t.Context(), always) || slices.Contains(x.alarms, "cashDifference") {
		t.Errorf("the device's own count ends the doubt: %v", x.alarms)
	}
	if s, _ := x.units(t); s.Inaccurate || s.Count != 2 {
		t.Errorf("%+v", s)
	}
	must(t, x.Resolve(txn, 30000, "a person"))
	x.end(t, book.CashUnclear, book.SettleCommit, 30000)
}

// A crash at each state; what the device is found with afterwards decides, as for a dispenser.
func TestACrashAtEachStateOfAPayoutSettlesFromEvidence(t *testing.T) {
	paid := func(n int) api.OpRecord {
		b, _ := json.Marshal(cash.Moved{Units: map[string]cash.UnitMoved{hundred: {Presented: n}}})
		return api.OpRecord{State: api.OpUnresolved, Completion: &api.Completion{Outcome: api.Failed, Payload: b}}
	}
	for _, c := range []struct {
		name    string
		records []ej.Kind
		exit    string
		found   api.OpRecord // of the payout, in the driver's journal
		cash    book.Cash
		settle  book.Settle
		paid    int64
		left    int
	}{
		{"intended, and the driver never heard of it", []ej.Kind{ej.Intent}, "empty", api.OpRecord{State: api.OpUnknown}, book.CashNotDispensed, book.SettleReverse, 0, 5},
		{"intended, and halted after one note that was taken", []ej.Kind{ej.Intent}, "empty", paid(1), book.CashTaken, book.SettleReverse, 10000, 4},
		{"moving, and all notes were given and taken", []ej.Kind{ej.Intent, ej.Motion}, "empty", paid(3), book.CashTaken, book.SettleCommit, 30000, 2},
		{"moving, and the last note is at the exit", []ej.Kind{ej.Intent, ej.Motion}, "notEmpty", paid(3), book.CashPresented, book.SettleNone, 30000, 2},
		{"moving, and nothing proves anything", []ej.Kind{ej.Intent, ej.Motion}, "empty", api.OpRecord{State: api.OpUnresolved}, book.CashUnclear, book.SettleSuspense, 0, 5},
		{"presented and taken", []ej.Kind{ej.Intent, ej.Motion, ej.Presented}, "empty", paid(3), book.CashTaken, book.SettleCommit, 30000, 2},
		{"presented and still there", []ej.Kind{ej.Intent, ej.Motion, ej.Presented}, "notEmpty", paid(3), book.CashPresented, book.SettleNone, 30000, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := stored(t)
			for _, k := range c.records {
				d := book.CashData{Plan: map[string]int{hundred: 3}, Amount: 30000}
				if k == ej.Presented {
					d = book.CashData{Paid: 30000, Moved: cash.Moved{Units: map[string]cash.UnitMoved{hundred: {Presented: 3}}}}
				}
				must(t, x.led.Log(k, ej.Record{Txn: txn, Op: txn + "-d1", Device: book.Acceptor}, d))
			}
			must(t, x.led.Close())
			dev := &store{module: newModule(), levels: map[string]int{hundred: c.left}}
			dev.exit = c.exit
			dev.ops[txn+"-d1"] = c.found
			y := openStore(t, x.dir, dev)
			y.Recovered(api.Recovery{})
			y.end(t, c.cash, c.settle, c.paid)
			if s, cassette := y.units(t); s.Count != c.left || cassette.Count != 100 || len(dev.ran) > 0 {
				t.Errorf("store %+v, cassette %+v, ran %v", s, cassette, dev.ran)
			}
			if c.cash != book.CashPresented {
				return
			}
			y.fire() // nobody takes them
			y.end(t, book.CashUnclear, book.SettleSuspense, 30000)
		})
	}
}

func TestADispensersCashierLeavesAPayoutOfTheRecyclerAlone(t *testing.T) {
	x := stored(t)
	must(t, x.led.Log(ej.Intent, ej.Record{Txn: txn, Op: txn + "-d1", Device: book.Acceptor}, book.CashData{Plan: map[string]int{hundred: 3}}))
	must(t, x.led.Close())
	y := open(t, x.dir, newModule())
	y.Recovered(api.Recovery{})
	y.CloseSession("")
	y.end(t, book.CashIntent, book.SettleNone, 0)
}

func TestADifferenceThatTheDeviceCountsIsBookedAndReported(t *testing.T) {
	x := stored(t)
	if _, err := x.sess.End(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		prepare func()
		quiet   bool
		changed bool
		count   int
	}{
		{"as booked", func() {}, true, false, 5},
		{"somebody is at work there", func() { x.dev.levels[hundred] = 3 }, false, false, 5},
		{"the driver is still asking", func() { x.dev.unsettled = true }, true, false, 5},
		{"two are missed", func() { x.dev.unsettled = false }, true, true, 3},
		{"four were put in", func() { x.dev.levels[hundred] = 7 }, true, true, 7},
		{"a note is on its way", func() { x.dev.levels[hundred], x.dev.path = 1, "notEmpty" }, true, false, 7},
	} {
		c.prepare()
		x.alarms = nil
		if got := x.Recount(context.Background(), func() bool { return c.quiet }); got != c.changed {
			t.Errorf("%s: changed %v", c.name, got)
		}
		if s, _ := x.units(t); s.Count != c.count || c.changed != slices.Contains(x.alarms, "cashDifference") {
			t.Errorf("%s: %+v, alarms %v", c.name, s, x.alarms)
		}
	}
	var unclear bool
	x.led.Read(func(b *book.Book) { unclear = b.BoxUnclear })
	if !unclear {
		t.Error("what is missed may be in the cash box, and the books do not say so")
	}
}

func TestNoPayoutBeginsWhileADepositIsOpenOrANoteIsAtTheExit(t *testing.T) {
	for name, prepare := range map[string]func(*recycler){
		"a note at the exit": func(x *recycler) { x.dev.exit = "notEmpty" },
		"a deposit": func(x *recycler) {
			d := fmt.Sprintf("%s-x", txn)
			must(t, x.led.Log(ej.HostIntent, ej.Record{Txn: d}, book.HostData{Type: book.TypeDeposit, STAN: 2, Batch: "000001", Financial: true}))
			must(t, x.led.Log(ej.HostResult, ej.Record{Txn: d}, book.HostData{Host: book.HostApproved}))
			must(t, x.led.Log(ej.DepositBegin, ej.Record{Txn: d}, book.CashData{}))
		},
	} {
		x := stored(t)
		prepare(x)
		if done := x.Dispense(t.Context(), txn, 30000, nothing); done.Outcome != api.NotStarted || len(x.dev.ran) > 0 {
			t.Errorf("%s: %+v, ran %v", name, done, x.dev.ran)
		}
	}
}

func TestASettledWithdrawalIsNeverPaidAndAMovingOneNeverSettled(t *testing.T) {
	x := stored(t)
	must(t, x.led.Log(ej.Intent, ej.Record{Txn: txn, Op: txn + "-d1", Device: book.Acceptor}, book.CashData{Plan: map[string]int{hundred: 3}}))
	if err := x.led.Log(ej.Reverse, ej.Record{Txn: txn}, book.SettleData{}); err == nil {
		t.Error("a reversal while notes may move")
	}
	y := stored(t)
	must(t, y.led.Log(ej.Reverse, ej.Record{Txn: txn}, book.SettleData{}))
	if err := y.led.Log(ej.Intent, ej.Record{Txn: txn, Op: txn + "-d1"}, book.CashData{}); err == nil {
		t.Error("a payout of a reversed withdrawal")
	}
}
