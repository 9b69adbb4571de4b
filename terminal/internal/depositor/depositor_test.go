package depositor

import (
	"context"
	"encoding/json"
	"errors"
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

// acceptor is a device with an escrow of one note: the next note stacks the one before.
type acceptor struct {
	mu        sync.Mutex
	state     api.DeviceState
	unsettled bool
	in        cash.CashInStatus
	put       []int64 // notes that the customer puts in, one for each CashIn
	ran       []string
	script    map[string]func() (api.Completion, bool) // instead of the command; false: beside it
}

const note = "type100CNY1"

func (a *acceptor) move(f func(n *cash.NoteMoved)) {
	if a.in.Types == nil {
		a.in.Types = map[string]cash.NoteMoved{}
	}
	n := a.in.Types[note]
	n.Currency, n.Value = "CNY", 10000
	f(&n)
	a.in.Types[note] = n
}

func (a *acceptor) stack() {
	a.move(func(n *cash.NoteMoved) { n.Credited += n.Escrow; n.Cashbox += n.Escrow; n.Escrow = 0 })
}

func (a *acceptor) RunOp(_ context.Context, _ api.OpID, _, name string, _ any, _ func(api.Event)) api.Completion {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ran = append(a.ran, name)
	if a.state != api.Online {
		return api.Refuse(api.DeviceNotReady, "offline")
	}
	if f := a.script[name]; f != nil {
		if done, instead := f(); instead {
			return done
		}
	}
	active := a.in.Status == cash.CashInActive
	switch {
	case name == cash.CmdCashInStart && active:
		return api.Fail(api.NotStarted, cash.ErrCashInActive, "")
	case name == cash.CmdCashInStart:
		a.in = cash.CashInStatus{Status: cash.CashInActive}
	case !active:
		return a.told(api.Fail(api.NotStarted, cash.ErrNoCashIn, ""))
	case name == cash.CmdCashIn && len(a.put) == 0:
		return a.told(api.Completion{Outcome: api.Canceled, Code: api.CodeCanceled})
	case name == cash.CmdCashIn:
		a.stack()
		a.put = a.put[1:]
		a.move(func(n *cash.NoteMoved) { n.Escrow++ })
	case name == cash.CmdCashInEnd:
		a.stack()
		a.in.Status = cash.CashInOK
	case name == cash.CmdCashInRollback:
		if n := a.in.Types[note]; n.Escrow == 0 && n.Credited > 0 {
			return a.told(api.Fail(api.NotStarted, cash.ErrNoItems, ""))
		}
		a.move(func(n *cash.NoteMoved) { n.Returned += n.Escrow; n.Escrow = 0 })
		a.in.Status = cash.CashInRollback
	}
	return a.told(api.Completion{Outcome: api.Done})
}

func (a *acceptor) told(c api.Completion) api.Completion {
	c.Payload, _ = json.Marshal(a.in.Deposited)
	return c
}

func (a *acceptor) Refresh(context.Context) error {
	if a.State() == api.Offline {
		return errors.New("offline")
	}
	return nil
}

func (a *acceptor) State() api.DeviceState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

func (a *acceptor) Read(iface string, v any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var raw []byte
	if iface == "common" {
		raw, _ = json.Marshal(map[string]bool{"X-unsettled": a.unsettled})
	} else {
		raw, _ = json.Marshal(cash.AcceptorStatus{IntermediateStacker: "empty", Transport: "empty", CashIn: a.in})
	}
	_ = json.Unmarshal(raw, v)
}

func (a *acceptor) set(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// counter is a depositor with a session whose deposit the host has approved.
type counter struct {
	*Depositor
	dev     *acceptor
	dir     string
	settled []string
	alarms  []string
	later   []func() // arranged looks
}

const txn = "000001/000001"

func open(t *testing.T, dir string, dev *acceptor) *counter {
	t.Helper()
	led, err := book.Open(dir, journal.Options{})
	must(t, err)
	t.Cleanup(func() { _ = led.Close() })
	g, err := guard.ForDeposit()
	must(t, err)
	c := &counter{dev: dev, dir: dir}
	c.Depositor = New(Config{Currency: "CNY", MoveTimeout: time.Minute, AmountLimit: 5000000, NotesLimit: 100}, dev, led, g, session.New(nil),
		Hooks{Settled: func(id string) { c.settled = append(c.settled, id) }, Alarm: func(kind, _, _ string) { c.alarms = append(c.alarms, kind) }},
		func(_ time.Duration, f func()) { c.later = append(c.later, f) }, slog.New(slog.NewTextHandler(io.Discard, nil)))
	return c
}

func approved(t *testing.T, notes int) *counter {
	t.Helper()
	c := open(t, t.TempDir(), &acceptor{state: api.Online, put: make([]int64, notes), script: map[string]func() (api.Completion, bool){}})
	id, err := c.sess.Begin("deposit", "zh", "")
	must(t, err)
	must(t, c.led.Log(ej.HostIntent, ej.Record{Txn: txn, Session: id}, book.HostData{Type: book.TypeDeposit, STAN: 1, Batch: "000001", Financial: true}))
	must(t, c.led.Log(ej.HostResult, ej.Record{Txn: txn}, book.HostData{Host: book.HostApproved, Code: "00"}))
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *counter) begin(t *testing.T) {
	t.Helper()
	if done := c.Begin(context.Background(), txn); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
}

func (c *counter) insert(t *testing.T, n int) {
	t.Helper()
	for range n {
		if done := c.CashIn(context.Background(), nil); done.Outcome != api.Done {
			t.Fatalf("%+v", done)
		}
	}
}

func (c *counter) end(t *testing.T, at book.Cash, s book.Settle, paid int64) book.Txn {
	t.Helper()
	got, _ := c.led.Txn(txn)
	if got.Cash != at || got.Settle != s || got.Paid != paid {
		t.Errorf("cash %q settle %q paid %d, want %q %q %d", got.Cash, got.Settle, got.Paid, at, s, paid)
	}
	return got
}

// runLater runs what was arranged.
func (c *counter) runLater() {
	todo := c.later
	c.later = nil
	for _, f := range todo {
		f()
	}
}

func TestWhatIsStackedIsToldExactly(t *testing.T) {
	c := approved(t, 3)
	c.begin(t)
	c.insert(t, 3)
	if sum := Totals(c.end(t, book.CashNotes, book.SettleNone, 0)); sum.Credited != 20000 || sum.Escrow != 10000 || sum.Notes != 3 {
		t.Errorf("%+v", sum)
	}
	if done := c.End(txn); done.Outcome != api.Done {
		t.Errorf("%+v", done)
	}
	c.end(t, book.CashDeposited, book.SettleCommit, 30000)
	if d := cmp.Diff([]string{txn}, c.settled); d != "" {
		t.Error(d)
	}
	c.led.Read(func(b *book.Book) {
		if n := b.Box[note]; n.Count != 3 || n.Value != 10000 {
			t.Errorf("cash box: %+v", b.Box)
		}
	})
	if done := c.End(txn); done.Outcome != api.Done {
		t.Errorf("ended twice: %+v", done)
	}
}

func TestTakingBackReturnsWhatIsInEscrowAndCreditsTheRest(t *testing.T) {
	for _, tt := range []struct {
		notes int
		paid  int64
	}{{0, 0}, {1, 0}, {3, 20000}} {
		c := approved(t, tt.notes)
		c.begin(t)
		c.insert(t, tt.notes)
		c.Rollback(txn)
		got := c.end(t, book.CashDeposited, book.SettleCommit, tt.paid)
		if sum := Totals(got); sum.Returned != int64(min(tt.notes, 1))*10000 {
			t.Errorf("%d notes: %+v", tt.notes, sum)
		}
	}
}

func TestStackedNotesThatCannotComeBackAreCredited(t *testing.T) {
	c := approved(t, 2)
	c.begin(t)
	c.insert(t, 2)
	c.dev.set(c.dev.stack) // it does so by itself
	c.Rollback(txn)
	c.end(t, book.CashDeposited, book.SettleCommit, 20000)
}

func TestTheGuardKeepsTheMouthClosed(t *testing.T) {
	for _, tt := range []struct {
		name string
		with func(t *testing.T, c *counter)
	}{
		{"no session", func(t *testing.T, c *counter) { _, err := c.sess.End(); must(t, err) }},
		{"the acceptor is offline", func(_ *testing.T, c *counter) { c.dev.state = api.Offline }},
		{"the acceptor is jammed", func(_ *testing.T, c *counter) { c.dev.state = api.StateHardwareError }},
		{"a second time", func(t *testing.T, c *counter) { c.begin(t); c.End(txn) }},
		{"the deposit is settled", func(t *testing.T, c *counter) {
			must(t, c.led.Log(ej.Commit, ej.Record{Txn: txn}, book.SettleData{}))
		}},
		{"an earlier deposit waits for a count", func(t *testing.T, c *counter) {
			old := ej.Record{Txn: "000001/000000"}
			must(t, c.led.Log(ej.HostIntent, old, book.HostData{Type: book.TypeDeposit, Financial: true}))
			must(t, c.led.Log(ej.HostResult, old, book.HostData{Host: book.HostApproved}))
			must(t, c.led.Log(ej.DepositBegin, old, nil))
			must(t, c.led.Log(ej.CashIn, old, nil))
			must(t, c.led.Log(ej.DepositUnclear, old, nil))
			must(t, c.led.Log(ej.Suspense, old, book.SettleData{}))
		}},
	} {
		c := approved(t, 1)
		tt.with(t, c)
		ran := len(c.dev.ran)
		if done := c.Begin(context.Background(), txn); done.Outcome != api.NotStarted {
			t.Errorf("%s: %+v", tt.name, done)
		}
		if done := c.CashIn(context.Background(), nil); done.Outcome != api.NotStarted || len(c.dev.ran) != ran {
			t.Errorf("%s: %+v %v", tt.name, done, c.dev.ran)
		}
	}
}

// crash is a platform that died: another one opens the same journal.
func (c *counter) crash(t *testing.T) *counter {
	t.Helper()
	must(t, c.led.Close())
	n := open(t, c.dir, c.dev)
	n.Recovered()
	return n
}

// Every state of the journal, and what a restart makes of it.
func TestACrashAtAnyStateCreditsWhatIsStackedOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		with func(t *testing.T, c *counter)
		paid int64
	}{
		{"DEPOSIT_BEGIN, the device was not reached", func(t *testing.T, c *counter) {
			c.dev.in = cash.CashInStatus{Status: cash.CashInOK}
			c.dev.move(func(n *cash.NoteMoved) { n.Credited = 7 }) // an earlier deposit's
			tx, _ := c.led.Txn(txn)
			must(t, c.record(ej.DepositBegin, tx, "", nil))
		}, 0},
		{"DEPOSIT_BEGIN, the device has begun", func(t *testing.T, c *counter) { c.begin(t) }, 0},
		{"CASH_IN, a note came and is held", func(t *testing.T, c *counter) {
			c.begin(t)
			c.insert(t, 1)
			tx, _ := c.led.Txn(txn)
			must(t, c.record(ej.CashIn, tx, "", nil))
			c.dev.stack()
			c.dev.move(func(n *cash.NoteMoved) { n.Escrow = 1 })
		}, 20000},
		{"NOTES", func(t *testing.T, c *counter) { c.begin(t); c.insert(t, 2) }, 20000},
		{"DEPOSIT_CLOSING, not carried out", func(t *testing.T, c *counter) {
			c.begin(t)
			c.insert(t, 2)
			tx, _ := c.led.Txn(txn)
			must(t, c.record(ej.DepositClosing, tx, "", book.CashData{}))
		}, 20000},
		{"DEPOSIT_CLOSING to take back, not carried out", func(t *testing.T, c *counter) {
			c.begin(t)
			c.insert(t, 2)
			tx, _ := c.led.Txn(txn)
			must(t, c.record(ej.DepositClosing, tx, "", book.CashData{TakeBack: true}))
		}, 10000},
		{"DEPOSIT_CLOSING, carried out", func(t *testing.T, c *counter) {
			c.begin(t)
			c.insert(t, 2)
			tx, _ := c.led.Txn(txn)
			must(t, c.record(ej.DepositClosing, tx, "", book.CashData{}))
			c.dev.stack()
			c.dev.in.Status = cash.CashInOK
		}, 20000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := approved(t, 5)
			tt.with(t, c)
			n := c.crash(t)
			n.end(t, book.CashDeposited, book.SettleCommit, tt.paid)
			n.Look()
			n.crash(t).end(t, book.CashDeposited, book.SettleCommit, tt.paid)
		})
	}
}

