package cashier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/session"
)

// module is a fake cash module: a script says how the next movement ends.
type module struct {
	mu     sync.Mutex
	exit   string
	path   string
	ran    []string
	script map[string]func() api.Completion
	ops    map[api.OpID]api.OpRecord
	asked  any // payload of the last movement
}

func newModule() *module {
	return &module{exit: "empty", path: "empty", script: map[string]func() api.Completion{}, ops: map[api.OpID]api.OpRecord{}}
}

func (m *module) RunOp(_ context.Context, op api.OpID, _, name string, payload any, emit func(api.Event)) api.Completion {
	m.mu.Lock()
	m.asked = payload
	m.ran = append(m.ran, name)
	f := m.script[name]
	m.mu.Unlock()
	if f == nil {
		return api.Completion{Outcome: api.Done}
	}
	if name == cash.CmdDispense {
		emit(api.Event{Name: cash.EvStartDispense})
	}
	return f()
}

func (m *module) QueryOp(_ context.Context, op api.OpID) (api.OpRecord, error) {
	if r, ok := m.ops[op]; ok {
		return r, nil
	}
	return api.OpRecord{}, errors.New("the driver does not answer")
}

func (m *module) Refresh(context.Context) error { return nil }
func (m *module) State() api.DeviceState        { return api.Online }

func (m *module) Read(_ string, v any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*v.(*cash.Status) = cash.Status{Transport: m.path, Positions: []cash.Position{{Position: "outDefault", PositionStatus: m.exit}}}
}

func (m *module) set(exit, path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.exit, m.path = exit, path
}

// presents returns a script that puts n notes of unit1 to the exit.
func (m *module) presents(n int, then api.Completion) func() api.Completion {
	return func() api.Completion {
		if n > 0 {
			m.set("notEmpty", "empty")
		}
		then.Payload = moved(cash.UnitMoved{Presented: n}, false)
		return then
	}
}

func moved(u cash.UnitMoved, unknown bool) json.RawMessage {
	b, _ := json.Marshal(cash.Moved{Units: map[string]cash.UnitMoved{"unit1": u}, Unknown: unknown})
	return b
}

// till is a cashier with an approved withdrawal of 300.
type till struct {
	*Cashier
	dir     string
	dev     *module
	led     *book.Ledger
	settled []string
	fire    func() // the take timer
}

const txn = "000001/000001"

func open(t *testing.T, dir string, dev *module) *till {
	t.Helper()
	led, err := book.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := guard.New()
	if err != nil {
		t.Fatal(err)
	}
	x := &till{dir: dir, dev: dev, led: led, fire: func() {}}
	x.Cashier = New(Config{Currency: "CNY", TakeTimeout: time.Minute, MoveTimeout: time.Minute, RecoverTimeout: time.Millisecond, MaxNotes: 40, SeesTaking: true},
		dev, led, g, session.New(nil), Hooks{Settled: func(id string) { x.settled = append(x.settled, id) }},
		func(_ time.Duration, f func()) func() { x.fire = f; return func() { x.fire = func() {} } },
		slog.New(slog.NewTextHandler(io.Discard, nil)))
	return x
}

