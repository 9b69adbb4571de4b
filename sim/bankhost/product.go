package bankhost

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Processing codes (F3) of products beyond cash: ours, as those of a bank's own network are.
const (
	procIssue    = "910000" // 0200: activate a blank card; F52 is its PIN, F62 document|phone|name, in GBK
	procSpent    = "920000" // 0200: a blank card that lies in a bin and was never issued; F62 is why
	procPassbook = "390000" // 0200: lines behind the one in F62
	procPrinted  = "930000" // 0200: lines up to the one in F62 are in the passbook
	procPayee    = "600307" // 0200: whose account is the one in F62? The name, masked, in GBK
)

// withoutPIN are the requests that a passbook, a blank card or a payer's card alone may make.
var withoutPIN = map[string]func(l *ledger, q *request, a *Account) <-chan error{
	procSpent:    func(l *ledger, q *request, a *Account) <-chan error { return q.spent(l, a) },
	procPassbook: func(l *ledger, q *request, a *Account) <-chan error { q.passbook(l, a); return nil },
	procPrinted:  func(l *ledger, q *request, a *Account) <-chan error { return q.printed(l, a) },
	procPayee:    func(l *ledger, q *request, a *Account) <-chan error { q.payee(l, a); return nil },
}

// cardsEach is how many cards one person may hold.
const cardsEach = 4

// issue makes an account of a blank card. The 0420 of it takes it back for good: a card that
// was not handed over lies in a bin.
func (h *Host) issue(q *request, a *Account, key string) <-chan error {
	l := h.l
	f := strings.SplitN(q.m.text(62), "|", 3)
	switch {
	case a == nil || a.Status != "blank":
		q.rc = "14"
		return nil
	case len(f) != 3 || len(f[0]) < 6 || len(f[1]) != 11 || f[2] == "":
		q.rc = "30"
		return nil
	}
	sum := sha256.Sum256([]byte("document|" + f[0]))
	owner := hex.EncodeToString(sum[:12])
	held := 0
	for _, x := range l.accounts {
		if x.owner == owner && x.Status != "void" {
			held++
		}
	}
	if held >= cardsEach {
		q.rc = "57"
		return l.post(Entry{Kind: "decline", Key: key, Card: a.Card, RC: q.rc, Ref: q.m.text(37)})
	}
	digits, ok := q.z.pinOf(q.m.raw(52), a.Card)
	if !ok {
		q.rc = "99"
		return nil
	}
	q.rc, q.auth = "00", fmt.Sprintf("%06d", l.entries%1000000)
	return l.post(Entry{Kind: "issue", Key: key, Card: a.Card, RC: "00", Auth: q.auth, PIN: pinDigest(a.Card, digits), Owner: owner, Ref: q.m.text(37), Term: q.m.text(41)})
}

// spent voids the number of a blank card; a card that somebody holds is none. It may be said again.
func (q *request) spent(l *ledger, a *Account) <-chan error {
	switch {
	case a == nil || a.Status != "blank" && a.Status != "void":
		q.rc = "14"
		return nil
	case a.Status == "void":
		q.rc = "00"
		return nil
	}
	q.rc = "00"
	return l.post(Entry{Kind: "status", Card: a.Card, RC: "void", Ref: q.m.text(37), Term: q.m.text(41)})
}

// passbook answers up to eight lines that are not in the book yet,
// seq|YYYYMMDD|kind|sign|amount|balance joined by ';', and how many follow them behind a '+'. What
// the book's stripe says and what a terminal has confirmed count alike: the later one.
func (q *request) passbook(l *ledger, a *Account) {
	last, err := strconv.Atoi(q.m.text(62))
	if err != nil || last < 0 {
		q.rc = "30"
		return
	}
	if q.rc = cardState(a); q.rc != "" {
		return
	}
	q.rc = "00"
	var lines []string
	more := 0
	for _, e := range l.history[a.Card] {
		if e.seq <= max(last, a.Printed) {
			continue
		}
		if len(lines) == 8 {
			more++
			continue
		}
		kind, sign, amount := e.words()
		lines = append(lines, fmt.Sprintf("%d|%s|%s|%s|%d|%d", e.seq, e.At.Local().Format("20060102"), kind, sign, amount, e.balance))
	}
	q.text = fmt.Sprintf("%s+%d", strings.Join(lines, ";"), more)
}

// printed notes what is in the book.
func (q *request) printed(l *ledger, a *Account) <-chan error {
	last, err := strconv.Atoi(q.m.text(62))
	if q.rc = cardState(a); q.rc != "" {
		return nil
	}
	if err != nil || last > a.Seq {
		q.rc = "30"
		return nil
	}
	q.rc = "00"
	return l.post(Entry{Kind: "printed", Card: a.Card, Tries: last})
}

// holders are the people of the demo cards.
var holders = []string{"张三", "李四", "王五", "赵六", "孙七", "周八"}

// holder is whose account it is.
func holder(card string) string {
	for i, a := range demo {
		if a.Card == card {
			return holders[i]
		}
	}
	return "持卡人"
}

// payee tells the payer whose account it is: the family name is not shown.
func (q *request) payee(l *ledger, a *Account) {
	to := l.accounts[q.m.text(62)]
	switch {
	case a == nil || to == nil || to == a || cardState(to) != "":
		q.rc = "14"
		return
	}
	if q.rc = cardState(a); q.rc != "" {
		return
	}
	name, err := simplifiedchinese.GBK.NewEncoder().String("*" + string([]rune(holder(to.Card))[1:]))
	if err != nil {
		q.rc = "96"
		return
	}
	q.rc, q.text = "00", name
}
