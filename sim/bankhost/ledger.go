package bankhost

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Account is a customer account with its card.
type Account struct {
	Card    string `json:"card"`
	Balance int64  `json:"balance"` // minor units
	Status  string `json:"status"`  // ok, blocked, expired, captured; blank: in a terminal's stock, void: issued and taken back
	Tries   int    `json:"tries"`   // wrong PINs in a row
	pin     string // salted digest
	owner   string // digest of the document an issued card was given for
	Seq     int    `json:"seq"`     // lines booked so far
	Printed int    `json:"printed"` // the last of them that is in the passbook
}

// Entry is one line of the ledger file. Kind: open, withdraw, deposit, redeem (what is held becomes
// money), reverse (of these), transfer, transferBack, pinTry, pinChange,
// issue (a blank card becomes an account), revoke (it is taken back), printed (lines up to Tries
// are in the passbook), forbid (a reversal of an unknown original: should it come, it is refused).
type Entry struct {
	Kind   string    `json:"kind"`
	Key    string    `json:"key,omitempty"` // F90 quintuple of the original
	Card   string    `json:"card,omitempty"`
	Amount int64     `json:"amount,omitempty"` // debit of the card; of a credit negative
	Paid   int64     `json:"paid,omitempty"`   // of a partial reversal
	RC     string    `json:"rc,omitempty"`
	Auth   string    `json:"auth,omitempty"`
	Ref    string    `json:"ref,omitempty"`
	Term   string    `json:"term,omitempty"`
	PIN    string    `json:"pin,omitempty"`
	Owner  string    `json:"owner,omitempty"`
	Tries  int       `json:"tries,omitempty"`
	To     string    `json:"to,omitempty"`    // of a transfer
	Legs   []Leg     `json:"legs,omitempty"`  // of a transfer with many others
	Hold   string    `json:"hold,omitempty"`  // kind|number of what a debit buys, or a credit sells
	Do     string    `json:"do,omitempty"`    // of a service; booked:code of the withdrawal that used it
	Value  string    `json:"value,omitempty"` // of a service
	Day    string    `json:"day,omitempty"`   // settlement day, MMDD
	Stan   string    `json:"stan,omitempty"`  // F11 and F7 of the acquirer
	Time   string    `json:"time,omitempty"`
	At     time.Time `json:"at"`
}

// Leg is what another account gets by a transfer; what it gives is negative.
type Leg struct {
	Card   string `json:"card"`
	Amount int64  `json:"amount"`
}

// operation is what the host remembers of one quintuple.
type operation struct {
	e        Entry
	reversed bool
	forbid   bool
	back     int64
}

// ledger is the durable double-entry ledger: an append-only file, fsynced in groups. Every
// debit of a card is a credit of the clearing account.
type ledger struct {
	mu       sync.Mutex
	accounts map[string]*Account
	ops      map[string]*operation
	clearing int64
	opened   int64
	history  map[string][]line // last lines per card

	contracts map[string]string   // card|kind
	holdings  map[string]int64    // card|kind|number: what its owner paid for it, less what was redeemed
	orders    map[string][]string // by card
	entries   int

	f     *os.File
	lazy  bool // nobody waits until a line is on the disk, and nothing asks the disk: for load tests
	qmu   sync.Mutex
	buf   []byte
	wait  []chan error
	kick  chan struct{}
	quit  chan struct{}
	done  chan struct{}
	close sync.Once
}

func pinDigest(card, pin string) string {
	h := sha256.Sum256([]byte(card + "|" + pin))
	return hex.EncodeToString(h[:12])
}

// openLedger reads the file and applies every line. A last line that was cut by a crash is
// dropped; it was never answered.
func openLedger(path string, lazy bool) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("bankhost: ledger: %w", err)
	}
	l := &ledger{accounts: map[string]*Account{}, ops: map[string]*operation{}, history: map[string][]line{}, contracts: map[string]string{}, holdings: map[string]int64{}, orders: map[string][]string{}, f: f, lazy: lazy,
		kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	r := bufio.NewReaderSize(f, 1<<20)
	var good int64
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		var e Entry
		if err != nil || json.Unmarshal(line, &e) != nil {
			return nil, fmt.Errorf("bankhost: ledger broken at byte %d", good)
		}
		good += int64(len(line))
		l.apply(e)
	}
	if err := f.Truncate(good); err != nil {
		return nil, fmt.Errorf("bankhost: ledger: %w", err)
	}
	if _, err := f.Seek(good, io.SeekStart); err != nil {
		return nil, fmt.Errorf("bankhost: ledger: %w", err)
	}
	go l.run()
	return l, nil
}

