package hostlink

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/session"
)

// kind describes a transaction type of the terminal.
type kind struct {
	mti       string // "" is 0200
	proc      string // F3
	code      string // F60.1
	financial bool   // moves money: its end is told
}

// Types are the transactions that a page may ask for.
var types = map[string]kind{
	"balance":    {proc: "310000", code: "01"},
	"withdrawal": {proc: "010000", code: "22", financial: true},
	"pinChange":  {proc: "700000", code: "24"},
	"statement":  {proc: "380000", code: "02"},
	// Asked before a note is taken; the amount goes with the confirmation.
	book.TypeDeposit: {mti: "0100", proc: "210000", code: "21", financial: true},
	// The PIN block is the new card's; Private is document|phone|name. Its end is told, too.
	book.TypeCardIssue: {proc: "910000", code: "31", financial: true},
	book.TypeCardSpent: {proc: "920000", code: "31"}, // Private: why
	// Private: the account that gets it, or that is asked about.
	book.TypeTransfer: {proc: "600301", code: "47", financial: true},
	book.TypePayee:    {proc: "600307", code: "47"},
	"passbook":        {proc: "390000", code: "02"}, // Private: the last line in the book
	"passbookPrinted": {proc: "930000", code: "02"}, // Private: the same, after printing
}

// Request is one transaction to run.
type Request struct {
	Type     string
	Amount   int64 // minor units
	Card     session.Card
	PinBlock []byte
	NewPin   []byte // pinChange
	Private  []byte // F62 of the types that have one
	Session  string
	Approval string
	// Keys is Loads when the PIN blocks were made; 0: there are none.
	Keys uint64
	// Sign is for a card with a chip: it answers field 55 for the processing code and trace number. Its
	// error ends the transaction before anything is sent.
	Sign func(processing string, stan int) ([]byte, error)
}

// Entry is one line of a statement.
type Entry struct {
	Time    string `json:"time"` // MMDDhhmmss
	Kind    string `json:"kind"`
	Sign    string `json:"sign"` // C credit, D debit
	Amount  int64  `json:"amount"`
	Balance int64  `json:"balance"`
}

// Result is how a transaction ended.
type Result struct {
	Txn       string
	Host      book.Host
	Code      string // response code; "" when there was no answer
	Reference string
	Available *int64
	Ledger    *int64
	Statement []Entry
	Private   []byte // F62 of the answer
	Chip      []byte // field 55 of the answer
	Err       error  // why, for the log
}

// noAnswer is the response code of a server that got no trustworthy answer itself.
const noAnswer = "98"

