package kill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"zhigui/bench/robot"
	ej "zhigui/terminal/api/journal"
)

func post(url, body string) error {
	c := http.Client{Timeout: 10 * time.Second}
	resp, err := c.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		b, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(b))
	}
	return nil
}

// bundle is a group of notes of the virtual dispenser.
type bundle struct {
	Unit string `json:"unit"`
	N    int    `json:"n"`
}

// module is the virtual dispenser's physical truth.
type module struct {
	Units map[string]struct {
		Count, Value, Loaded, Taken, Rejected, Removed int
	} `json:"units"`
	Path  []bundle `json:"path"`
	Exit  []bundle `json:"exit"`
	Truth []struct {
		Cmd                                          int
		Name                                         string
		Asked, Dispensed, Taken, Rejected, Retracted map[string]int
	} `json:"truth"`
}

// unitOf names the platform's cash unit for a cassette of the module.
var unitOf = map[string]string{"upper": "unit1", "lower": "unit2", "unit1": "unit1", "unit2": "unit2"}

func sum(bs []bundle) (n int) {
	for _, b := range bs {
		n += b.N
	}
	return n
}

func (m module) exit() int { return sum(m.Exit) }
func (m module) path() int { return sum(m.Path) }

// given is the money that customers took, in fen.
func (m module) given() (fen int64) {
	for _, u := range m.Units {
		fen += int64(u.Taken) * int64(u.Value) * 100
	}
	return fen
}

// given is what customers took from the dispenser and from a recycler.
func (b *branch) given(m module) int64 {
	a, err := b.acceptor()
	if err != nil {
		b.t.Fatal(err)
	}
	return m.given() + a.out()
}

func (b *branch) cash() (module, error) {
	var s struct{ Physical module }
	return s.Physical, b.desk.Devices.State("cash", &s)
}

// txn is what the journal adds up to for one transaction.
type txn struct {
	ID, Type, Host, Cash, Settle string
	Amount, Paid                 int64
	Acked, Financial             bool
	Dispenses, Resolved          int
	PAN                          string // masked
}

// Pending mirrors what still has to happen.
func (x *txn) Pending() bool {
	switch x.Settle {
	case "commit", "reverse":
		return !x.Acked
	case "suspense":
		return true
	}
	return x.Host == "intent" || (x.Financial && (x.Host == "approved" && x.Type != "transfer" || x.Host == "unknown"))
}

type ledger struct {
	Txns map[string]*txn
	Last uint64
	Open bool // a session is
	products
}

// book reads the terminal's journal from disk with a fold of its own: the platform's is
// not trusted here. It verifies the chain on the way.
func (b *branch) book() (ledger, error) {
	out := ledger{Txns: map[string]*txn{}}
	segs, err := filepath.Glob(filepath.Join(b.dir, "terminal", "data", "ej", "seg-*.ej"))
	if err != nil {
		return out, err
	}
	sort.Strings(segs)
	v := &ej.Verifier{}
	for _, s := range segs {
		data, err := os.ReadFile(s)
		if err != nil {
			return out, err
		}
		_, err = ej.Segment(data, v, func(r ej.Record, _ []byte) error { out.fold(r); return nil })
		if err != nil {
			return out, err // a frame being written looks torn: asked again
		}
	}
	out.Last = v.Seq
	return out, nil
}

