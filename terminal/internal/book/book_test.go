package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/journal"
)

func TestDecideIsTheTableOfCashSafety(t *testing.T) {
	moved := func(p, r int, unknown bool) cash.Moved {
		return cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: p, Retracted: r}}, Unknown: unknown}
	}
	for _, c := range []struct {
		name string
		txn  Txn
		want Decision
		ok   bool
	}{
		{"a declined withdrawal needs nothing", Txn{Financial: true, Host: HostDeclined}, Decision{}, true},
		{"one that was never sent needs nothing", Txn{Financial: true, Host: HostNotSent}, Decision{}, true},
		{"an enquiry is never reversed", Txn{Host: HostUnknown}, Decision{}, true},
		{"no answer is reversed", Txn{Financial: true, Host: HostUnknown}, Decision{Settle: SettleReverse, Reason: ReasonNoAnswer}, true},
		{"approved and never paid is reversed", Txn{Financial: true, Host: HostApproved}, Decision{Settle: SettleReverse, Reason: ReasonTerminal}, true},
		{"certainly not dispensed is reversed", Txn{Financial: true, Host: HostApproved, Cash: CashNotDispensed}, Decision{Settle: SettleReverse, Reason: ReasonTerminal}, true},
		{"all taken is committed", Txn{Financial: true, Host: HostApproved, Cash: CashTaken, Amount: 30000, Paid: 30000}, Decision{Settle: SettleCommit, Paid: 30000}, true},
		{"a part taken keeps the part", Txn{Financial: true, Host: HostApproved, Cash: CashTaken, Amount: 30000, Paid: 10000}, Decision{Settle: SettleReverse, Paid: 10000, Reason: ReasonTerminal}, true},
		{"retracted and counted is reversed", Txn{Financial: true, Host: HostApproved, Cash: CashRetracted, Moved: moved(3, 3, false)}, Decision{Settle: SettleReverse, Reason: ReasonTerminal}, true},
		{"retracted, one note short, waits for a person", Txn{Financial: true, Host: HostApproved, Cash: CashRetracted, Moved: moved(3, 2, false)}, Decision{Settle: SettleSuspense, Reason: "retracted, not counted"}, true},
		{"retracted and not counted waits for a person", Txn{Financial: true, Host: HostApproved, Cash: CashRetracted, Moved: moved(3, 0, true)}, Decision{Settle: SettleSuspense, Reason: "retracted, not counted"}, true},
		{"unclear waits for a person", Txn{Financial: true, Host: HostApproved, Cash: CashUnclear}, Decision{Settle: SettleSuspense, Reason: "outcome unclear"}, true},
		{"an approved transfer is done", Txn{Type: TypeTransfer, Financial: true, Host: HostApproved}, Decision{}, true},
		{"a transfer without an answer is reversed", Txn{Type: TypeTransfer, Financial: true, Host: HostUnknown}, Decision{Settle: SettleReverse, Reason: ReasonNoAnswer}, true},
		{"a declined transfer needs nothing", Txn{Type: TypeTransfer, Financial: true, Host: HostDeclined}, Decision{}, true},
		{"while notes may move nothing is decided", Txn{Financial: true, Host: HostApproved, Cash: CashMotion}, Decision{}, false},
		{"while notes lie at the exit nothing is decided", Txn{Financial: true, Host: HostApproved, Cash: CashPresented}, Decision{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := Decide(c.txn)
			if d := cmp.Diff(c.want, got); d != "" || ok != c.ok {
				t.Errorf("decided %v\n%s", ok, d)
			}
		})
	}
}

