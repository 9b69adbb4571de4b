package hostlink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhigui/server/api/message"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

type messageT = message.Message

// Codes of a server that did not store a settlement: it has to be told again.
const (
	notStored  = "96"
	notReached = "91"
)

// Wake makes Run look for settlements at once.
func (l *Link) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run keeps the terminal signed in and tells the server every settlement until it has
// acknowledged it, with a pause that doubles while the server does not answer.
func (l *Link) Run(ctx context.Context) {
	pause := l.cfg.Retry
	for ctx.Err() == nil {
		err := l.catchUp(ctx)
		if err == nil {
			pause = l.cfg.Retry
			select {
			case <-ctx.Done():
			case <-l.wake:
			case <-time.After(l.cfg.RetryMax):
			}
			continue
		}
		l.log.Warn("server not reached", "err", err, "again", pause)
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-time.After(pause):
		}
		pause = min(2*pause, l.cfg.RetryMax)
	}
}

func (l *Link) catchUp(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fresh(ctx); err != nil {
		return err
	}
	if err := l.tellPending(ctx); err != nil || l.up {
		return err
	}
	return l.echo(ctx)
}

// errHeld: the server has it durably, but not yet the bank's word about it. It is told again,
// and stands in nobody's way.
var errHeld = errors.New("the server holds it and has no answer from the bank")

// tellPending sends what the server has not acknowledged, oldest first. errHeld comes only when
// nothing else is left.
func (l *Link) tellPending(ctx context.Context) error {
	var todo []book.Txn
	var held error
	l.led.Read(func(b *book.Book) { todo = b.ToTell() })
	for _, t := range todo {
		err := l.tell(ctx, t)
		if err != nil {
			err = fmt.Errorf("%s of %s: %w", t.Settle, t.ID, err)
		}
		if errors.Is(err, errHeld) {
			held = err
			continue
		}
		if err != nil {
			return err
		}
	}
	return held
}

// Confirm tells the server about one transaction now and returns how it stands then. What is not
// acknowledged is told again by Run.
func (l *Link) Confirm(ctx context.Context, txn string) book.Txn {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, _ := l.led.Txn(txn)
	if !t.Acked && (t.Settle == book.SettleCommit || t.Settle == book.SettleReverse) {
		err := l.fresh(ctx)
		if err == nil {
			err = l.tell(ctx, t)
		}
		if err != nil {
			l.log.Warn("not confirmed yet", "txn", txn, "err", err)
			l.Wake()
		}
		t, _ = l.led.Txn(txn)
	}
	return t
}

func (l *Link) tell(ctx context.Context, t book.Txn) error {
	q, err := l.settlement(t)
	if err != nil {
		return err
	}
	a, err := l.exchange(ctx, q, true)
	if err != nil {
		var mm macMissing
		if errors.As(err, &mm) {
			l.signedIn = false
		}
		return err
	}
	// An answer with a good MAC says the server has it durably, but for 96 and 91: it could
	// not store it, and asks for a repeat. Other codes than 00 are for the server's
	// operators to look into and do not block the terminal.
	code := string(a.Get(39))
	if t.Deposit() && code == noAnswer {
		return errHeld
	}
	if code == notStored || code == notReached {
		return fmt.Errorf("the server could not store it (code %s)", code)
	}
	if code != "00" {
		l.log.Error("settlement answered with a code", "txn", t.ID, "settle", t.Settle, "code", code)
	}
	return l.led.Log(ej.SettleSent, ej.Record{Txn: t.ID}, book.SettleData{Code: code, Paid: t.Paid})
}

// settlement builds the 0220 confirmation or 0400 reversal of a transaction.
func (l *Link) settlement(t book.Txn) (*messageT, error) {
	mti := "0400"
	if t.Settle == book.SettleCommit {
		mti = "0220"
	}
	q, err := l.header(mti, t.STAN) // both carry the original's trace number
	if err != nil {
		return nil, err
	}
	k, ok := types[t.Type]
	if !ok { // of a journal that is older than the types
		k = types["withdrawal"]
	}
	err = errors.Join(q.SetString(3, k.proc), q.SetString(49, "156"), q.SetString(60, k.code+t.Batch+"000"),
		q.SetString(61, fmt.Sprintf("%s%06d%s", t.Batch, t.STAN, t.Local)))
	if t.Settle == book.SettleCommit {
		err = errors.Join(err, q.SetNumber(4, uint64(t.Paid)))
		if t.RRN != "" { // a deposit without an answer has none
			err = errors.Join(err, q.SetString(37, t.RRN))
		}
		return q, err
	}
	reason := t.Reason
	if len(reason) != 2 {
		reason = book.ReasonTerminal
	}
	err = errors.Join(err, q.SetNumber(4, uint64(t.Amount)), q.SetString(39, reason))
	if t.Paid > 0 {
		err = errors.Join(err, q.SetString(62, fmt.Sprintf("PD%012d", t.Paid)))
	}
	return q, err
}
