// Package depositor takes cash in and books it. What the acceptor has for good is credited,
// exactly, whatever dies in between: every step is in the journal before it happens, notes in
// escrow are stacked or given back before the amount is told, and an amount that is told is
// told until the bank has answered. Nothing here is ever reversed. Only the native platform
// imports it.
package depositor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/session"
)

// Device is the acceptor as the depositor needs it.
type Device interface {
	RunOp(ctx context.Context, op api.OpID, txn, name string, payload any, emit func(api.Event)) api.Completion
	Refresh(ctx context.Context) error
	Read(iface string, v any)
	State() api.DeviceState
}

// Config of a depositor.
type Config struct {
	Currency string
	// MoveTimeout is how long one movement may take before the device is asked.
	MoveTimeout time.Duration
	// AmountLimit and NotesLimit of one deposit; the device gives back what goes beyond.
	AmountLimit int64
	NotesLimit  int
	// Over: a deposit that has reached it takes more notes only with the lobby manager's word; 0: never.
	Over int64
	// Recycle lets notes go into the recycle units of a device that has some. High is how many one
	// unit may hold, by the value of its notes; a value that is not in it has the device's limit.
	Recycle bool
	High    map[int64]int
}

// Hooks tell the platform what happened. All may be nil.
type Hooks struct {
	// Settled: a deposit has an amount to tell the server.
	Settled func(txn string)
	// Alarm: something an operator must know. The text holds no card data.
	Alarm func(kind, text, txn string)
}

// Depositor is the only user of the acceptor. Safe for concurrent use.
type Depositor struct {
	cfg   Config
	dev   Device
	led   *book.Ledger
	guard *guard.Guard
	sess  *session.Manager
	hooks Hooks
	log   *slog.Logger
	timer func(d time.Duration, f func())
	mu    sync.Mutex // one movement at a time; held over the whole of it

	boot  string        // tells this process's operations from those before it
	ops   int           // operations of this process
	live  string        // the deposit whose customer is at the counter; mu
	retry time.Duration // the pause before an open deposit is looked at again; mu
	// alarmed: somebody was told that the device does not answer; mu
	alarmed bool

	waitMu  sync.Mutex
	stop    context.CancelFunc // ends a CashIn that waits for a note
	over    string             // the latest session that was closed: no mouth is opened for it
	looking bool               // a look is arranged
}

// New makes a depositor. timer may be nil (time.AfterFunc).
func New(cfg Config, dev Device, led *book.Ledger, g *guard.Guard, sess *session.Manager, hooks Hooks, timer func(time.Duration, func()), log *slog.Logger) *Depositor {
	if timer == nil {
		timer = func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	}
	return &Depositor{boot: strconv.FormatInt(time.Now().UnixNano(), 36), cfg: cfg, dev: dev, led: led, guard: g, sess: sess, hooks: hooks, log: log, timer: timer}
}

// facts gathers what the guard looks at.
func (d *Depositor) facts(t book.Txn) guard.Facts {
	var f guard.Facts
	f.Txn.Type, f.Txn.Host, f.Txn.Cash, f.Txn.Settled = t.Type, string(t.Host), string(t.Cash), t.Settle != book.SettleNone
	f.Request.Amount, f.Limit.Deposit = d.cfg.AmountLimit, d.cfg.AmountLimit
	st := d.status()
	f.Device.State, f.Device.Stacker, f.Device.Transport = string(d.dev.State()), st.IntermediateStacker, st.Transport
	for _, p := range st.Positions {
		if p.PositionStatus == "notEmpty" && strings.HasPrefix(p.Position, "out") {
			f.Device.Exit = p.PositionStatus
		}
	}
	s, open := d.sess.Current()
	f.Session.Same = open && s.ID == t.Session
	f.Book.DepositOpen = d.Blocked()
	return f
}

// Blocked reports whether an earlier deposit is not closed or waits for a count, or the acceptor
// has one open that the journal does not know: it takes no notes until then.
func (d *Depositor) Blocked() (blocked bool) {
	if d.stray() {
		return true
	}
	d.led.Read(func(b *book.Book) {
		blocked = len(b.OpenDeposits()) > 0
		for _, t := range b.InSuspense() {
			blocked = blocked || (t.Deposit() && t.Refused == "")
		}
	})
	return blocked
}