// apply changes the books; the caller holds mu (or is alone).
func (l *ledger) apply(e Entry) {
	l.entries++
	a := l.accounts[e.Card]
	switch e.Kind {
	case "open":
		l.accounts[e.Card] = &Account{Card: e.Card, Balance: e.Amount, Status: e.RC, pin: e.PIN}
		l.opened += e.Amount
	case "withdraw", "deposit", "redeem":
		l.move(a, e)
		l.ops[e.Key] = &operation{e: e}
		if code, ok := strings.CutPrefix(e.Do, "booked:"); ok {
			delete(l.contracts, e.Card+"|booking"+code)
		}
	case "decline":
		l.ops[e.Key] = &operation{e: e}
	case "reverse":
		l.move(a, e)
		op := l.ops[e.Key]
		op.reversed, op.back = true, -e.Amount
		if code, ok := strings.CutPrefix(op.e.Do, "booked:"); ok && e.Paid == 0 {
			l.contracts[e.Card+"|booking"+code] = strconv.FormatInt(op.e.Amount, 10)
		}
	case "forbid":
		l.ops[e.Key] = &operation{e: e, forbid: true}
	case "pinTry":
		a.Tries = e.Tries
	case "pinChange":
		a.pin, a.Tries = e.PIN, 0
		l.ops[e.Key] = &operation{e: e}
	case "status":
		a.Status = e.RC
	case "issue":
		a.Status, a.pin, a.owner = "ok", e.PIN, e.Owner
		l.ops[e.Key] = &operation{e: e}
	case "revoke":
		a.Status = "void"
		l.ops[e.Key].reversed = true
	case "transfer", "transferBack":
		a.Balance -= e.Amount
		l.note(e)
		for _, x := range e.others() {
			l.accounts[x.Card].Balance += x.Amount
			l.note(Entry{Kind: e.Kind, Card: x.Card, Amount: -x.Amount, At: e.At})
		}
		if e.Kind == "transfer" {
			l.ops[e.Key] = &operation{e: e}
		} else {
			l.ops[e.Key].reversed, l.ops[e.Key].back = true, -e.Amount
		}
	case "service":
		if e.Key != "" {
			l.ops[e.Key] = &operation{e: e}
		}
		do, what, _ := strings.Cut(e.Do, ":")
		switch do {
		case "status":
			a.Status = what
		case "sign":
			l.contracts[e.Card+"|"+what] = cmp.Or(e.Value, "yes")
		case "cancel":
			delete(l.contracts, e.Card+"|"+what)
		case "order":
			l.orders[e.Card] = append(l.orders[e.Card], what)
		}
	case "printed":
		a.Printed = max(a.Printed, e.Tries)
	}
}

// move books e between its account and the clearing account; what was bought or sold goes with it.
func (l *ledger) move(a *Account, e Entry) {
	a.Balance -= e.Amount
	l.clearing += e.Amount
	if e.Hold != "" {
		l.holdings[e.Card+"|"+e.Hold] += e.Amount
	}
	l.note(e)
}

// others are the accounts at the other side of a transfer.
func (e *Entry) others() []Leg {
	if e.To != "" {
		return []Leg{{e.To, e.Amount}}
	}
	return e.Legs
}

// covered tells whether everybody has what e takes from him.
func (l *ledger) covered(e *Entry) bool {
	if l.accounts[e.Card].Balance < e.Amount || e.Hold != "" && l.holdings[e.Card+"|"+e.Hold]+e.Amount < 0 {
		return false
	}
	taken := map[string]int64{} // one may be there twice
	for _, x := range e.others() {
		if taken[x.Card] -= x.Amount; l.accounts[x.Card].Balance < taken[x.Card] {
			return false
		}
	}
	return true
}

// line is one line of an account, with the balance after it.
type line struct {
	Entry
	seq     int
	balance int64
}

