package bankhost

import (
	"fmt"
	"strconv"
	"strings"
)

type request struct {
	m    message
	mti  string
	rc   string
	auth string
	bal  string // F54
	text string // F62
	day  string // F15
	z    *zone  // keys it came under
	chip *issuer
	bent bool // the scenario spoils the issuer's cryptogram
}

// key is the F90 quintuple of a request: MTI, F11, F7, F32, F33.
func (q *request) key() string {
	at := q.m.text(7)
	if at == "" { // formats that have the local time only
		at = q.m.text(13) + q.m.text(12)
	}
	return "0200" + q.m.text(11) + at + pad11(q.m.text(32)) + pad11(q.m.text(33))
}

func pad11(s string) string { return strings.Repeat("0", max(0, 11-len(s))) + s }

// decide does what the message asks for and sets the response code.
func (h *Host) decide(q *request, s Scenario) {
	switch {
	case s.Kind == "decline":
		q.rc = s.Code
		if q.rc == "" {
			q.rc = "51"
		}
		return
	case s.Kind == "lost": // as if it never arrived: nothing is booked
		return
	}
	switch q.mti {
	case "0820":
		q.rc = "00"
	case "0100":
		h.request(q)
	case "0200", "0220":
		if q.m.text(3) == "210000" {
			h.deposit(q)
			return
		}
		h.request(q)
	case "0420", "0421":
		h.reversal(q)
	default:
		q.rc = "12"
	}
}

func (h *Host) request(q *request) {
	l := h.l
	key := q.key()
	pan := q.m.text(2)
	amount, _ := strconv.ParseInt(q.m.text(4), 10, 64)
	proc := q.m.text(3)
	l.mu.Lock()
	wait := func() <-chan error {
		defer l.mu.Unlock()
		if op := l.ops[key]; op != nil { // a repeat: the same answer, booked once
			_ = q.checkChip(pan)
			if op.forbid {
				q.rc = "94"
			} else {
				q.rc, q.auth, q.day = op.e.RC, op.e.Auth, op.e.Day
				q.balance(l.accounts[pan])
			}
			return nil
		}
		a := l.accounts[pan]
		if a != nil && proc != procIssue && proc != procSpent && proc != procPayee { // a chip that is not active signs nothing; a name is no business of the chip's
			if q.rc = q.checkChip(pan); q.rc != "" {
				return nil
			}
		}
		if h := withoutPIN[proc]; h != nil {
			return h(l, q, a)
		}
		if proc == procIssue {
			return h.issue(q, a, key)
		}
		if q.rc = cardState(a); q.rc != "" {
			s, ok := serviceOf(proc)
			if !ok || a == nil || s.module != "status" || !strings.HasSuffix(s.arg, "<"+a.Status) {
				return nil
			}
			q.rc = "" // what this very request is to change
		}
		digits, ok := q.z.pinOf(q.m.raw(52), pan)
		if !ok {
			q.rc = "99"
			return nil
		}
		if pinDigest(pan, digits) != a.pin {
			n := a.Tries + 1
			q.rc = "55"
			ch := l.post(Entry{Kind: "pinTry", Card: pan, Tries: n})
			if n >= 3 {
				q.rc = "38"
				ch = l.post(Entry{Kind: "status", Card: pan, RC: "captured"})
			}
			return ch
		}
		var ch <-chan error
		if a.Tries > 0 {
			ch = l.post(Entry{Kind: "pinTry", Card: pan, Tries: 0})
		}
		switch proc {
		case "310000", "210000": // 210000 as 0100: may this card be deposited to? Nothing is booked
		case "380000":
			q.statement(l, a)
		case "700000":
			if c := h.changePIN(q, a, key); c != nil {
				ch = c
			}
			return ch
		case "010000", "000000": // cash, goods
			return h.withdraw(q, a, h.entry(q, "withdraw", key, a.Card, amount))
		default:
			if s, ok := serviceOf(proc); ok {
				if c := h.service(s, q, a, key, amount); c != nil {
					ch = c
				}
				return ch
			}
			q.rc = "12"
			return ch
		}
		q.rc = "00"
		q.balance(a)
		return ch
	}()
	if wait != nil {
		if err := <-wait; err != nil {
			q.rc = "96"
		}
	}
}