func TestADeviceThatIsAwayIsAskedUntilItAnswers(t *testing.T) {
	c := approved(t, 2)
	c.begin(t)
	c.insert(t, 2)
	c.dev.set(func() { c.dev.state = api.Offline })
	if done := c.End(txn); done.Outcome == api.Done {
		t.Errorf("%+v", done)
	}
	c.runLater()
	c.end(t, book.CashNotes, book.SettleNone, 0)
	c.dev.set(func() { c.dev.state = api.Online })
	c.runLater()
	c.end(t, book.CashDeposited, book.SettleCommit, 20000)
	if len(c.later) != 0 {
		t.Error("it is looked at again")
	}
}

func TestAnIndeterminateNoteIsNotGuessed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		settles func(c *counter)
		at      book.Cash
		settle  book.Settle
		paid    int64
	}{
		{"the device finds it stacked", func(c *counter) { c.dev.stack() }, book.CashDeposited, book.SettleCommit, 10000},
		{"the device finds it gone back", func(c *counter) {
			c.dev.move(func(n *cash.NoteMoved) { n.Returned, n.Escrow = n.Escrow, 0 })
		}, book.CashDeposited, book.SettleCommit, 0},
		{"the device never finds out", func(c *counter) { c.dev.in.Unknown, c.dev.in.Status = true, cash.CashInUnknown }, book.CashInUnclear, book.SettleSuspense, 0},
		{"the device has lost its book", func(c *counter) { c.dev.in = cash.CashInStatus{} }, book.CashInUnclear, book.SettleSuspense, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := approved(t, 1)
			c.begin(t)
			c.insert(t, 1)
			c.dev.script[cash.CmdCashInEnd] = func() (api.Completion, bool) {
				c.dev.unsettled, c.dev.in.Unknown, c.dev.in.Status = true, true, cash.CashInUnknown
				return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError}, true
			}
			c.End(txn)
			c.runLater()
			c.end(t, book.CashClosing, book.SettleNone, 0)
			c.dev.set(func() {
				delete(c.dev.script, cash.CmdCashInEnd)
				c.dev.unsettled, c.dev.in.Unknown, c.dev.in.Status = false, false, cash.CashInOK
				tt.settles(c)
			})
			c.runLater()
			c.end(t, tt.at, tt.settle, tt.paid)
			if tt.settle != book.SettleSuspense {
				return
			}
			if !c.Blocked() {
				t.Error("notes are taken before somebody has counted")
			}
			must(t, c.led.Log(ej.Resolved, ej.Record{Txn: txn}, book.SettleData{Paid: 10000, By: "test"}))
			c.end(t, book.CashInUnclear, book.SettleCommit, 10000)
		})
	}
}

