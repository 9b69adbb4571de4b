// Package issuer hands new cards over and books them. A card that the bank has made active is
// either with the customer, which is confirmed, or in the bin, which takes it back; what nobody
// knows waits for a person. Every step is in the journal before it happens, and each blank card
// that leaves the stacker is booked out of the stock. Only the native platform imports it.
package issuer

import (
	"cmp"
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
	QueryOp(ctx context.Context, op api.OpID) (api.OpRecord, error)
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
	// Leaves: a blank card that no transaction waits for is about to leave the reading position for
	// the bin, and can be read until then. Spent: it has, or is missed.
	Leaves func()
	Spent  func(why string)
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
	late  bool       // the device was away when it should have told or moved something; mu
	gone  chan struct{}
	// offered: the card that an outside client has drawn went to the exit; mu
	offered bool
}

// New makes an issuer. newOp makes operation ids that no other operation ever has.
func New(cfg Config, dev Device, led *book.Ledger, sess *session.Manager, newOp func() api.OpID, hooks Hooks, log *slog.Logger) *Issuer {
	return &Issuer{cfg: cfg, dev: dev, led: led, sess: sess, newOp: newOp, hooks: hooks, log: log, gone: make(chan struct{}, 1)}
}

func (i *Issuer) media() string {
	var st card.Status
	i.dev.Read("cardReader", &st)
	return cmp.Or(st.Media, "unknown")
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
	switch {
	case !i.works(), u.Status == "inoperative", u.Status == "missing":
		return "cardDispenser"
	case u.Replenishment == card.StockEmpty:
		return "noCards"
	case st.Units[i.cfg.Bin].Replenishment == card.StockFull:
		return "cardBinFull"
	case i.handWaits():
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
	if _, waits := i.waiting(s.ID); waits { // the card inside, or in the bin, is the one that the bank made active
		return api.Refuse(api.SequenceError, "the card before this one is not settled yet")
	}
	if why := i.Blocked(); why != "" {
		return api.Refuse(api.DeviceNotReady, why)
	}
	if i.drawn == s.ID {
		return api.Completion{Outcome: api.Done}
	}
	if i.fresh() != "notPresent" { // of an earlier session; nothing waits for it any more
		i.clear("it was left inside")
		if i.fresh() != "notPresent" {
			return api.Fail(api.NotStarted, card.ErrOccupied, "a card is inside already")
		}
	}
	i.bookOut()
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
	} else {
		i.notDrawn()
	}
	return done
}

// notDrawn: the card that was announced lies in the stacker.
func (i *Issuer) notDrawn() {
	if err := i.led.Log(ej.CardDrawn, ej.Record{Device: "cards"}, book.DrawnData{Not: true}); err != nil {
		i.log.Error("journal refused", "kind", ej.CardDrawn, "err", err)
	}
}

// waiting is the transaction of a session whose card the bank has made active, or may have, and
// that was not handed over yet.
func (i *Issuer) waiting(sessionID string) (t book.Txn, waits bool) {
	i.led.Read(func(b *book.Book) {
		for _, x := range b.OpenTxns() {
			if x.Hands() && x.Session == sessionID && x.Cash == book.CashNone && (x.Host == book.HostApproved || x.Host == book.HostIntent) {
				t, waits = x, true
			}
		}
	})
	return t, waits
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
		return i.keep(t, done.Outcome == api.Failed, "could not be moved to the exit")
	}
	if presented != nil {
		presented()
	}
	if i.taken() {
		return i.handed(t)
	}
	return i.keep(t, true, "not taken in time")
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
		case <-look.C: // an event may be lost with its driver
		case <-end.C:
			return i.fresh() == "notPresent"
		}
		if i.fresh() == "notPresent" {
			return true
		}
	}
}

