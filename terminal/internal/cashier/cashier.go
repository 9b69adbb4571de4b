// Package cashier moves cash and books it: every step is in the journal before it
// happens, a guard is asked first, and after an unclear outcome nothing is ever sent
// again: the device is asked, then the transaction is classified as committed, reversed
// or in suspense. Only the native platform imports it.
package cashier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/session"
)

// Device is the cash module as the cashier needs it.
type Device interface {
	RunOp(ctx context.Context, op api.OpID, txn, name string, payload any, emit func(api.Event)) api.Completion
	QueryOp(ctx context.Context, op api.OpID) (api.OpRecord, error)
	Refresh(ctx context.Context) error
	Read(iface string, v any)
	State() api.DeviceState
}

// prover is a device that can be asked again, while its driver lives, what an unclear movement did:
// one that counts its own units knows it when it has power again.
type prover interface {
	Recover(ctx context.Context) (api.Recovery, error)
}

// Config of a cashier.
type Config struct {
	Currency string
	// Device is whose cash units are paid from: book.Dispenser (also "") or book.Acceptor.
	Device string
	// Lock is shared by the cashiers of one counter, so that one of them moves notes at a time; nil:
	// there is one cashier.
	Lock *sync.Mutex
	// TakeTimeout is how long notes may lie at the exit (UX-04: 30 s).
	TakeTimeout time.Duration
	// MoveTimeout is how long one movement may take before the device is asked.
	MoveTimeout time.Duration
	// RecoverTimeout is how long to wait for a restarted driver to say what happened.
	RecoverTimeout time.Duration
	PadOver        int64
	PerTxn         int64
	MaxNotes       int
	// HasStacker: dispensing does not give access yet (capability intermediateStacker).
	HasStacker bool
	// SeesTaking: the device reports when notes are taken.
	SeesTaking bool
	// Keeps: the device cannot draw back what is at its exit. What is not taken in time waits in
	// suspense for a person, as nobody knows who takes it then.
	Keeps bool
	// NoteTimeout: the device gives one note after the other, and each may take so long.
	NoteTimeout time.Duration
}

// Hooks tell the platform what happened. All may be nil.
type Hooks struct {
	// Settled: a transaction has a settlement to tell the server about.
	Settled func(txn string)
	// Alarm: something an operator must know. The text holds no card data.
	Alarm func(kind, text, txn string)
	// Event: for the page ("X-Cash.RetractedEvent" and the like).
	Event func(api.Event)
}

// Device is whose cash units the cashier pays from.
func (c *Cashier) Device() string { return c.cfg.Device }

// Cashier is the only one who lets a cash module pay. Safe for concurrent use.
type Cashier struct {
	cfg    Config
	dev    Device
	led    *book.Ledger
	guard  *guard.Guard
	sess   *session.Manager
	hooks  Hooks
	log    *slog.Logger
	timer  func(d time.Duration, f func()) (stop func())
	mu     *sync.Mutex // one movement at a time; held over the whole of it
	waitMu sync.Mutex
	recov  chan api.Recovery // closed-over by a dispense that waits for a restarted driver
	stop   func()            // take timer
	onExit string            // transaction whose notes are at the exit

	boot      string        // tells this process's operations from those before it
	clears    int           // how often the path was cleared
	tidyWaits atomic.Bool   // a look is due when the movement has ended
	tidying   bool          // a later try is arranged
	tidy      time.Duration // the pause before it
}

// New makes a cashier. timer may be nil (time.AfterFunc).
func New(cfg Config, dev Device, led *book.Ledger, g *guard.Guard, sess *session.Manager, hooks Hooks, timer func(time.Duration, func()) func(), log *slog.Logger) *Cashier {
	if timer == nil {
		timer = func(d time.Duration, f func()) func() { t := time.AfterFunc(d, f); return func() { t.Stop() } }
	}
	if cfg.Lock == nil {
		cfg.Lock = &sync.Mutex{}
	}
	cfg.Device = cmp.Or(cfg.Device, book.Dispenser)
	return &Cashier{mu: cfg.Lock, boot: strconv.FormatInt(time.Now().UnixNano(), 36), cfg: cfg, dev: dev, led: led, guard: g, sess: sess, hooks: hooks, log: log, timer: timer}
}

// Errors of planning.
var (
	ErrNotDispensable = errors.New("the amount cannot be made from the notes in the cash units")
	ErrTooMany        = errors.New("more notes than the module can give at once")
)