// The acceptor never comes back: a person counts the box, and cannot count less than is certain.
func TestADepositWhoseDeviceStaysAwayIsSettledByACount(t *testing.T) {
	c := approved(t, 2)
	c.begin(t)
	if err := c.Resolve(txn, 20000, "test"); err == nil {
		t.Error("counted while the customer puts notes in")
	}
	c.insert(t, 2)
	c.dev.set(func() { c.dev.state = api.Offline })
	c.End(txn)
	for range 8 {
		c.runLater()
	}
	if err := c.Resolve(txn, 0, "test"); !errors.Is(err, book.ErrTransition) {
		t.Errorf("less than certain was counted: %v", err)
	}
	must(t, c.Resolve(txn, 20000, "test"))
	c.end(t, book.CashInUnclear, book.SettleCommit, 20000)
	if d := cmp.Diff([]string{"depositOpen", "suspense"}, c.alarms); d != "" {
		t.Error(d)
	}
	c.dev.set(func() { c.dev.state = api.Online })
	c.runLater()
	c.end(t, book.CashInUnclear, book.SettleCommit, 20000)
}

func TestADeviceThatKnowsOfLessThanItSaidIsNotBelieved(t *testing.T) {
	c := approved(t, 3)
	c.begin(t)
	c.insert(t, 3)
	c.dev.set(func() {
		c.dev.in = cash.CashInStatus{Status: cash.CashInOK}
		c.dev.move(func(n *cash.NoteMoved) { n.Credited = 1 })
	})
	c.End(txn)
	c.end(t, book.CashInUnclear, book.SettleSuspense, 0)
	if err := c.led.Log(ej.Resolved, ej.Record{Txn: txn}, book.SettleData{Paid: 10000}); !errors.Is(err, book.ErrTransition) {
		t.Errorf("less than certain was counted: %v", err)
	}
}

