package issuer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/session"
)

// dispenser has a stacker, a place inside, an exit and a bin.
type dispenser struct {
	mu      sync.Mutex
	state   api.DeviceState
	media   string // notPresent, present, entering, jammed
	stacker int
	bin     int
	taken   int
	fail    map[string]api.Completion // instead of a move to there
	ops     map[api.OpID]api.OpRecord // what the driver knows of each; nil: no driver answers
	onExit  func()
	ran     []string
}

func (d *dispenser) Run(ctx context.Context, name string, payload any, emit func(api.Event)) api.Completion {
	return d.RunOp(ctx, "x", "", name, payload, emit)
}

func (d *dispenser) RunOp(ctx context.Context, op api.OpID, _, _ string, payload any, _ func(api.Event)) api.Completion {
	var m card.Move
	if raw, ok := payload.(json.RawMessage); ok {
		_ = json.Unmarshal(raw, &m)
	} else {
		m = payload.(card.Move)
	}
	done := d.move(ctx, m)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ops == nil {
		d.ops = map[api.OpID]api.OpRecord{}
	}
	d.ops[op] = api.OpRecord{Op: op, State: api.OpCompleted, Completion: &done}
	return done
}

func (d *dispenser) QueryOp(_ context.Context, op api.OpID) (api.OpRecord, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.ops[op]; ok {
		return r, nil
	}
	return api.OpRecord{Op: op, State: api.OpUnknown}, nil
}

func (d *dispenser) move(_ context.Context, m card.Move) api.Completion {
	d.mu.Lock()
	d.ran = append(d.ran, m.To)
	if c, ok := d.fail[m.To]; ok {
		d.mu.Unlock()
		return c
	}
	switch m.To {
	case card.Transport:
		d.stacker--
		d.media = "present"
	case card.Exit:
		d.media = "entering"
	case "unit2":
		d.media = "notPresent"
		d.bin++
	}
	f := d.onExit
	d.mu.Unlock()
	if m.To == card.Exit && f != nil {
		f()
	}
	return api.Completion{Outcome: api.Done}
}

func (d *dispenser) take() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.media == "entering" {
		d.media, d.taken = "notPresent", d.taken+1
	}
}

func (d *dispenser) Refresh(context.Context) error {
	if d.State() == api.Offline {
		return fmt.Errorf("offline")
	}
	return nil
}

func (d *dispenser) State() api.DeviceState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

func (d *dispenser) Read(_ string, v any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*v.(*card.Status) = card.Status{Media: d.media, Units: map[string]card.Unit{"unit1": {Status: "ok", Replenishment: card.StockOK, Count: d.stacker}}}
}

type rig struct {
	*Issuer
	dev     *dispenser
	dir     string
	alarms  []string
	settled int
}

const txn = "000001/000001"