// Transact runs one transaction. The journal has its intent before the first byte, and
// its result before this returns.
func (l *Link) Transact(ctx context.Context, r Request) Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := types[r.Type]
	if !ok {
		return Result{Host: book.HostNotSent, Err: fmt.Errorf("unknown transaction type %q", r.Type)}
	}
	if err := l.fresh(ctx); err != nil {
		return Result{Host: book.HostNotSent, Err: err}
	}
	if r.Keys != 0 && r.Keys != l.loads.Load() {
		return Result{Host: book.HostNotSent, Err: errors.New("the PIN pad has got new keys since the PIN was typed")}
	}
	// An older reversal or confirmation goes first: the server must not see a new
	// transaction of a terminal whose last one is open.
	if err := l.tellPending(ctx); err != nil && !errors.Is(err, errHeld) {
		return Result{Host: book.HostNotSent, Err: fmt.Errorf("an earlier transaction must be settled first: %w", err)}
	}
	stan, batch := l.next()
	txn := fmt.Sprintf("%s/%06d", batch, stan)
	q, err := l.request(r, k, stan, batch)
	if err != nil {
		return Result{Host: book.HostNotSent, Err: err}
	}
	intent := book.HostData{
		Type: r.Type, Zone: l.cfg.Zone, Amount: r.Amount, STAN: stan, Batch: batch, Approval: r.Approval,
		Financial: k.financial, PAN: session.Mask(r.Card.PAN), Local: l.now().Format("0102"),
	}
	if r.Type == book.TypeTransfer || r.Type == book.TypePayee {
		intent.Payee = session.Mask(string(r.Private))
	}
	if err := l.led.Log(ej.HostIntent, ej.Record{Txn: txn, Session: r.Session}, intent); err != nil {
		return Result{Host: book.HostNotSent, Err: fmt.Errorf("journal: %w", err)}
	}
	res := Result{Txn: txn}
	a, err := l.exchange(ctx, q, true)
	switch {
	case errors.Is(err, ErrNotSent):
		res.Host, res.Err = book.HostNotSent, err
	case err != nil:
		res.Host, res.Err = book.HostUnknown, err
		var mm macMissing
		if errors.As(err, &mm) {
			l.signedIn = false // keys differ: load them anew before the next message
		}
	default:
		res.Code, res.Reference = string(a.Get(39)), string(a.Get(37))
		res.Chip = append([]byte(nil), a.Get(55)...)
		res.Host = book.HostDeclined
		switch res.Code {
		case noAnswer: // the server had no answer from the host either: it reverses, and so do we
			res.Host = book.HostUnknown
		case "00":
			res.Host = book.HostApproved
			if v := a.String(54); v != "" {
				res.Available, res.Ledger = balances(v)
			}
			if r.Type == "statement" {
				res.Statement = statement(string(a.Get(62)))
			}
			res.Private = append([]byte(nil), a.Get(62)...)
		}
	}
	result := book.HostData{Host: res.Host, Code: res.Code, RRN: res.Reference}
	if a != nil && a.Has(13) {
		result.Local = a.String(13)
	}
	if res.Err != nil {
		result.Why = res.Err.Error()
	}
	if err := l.led.Log(ej.HostResult, ej.Record{Txn: txn, Session: r.Session}, result); err != nil {
		// The answer is not durable, so it must not be acted upon: the intent alone makes a
		// restart reverse it.
		return Result{Txn: txn, Host: book.HostUnknown, Err: err}
	}
	return res
}

func (l *Link) request(r Request, k kind, stan int, batch string) (q *messageT, err error) {
	mti := k.mti
	if mti == "" {
		mti = "0200"
	}
	if q, err = l.header(mti, stan); err != nil {
		return nil, err
	}
	err = errors.Join(q.SetString(3, k.proc), cardFields(q, r.Card), q.SetString(60, k.code+batch+"000"))
	if r.Amount > 0 {
		err = errors.Join(err, q.SetNumber(4, uint64(r.Amount)), q.SetString(49, "156"))
	}
	if len(r.PinBlock) > 0 {
		sec := "2600000000000000"
		if l.cfg.Zone == ZoneSM4 {
			sec = "2700000000000000"
		}
		err = errors.Join(err, q.SetString(26, "06"), q.Set(52, r.PinBlock), q.SetString(53, sec))
	}
	for _, f62 := range [][]byte{r.NewPin, r.Private} {
		if len(f62) > 0 {
			err = errors.Join(err, q.Set(62, f62))
		}
	}
	if err == nil && r.Sign != nil {
		var f []byte
		if f, err = r.Sign(k.proc, stan); err == nil {
			err = q.Set(55, f)
		}
	}
	return q, err
}

// balances reads F54: 20 characters each: account type 2, amount type 2 (01 ledger, 02
// available), currency 3, C or D, amount 12.
func balances(v string) (available, ledger *int64) {
	for ; len(v) >= 20; v = v[20:] {
		n, err := strconv.ParseInt(v[8:20], 10, 64)
		if err != nil {
			continue
		}
		if v[7] == 'D' {
			n = -n
		}
		switch v[2:4] {
		case "01":
			ledger = &n
		case "02":
			available = &n
		}
	}
	return available, ledger
}

// statement reads F62 of a mini statement: MMDDhhmmss|kind|sign|amount|balance joined by ';'.
func statement(v string) []Entry {
	var out []Entry
	for _, line := range strings.Split(v, ";") {
		f := strings.Split(line, "|")
		if len(f) != 5 {
			continue
		}
		amount, err1 := strconv.ParseInt(f[3], 10, 64)
		balance, err2 := strconv.ParseInt(f[4], 10, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		out = append(out, Entry{Time: f[0], Kind: f[1], Sign: f[2], Amount: amount, Balance: balance})
	}
	return out
}