func cardState(a *Account) string {
	switch {
	case a == nil, a.Status == "blank", a.Status == "closed":
		return "14"
	case a.Status == "lost":
		return "41"
	case a.Status == "inactive":
		return "40"
	case a.Status == "blocked", a.Status == "void":
		return "62"
	case a.Status == "expired":
		return "54"
	case a.Status == "captured":
		return "75"
	}
	return ""
}

// entry is the line of the ledger that q asks for.
func (h *Host) entry(q *request, kind, key, card string, amount int64) Entry {
	return Entry{Kind: kind, Key: key, Card: card, Amount: amount, RC: "00", Ref: q.m.text(37), Term: q.m.text(41), Day: h.today(), Stan: q.m.text(11), Time: q.m.text(7)}
}

func (h *Host) withdraw(q *request, a *Account, e Entry) <-chan error {
	switch {
	case e.Amount <= 0:
		q.day, q.rc = e.Day, "13"
		return nil
	case e.Amount > 2_000_000:
		e.RC = "61"
	}
	return h.settle(q, a, e)
}

// settle books e, which may be refused already, unless it takes what somebody does not have. The caller holds mu.
func (h *Host) settle(q *request, a *Account, e Entry) <-chan error {
	l := h.l
	q.day = e.Day
	if e.RC == "00" && !l.covered(&e) {
		e.RC = "51"
	}
	if q.rc = e.RC; e.RC != "00" {
		e.Kind, e.Amount, e.To, e.Legs, e.Hold, e.Do = "decline", 0, "", nil, "", ""
		return l.post(e)
	}
	e.Auth = fmt.Sprintf("%06d", l.entries%1000000)
	q.auth = e.Auth
	ch := l.post(e)
	q.balance(a)
	return ch
}

// deposit credits a card, once for each F7 and F11, whatever is repeated and however. The
// customer was checked by the 0100 before the notes were taken: there is no PIN here. A card
// that has been blocked or has expired since is refused; its notes are a matter for people.
func (h *Host) deposit(q *request) {
	l := h.l
	key := q.key()
	amount, _ := strconv.ParseInt(q.m.text(4), 10, 64)
	l.mu.Lock()
	a := l.accounts[q.m.text(2)]
	var ch <-chan error
	switch op := l.ops[key]; {
	case op != nil && op.e.Kind == "deposit" && op.e.Amount != -amount:
		q.rc = "94"
	case op != nil:
		q.rc, q.auth, q.day = op.e.RC, op.e.Auth, op.e.Day
		q.balance(a)
	case amount <= 0:
		q.rc = "13"
	default:
		e := h.entry(q, "deposit", key, q.m.text(2), -amount)
		q.day, e.Auth = e.Day, fmt.Sprintf("%06d", l.entries%1000000)
		if rc := cardState(a); rc != "" {
			e.Kind, e.Amount, e.RC, e.Auth = "decline", 0, rc, ""
		}
		q.rc, q.auth = e.RC, e.Auth
		ch = l.post(e)
		q.balance(a)
	}
	l.mu.Unlock()
	if ch != nil && <-ch != nil {
		q.rc = "96"
	}
}

func (h *Host) changePIN(q *request, a *Account, key string) <-chan error {
	var block []byte
	if _, err := fmt.Sscanf(q.m.text(62), "%X", &block); err != nil {
		q.rc = "30"
		return nil
	}
	digits, ok := q.z.pinOf(block, a.Card)
	if !ok {
		q.rc = "99"
		return nil
	}
	q.rc = "00"
	return h.l.post(Entry{Kind: "pinChange", Key: key, Card: a.Card, RC: "00", PIN: pinDigest(a.Card, digits), Ref: q.m.text(37)})
}

