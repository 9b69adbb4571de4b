// Package issuer hands new cards over and books them. A card that the bank has made active is
// either with the customer, which is confirmed, or in the bin, which takes it back; what nobody
// knows waits for a person. Every step is in the journal before it happens, and each blank card
// that leaves the stacker is booked out of the stock. Only the native platform imports it.
package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/session"
)

// Device is the card dispenser as the issuer needs it.
type Device interface {
	Run(ctx context.Context, name string, payload any, emit func(api.Event)) api.Completion
	RunOp(ctx context.Context, op api.OpID, txn, name string, payload any, emit func(api.Event)) api.Completion
	Refresh(ctx context.Context) error
	Read(iface string, v any)
	State() api.DeviceState
}

// Config of an issuer.
type Config struct {
	Unit  string // the stacker that blank cards come from
	Bin   string // where cards go that nobody takes
	Stock string // the stock's item
	// TakeTimeout is how long a card lies at the exit; MoveTimeout how long one movement may take.
	TakeTimeout, MoveTimeout time.Duration
}

// Hooks tell the platform what happened. All may be nil.
type Hooks struct {
	Settled func(txn string)             // the server must be told
	Alarm   func(kind, text, txn string) // something an operator must know
}

// Issuer is the only user of the card dispenser. Safe for concurrent use.
type Issuer struct {
	cfg   Config
	dev   Device
	led   *book.Ledger
	sess  *session.Manager
	hooks Hooks
	log   *slog.Logger
	newOp func() api.OpID

	mu    sync.Mutex // one movement at a time; held over the whole of a hand-over
	drawn string     // the session whose blank card lies inside; mu
	gone  chan struct{}
}

// New makes an issuer. newOp makes operation ids that no other operation ever has.
func New(cfg Config, dev Device, led *book.Ledger, sess *session.Manager, newOp func() api.OpID, hooks Hooks, log *slog.Logger) *Issuer {
	return &Issuer{cfg: cfg, dev: dev, led: led, sess: sess, newOp: newOp, hooks: hooks, log: log, gone: make(chan struct{}, 1)}
}

// Inside reports whether a card lies anywhere between stacker and exit, as the device says last.
func (i *Issuer) Inside() bool { return i.media() != "notPresent" }

func (i *Issuer) media() string {
	var st card.Status
	i.dev.Read("cardReader", &st)
	return st.Media
}

// fresh asks the device where a card is; "unknown" when it does not answer.
func (i *Issuer) fresh() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := i.dev.Refresh(ctx); err != nil {
		return "unknown"
	}
	return i.media()
}

// Blocked says why no card can be issued now, "" when one can.
func (i *Issuer) Blocked() string {
	var st card.Status
	i.dev.Read("cardReader", &st)
	u := st.Units[i.cfg.Unit]
	waits := false
	i.led.Read(func(b *book.Book) {
		waits = len(b.OpenHandovers()) > 0
		for _, t := range b.InSuspense() {
			waits = waits || t.Hands()
		}
	})
	switch {
	case i.dev.State() != api.Online && i.dev.State() != api.DeviceBusy, u.Status == "inoperative", u.Status == "missing":
		return "cardDispenser"
	case u.Replenishment == card.StockEmpty:
		return "noCards"
	case st.Units[i.cfg.Bin].Replenishment == card.StockFull:
		return "cardBinFull"
	case waits:
		return "cardCheck"
	}
	return ""
}

// Draw takes a blank card out of the stock to the place where it is read.
func (i *Issuer) Draw(ctx context.Context) api.Completion {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, open := i.sess.Current()
	if !open {
		return api.Refuse(api.SequenceError, "begin a session first")
	}
	if why := i.Blocked(); why != "" {
		return api.Refuse(api.DeviceNotReady, why)
	}
	if i.drawn == s.ID {
		return api.Completion{Outcome: api.Done}
	}
	if i.fresh() != "notPresent" {
		return api.Fail(api.NotStarted, card.ErrOccupied, "a card is inside already")
	}
	op := i.newOp()
	if err := i.led.Log(ej.CardDrawn, ej.Record{Session: s.ID, Op: string(op), Device: "cards"}, nil); err != nil {
		return api.Refuse(api.InternalError, "the journal cannot be written: no card is moved")
	}
	move, cancel := i.moveCtx(ctx)
	defer cancel()
	done := i.dev.RunOp(move, op, "", card.CmdMove, card.Move{From: i.cfg.Unit, To: card.Transport}, nil)
	if done.Outcome == api.Done {
		i.drawn = s.ID
		return done
	}
	if done.Outcome != api.NotStarted { // it may have left the stacker
		i.clear("could not be drawn")
	}
	return done
}