// approved opens a till in a session whose host has approved 300 and whose card is gone.
func approved(t *testing.T) *till {
	t.Helper()
	x := open(t, t.TempDir(), newModule())
	must(t, x.SetCounts(map[string]book.Unit{"unit1": {Currency: "CNY", Value: 10000, Initial: 100, Count: 100}}, "test"))
	id, err := x.sess.Begin("withdraw", "zh", "")
	must(t, err)
	must(t, x.sess.SetCard(session.Card{PAN: "6225880000000001"}))
	x.sess.CardGone()
	must(t, x.led.Log(ej.HostIntent, ej.Record{Txn: txn, Session: id}, book.HostData{Type: "withdrawal", Amount: 30000, STAN: 1, Batch: "000001", Financial: true}))
	must(t, x.led.Log(ej.HostResult, ej.Record{Txn: txn}, book.HostData{Host: book.HostApproved, Code: "00"}))
	return x
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (x *till) end(t *testing.T, c book.Cash, s book.Settle, paid int64) book.Txn {
	t.Helper()
	got, _ := x.led.Txn(txn)
	if got.Cash != c || got.Settle != s || got.Paid != paid {
		t.Errorf("cash %q settle %q paid %d, want %q %q %d", got.Cash, got.Settle, got.Paid, c, s, paid)
	}
	return got
}

func (x *till) count(t *testing.T) (n int, inaccurate bool) {
	t.Helper()
	x.led.Read(func(b *book.Book) { n, inaccurate = b.Units["unit1"].Count, b.Units["unit1"].Inaccurate })
	return n, inaccurate
}

func nothing(api.Event) {}

func TestNotesThatAreTakenAreCommitted(t *testing.T) {
	x := approved(t)
	x.dev.script[cash.CmdDispense] = x.dev.presents(3, api.Completion{Outcome: api.Done})
	if done := x.Dispense(context.Background(), txn, 30000, nothing); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	x.end(t, book.CashPresented, book.SettleNone, 30000)
	x.dev.set("empty", "empty")
	x.Taken()
	x.end(t, book.CashTaken, book.SettleCommit, 30000)
	if n, _ := x.count(t); n != 97 {
		t.Errorf("%d notes left", n)
	}
	if d := cmp.Diff([]string{txn}, x.settled); d != "" {
		t.Error(d)
	}
}

// The table of what a dispense can do to the books.
func TestEveryEndOfADispenseIsClassifiedOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(*module) func() api.Completion
		cash   book.Cash
		settle book.Settle
		paid   int64
		left   int
		doubt  bool
	}{
		{"never started: reversed", func(*module) func() api.Completion {
			return func() api.Completion { return api.Refuse(api.HardwareError, "no answer to the first byte") }
		}, book.CashNotDispensed, book.SettleReverse, 0, 100, false},
		{"jam with nothing out: reversed", func(*module) func() api.Completion {
			return func() api.Completion {
				return api.Completion{Outcome: api.Failed, Code: api.CommandErrorCode, ErrorCode: "cashUnitError", Payload: moved(cash.UnitMoved{Rejected: 2}, false)}
			}
		}, book.CashNotDispensed, book.SettleReverse, 0, 98, false},
		{"jam with uncounted notes inside: reversed, and the unit should be counted", func(*module) func() api.Completion {
			return func() api.Completion {
				b, _ := json.Marshal(cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {}}, Uncounted: true})
				return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Payload: b}
			}
		}, book.CashNotDispensed, book.SettleReverse, 0, 100, false},
		{"outcome unknown: suspense", func(*module) func() api.Completion {
			return func() api.Completion { return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError} }
		}, book.CashUnclear, book.SettleSuspense, 0, 100, true},
		{"counts cannot be trusted: suspense", func(*module) func() api.Completion {
			return func() api.Completion {
				return api.Completion{Outcome: api.Failed, Code: api.CommandErrorCode, Payload: moved(cash.UnitMoved{Presented: 1}, true)}
			}
		}, book.CashUnclear, book.SettleSuspense, 0, 99, true},
		{"done without notes contradicts itself: suspense", func(m *module) func() api.Completion {
			return m.presents(0, api.Completion{Outcome: api.Done})
		}, book.CashUnclear, book.SettleSuspense, 0, 100, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := approved(t)
			x.dev.script[cash.CmdDispense] = c.end(x.dev)
			x.Dispense(context.Background(), txn, 30000, nothing)
			x.end(t, c.cash, c.settle, c.paid)
			if n, doubt := x.count(t); n != c.left || doubt != c.doubt {
				t.Errorf("%d notes left, in doubt %v", n, doubt)
			}
			// I2 and I6: whatever happened, a second dispense for it is refused.
			if again := x.Dispense(context.Background(), txn, 30000, nothing); again.Outcome != api.NotStarted {
				t.Errorf("a second dispense: %+v", again)
			}
			n := 0
			for _, name := range x.dev.ran {
				if name == cash.CmdDispense {
					n++
				}
			}
			if n != 1 {
				t.Errorf("the module was told to dispense %d times", n)
			}
		})
	}
}