// Found in the browser: the note jammed while it was stacked, and the customer read that none was
// taken in.
func TestANoteThatJamsInsideIsTheCustomersAndWaitsForACount(t *testing.T) {
	c := approved(t, 2)
	c.begin(t)
	c.insert(t, 2)
	c.dev.script[cash.CmdCashInEnd] = func() (api.Completion, bool) {
		c.dev.in.Status = cash.CashInOK // the note in escrow lies on the path
		return api.Fail(api.Failed, "", "jam"), true
	}
	if done := c.End(txn); done.Outcome == api.Done {
		t.Errorf("%+v", done)
	}
	c.end(t, book.CashInUnclear, book.SettleSuspense, 0)
	if err := c.Resolve(txn, 0, "test"); !errors.Is(err, book.ErrTransition) {
		t.Errorf("less than was credited was counted: %v", err)
	}
	must(t, c.Resolve(txn, 20000, "test"))
	c.end(t, book.CashInUnclear, book.SettleCommit, 20000)
}

func TestASessionThatEndsStacksAndCreditsWhatIsHeld(t *testing.T) {
	c := approved(t, 2)
	c.begin(t)
	c.insert(t, 2)
	s, _ := c.sess.Current()
	c.CloseSession(s.ID)
	c.end(t, book.CashDeposited, book.SettleCommit, 20000)
}