func (d *Depositor) status() cash.AcceptorStatus {
	var st cash.AcceptorStatus
	d.dev.Read("cashAcceptor", &st)
	return st
}

// Begin opens a cash-in transaction for the approved deposit txn. It moves nothing.
func (d *Depositor) Begin(ctx context.Context, txn string) api.Completion {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.led.Txn(txn)
	if !ok {
		return api.Refuse(api.AuthorizationRequired, "no such transaction")
	}
	if d.live != "" {
		return api.Fail(api.NotStarted, cash.ErrCashInActive, "a deposit is open")
	}
	_ = d.dev.Refresh(ctx) // without it the status is what was last known
	if err := d.guard.Check(d.facts(t)); err != nil {
		return d.refused(txn, err)
	}
	op := d.newOp(txn, "s")
	if err := d.record(ej.DepositBegin, t, op, book.CashData{Amount: d.cfg.AmountLimit}); err != nil {
		return api.Refuse(api.InternalError, "the journal cannot be written: no note is taken")
	}
	moveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.cfg.MoveTimeout)
	defer cancel()
	done := d.dev.RunOp(moveCtx, op, txn, cash.CmdCashInStart, d.start(), nil)
	if done.Outcome == api.Done {
		d.live = txn
		return api.Completion{Outcome: api.Done}
	}
	if done.Outcome == api.NotStarted { // the mouth stays closed, and whatever the device has is not this deposit's
		if t, _ = d.led.Txn(txn); d.record(ej.DepositClosed, t, op, book.CashData{Taken: &cash.Deposited{}, Why: done.Description}) == nil {
			d.settle(txn)
		}
		if done.ErrorCode == cash.ErrCashInActive { // its status did not say so before
			d.clearStray()
		}
		return done
	}
	d.finish(txn, false)
	return done
}

// start is what is asked of the device: where notes go is its part of the policy.
func (d *Depositor) start() cash.CashInStart {
	r := cash.CashInStart{TotalItemsLimit: d.cfg.NotesLimit, AmountLimit: []cash.NoteAmount{{Currency: d.cfg.Currency, Value: d.cfg.AmountLimit}}}
	st := d.status()
	for id, n := range st.NoteTypes {
		if _, has := st.Units[cash.RecycleUnit(id)]; !has || !d.cfg.Recycle {
			continue
		}
		r.UseRecycleUnits = true
		if high, marked := d.cfg.High[n.Value]; marked || n.Currency != d.cfg.Currency {
			if r.High == nil {
				r.High = map[string]int{}
			}
			r.High[id] = high // 0 for notes that are never paid out
		}
	}
	return r
}

func (d *Depositor) refused(txn string, err error) api.Completion {
	var r *guard.Refusal
	name := "guard"
	if errors.As(err, &r) {
		name = r.Rule.Name
	}
	if err := d.led.Log(ej.GuardRefused, ej.Record{Txn: txn, Device: "acceptor"}, map[string]string{"rule": name}); err != nil {
		d.log.Error("journal refused", "kind", ej.GuardRefused, "txn", txn, "err", err)
	}
	d.alarm("guardRefused", err.Error(), txn)
	return api.Refuse(api.SequenceError, err.Error())
}