// reversal takes back what moved money, or a new card: before the original (it is refused when it comes, 25),
// after it, or twice (the same answer, booked once). F95 leaves the paid part booked.
func (h *Host) reversal(q *request) {
	l := h.l
	orig := q.m.text(90)
	if len(orig) != 42 {
		q.rc = "30"
		return
	}
	l.mu.Lock()
	var ch <-chan error
	op := l.ops[orig]
	switch {
	case op == nil:
		q.rc = "25"
		ch = l.post(Entry{Kind: "forbid", Key: orig, RC: "25"})
	case op.forbid:
		q.rc = "25"
	case op.e.Kind == "issue" && !op.reversed:
		q.rc = "00"
		ch = l.post(Entry{Kind: "revoke", Key: orig, Card: op.e.Card, RC: "00", Ref: op.e.Ref, Term: op.e.Term})
	case op.reversed:
		q.rc = "00"
	case op.e.Kind == "transfer", op.e.Kind == "withdraw", op.e.Kind == "redeem":
		e := Entry{Kind: "reverse", Key: orig, Card: op.e.Card, Amount: -op.e.Amount, Hold: op.e.Hold, To: op.e.To, RC: "00", Ref: op.e.Ref, Term: op.e.Term}
		if op.e.Kind == "transfer" {
			e.Kind = "transferBack"
			for _, x := range op.e.Legs {
				e.Legs = append(e.Legs, Leg{x.Card, -x.Amount})
			}
		}
		if s := q.m.text(95); len(s) == 42 && op.e.Kind == "withdraw" {
			e.Paid, _ = strconv.ParseInt(s[:12], 10, 64)
			e.Amount += e.Paid
		}
		switch {
		case op.e.Kind == "withdraw" && e.Amount > 0:
			q.rc = "13"
		case !l.covered(&e):
			q.rc = "51" // it is spent: people must see to it
		default:
			q.rc = "00"
			ch = l.post(e)
		}
	default:
		q.rc = "00"
	}
	l.mu.Unlock()
	if ch != nil && <-ch != nil {
		q.rc = "96"
	}
}

func (q *request) balance(a *Account) {
	if a != nil {
		q.bal = fmt.Sprintf("0002156C%012d0001156C%012d", a.Balance, a.Balance)
	}
}

// statement writes the last lines of an account: MMDDhhmmss|kind|sign|amount|balance.
func (q *request) statement(l *ledger, a *Account) {
	h := l.history[a.Card]
	h = h[max(0, len(h)-10):]
	lines := make([]string, len(h))
	for i, e := range h {
		kind, sign, amount := e.words()
		lines[i] = fmt.Sprintf("%s|%s|%s|%d|%d", e.At.Local().Format("0102150405"), kind, sign, amount, e.balance)
	}
	q.text = strings.Join(lines, ";")
}

// words are how a line reads in a statement: kind, C or D, amount.
func (e line) words() (kind, sign string, amount int64) {
	kind, sign, amount = "ATM", "D", e.Amount
	if e.Amount <= 0 {
		kind, sign, amount = "DEP", "C", -e.Amount
	}
	if e.Kind == "reverse" || e.Kind == "transferBack" {
		kind = "REV"
	}
	return kind, sign, amount
}

var answerMTI = map[string]string{"0100": "0110", "0200": "0210", "0220": "0230", "0420": "0430", "0421": "0430", "0820": "0830"}

// echoed are the fields an answer repeats from its request.
var echoed = []int{2, 3, 4, 7, 11, 12, 13, 18, 25, 32, 33, 37, 41, 42, 49, 70, 90}

// fields are those of the answer by number, 0 is the MTI.
func (h *Host) fields(q *request) *[129]string {
	var f [129]string
	f[0] = answerMTI[q.mti]
	for _, n := range echoed {
		f[n] = q.m.text(n)
	}
	f[55] = string(q.chipAnswer())
	f[15], f[38], f[39], f[54], f[62] = q.day, q.auth, q.rc, q.bal, q.text
	return &f
}