func TestACashInOfSomebodyElseIsNobodysDepositAndIsEnded(t *testing.T) {
	c := approved(t, 0)
	c.dev.in = cash.CashInStatus{Status: cash.CashInActive}
	c.dev.move(func(n *cash.NoteMoved) { n.Credited = 5; n.Escrow = 1 })
	if !c.Blocked() {
		t.Error("a deposit is offered while the acceptor has another's open")
	}
	if done := c.Begin(context.Background(), txn); done.Outcome != api.NotStarted {
		t.Errorf("%+v", done)
	}
	c.Look()
	c.end(t, book.CashNone, book.SettleNone, 0)
	if n := c.dev.in.Types[note]; n.Returned > 0 || c.dev.in.Status == cash.CashInActive || c.Blocked() {
		t.Errorf("%+v", c.dev.in)
	}
	if d := cmp.Diff([]string{"guardRefused", "acceptorActive"}, c.alarms); d != "" {
		t.Error(d)
	}
	c.begin(t)
}

// The status was not fresh: the device itself refuses to begin.
func TestACashInThatShowsOnlyAtTheBeginningIsEndedToo(t *testing.T) {
	c := approved(t, 0)
	c.dev.script[cash.CmdCashInStart] = func() (api.Completion, bool) {
		c.dev.in = cash.CashInStatus{Status: cash.CashInActive}
		return api.Completion{}, false
	}
	if done := c.Begin(context.Background(), txn); done.ErrorCode != cash.ErrCashInActive {
		t.Errorf("%+v", done)
	}
	c.end(t, book.CashDeposited, book.SettleCommit, 0)
	if d := cmp.Diff([]string{"acceptorActive"}, c.alarms); d != "" {
		t.Error(d)
	}
}

func TestADepositCountedByAPersonDoesNotBlockTheAcceptorThatComesBack(t *testing.T) {
	c := approved(t, 2)
	c.begin(t)
	c.insert(t, 2)
	c.dev.set(func() { c.dev.state = api.Offline })
	c.End(txn)
	must(t, c.Resolve(txn, 20000, "test"))
	c.dev.set(func() { c.dev.state = api.Online })
	c.Recovered()
	c.end(t, book.CashInUnclear, book.SettleCommit, 20000)
	if c.dev.in.Status == cash.CashInActive || c.Blocked() {
		t.Errorf("no further deposit is possible: %+v", c.dev.in)
	}
}

func TestARefusalByTheBankIsSettledByAPerson(t *testing.T) {
	c := approved(t, 1)
	c.begin(t)
	c.insert(t, 1)
	c.End(txn)
	must(t, c.led.Log(ej.SettleSent, ej.Record{Txn: txn}, book.SettleData{Code: "62", Paid: 10000}))
	if got := c.end(t, book.CashDeposited, book.SettleSuspense, 10000); got.Refused != "62" || !got.Pending() || c.Blocked() {
		t.Errorf("%+v", got)
	}
	must(t, c.led.Log(ej.Resolved, ej.Record{Txn: txn}, book.SettleData{Paid: 10000, By: "test"}))
	got := c.end(t, book.CashDeposited, book.SettleByHand, 10000)
	c.led.Read(func(b *book.Book) {
		if got.Pending() || len(b.ToTell()) != 0 {
			t.Error("somebody is still told")
		}
	})
}