func open(t *testing.T, dir string, dev *dispenser) *rig {
	t.Helper()
	led, err := book.Open(dir, journal.Options{})
	must(t, err)
	t.Cleanup(func() { _ = led.Close() })
	r := &rig{dev: dev, dir: dir}
	r.Issuer = New(Config{Unit: "unit1", Bin: "unit2", Stock: "cards", TakeTimeout: 50 * time.Millisecond, MoveTimeout: time.Minute}, dev, led, session.New(nil),
		device.NewOp,
		Hooks{Settled: func(string) { r.settled++ }, Alarm: func(kind, _, _ string) { r.alarms = append(r.alarms, kind) }}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	return r
}

// drawn is a counter with ten cards in the books, one of them drawn for the open session.
func drawn(t *testing.T) *rig {
	t.Helper()
	r := open(t, t.TempDir(), &dispenser{state: api.Online, media: "notPresent", stacker: 10, fail: map[string]api.Completion{}})
	must(t, r.led.Log(ej.Stock, ej.Record{}, book.StockData{Item: "cards", Move: book.StockDraw, Quantity: 10, After: 10, By: "test"}))
	_, err := r.sess.Begin("cardIssue", "zh", "")
	must(t, err)
	if done := r.Draw(context.Background()); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	return r
}

func approved(t *testing.T) *rig {
	t.Helper()
	r := drawn(t)
	s, _ := r.sess.Current()
	must(t, r.led.Log(ej.HostIntent, ej.Record{Txn: txn, Session: s.ID}, book.HostData{Type: book.TypeCardIssue, STAN: 1, Batch: "000001", Financial: true}))
	must(t, r.led.Log(ej.HostResult, ej.Record{Txn: txn}, book.HostData{Host: book.HostApproved, Code: "00"}))
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is compares how it stands: state, settlement, stock, cards in the bin and with customers.
func (r *rig) is(t *testing.T, at book.Cash, s book.Settle, stock, bin, taken int) {
	t.Helper()
	x, _ := r.led.Txn(txn)
	var n int
	r.led.Read(func(b *book.Book) { n = b.Stock["cards"] })
	got := fmt.Sprint(x.Cash, x.Settle, n, r.dev.bin, r.dev.taken)
	if want := fmt.Sprint(at, s, stock, bin, taken); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestACardThatIsTakenIsTheCustomers(t *testing.T) {
	r := approved(t)
	r.dev.onExit = func() { r.dev.take(); r.Taken() }
	shown := false
	if done := r.HandOver(context.Background(), txn, func() { shown = true }); done.Outcome != api.Done || !shown {
		t.Errorf("%+v %v", done, shown)
	}
	r.is(t, book.HandedOver, book.SettleCommit, 9, 0, 1)
	if done := r.HandOver(context.Background(), txn, nil); done.Outcome != api.NotStarted {
		t.Errorf("handed over twice: %+v", done)
	}
	r.Recovered()
	r.is(t, book.HandedOver, book.SettleCommit, 9, 0, 1)
}

func TestACardThatIsNotTakenIsKeptAndTakenBack(t *testing.T) {
	r := approved(t)
	if done := r.HandOver(context.Background(), txn, nil); done.ErrorCode != ErrKept {
		t.Errorf("%+v", done)
	}
	r.is(t, book.HandKept, book.SettleReverse, 9, 1, 0)
	if d := cmp.Diff([]string{"newCardKept"}, r.alarms); d != "" || r.settled != 1 {
		t.Error(d, r.settled)
	}
}

func TestACustomerWhoIsFasterThanTheBinHasTheCard(t *testing.T) {
	r := approved(t)
	r.dev.fail["unit2"] = api.Fail(api.NotStarted, card.ErrNoMedia, "")
	r.HandOver(context.Background(), txn, nil)
	r.is(t, book.HandedOver, book.SettleCommit, 9, 0, 0)
}

func TestACardThatNobodyCanFindWaitsForAPerson(t *testing.T) {
	for _, handed := range []bool{true, false} {
		r := approved(t)
		r.dev.fail["unit2"] = api.Fail(api.Failed, card.ErrMediaJam, "")
		if done := r.HandOver(context.Background(), txn, nil); done.ErrorCode != ErrUnclear {
			t.Errorf("%+v", done)
		}
		r.is(t, book.HandUnclear, book.SettleSuspense, 10, 0, 0)
		if why := r.Blocked(); why != "cardCheck" {
			t.Errorf("another card is offered: %q", why)
		}
		must(t, r.Resolve(txn, handed, "test"))
		r.is(t, book.HandUnclear, map[bool]book.Settle{true: book.SettleCommit, false: book.SettleReverse}[handed], 9, 0, 0)
	}
}

func TestASessionThatEndsKeepsItsCard(t *testing.T) {
	r := drawn(t)
	s, _ := r.sess.Current()
	r.CloseSession("another")
	if r.dev.bin != 0 {
		t.Error("kept for another session")
	}
	r.CloseSession(s.ID)
	r.is(t, book.CashNone, book.SettleNone, 9, 1, 0)

	r = approved(t)
	s, _ = r.sess.Current()
	r.CloseSession(s.ID)
	r.is(t, book.HandKept, book.SettleReverse, 9, 1, 0)
}

func TestNothingIsHandedOverWithoutTheBanksWord(t *testing.T) {
	for _, c := range []struct {
		name string
		with func(r *rig)
	}{
		{"no transaction", func(*rig) {}},
		{"declined", func(r *rig) {
			s, _ := r.sess.Current()
			must(t, r.led.Log(ej.HostIntent, ej.Record{Txn: txn, Session: s.ID}, book.HostData{Type: book.TypeCardIssue, Financial: true}))
			must(t, r.led.Log(ej.HostResult, ej.Record{Txn: txn}, book.HostData{Host: book.HostDeclined}))
		}},
		{"a withdrawal", func(r *rig) {
			s, _ := r.sess.Current()
			must(t, r.led.Log(ej.HostIntent, ej.Record{Txn: txn, Session: s.ID}, book.HostData{Type: "withdrawal", Financial: true}))
			must(t, r.led.Log(ej.HostResult, ej.Record{Txn: txn}, book.HostData{Host: book.HostApproved}))
		}},
		{"another session", func(r *rig) {
			must(t, r.led.Log(ej.HostIntent, ej.Record{Txn: txn, Session: "old"}, book.HostData{Type: book.TypeCardIssue, Financial: true}))
			must(t, r.led.Log(ej.HostResult, ej.Record{Txn: txn}, book.HostData{Host: book.HostApproved}))
		}},
	} {
		r := drawn(t)
		c.with(r)
		if done := r.HandOver(context.Background(), txn, nil); done.Outcome != api.NotStarted || r.dev.media != "present" {
			t.Errorf("%s: %+v, %s", c.name, done, r.dev.media)
		}
	}
}

// crash is a platform that died: another one opens the same journal.
func (r *rig) crash(t *testing.T) *rig {
	t.Helper()
	must(t, r.led.Close())
	n := open(t, r.dir, r.dev)
	n.Recovered()
	return n
}

// Every state of the journal, and what a restart makes of it.
func TestACrashAtAnyStateLeavesTheCardWithOneOwner(t *testing.T) {
	for _, c := range []struct {
		name  string
		with  func(t *testing.T) *rig
		at    book.Cash
		s     book.Settle
		bin   int
		taken int
	}{
		{"CARD_DRAWN", drawn, book.CashNone, book.SettleNone, 1, 0},
		{"HAND_INTENT, not moved", func(t *testing.T) *rig {
			r := approved(t)
			x, _ := r.led.Txn(txn)
			must(t, r.record(ej.HandIntent, x, ""))
			return r
		}, book.HandKept, book.SettleReverse, 1, 0},
		{"HAND_INTENT, at the exit", func(t *testing.T) *rig {
			r := approved(t)
			x, _ := r.led.Txn(txn)
			must(t, r.record(ej.HandIntent, x, ""))
			r.dev.media = "entering"
			return r
		}, book.HandKept, book.SettleReverse, 1, 0},
		{"HANDED_OVER, not booked", func(t *testing.T) *rig {
			r := approved(t)
			x, _ := r.led.Txn(txn)
			must(t, r.record(ej.HandIntent, x, ""))
			r.dev.media = "entering"
			r.dev.take()
			must(t, r.record(ej.HandedOver, x, ""))
			_, _, err := r.led.Settle(txn, "cards")
			must(t, err)
			return r
		}, book.HandedOver, book.SettleCommit, 0, 1},
		{"HAND_INTENT, taken", func(t *testing.T) *rig {
			r := approved(t)
			x, _ := r.led.Txn(txn)
			must(t, r.record(ej.HandIntent, x, ""))
			r.dev.media = "entering"
			r.dev.take()
			return r
		}, book.HandedOver, book.SettleCommit, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.with(t).crash(t)
			r.is(t, c.at, c.s, 9, c.bin, c.taken)
			again := r.crash(t)
			again.is(t, c.at, c.s, 9, c.bin, c.taken)
		})
	}
}

// A stop on the way into the bin: the card has left the exit, and only the driver knows whether it
// arrived there or in somebody's hand.
func TestACardThatWasOnItsWayIntoTheBinIsNotTakenForTheCustomers(t *testing.T) {
	for _, c := range []struct {
		name  string
		op    api.OpRecord
		at    book.Cash
		s     book.Settle
		stock int
	}{
		{"the driver never began", api.OpRecord{State: api.OpIntent}, book.HandedOver, book.SettleCommit, 9},
		{"it arrived", api.OpRecord{State: api.OpCompleted, Completion: &api.Completion{Outcome: api.Done}}, book.HandKept, book.SettleReverse, 9},
		{"nobody knows", api.OpRecord{State: api.OpUnresolved}, book.HandUnclear, book.SettleSuspense, 10},
	} {
		r := approved(t)
		x, _ := r.led.Txn(txn)
		must(t, r.record(ej.HandIntent, x, ""))
		must(t, r.led.Log(ej.CardToBin, ej.Record{Op: "bin"}, nil))
		r.dev.media, r.dev.ops["bin"] = "notPresent", c.op
		r = r.crash(t).crash(t)
		t.Run(c.name, func(t *testing.T) { r.is(t, c.at, c.s, c.stock, 0, 0) })
	}
}

func TestTheStockKnowsWhetherACardHasLeftTheStacker(t *testing.T) {
	for _, c := range []struct {
		name  string
		ops   func(r *rig)
		stock int
	}{
		{"it stopped before the card was drawn", func(r *rig) { r.dev.ops, r.dev.stacker = nil, 10 }, 10},
		{"it stopped when the card was in the bin", func(r *rig) {
			must(t, r.led.Log(ej.CardToBin, ej.Record{Op: "bin"}, nil))
			r.dev.ops["bin"] = api.OpRecord{State: api.OpCompleted, Completion: &api.Completion{Outcome: api.Done}}
		}, 9},
		{"a person took it out", func(*rig) {}, 9},
	} {
		r := drawn(t)
		c.ops(r)
		r.dev.media = "notPresent"
		r = r.crash(t).crash(t)
		t.Run(c.name, func(t *testing.T) { r.is(t, book.CashNone, book.SettleNone, c.stock, 0, 0) })
	}
}

func TestAfterAnApprovalNoOtherCardIsDrawn(t *testing.T) {
	r := approved(t)
	if done := r.Draw(context.Background()); done.Outcome != api.NotStarted || r.drawn == "" {
		t.Errorf("%+v", done) // what reads it next would put the active card aside and take a blank one
	}
}

func TestACardThatVanishesBeforeItIsOfferedIsNotTheCustomers(t *testing.T) {
	r := approved(t)
	r.dev.media = "notPresent"
	r.dev.fail[card.Exit] = api.Fail(api.NotStarted, card.ErrNoMedia, "")
	if done := r.HandOver(context.Background(), txn, nil); done.ErrorCode != ErrUnclear {
		t.Errorf("%+v", done)
	}
	r.is(t, book.HandUnclear, book.SettleSuspense, 10, 0, 0)

	for _, media := range []string{"notPresent", "jammed"} { // nobody asked for it in time
		r = approved(t)
		r.dev.media = media
		r.dev.fail["unit2"] = api.Fail(api.Failed, card.ErrMediaJam, "")
		s, _ := r.sess.Current()
		r.CloseSession(s.ID)
		r.is(t, book.HandUnclear, book.SettleSuspense, 10, 0, 0)
		if d := cmp.Diff([]string{"newCardStuck", "suspense"}, r.alarms); d != "" {
			t.Error(media, d)
		}
	}
}

func TestACardInSuspenseLeavesTheStockOnce(t *testing.T) {
	for _, found := range []string{"before the person's word", "after it"} {
		r := approved(t)
		r.dev.fail["unit2"] = api.Fail(api.Failed, card.ErrMediaJam, "")
		r.HandOver(context.Background(), txn, nil)
		s, _ := r.sess.Current()
		r.CloseSession(s.ID)
		_, err := r.sess.End()
		must(t, err)
		if found == "after it" {
			must(t, r.Resolve(txn, false, "test"))
		}
		delete(r.dev.fail, "unit2")
		r.Recovered() // the jam was cleared: the card is inside
		if found != "after it" {
			must(t, r.Resolve(txn, false, "test"))
		}
		r.is(t, book.HandUnclear, book.SettleReverse, 9, 1, 0)
	}
}

func TestAnEventBeforeTheCardIsGoneDoesNotEndTheWait(t *testing.T) {
	r := approved(t)
	r.cfg.TakeTimeout = time.Minute
	r.dev.onExit = func() {
		r.Taken() // the status is not there yet
		time.AfterFunc(20*time.Millisecond, func() { r.dev.take(); r.Taken() })
	}
	r.HandOver(context.Background(), txn, nil)
	r.is(t, book.HandedOver, book.SettleCommit, 9, 0, 1)
}

func TestADispenserThatComesBackLateIsAskedThen(t *testing.T) {
	r := approved(t)
	x, _ := r.led.Txn(txn)
	must(t, r.record(ej.HandIntent, x, ""))
	r.dev.media, r.dev.state = "entering", api.Offline
	r = r.crash(t)
	r.is(t, book.HandIntent, book.SettleNone, 10, 0, 0)
	for _, r.dev.media = range []string{"unknown", ""} { // a driver without its device has no status of a card
		r.dev.state = api.Online
		r.Look()
		r.Recovered()
		r.is(t, book.HandIntent, book.SettleNone, 10, 0, 0)
	}
	r.dev.media, r.dev.state = "entering", api.Online
	r.Look()
	r.is(t, book.HandKept, book.SettleReverse, 9, 1, 0)
	r.dev.media = "present" // from now on it is no business of Look
	r.Look()
	r.is(t, book.HandKept, book.SettleReverse, 9, 1, 0)
}

func TestACardThatWasInsideWhenThePowerWentIsKeptWhenItIsBack(t *testing.T) {
	r := approved(t)
	r.dev.state = api.Offline
	r.dev.fail[card.Exit], r.dev.fail["unit2"] = api.Fail(api.Failed, "", "no power"), api.Fail(api.NotStarted, "", "no power")
	r.HandOver(context.Background(), txn, nil)
	r.Look()
	r.is(t, book.HandUnclear, book.SettleSuspense, 10, 0, 0)
	r.dev.state, r.dev.fail = api.StateHardwareError, nil // there, and not well: it is not tried
	r.Look()
	r.dev.state = api.Online
	r.Look()
	r.is(t, book.HandUnclear, book.SettleSuspense, 9, 1, 0) // a person still says whose it is
	r.dev.media = "present"
	r.Look()
	r.is(t, book.HandUnclear, book.SettleSuspense, 9, 1, 0)
}

// outside is a counter without a customer, and ten cards in the books.
func outside(t *testing.T) *rig {
	t.Helper()
	r := open(t, t.TempDir(), &dispenser{state: api.Online, media: "notPresent", stacker: 10, fail: map[string]api.Completion{}})
	must(t, r.led.Log(ej.Stock, ej.Record{}, book.StockData{Item: "cards", Move: book.StockDraw, Quantity: 10, After: 10, By: "test"}))
	return r
}

// booked are the moves of the stock by the machine itself.
func (r *rig) booked(t *testing.T) (out []string) {
	t.Helper()
	raw, err := r.led.Since(0, 1000)
	must(t, err)
	for _, b := range raw {
		var rec ej.Record
		var d book.StockData
		must(t, json.Unmarshal(b, &rec))
		if rec.Kind == ej.Stock && json.Unmarshal(rec.Data, &d) == nil && d.By == book.Platform {
			out = append(out, string(d.Move))
		}
	}
	return out
}

func TestAnOutsideClientsCardLeavesTheStock(t *testing.T) {
	move := func(r *rig, from, to string) api.Completion {
		p, _ := json.Marshal(card.Move{From: from, To: to})
		return r.Outside(context.Background(), card.CmdMove, p, nil)
	}
	for _, c := range []struct {
		name  string
		does  func(r *rig)
		moves []string
		stock int
	}{
		{"taken at the exit", func(r *rig) {
			move(r, "unit1", card.Transport)
			move(r, card.Transport, card.Exit)
			r.dev.take()
			r.Look()
		}, []string{"use"}, 9},
		{"to the exit at once", func(r *rig) {
			move(r, "unit1", card.Transport)
			r.dev.media = "entering"
			move(r, card.Transport, card.Exit)
			r.dev.take()
			r.Look()
			r.Look()
		}, []string{"use"}, 9},
		{"into the bin", func(r *rig) { move(r, "unit1", card.Transport); move(r, card.Transport, "unit2") }, []string{"void"}, 9},
		{"offered and drawn in again", func(r *rig) {
			move(r, "unit1", card.Transport)
			move(r, card.Transport, card.Exit)
			move(r, card.Exit, "unit2")
		}, []string{"void"}, 9},
		{"left inside", func(r *rig) { move(r, "unit1", card.Transport) }, nil, 10},
		{"left inside, and a customer comes", func(r *rig) {
			move(r, "unit1", card.Transport)
			_, err := r.sess.Begin("cardIssue", "zh", "")
			must(t, err)
			r.Draw(context.Background())
		}, []string{"void"}, 9},
		{"not drawn", func(r *rig) {
			r.dev.fail[card.Transport] = api.Fail(api.NotStarted, card.ErrNoMedia, "")
			move(r, "unit1", card.Transport)
			r.Look()
		}, nil, 10},
		{"two", func(r *rig) {
			for range 2 {
				move(r, "unit1", card.Transport)
				move(r, card.Transport, "unit2")
			}
		}, []string{"void", "void"}, 8},
	} {
		r := outside(t)
		c.does(r)
		var stock int
		r.led.Read(func(b *book.Book) { stock = b.Stock["cards"] })
		if d := cmp.Diff(c.moves, r.booked(t)); d != "" || stock != c.stock {
			t.Errorf("%s: %d left, %s", c.name, stock, d)
		}
	}
}

func TestAnOutsideClientMovesNothingBesideACustomerOrOneWhoseCardIsLookedFor(t *testing.T) {
	p, _ := json.Marshal(card.Move{From: "unit1", To: card.Transport})
	r := drawn(t) // a session is open
	if done := r.Outside(context.Background(), card.CmdMove, p, nil); done.Code != api.SequenceError || r.dev.stacker != 9 {
		t.Errorf("%+v", done)
	}
	r = approved(t)
	r.dev.fail["unit2"] = api.Fail(api.Failed, card.ErrMediaJam, "")
	r.HandOver(context.Background(), txn, nil)
	_, err := r.sess.End()
	must(t, err)
	for _, name := range []string{card.CmdMove, card.CmdReset} {
		if done := r.Outside(context.Background(), name, p, nil); done.Code != api.SequenceError {
			t.Errorf("%s: %+v", name, done)
		}
	}
}

func TestACardThatNeverLeftTheStackerIsInTheStock(t *testing.T) {
	r := drawn(t)
	s, _ := r.sess.Current()
	r.CloseSession(s.ID)
	r.dev.fail[card.Transport] = api.Fail(api.NotStarted, card.ErrNoMedia, "")
	if done := r.Draw(context.Background()); done.Outcome != api.NotStarted {
		t.Errorf("%+v", done)
	}
	r.dev.media = "present" // some other card
	_, err := r.sess.End()
	must(t, err)
	r.Recovered()
	r.is(t, book.CashNone, book.SettleNone, 9, 2, 0)
}

func TestNoCardIsDrawnWhenItCannotBe(t *testing.T) {
	r := drawn(t)
	if done := r.Draw(context.Background()); done.Outcome != api.Done || r.dev.stacker != 9 {
		t.Errorf("a second card for one session: %+v, %d left", done, r.dev.stacker)
	}
	r = drawn(t)
	r.drawn = "" // a card of nobody lies inside
	r.dev.fail["unit2"] = api.Fail(api.Failed, card.ErrMediaJam, "")
	if done := r.Draw(context.Background()); done.ErrorCode != card.ErrOccupied {
		t.Errorf("%+v", done)
	}
	delete(r.dev.fail, "unit2")
	if done := r.Draw(context.Background()); done.Outcome != api.Done {
		t.Errorf("%+v", done)
	}
	r.is(t, book.CashNone, book.SettleNone, 9, 1, 0)
	r = drawn(t)
	r.dev.state = api.StateHardwareError
	if done := r.Draw(context.Background()); done.Description != "cardDispenser" {
		t.Errorf("%+v", done)
	}
}