func (l *ledger) fold(r ej.Record) {
	var d struct {
		Type, Host, Reason, Code string
		Amount, Paid             int64
		Financial, Handed        bool
		PAN                      string
	}
	_ = json.Unmarshal(r.Data, &d)
	l.product(r)
	switch r.Kind {
	case ej.SessionBegin:
		l.Open = true
	case ej.SessionEnd:
		l.Open = false
	case ej.HostIntent:
		l.Txns[r.Txn] = &txn{ID: r.Txn, Type: d.Type, Amount: d.Amount, Financial: d.Financial, Host: "intent", PAN: d.PAN}
		return
	}
	x := l.Txns[r.Txn]
	if x == nil {
		return
	}
	switch r.Kind {
	case ej.HostResult:
		x.Host = d.Host
	case ej.Intent:
		x.Dispenses++
		x.Cash = "intent"
	case ej.Motion, ej.Stacked, ej.PresentIntent, ej.RetractIntent:
		x.Cash = strings.ToLower(string(r.Kind))
	case ej.Presented:
		x.Cash, x.Paid = "presented", d.Paid
	case ej.Taken:
		x.Cash = "taken"
	case ej.Retracted: // what came back was not given; a count may say otherwise
		x.Cash, x.Paid = "retracted", 0
	case ej.NotDispensed:
		x.Cash = "notDispensed"
	case ej.Unclear:
		x.Cash = "unclear"
	case ej.Commit:
		x.Settle = "commit"
	case ej.Reverse:
		x.Settle = "reverse"
	case ej.Suspense:
		x.Settle = "suspense"
	case ej.Resolved:
		x.Resolved++
		x.Settle, x.Paid, x.Acked = "reverse", d.Paid, false
		if (d.Paid == x.Amount && x.Type != "cardIssue") || x.Type == "deposit" || d.Handed {
			x.Settle = "commit"
		}
	case ej.DepositBegin, ej.CashIn, ej.Notes, ej.DepositClosing, ej.DepositUnclear, ej.HandIntent, ej.HandedOver, ej.HandKept, ej.HandUnclear:
		x.Cash = strings.ToLower(string(r.Kind))
	case ej.DepositClosed:
		x.Cash, x.Paid = "deposited", d.Paid
	case ej.SettleSent:
		x.Acked = true
		if x.Type == "deposit" && x.Paid > 0 && d.Code != "00" {
			x.Settle = "suspense"
		}
	}
}

// resolve does what an operator does with a suspense: count the cassettes and the reject
// tray (the virtual module's truth) and say what each customer got.
func (b *branch) resolve() {
	t := b.t
	bk, err := b.book()
	if err != nil {
		t.Fatal(err)
	}
	var open []*txn
	var known int64
	for _, x := range bk.Txns {
		if x.Type == "deposit" || x.Type == "cardIssue" {
			continue
		}
		if x.Settle == "suspense" {
			open = append(open, x)
		} else if x.Settle == "commit" || (x.Settle == "reverse" && x.Paid > 0) {
			known += x.Paid
		}
	}
	if len(open) == 0 {
		return
	}
	st, err := b.cash()
	if err != nil {
		t.Fatal(err)
	}
	if len(open) > 1 {
		t.Fatalf("%d transactions in suspense at once: the counter went on serving", len(open))
	}
	paid := b.given(st) - known
	t.Logf("counted: %s got %d fen of %d", open[0].ID, paid, open[0].Amount)
	units := map[string]any{}
	for id, u := range st.Units {
		units[unitOf[id]] = map[string]any{"currency": "CNY", "value": u.Value * 100, "initial": u.Count, "count": u.Count}
	}
	b.order("resolve", map[string]any{"txn": open[0].ID, "paid": paid, "by": "kill test"})
	b.order("setCounts", map[string]any{"units": units, "by": "kill test"})
	err = robot.Until(time.Minute, func() error { b.revive(); return b.settledAll() }) // the terminal asks a dead server less and less often
	if err != nil {
		t.Fatalf("suspense stays: %v", err)
	}
}

func (b *branch) settledAll() error {
	bk, err := b.book()
	if err != nil {
		return err
	}
	for _, x := range bk.Txns {
		if x.Pending() {
			return fmt.Errorf("%s is open: %+v", x.ID, *x)
		}
	}
	return nil
}