// CashIn opens the mouth for one note, or as many as the device holds at once. It ends when a
// note is held, when ctx ends, or when the session does.
func (d *Depositor) CashIn(ctx context.Context, emit func(api.Event)) api.Completion {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.led.Txn(d.live)
	if s, open := d.sess.Current(); d.live == "" || !ok || !open || s.ID != t.Session {
		return api.Fail(api.NotStarted, cash.ErrNoCashIn, "no deposit is open")
	}
	if in := Totals(t); d.cfg.Over > 0 && t.Approval == "" && in.Credited+in.Escrow >= d.cfg.Over {
		return d.answer(t.ID, api.Refuse(api.AuthorizationRequired, "the lobby manager must agree to more notes"))
	}
	waitCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.waitMu.Lock()
	d.stop = cancel
	closed := d.over == t.Session
	d.waitMu.Unlock()
	defer func() {
		d.waitMu.Lock()
		d.stop = nil
		d.waitMu.Unlock()
	}()
	if closed {
		return api.Fail(api.NotStarted, cash.ErrNoCashIn, "the session has ended")
	}
	op := d.newOp(t.ID, "i")
	if err := d.record(ej.CashIn, t, op, nil); err != nil {
		return api.Refuse(api.InternalError, "the journal cannot be written: no note is taken")
	}
	done := d.dev.RunOp(waitCtx, op, t.ID, cash.CmdCashIn, nil, emit)
	taken, known := numbers(done)
	if !known && (done.Outcome == api.NotStarted || done.Outcome == api.Canceled) {
		taken, known = t.Taken, true // refused before the mouth was opened
	}
	if !known || done.Outcome == api.Indeterminate || taken.Unknown {
		d.live = "" // no more notes; the device is asked where those are that went in
		d.arrange()
		return d.answer(t.ID, done)
	}
	if err := d.record(ej.Notes, t, op, book.CashData{Taken: &taken}); err != nil {
		d.live = ""
		return api.Refuse(api.InternalError, "the journal cannot be written")
	}
	return d.answer(t.ID, done)
}

// numbers are those of a completion, if it has any.
func numbers(done api.Completion) (taken cash.Deposited, known bool) {
	if len(done.Payload) == 0 || json.Unmarshal(done.Payload, &taken) != nil {
		return cash.Deposited{}, false
	}
	return taken, true
}

// Total is what a deposit stands at, for the page: minor units.
type Total struct {
	Txn      string `json:"txn"`
	State    string `json:"state"`    // open, closed, unclear
	Credited int64  `json:"credited"` // stacked: cannot come out again
	Escrow   int64  `json:"escrow"`   // can be given back
	Returned int64  `json:"returned"`
	Notes    int    `json:"notes"` // credited and in escrow
	Refused  int    `json:"refused"`
}

// Totals of a deposit as the books have it.
func Totals(t book.Txn) Total {
	sum := Total{Txn: t.ID, State: "open", Credited: book.Credit(t.Taken), Refused: t.Taken.Refused}
	for _, n := range t.Taken.Types {
		sum.Escrow += int64(n.Escrow) * n.Value
		sum.Returned += int64(n.Returned) * n.Value
		sum.Notes += n.Escrow + n.Credited
	}
	switch t.Cash {
	case book.CashDeposited:
		sum.State, sum.Credited = "closed", t.Paid
	case book.CashInUnclear:
		sum.State = "unclear"
	}
	return sum
}

// answer is the completion for the client: the standard's items and our total.
func (d *Depositor) answer(txn string, done api.Completion) api.Completion {
	t, _ := d.led.Txn(txn)
	items := map[string]any{}
	for id, n := range t.Taken.Types {
		if have := n.Escrow + n.Credited; have > 0 {
			items[id] = map[string]int{"fit": have}
		}
	}
	p := map[string]any{"items": items, "X-deposit": Totals(t)}
	if done.ErrorCode != "" {
		p["errorCode"] = done.ErrorCode
	}
	done.Payload, _ = json.Marshal(p)
	return done
}

func (d *Depositor) newOp(txn, what string) api.OpID {
	d.ops++
	return api.OpID(fmt.Sprintf("%s-%s-%s-%d", txn, what, d.boot, d.ops))
}

func (d *Depositor) record(kind ej.Kind, t book.Txn, op api.OpID, data any) error {
	if err := d.led.Log(kind, ej.Record{Txn: t.ID, Op: string(op), Device: "acceptor", Session: t.Session}, data); err != nil {
		d.log.Error("journal refused", "kind", kind, "txn", t.ID, "err", err)
		return fmt.Errorf("journal %s: %w", kind, err)
	}
	return nil
}

func (d *Depositor) alarm(kind, text, txn string) {
	d.log.Warn("deposit alarm", "kind", kind, "text", text, "txn", txn)
	if d.hooks.Alarm != nil {
		d.hooks.Alarm(kind, text, txn)
	}
}