func TestAPartThatReachedTheCustomerIsNeverReversed(t *testing.T) {
	x := approved(t)
	x.dev.script[cash.CmdDispense] = x.dev.presents(2, api.Completion{Outcome: api.Failed, Code: api.CommandErrorCode, ErrorCode: "cashUnitError"})
	x.Dispense(context.Background(), txn, 30000, nothing)
	x.dev.set("empty", "empty")
	x.Taken()
	got := x.end(t, book.CashTaken, book.SettleReverse, 20000)
	if got.Paid != 20000 {
		t.Errorf("the partial reversal keeps %d", got.Paid)
	}
}

func TestUntakenNotesAreRetractedWhenTheTimeIsOver(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    api.Completion
		cash   book.Cash
		settle book.Settle
	}{
		{"counted back in: reversed", api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{Retracted: 3}, false)}, book.CashRetracted, book.SettleReverse},
		{"not counted: suspense", api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{}, true)}, book.CashRetracted, book.SettleSuspense},
		{"taken in the last moment: committed", api.Fail(api.Failed, cash.ErrItemsTaken, ""), book.CashTaken, book.SettleCommit},
		{"jammed: suspense", api.Fail(api.Failed, "incompleteRetract", ""), book.CashUnclear, book.SettleSuspense},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := approved(t)
			x.dev.script[cash.CmdDispense] = x.dev.presents(3, api.Completion{Outcome: api.Done})
			x.dev.script[cash.CmdRetract] = func() api.Completion { x.dev.set("empty", "empty"); return c.end }
			if c.end.ErrorCode == cash.ErrItemsTaken {
				c.end.Payload = moved(cash.UnitMoved{}, false)
			}
			x.Dispense(context.Background(), txn, 30000, nothing)
			x.fire()
			x.end(t, c.cash, c.settle, 30000)
		})
	}
}

func TestARetractThatADeadDriverNeverBeganIsTriedAgain(t *testing.T) {
	died := api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError}
	absent := api.Refuse(api.DeviceNotReady, "restarting")
	for _, tt := range []struct {
		name   string
		first  api.Completion
		second api.Completion
		cash   book.Cash
		settle book.Settle
		ran    int
	}{
		{"the driver died before the first byte", died, api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{Retracted: 3}, false)}, book.CashRetracted, book.SettleReverse, 2},
		{"the driver was not there", absent, api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{Retracted: 3}, false)}, book.CashRetracted, book.SettleReverse, 2},
		{"the driver stays away: it stays open for the recovery", absent, absent, book.CashRetractIntent, "", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := approved(t)
			x.dev.script[cash.CmdDispense] = x.dev.presents(3, api.Completion{Outcome: api.Done})
			x.Dispense(t.Context(), txn, 30000, func(api.Event) {})
			x.dev.ops[txn+"-r1"] = api.OpRecord{State: api.OpUnknown}
			ran := 0
			x.dev.script[cash.CmdRetract] = func() api.Completion {
				if ran++; ran == 1 {
					return tt.first
				}
				return tt.second
			}
			x.fire()
			got, _ := x.led.Txn(txn)
			if got.Cash != tt.cash || got.Settle != tt.settle || ran != tt.ran {
				t.Errorf("cash %q settle %q after %d tries, want %q %q after %d", got.Cash, got.Settle, ran, tt.cash, tt.settle, tt.ran)
			}
		})
	}
}