// HandOver gives the card of an approved transaction to the customer and waits until it is
// taken or has to be kept.
func (i *Issuer) HandOver(ctx context.Context, txn string, presented func()) api.Completion {
	i.mu.Lock()
	defer i.mu.Unlock()
	t, ok := i.led.Txn(txn)
	s, open := i.sess.Current()
	switch {
	case !ok || !t.Hands() || t.Host != book.HostApproved || t.Settle != book.SettleNone || t.Cash != book.CashNone:
		return api.Refuse(api.AuthorizationRequired, "no approved card waits to be handed over")
	case !open || t.Session != s.ID || i.drawn != s.ID:
		return api.Refuse(api.SequenceError, "the card belongs to another session")
	}
	op := i.newOp()
	if err := i.record(ej.HandIntent, t, op); err != nil {
		return api.Refuse(api.InternalError, "the journal cannot be written: the card is not moved")
	}
	select { // an event of an earlier card
	case <-i.gone:
	default:
	}
	move, cancel := i.moveCtx(ctx)
	defer cancel()
	done := i.dev.RunOp(move, op, txn, card.CmdMove, card.Move{From: card.Transport, To: card.Exit}, nil)
	if done.Outcome == api.NotStarted || done.Outcome == api.Failed {
		return i.keep(t, "could not be moved to the exit")
	}
	if presented != nil {
		presented()
	}
	if i.taken() {
		return i.handed(t)
	}
	return i.keep(t, "not taken in time")
}

// taken waits for the customer.
func (i *Issuer) taken() bool {
	end := time.NewTimer(i.cfg.TakeTimeout)
	defer end.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-i.gone:
			return i.fresh() == "notPresent"
		case <-look.C: // an event may be lost with its driver
			if i.fresh() == "notPresent" {
				return true
			}
		case <-end.C:
			return i.fresh() == "notPresent"
		}
	}
}

// Taken notes that the device has reported a card taken. It does not block.
func (i *Issuer) Taken() {
	select {
	case i.gone <- struct{}{}:
	default:
	}
}

func (i *Issuer) handed(t book.Txn) api.Completion {
	i.drawn = ""
	if err := i.record(ej.HandedOver, t, ""); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the journal cannot be written"}
	}
	i.stock(book.StockUse, t.ID)
	i.settle(t.ID)
	return api.Completion{Outcome: api.Done}
}

// ErrKept is the error code of a hand-over whose card is in the bin; ErrUnclear of one that a
// person must look into.
const (
	ErrKept    = "X-cardKept"
	ErrUnclear = "X-cardUnclear"
)

// keep brings the card of t into the bin and books that the customer does not have it.
func (i *Issuer) keep(t book.Txn, why string) api.Completion {
	i.drawn = ""
	where := i.toBin()
	switch where {
	case "bin":
		if err := i.record(ej.HandKept, t, ""); err != nil {
			return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the journal cannot be written"}
		}
		i.stock(book.StockVoid, t.ID)
		i.alarm("newCardKept", "a new card is in the bin: "+why, t.ID)
		i.settle(t.ID)
		return api.Fail(api.Failed, ErrKept, why)
	case "gone": // the customer was faster
		return i.handed(t)
	}
	if err := i.record(ej.HandUnclear, t, ""); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the journal cannot be written"}
	}
	i.alarm("newCardStuck", "a new card could not be drawn in ("+why+"): a person must look for it", t.ID)
	i.settle(t.ID)
	return api.Fail(api.Failed, ErrUnclear, why)
}

// toBin moves what lies inside to the bin: "bin", "gone" (nothing is there: it left by the
// exit), or "stuck".
func (i *Issuer) toBin() string {
	if i.fresh() == "notPresent" {
		return "gone"
	}
	ctx, cancel := i.moveCtx(context.Background())
	defer cancel()
	done := i.dev.Run(ctx, card.CmdMove, card.Move{From: card.Transport, To: i.cfg.Bin}, nil)
	switch {
	case done.Outcome == api.Done:
		return "bin"
	case done.Outcome == api.NotStarted && done.ErrorCode == card.ErrNoMedia:
		return "gone"
	}
	i.log.Warn("a card could not be kept", "code", done.Code, "errorCode", done.ErrorCode, "outcome", done.Outcome)
	return "stuck"
}