func open(t *testing.T, dir string, size int64) *Ledger {
	t.Helper()
	l, err := Open(dir, journal.Options{SegmentSize: size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestImpossibleRecordsAreRefusedAndNotWritten(t *testing.T) {
	l := open(t, t.TempDir(), 0)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(l.Log(ej.HostIntent, ej.Record{Txn: "a"}, HostData{Financial: true, Amount: 100}))
	ok(l.Log(ej.HostResult, ej.Record{Txn: "a"}, HostData{Host: HostApproved}))
	ok(l.Log(ej.Intent, ej.Record{Txn: "a", Op: "a-d1"}, CashData{}))
	ok(l.Log(ej.HostIntent, ej.Record{Txn: "t"}, HostData{Type: TypeTransfer, Financial: true, Amount: 100}))
	ok(l.Log(ej.HostResult, ej.Record{Txn: "t"}, HostData{Host: HostApproved}))
	last := l.Last()
	for _, c := range []struct {
		name string
		kind ej.Kind
		txn  string
		data any
	}{
		{"the same transaction again", ej.HostIntent, "a", HostData{}},
		{"a second result", ej.HostResult, "a", HostData{Host: HostDeclined}},
		{"a second dispense", ej.Intent, "a", CashData{}},
		{"taken before it was presented", ej.Taken, "a", CashData{}},
		{"cash for a transaction nobody knows", ej.Intent, "b", CashData{}},
		{"an acknowledgement of nothing", ej.SettleSent, "a", SettleData{}},
		{"notes for a transfer", ej.Intent, "t", CashData{}},
		{"a reversal of a transfer that was approved", ej.Reverse, "t", SettleData{Reason: "98"}},
		{"a count without a suspense", ej.Resolved, "a", SettleData{}},
	} {
		if err := l.Log(c.kind, ej.Record{Txn: c.txn}, c.data); !errors.Is(err, ErrTransition) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if l.Last() != last {
		t.Errorf("%d records were written all the same", l.Last()-last)
	}
}

// Whatever happens in whatever order, what a restart reads is what was true before.
func TestTheBookReadFromDiskIsTheBookInMemory(t *testing.T) {
	kinds := []ej.Kind{ej.HostIntent, ej.HostResult, ej.Intent, ej.Motion, ej.Presented, ej.Taken, ej.RetractIntent, ej.Retracted, ej.NotDispensed, ej.Unclear, ej.Commit, ej.Reverse, ej.Suspense, ej.Resolved, ej.SettleSent, ej.Counts}
	hosts := []Host{HostApproved, HostDeclined, HostUnknown}
	for seed := range int64(20) {
		rng := rand.New(rand.NewSource(seed))
		dir := t.TempDir()
		l := open(t, dir, 4000) // rotates with snapshots
		written := 0
		for range 400 {
			k := kinds[rng.Intn(len(kinds))]
			txn := string(rune('a' + rng.Intn(12)))
			var data any
			switch k {
			case ej.HostIntent:
				data = HostData{Financial: true, Amount: 30000, STAN: rng.Intn(1000)}
			case ej.HostResult:
				data = HostData{Host: hosts[rng.Intn(3)]}
			case ej.Counts:
				data = CountsData{Units: map[string]Unit{"unit1": {Currency: "CNY", Value: 10000, Count: rng.Intn(100)}}}
			case ej.Commit, ej.Reverse, ej.Suspense, ej.Resolved, ej.SettleSent:
				data = SettleData{Paid: int64(rng.Intn(4)) * 10000}
			default:
				data = CashData{Plan: map[string]int{"unit1": 3}, Paid: 10000, Moved: cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: 1}}, Unknown: rng.Intn(3) == 0}}
			}
			if l.Log(k, ej.Record{Txn: txn, Op: txn + "-d1"}, data) == nil {
				written++
			}
		}
		if written < 20 {
			t.Fatalf("only %d records got through", written)
		}
		var before string
		l.Read(func(b *Book) { x, _ := json.Marshal(b); before = string(x) })
		l.Close()
		var after string
		open(t, dir, 4000).Read(func(b *Book) { x, _ := json.Marshal(b); after = string(x) })
		if d := cmp.Diff(before, after); d != "" {
			t.Fatalf("seed %d:\n%s", seed, d)
		}
	}
}

func TestOneThatWaitsForAPersonDoesNotKeepTheSettledOnesBehindIt(t *testing.T) {
	var b Book
	add := func(n int, host Host) {
		id := fmt.Sprintf("000001/%06d", n)
		for _, x := range []struct {
			kind ej.Kind
			data HostData
		}{{ej.HostIntent, HostData{Type: "withdrawal", Amount: 100, STAN: n, Batch: "000001", Financial: true}}, {ej.HostResult, HostData{Host: host}}} {
			data, _ := json.Marshal(x.data)
			if err := b.Apply(ej.Record{Kind: x.kind, Txn: id, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(1, HostApproved) // open for ever
	for n := 2; n <= 10*keep; n++ {
		add(n, HostDeclined)
	}
	if len(b.Order) > keep+1 || len(b.Txns) != len(b.Order) {
		t.Errorf("the book holds %d of %d", len(b.Txns), len(b.Order))
	}
	if b.Txns["000001/000001"] == nil || b.Order[0] != "000001/000001" {
		t.Error("the open one is forgotten")
	}
}

func TestStackedNotesLeaveTheirUnitOnce(t *testing.T) {
	var b Book
	apply := func(kind ej.Kind, d any) {
		data, _ := json.Marshal(d)
		if err := b.Apply(ej.Record{Kind: kind, Txn: "t", Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	at := func(m cash.UnitMoved) CashData {
		return CashData{Moved: cash.Moved{Units: map[string]cash.UnitMoved{"unit1": m}}}
	}
	apply(ej.Counts, CountsData{Units: map[string]Unit{"unit1": {Value: 100, Count: 10}}})
	apply(ej.HostIntent, HostData{Type: "withdrawal", Amount: 300, Financial: true})
	apply(ej.Intent, CashData{Plan: map[string]int{"unit1": 3}})
	apply(ej.Stacked, at(cash.UnitMoved{Stacked: 3}))
	apply(ej.PresentIntent, nil)
	apply(ej.Presented, at(cash.UnitMoved{Presented: 3, Stacked: -3}))
	if u := b.Units["unit1"]; u.Count != 7 || u.Presented != 3 {
		t.Errorf("%+v", u)
	}
}