func TestAfterACrashTheLatestTryOfARetractDecides(t *testing.T) {
	x := approved(t)
	x.dev.script[cash.CmdDispense] = x.dev.presents(3, api.Completion{Outcome: api.Done})
	x.Dispense(t.Context(), txn, 30000, func(api.Event) {})
	for range 2 { // the first try never began; the second drew the notes in, and then the platform died
		must(t, x.led.Log(ej.RetractIntent, ej.Record{Txn: txn, Op: txn + "-d1"}, book.CashData{}))
	}
	must(t, x.led.Close())
	dev := newModule()
	dev.set("empty", "empty")
	dev.ops[txn+"-r1"] = api.OpRecord{State: api.OpUnknown}
	done := api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{}, true)}
	dev.ops[txn+"-r2"] = api.OpRecord{State: api.OpCompleted, Completion: &done}
	y := open(t, x.dir, dev)
	y.Recovered(api.Recovery{})
	if got, _ := y.led.Txn(txn); got.Cash != book.CashRetracted || got.Settle != book.SettleSuspense {
		t.Errorf("cash %q settle %q: the customer pays for notes that the machine has", got.Cash, got.Settle)
	}
}

func TestADriverThatRestartsSettlesTheDispenseItDiedIn(t *testing.T) {
	x := approved(t)
	x.Cashier.cfg.RecoverTimeout = time.Minute
	x.dev.script[cash.CmdDispense] = func() api.Completion {
		x.dev.set("notEmpty", "empty")
		go x.Recovered(api.Recovery{Ops: []api.OpRecord{{Op: txn + "-d1", State: api.OpUnresolved,
			Completion: &api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{Presented: 3}, false)}}}})
		return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the driver died"}
	}
	if done := x.Dispense(context.Background(), txn, 30000, nothing); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	x.end(t, book.CashPresented, book.SettleNone, 30000)
}

// A crash of the platform at each state: what the evidence at boot says is what happens.
func TestARestartSettlesFromEvidence(t *testing.T) {
	type step struct {
		kind ej.Kind
		data any
	}
	intent := step{ej.Intent, book.CashData{Plan: map[string]int{"unit1": 3}}}
	presented := step{ej.Presented, book.CashData{Moved: cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: 3}}}, Paid: 30000}}
	done := &api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{Presented: 3}, false)}
	for _, c := range []struct {
		name   string
		steps  []step
		exit   string
		rec    api.Recovery
		cash   book.Cash
		settle book.Settle
		paid   int64
	}{
		{"approved, no intent: reversed", nil, "empty", api.Recovery{}, book.CashNone, book.SettleReverse, 0},
		{"intent, driver never sent: reversed", []step{intent}, "empty", api.Recovery{Ops: []api.OpRecord{{Op: txn + "-d1", State: api.OpIntent}}}, book.CashNotDispensed, book.SettleReverse, 0},
		{"intent, driver knows nothing of it: reversed", []step{intent}, "empty", api.Recovery{Ops: []api.OpRecord{{Op: txn + "-d1", State: api.OpUnknown}}}, book.CashNotDispensed, book.SettleReverse, 0},
		{"motion, driver has lost its journal: suspense", []step{intent, {ej.Motion, nil}}, "empty", api.Recovery{Ops: []api.OpRecord{{Op: txn + "-d1", State: api.OpUnknown}}}, book.CashUnclear, book.SettleSuspense, 0},
		{"intent, driver has lost its journal and notes lie there: suspense", []step{intent}, "notEmpty", api.Recovery{Ops: []api.OpRecord{{Op: txn + "-d1", State: api.OpUnknown}}}, book.CashUnclear, book.SettleSuspense, 0},
		{"motion, nothing proves anything: suspense", []step{intent, {ej.Motion, nil}}, "empty", api.Recovery{}, book.CashUnclear, book.SettleSuspense, 0},
		{"motion, device had finished and all is gone: committed", []step{intent, {ej.Motion, nil}}, "empty", api.Recovery{Ops: []api.OpRecord{{Op: txn + "-d1", State: api.OpUnresolved, Completion: done}}}, book.CashTaken, book.SettleCommit, 30000},
		{"presented, exit empty: committed", []step{intent, presented}, "empty", api.Recovery{}, book.CashTaken, book.SettleCommit, 30000},
		{"presented, notes still there: retracted", []step{intent, presented}, "notEmpty", api.Recovery{}, book.CashRetracted, book.SettleSuspense, 30000},
		{"presented, sensor unsure: suspense", []step{intent, presented}, "unknown", api.Recovery{}, book.CashUnclear, book.SettleSuspense, 30000},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := approved(t)
			for _, s := range c.steps {
				must(t, x.led.Log(s.kind, ej.Record{Txn: txn, Op: txn + "-d1"}, s.data))
			}
			must(t, x.led.Close()) // the platform dies here
			dev := newModule()
			dev.set(c.exit, "empty")
			dev.script[cash.CmdRetract] = func() api.Completion {
				dev.set("empty", "empty")
				return api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{}, true)}
			}
			y := open(t, x.dir, dev)
			y.CloseSession("")
			y.Recovered(c.rec)
			y.end(t, c.cash, c.settle, c.paid)
			for _, name := range dev.ran {
				if name == cash.CmdDispense {
					t.Error("dispensed again after the restart")
				}
			}
			// Recovery twice changes nothing.
			before, _ := y.led.Txn(txn)
			y.Recovered(c.rec)
			after, _ := y.led.Txn(txn)
			if d := cmp.Diff(before, after); d != "" {
				t.Errorf("recovery is not idempotent:\n%s", d)
			}
		})
	}
}