// clear puts a card that no transaction waits for into the bin.
func (i *Issuer) clear(why string) {
	i.drawn = ""
	switch i.toBin() {
	case "bin":
		i.stock(book.StockVoid, "")
		i.alarm("blankCardKept", "a blank card is in the bin: "+why, "")
	case "stuck":
		i.alarm("blankCardStuck", "a blank card lies inside ("+why+") and could not be drawn in", "")
	}
}

// Reject puts the blank card aside that was drawn last.
func (i *Issuer) Reject(why string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.drawn != "" {
		i.clear(why)
	}
}

// CloseSession keeps the card of a session that is over: nobody stands there to take it.
func (i *Issuer) CloseSession(sessionID string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.drawn != sessionID || sessionID == "" {
		return
	}
	var waits []book.Txn
	i.led.Read(func(b *book.Book) {
		for _, t := range b.OpenTxns() {
			if t.Hands() && t.Session == sessionID && t.Host == book.HostApproved && t.Cash == book.CashNone {
				waits = append(waits, t)
			}
		}
	})
	if len(waits) > 0 {
		i.keep(waits[0], "the session has ended")
		return
	}
	i.clear("the session has ended")
}

// Recovered settles what a crash left open: the driver has started and answers. A card that
// was on its way out and is not inside any more is the customer's.
func (i *Issuer) Recovered() {
	i.mu.Lock()
	defer i.mu.Unlock()
	var open []book.Txn
	i.led.Read(func(b *book.Book) { open = b.OpenHandovers() })
	if i.fresh() == "unknown" {
		return // asked again at the next start
	}
	for _, t := range open {
		i.keep(t, "the terminal stopped while it was handed over")
	}
	if s, ok := i.sess.Current(); (!ok || i.drawn != s.ID) && i.fresh() != "notPresent" {
		i.clear("no session is open")
	}
}

// Resolve takes a person's word for a hand-over in suspense: the customer has the card, or it
// was found.
func (i *Issuer) Resolve(txn string, handed bool, by string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.led.Log(ej.Resolved, ej.Record{Txn: txn, Device: "cards"}, book.SettleData{Handed: handed, By: by}); err != nil {
		return err
	}
	move := book.StockVoid
	if handed {
		move = book.StockUse
	}
	i.stock(move, txn)
	if i.hooks.Settled != nil {
		i.hooks.Settled(txn)
	}
	return nil
}

func (i *Issuer) settle(txn string) {
	decision, ok, err := i.led.Settle(txn, "cards")
	if err != nil {
		i.log.Error("journal refused", "kind", "settle", "txn", txn, "err", err)
	}
	if !ok {
		return
	}
	if decision.Settle == book.SettleSuspense {
		i.alarm("suspense", decision.Reason+": a person must look", txn)
	}
	if i.hooks.Settled != nil {
		i.hooks.Settled(txn)
	}
}

// stock books a blank card out. A stock that was never counted goes on: the machine's own
// sensor says when it is empty.
func (i *Issuer) stock(move book.StockMove, txn string) {
	var d book.StockData
	var err error
	i.led.Read(func(b *book.Book) {
		d, err = b.NextStock(book.StockData{Item: i.cfg.Stock, Move: move, Quantity: 1, By: "platform", Txn: txn})
	})
	if err == nil {
		err = i.led.Log(ej.Stock, ej.Record{Txn: txn, Device: "cards"}, d)
	}
	if errors.Is(err, book.ErrTransition) {
		i.alarm("stockUnknown", fmt.Sprintf("the stock of %s is not what the books say: %v", i.cfg.Stock, err), txn)
		return
	}
	if err != nil {
		i.log.Error("journal refused", "kind", ej.Stock, "txn", txn, "err", err)
	}
}

func (i *Issuer) record(kind ej.Kind, t book.Txn, op api.OpID) error {
	err := i.led.Log(kind, ej.Record{Txn: t.ID, Op: string(op), Device: "cards", Session: t.Session}, json.RawMessage(`{}`))
	if err != nil {
		i.log.Error("journal refused", "kind", kind, "txn", t.ID, "err", err)
	}
	return err
}

func (i *Issuer) alarm(kind, text, txn string) {
	i.log.Warn("card alarm", "kind", kind, "text", text, "txn", txn)
	if i.hooks.Alarm != nil {
		i.hooks.Alarm(kind, text, txn)
	}
}

// moveCtx: a movement is not broken off because a page went away.
func (i *Issuer) moveCtx(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), i.cfg.MoveTimeout)
}