// Plan chooses notes for an amount: as few as possible, largest value first, with a
// search so that an amount that can be made is made.
func (c *Cashier) Plan(amount int64) (map[string]int, error) {
	type unit struct {
		id    string
		value int64
		count int
	}
	var units []unit
	c.led.Read(func(b *book.Book) {
		for _, id := range b.UnitIDs(c.cfg.Device) {
			if u := b.Units[id]; u.Value > 0 && !u.Inaccurate && u.Currency == c.cfg.Currency {
				units = append(units, unit{id, u.Value, u.Count})
			}
		}
	})
	type state struct {
		unit int
		rest int64
	}
	plan, failed := map[string]int{}, map[state]bool{}
	below := make([]int64, len(units)+1) // value of this unit and those after it
	for i := len(units) - 1; i >= 0; i-- {
		below[i] = below[i+1] + int64(max(units[i].count, 0))*units[i].value
	}
	var search func(i int, rest int64) bool
	search = func(i int, rest int64) bool {
		if rest == 0 {
			return true
		}
		if rest > below[i] || failed[state{i, rest}] {
			return false
		}
		u := units[i]
		for n := max(0, min(int64(u.count), rest/u.value)); n >= 0; n-- {
			if search(i+1, rest-n*u.value) {
				if n > 0 {
					plan[u.id] = int(n)
				}
				return true
			}
		}
		failed[state{i, rest}] = true // many ways lead here; one try is enough
		return false
	}
	if amount <= 0 || !search(0, amount) {
		return nil, ErrNotDispensable
	}
	notes := 0
	for _, n := range plan {
		notes += n
	}
	if c.cfg.MaxNotes > 0 && notes > c.cfg.MaxNotes {
		return nil, ErrTooMany
	}
	return plan, nil
}

// facts gathers what the guard looks at.
func (c *Cashier) facts(t book.Txn, amount int64, plan map[string]int) guard.Facts {
	var f guard.Facts
	f.Txn.Type, f.Txn.Host, f.Txn.Amount, f.Txn.Cash = t.Type, string(t.Host), t.Amount, string(t.Cash)
	f.Txn.Approved, f.Txn.Settled = t.Approval != "", t.Settle != book.SettleNone
	f.Request.Amount = amount
	for _, n := range plan {
		f.Request.Notes += n
	}
	st := c.status()
	f.Device.State = string(c.dev.State())
	f.Device.Stacker, f.Device.Transport, f.Device.Exit = st.IntermediateStacker, st.Transport, exitOf(st)
	s, open := c.sess.Current()
	f.Session.Same = open && s.ID == t.Session
	f.Session.CardGone = s.CardGone
	c.led.Read(func(b *book.Book) {
		f.Book.CountsKnown = b.CountsKnown(c.cfg.Device)
		f.Book.DepositOpen = c.cfg.Device == book.Acceptor && len(b.OpenDeposits()) > 0
		f.Book.Enough = len(plan) > 0
		for id, n := range plan {
			u := b.Units[id]
			f.Book.Enough = f.Book.Enough && u != nil && u.At(c.cfg.Device) && u.Count >= n
		}
	})
	f.Limit.PadOver, f.Limit.PerTxn, f.Limit.MaxNotes = c.cfg.PadOver, c.cfg.PerTxn, c.cfg.MaxNotes
	return f
}

func (c *Cashier) status() cash.Status {
	var st cash.Status
	c.dev.Read("cashDispenser", &st)
	return st
}

func exitOf(st cash.Status) string {
	state := "unknown"
	for _, p := range st.Positions {
		state = p.PositionStatus
		if state != "empty" {
			return state
		}
	}
	return state
}

// value of the notes that m says the customer could reach.
func (c *Cashier) value(m cash.Moved) (sum int64) {
	c.led.Read(func(b *book.Book) {
		for id, n := range m.Units {
			if u := b.Units[id]; u != nil {
				sum += int64(n.Presented) * u.Value
			}
		}
	})
	return sum
}

func (c *Cashier) alarm(kind, text, txn string) {
	c.log.Warn("cash alarm", "kind", kind, "text", text, "txn", txn)
	if c.hooks.Alarm != nil {
		c.hooks.Alarm(kind, text, txn)
	}
}

func (c *Cashier) record(kind ej.Kind, txn string, data any) error {
	s, _ := c.sess.Current()
	t, _ := c.led.Txn(txn)
	if err := c.led.Log(kind, ej.Record{Txn: txn, Op: t.Op, Device: c.cfg.Device, Session: s.ID}, data); err != nil {
		c.log.Error("journal refused", "kind", kind, "txn", txn, "err", err)
		return fmt.Errorf("journal %s: %w", kind, err)
	}
	return nil
}