func TestARecoveryThatComesWhileTheModuleIsLookedAtIsNotLost(t *testing.T) {
	x := approved(t)
	must(t, x.led.Log(ej.Intent, ej.Record{Txn: txn, Op: txn + "-d1"}, book.CashData{Plan: map[string]int{"unit1": 3}}))
	x.Cashier.mu.Lock() // Tidy looks, or a movement runs
	x.Recovered(api.Recovery{Ops: []api.OpRecord{{Op: txn + "-d1", State: api.OpIntent}}})
	x.Cashier.mu.Unlock()
	for range 500 {
		if got, _ := x.led.Txn(txn); got.Settle == book.SettleReverse {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("what was open stays open for ever")
}

func TestNotesThatAFailureLeftInsideAreClearedWhenTheModuleIsBack(t *testing.T) {
	x := approved(t)
	x.dev.script[cash.CmdDispense] = func() api.Completion {
		x.dev.set("unknown", "unknown") // its power is gone
		return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError}
	}
	x.dev.script[cash.CmdReset] = func() api.Completion { return api.Refuse(api.DeviceNotReady, "does not answer") }
	x.Dispense(context.Background(), txn, 30000, nothing)
	x.end(t, book.CashUnclear, book.SettleSuspense, 0)
	x.dev.set("empty", "notEmpty") // the power is back: a note lies inside
	x.dev.script[cash.CmdReset] = func() api.Completion {
		x.dev.set("empty", "empty")
		return api.Completion{Outcome: api.Done}
	}
	x.Tidy()
	if x.dev.path != "empty" {
		t.Error("the note is still inside")
	}
	resets := len(x.dev.ran)
	x.Tidy()
	if len(x.dev.ran) != resets {
		t.Error("an empty module was cleared again")
	}
}

func TestNotesAtTheExitThatTheBooksDoNotKnowAreReported(t *testing.T) {
	x := approved(t)
	var kinds []string
	x.hooks.Alarm = func(kind, _, _ string) { kinds = append(kinds, kind) }
	x.dev.set("notEmpty", "empty") // a bill that the sensor had missed
	x.dev.script[cash.CmdReset] = func() api.Completion {
		x.dev.set("empty", "empty")
		return api.Completion{Outcome: api.Done}
	}
	x.Tidy()
	x.Tidy()
	if d := cmp.Diff([]string{"cashPathBlocked"}, kinds); d != "" {
		t.Error(d)
	}
}

func TestTidyNeverTouchesNotesThatACustomerMayTake(t *testing.T) {
	x := approved(t)
	x.dev.script[cash.CmdDispense] = x.dev.presents(3, api.Completion{Outcome: api.Done})
	x.Dispense(context.Background(), txn, 30000, nothing)
	n := len(x.dev.ran)
	x.Tidy()
	if len(x.dev.ran) != n || x.dev.exit != "notEmpty" {
		t.Errorf("ran %v", x.dev.ran[n:])
	}
}

func TestTheGuardStandsBetweenPageAndCash(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*till)
		amt   int64
	}{
		{"another amount than approved", func(*till) {}, 20000},
		{"the card is still inside", func(x *till) { _ = x.sess.SetCard(session.Card{PAN: "6225880000000001"}) }, 30000},
		{"notes of somebody else at the exit", func(x *till) { x.dev.set("notEmpty", "empty") }, 30000},
		{"the session is over", func(x *till) { _, _ = x.sess.End() }, 30000},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := approved(t)
			c.spoil(x)
			if done := x.Dispense(context.Background(), txn, c.amt, nothing); done.Outcome != api.NotStarted {
				t.Errorf("%+v", done)
			}
			if len(x.dev.ran) != 0 {
				t.Errorf("the module was told %v", x.dev.ran)
			}
		})
	}
}