// refill puts notes into the cassettes before they run low, in the module and the books.
func (b *branch) refill() {
	st, err := b.cash()
	if err != nil {
		b.t.Fatal(err)
	}
	low := false
	for _, u := range st.Units {
		low = low || u.Count < 60
	}
	if !low {
		return
	}
	units := map[string]any{}
	for id, u := range st.Units {
		if err := b.desk.Devices.Do("cash", "fillUnit", map[string]any{"unit": id, "count": 500, "value": u.Value}); err != nil {
			b.t.Fatal(err)
		}
	}
	if st, err = b.cash(); err != nil {
		b.t.Fatal(err)
	}
	for id, u := range st.Units {
		units[unitOf[id]] = map[string]any{"currency": "CNY", "value": u.Value * 100, "initial": u.Count, "count": u.Count}
	}
	b.order("setCounts", map[string]any{"units": units, "by": "kill test"})
}

// order gives the platform an operator's order.
func (b *branch) order(kind string, args map[string]any) {
	if err := robot.Until(60*time.Second, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return b.desk.Order(ctx, kind, args)
	}); err != nil {
		b.t.Fatalf("order %s: %v", kind, err)
	}
}

// check proves the invariants.
func (b *branch) check() {
	t := b.t
	st, err := b.cash()
	if err != nil {
		t.Fatal(err)
	}
	bk, err := b.book()
	if err != nil {
		t.Fatal(err)
	}
	for id, u := range st.Units { // I1
		there := u.Count + u.Taken + u.Rejected + u.Removed
		for _, x := range append(append([]bundle(nil), st.Path...), st.Exit...) {
			if x.Unit == id {
				there += x.N
			}
		}
		if there != u.Loaded {
			t.Errorf("I1: %s: %d notes are there, %d were loaded", id, there, u.Loaded)
		}
	}
	dispenses := 0
	var paid int64
	for _, x := range bk.Txns {
		if x.Type == "deposit" || x.Type == "cardIssue" || x.Type == "transfer" {
			continue // checkDeposits, checkCards, checkTransfers
		}
		dispenses += x.Dispenses
		if x.Dispenses > 1 {
			t.Errorf("I2: %s was dispensed %d times", x.ID, x.Dispenses)
		}
		if x.Host == "approved" && x.Financial && x.Settle != "commit" && x.Settle != "reverse" {
			t.Errorf("I3: %s is approved and ended as %q", x.ID, x.Settle)
		}
		if x.Settle == "commit" && x.Paid != x.Amount {
			t.Errorf("I4: %s is committed with %d of %d", x.ID, x.Paid, x.Amount)
		}
		paid += x.Paid
	}
	if moved := dispensed(st); moved > dispenses { // I6
		t.Errorf("I6: the module dispensed %d times, the journal intended %d", moved, dispenses)
	}
	if given := b.given(st); paid != given {
		t.Errorf("I4: the journal says customers got %d fen, they took %d", paid, given)
	}
	b.compareBank(st)
	b.checkDeposits(bk)
	b.checkProducts()
}

func dispensed(m module) (n int) {
	for _, c := range m.Truth {
		total := 0
		for _, k := range c.Dispensed {
			total += k
		}
		if total > 0 {
			n++
		}
	}
	return n
}

// compareBank: Σ ledger = Σ cash.
func (b *branch) compareBank(st module) {
	err := robot.Until(60*time.Second, func() error {
		b.revive() // a bank that died late
		var inv struct {
			OK                         bool
			Opened, Balances, Clearing int64
			Problems                   []string
		}
		if err := robot.GetJSON(fmt.Sprintf("http://127.0.0.1:%d/api/invariants", b.Ports.HostControl), &inv); err != nil {
			return err
		}
		if !inv.OK {
			return fmt.Errorf("the bank's own books: %v", inv.Problems)
		}
		in, err := b.taken()
		if err != nil {
			return err
		}
		if debited := inv.Opened - inv.Balances; debited != b.given(st)-in {
			return fmt.Errorf("the bank debited %d fen, customers took %d and put %d in", debited, b.given(st), in)
		}
		return nil
	})
	if err != nil {
		b.t.Errorf("Σ ledger = Σ cash: %v", err)
	}
}