// kept is how many lines of an account are remembered.
const kept = 100

func (l *ledger) note(e Entry) {
	a := l.accounts[e.Card]
	a.Seq++
	h := append(l.history[e.Card], line{e, a.Seq, a.Balance})
	if len(h) == 2*kept {
		h = append(h[:0:0], h[kept:]...)
	}
	l.history[e.Card] = h
}

// post applies e under mu and queues its line; the returned channel tells when it is
// durable; there is none of a lazy ledger. The caller holds mu.
func (l *ledger) post(e Entry) <-chan error {
	e.At = time.Now().UTC()
	l.apply(e)
	b, err := json.Marshal(e)
	ch := make(chan error, 1)
	if err != nil {
		ch <- err
		return ch
	}
	l.qmu.Lock()
	l.buf = append(append(l.buf, b...), '\n')
	if l.lazy {
		full := len(l.buf) > 1<<20
		l.qmu.Unlock()
		if full {
			l.hurry()
		}
		return nil
	}
	l.wait = append(l.wait, ch)
	l.qmu.Unlock()
	l.hurry()
	return ch
}

// hurry has what waits written.
func (l *ledger) hurry() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

func (l *ledger) run() {
	defer close(l.done)
	for end := false; !end; {
		select {
		case <-l.kick:
		case <-l.quit:
			end = true // one last round
		}
		runtime.Gosched() // lets those who are about to book share this fsync
		l.qmu.Lock()
		buf, wait := l.buf, l.wait
		l.buf, l.wait = nil, nil
		l.qmu.Unlock()
		var err error
		if len(buf) > 0 {
			if _, err = l.f.Write(buf); err == nil && !l.lazy {
				err = l.f.Sync()
			}
		}
		for _, ch := range wait {
			ch <- err
		}
	}
}

func (l *ledger) Close() error {
	var err error
	l.close.Do(func() {
		close(l.quit)
		<-l.done
		err = l.f.Close()
	})
	return err
}

// Invariants is the check of the books.
type Invariants struct {
	OK          bool     `json:"ok"`
	Opened      int64    `json:"opened"`
	Balances    int64    `json:"balances"`
	Clearing    int64    `json:"clearing"`
	Withdrawals int      `json:"withdrawals"`
	Deposits    int      `json:"deposits"`
	Deposited   int64    `json:"deposited"` // credited to cards
	Reversals   int      `json:"reversals"`
	Holdings    int64    `json:"holdings"` // that customers have bought and not redeemed
	Problems    []string `json:"problems,omitempty"`
}

func (l *ledger) invariants() Invariants {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := Invariants{Opened: l.opened, Clearing: l.clearing}
	for _, a := range l.accounts {
		v.Balances += a.Balance
		if a.Balance < 0 {
			v.Problems = append(v.Problems, "overdrawn: …"+a.Card[len(a.Card)-4:])
		}
	}
	for k, held := range l.holdings {
		v.Holdings += held
		if held < 0 {
			_, what, _ := strings.Cut(k, "|")
			v.Problems = append(v.Problems, "more was redeemed than is held: "+what)
		}
	}
	var net, held int64
	for _, o := range l.ops {
		if o.e.Hold != "" {
			held += o.e.Amount - o.back
		}
		switch o.e.Kind {
		case "deposit":
			v.Deposits++
			v.Deposited -= o.e.Amount
			net += o.e.Amount
		case "redeem":
			net += o.e.Amount - o.back
			if o.reversed {
				v.Reversals++
			}
		}
		if o.e.Kind != "withdraw" {
			continue
		}
		v.Withdrawals++
		net += o.e.Amount - o.back
		if o.reversed {
			v.Reversals++
		}
		if o.back < 0 || o.back > o.e.Amount {
			v.Problems = append(v.Problems, "reversed more than was booked: "+o.e.Ref)
		}
	}
	if v.Balances+v.Clearing != v.Opened {
		v.Problems = append(v.Problems, "debits and credits differ")
	}
	if held != v.Holdings {
		v.Problems = append(v.Problems, "operations and holdings differ")
	}
	if net != v.Clearing {
		v.Problems = append(v.Problems, "operations and clearing account differ")
	}
	v.OK = len(v.Problems) == 0
	return v
}