func TestPlanFindsNotesWheneverThereAreAny(t *testing.T) {
	x := open(t, t.TempDir(), newModule())
	must(t, x.SetCounts(map[string]book.Unit{
		"unit1": {Currency: "CNY", Value: 5000, Count: 10}, "unit2": {Currency: "CNY", Value: 2000, Count: 10},
	}, "test"))
	for _, c := range []struct {
		amount int64
		want   map[string]int
	}{
		{10000, map[string]int{"unit1": 2}},
		{6000, map[string]int{"unit2": 3}}, // 50 + 10 is impossible: the search must go back
		{11000, map[string]int{"unit1": 1, "unit2": 3}},
		{1000, nil},
		{71000, nil},
	} {
		got, err := x.Plan(c.amount)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%d: %v\n%s", c.amount, err, d)
		}
	}
}

func TestPresentStateAnswersAboutTheLastDispenseAlsoAfterAReboot(t *testing.T) {
	x := approved(t)
	x.dev.script[cash.CmdDispense] = x.dev.presents(3, api.Completion{Outcome: api.Done})
	x.Dispense(context.Background(), txn, 30000, nothing)
	x.Dispense(context.Background(), txn, 30000, nothing) // refused: must not destroy the evidence
	must(t, x.led.Close())
	y := open(t, x.dir, x.dev)
	if state, got := y.PresentState(); state != "presented" || got.ID != txn {
		t.Errorf("%s %s", state, got.ID)
	}
}

func TestPlanAnswersAtOnceAlsoForAnAmountThatCannotBeMade(t *testing.T) {
	x := open(t, t.TempDir(), newModule())
	units := map[string]book.Unit{}
	for i, value := range []int64{10000, 5000, 5000, 2000, 2000, 1000} {
		units[fmt.Sprint("unit", i)] = book.Unit{Currency: "CNY", Value: value, Count: 2000}
	}
	must(t, x.SetCounts(units, "test"))
	began := time.Now()
	for _, amount := range []int64{1e11, 2999900, 30000500} {
		if _, err := x.Plan(amount); !errors.Is(err, ErrNotDispensable) {
			t.Errorf("%d: %v", amount, err)
		}
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("took %s", d)
	}
}