// Taken notes that the device has reported a card taken. It does not block.
func (i *Issuer) Taken() {
	select {
	case i.gone <- struct{}{}:
	default:
	}
	var outside bool
	if i.led.Read(func(b *book.Book) { outside = b.CardOut && b.CardSession == Outside }); outside {
		go i.outsideTaken()
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

// keep brings the card of t into the bin and books that the customer does not have it. offered:
// the customer could reach it, so that one that is gone is theirs.
func (i *Issuer) keep(t book.Txn, offered bool, why string) api.Completion {
	i.drawn = ""
	where := i.toBin()
	switch {
	case where == "bin":
		if err := i.record(ej.HandKept, t, ""); err != nil {
			return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the journal cannot be written"}
		}
		i.stock(book.StockVoid, t.ID)
		i.alarm("newCardKept", "a new card is in the bin: "+why, t.ID)
		i.settle(t.ID)
		return api.Fail(api.Failed, ErrKept, why)
	case where == "gone" && offered: // the customer was faster
		return i.handed(t)
	}
	if err := i.record(ej.HandUnclear, t, ""); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the journal cannot be written"}
	}
	i.alarm("newCardStuck", "a new card is neither in the bin nor with the customer for certain ("+why+"): a person must look for it", t.ID)
	i.settle(t.ID)
	return api.Fail(api.Failed, ErrUnclear, why)
}

// toBin moves what lies inside to the bin: "bin", "gone" (nothing is there: it left by the
// exit, or never came), "lost" (nothing is there, and it may be in the bin), or "stuck".
func (i *Issuer) toBin() string {
	if i.fresh() == "notPresent" {
		return i.went()
	}
	op := i.newOp()
	if err := i.led.Log(ej.CardToBin, ej.Record{Op: string(op), Device: "cards"}, nil); err != nil {
		i.log.Error("journal refused", "kind", ej.CardToBin, "err", err)
		return "stuck"
	}
	ctx, cancel := i.moveCtx(context.Background())
	defer cancel()
	done := i.dev.RunOp(ctx, op, "", card.CmdMove, card.Move{From: card.Transport, To: i.cfg.Bin}, nil)
	switch {
	case done.Outcome == api.Done:
		return "bin"
	case done.Outcome == api.NotStarted && done.ErrorCode == card.ErrNoMedia:
		return "gone"
	}
	i.late = i.late || !i.works() || i.fresh() == "unknown"
	i.log.Warn("a card could not be kept", "code", done.Code, "errorCode", done.ErrorCode, "outcome", done.Outcome)
	return "stuck"
}

// went says where a card is that is not inside any more. A bin that was about to be its place when
// something died is so only if the driver knows that it arrived there.
func (i *Issuer) went() string {
	var op string
	i.led.Read(func(b *book.Book) { op = b.BinOp })
	switch i.moved(op) {
	case api.NotStarted:
		return "gone"
	case api.Done:
		return "bin"
	}
	return "lost"
}

// moved is what the driver knows of an operation: nothing certain is Indeterminate.
func (i *Issuer) moved(op string) api.Outcome {
	if op == "" {
		return api.NotStarted
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := i.dev.QueryOp(ctx, api.OpID(op))
	switch {
	case err != nil:
		return api.Indeterminate
	case r.State == api.OpUnknown || r.State == api.OpIntent:
		return api.NotStarted
	case r.Completion != nil:
		return r.Completion.Outcome
	}
	return api.Indeterminate
}

// clear puts a card that no transaction waits for into the bin.
func (i *Issuer) clear(why string) {
	i.drawn = ""
	var out bool
	var draw string
	i.led.Read(func(b *book.Book) { out, draw = b.CardOut, b.CardOp })
	if out && i.hooks.Leaves != nil {
		i.hooks.Leaves()
	}
	switch where := i.toBin(); {
	case where == "gone" && !out:
	case where == "gone" && i.moved(draw) != api.Done: // it was offered to nobody
		i.notDrawn()
	case where == "stuck":
		i.alarm("blankCardStuck", "a blank card lies inside ("+why+") and could not be drawn in", "")
	default:
		var txn string // of a hand-over that a person looks into: this is its card
		i.led.Read(func(b *book.Book) {
			for _, t := range b.InSuspense() {
				if t.Hands() {
					txn = t.ID
				}
			}
		})
		i.stock(book.StockVoid, txn)
		if out && txn == "" && i.hooks.Spent != nil {
			i.hooks.Spent(why)
		}
		if where == "bin" {
			i.alarm("blankCardKept", "a new card is in the bin: "+why, txn)
		} else {
			i.alarm("blankCardLost", "a blank card has left the stacker and is not inside: look for it in the bin ("+why+")", txn)
		}
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
	if t, waits := i.waiting(sessionID); waits && t.Host == book.HostApproved {
		i.keep(t, false, "the session has ended")
		return
	}
	i.clear("the session has ended")
}

// Recovered settles what a crash left open: the driver has started and answers. A card that
// was on its way out and is not inside any more is the customer's.
func (i *Issuer) Recovered() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.recovered()
}

// Look is told of each change of the device's status: a device that did not answer when its
// driver started is asked again when it does.
func (i *Issuer) Look() {
	if !i.mu.TryLock() {
		return // somebody moves a card
	}
	defer i.mu.Unlock()
	if i.late && i.works() && i.media() != "unknown" {
		i.recovered()
		return
	}
	i.settleOutside() // the event of its taking may be lost with its driver
}

func (i *Issuer) works() bool {
	s := i.dev.State()
	return s == api.Online || s == api.DeviceBusy
}

func (i *Issuer) recovered() {
	var open []book.Txn
	i.led.Read(func(b *book.Book) { open = b.OpenHandovers() })
	if i.late = i.fresh() == "unknown"; i.late {
		return
	}
	for _, t := range open {
		i.keep(t, true, "the terminal stopped while it was handed over")
	}
	switch s, ok := i.sess.Current(); {
	case ok && i.drawn == s.ID:
	case i.fresh() != "notPresent":
		i.clear("no session is open")
	default:
		i.bookOut()
	}
}

// bookOut settles the stock when something stopped before it was booked.
func (i *Issuer) bookOut() {
	var last book.Txn
	var out, its bool
	i.led.Read(func(b *book.Book) { last = b.LastHandover(); out, its = b.CardOut, b.CardSession == last.Session })
	switch {
	case !out:
	case its && (last.Cash == book.HandedOver || last.Cash == book.HandUnclear && last.Settle == book.SettleCommit):
		i.stock(book.StockUse, last.ID)
	case its && (last.Cash == book.HandKept || last.Cash == book.HandUnclear && last.Settle == book.SettleReverse):
		i.stock(book.StockVoid, last.ID)
	case its && last.Cash == book.HandUnclear: // a person looks for it
	default:
		i.clear("nothing waits for it")
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

// stock books the blank card out that was drawn last, once. A stock that was never counted goes
// on: the machine's own sensor says when it is empty.
func (i *Issuer) stock(move book.StockMove, txn string) {
	var d book.StockData
	var err error
	var out bool
	i.led.Read(func(b *book.Book) {
		out = b.CardOut
		d, err = b.NextStock(book.StockData{Item: i.cfg.Stock, Move: move, Quantity: 1, By: book.Platform, Txn: txn})
	})
	if !out {
		return
	}
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
