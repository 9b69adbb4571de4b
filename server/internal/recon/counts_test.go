package recon_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
	"zhigui/terminal/api/journal"
)

// vault is a terminal's cash units as they are: the notes of a simulated machine, and the journal it writes.
type vault struct {
	t     *testing.T
	st    *store.Store
	id    string
	now   time.Time
	late  time.Duration // until a record comes
	seq   uint64
	stan  int
	units map[string]int // what really lies there
	value map[string]int64
	book  map[string]int // what the terminal believes
	box   int64          // really
	boxed int64          // believed
}

func newVault(t *testing.T, st *store.Store, id string, now time.Time) *vault {
	t.Helper()
	if err := st.AddTerminal(t.Context(), &store.Terminal{ID: id, Merchant: "102290000000001", Branch: "0001", Zone: "3des", Enabled: true, Created: now}); err != nil {
		t.Fatal(err)
	}
	v := &vault{t: t, st: st, id: id, now: now, units: map[string]int{"unit1": 1000, "unit2": 1000, "unit100CNY1": 0},
		value: map[string]int64{"unit1": 10000, "unit2": 5000, "unit100CNY1": 10000}, book: map[string]int{"unit1": 1000, "unit2": 1000, "unit100CNY1": 0}}
	v.record(journal.Counts, "", fmt.Sprintf(`{"units":{"unit1":{"value":10000,"count":1000},"unit2":{"value":5000,"count":1000},"unit100CNY1":{"device":"acceptor","value":10000,"count":0}},"by":"first filling"}`))
	return v
}

func (v *vault) record(k journal.Kind, txn, data string) {
	v.t.Helper()
	v.seq++
	v.now = v.now.Add(time.Second)
	body, err := json.Marshal(journal.Record{Seq: v.seq, Time: v.now, Kind: k, Txn: txn, Data: json.RawMessage(data)})
	if err != nil {
		v.t.Fatal(err)
	}
	mark := txn
	if k == journal.Counts {
		mark = store.CountsMark
	}
	if err := v.st.AddRecords(v.t.Context(), v.id, []store.Record{{Seq: v.seq, Hash: fmt.Sprint(v.seq), Body: body, Txn: mark}}, v.now.Add(v.late)); err != nil {
		v.t.Fatal(err)
	}
}

// numbers of transactions.
var numbers int64

// switched puts a transaction into the switch's journal.
func (v *vault) switched(kind string, amount int64, state store.State) string {
	v.t.Helper()
	v.stan++
	stan := fmt.Sprintf("%06d", v.stan)
	numbers++
	id := store.NumberAt(v.now) + numbers*store.Nodes
	x := &store.Txn{ID: id, Idem: v.id + stan, Digest: []byte{1}, Terminal: v.id, Branch: "0001", Merchant: "102290000000001", Host: "core", Kind: kind, Batch: "000001", STAN: stan, Amount: amount,
		State: store.Intent, Reference: "R" + v.id[4:] + stan, Day: "20261122", Created: v.now, Updated: v.now}
	fresh, err := v.st.Insert(v.t.Context(), x)
	if err == nil && fresh && state != store.Intent {
		err = v.st.Finish(v.t.Context(), id, &store.Outcome{State: store.Approved, RC: "00", At: v.now}, store.Intent)
	}
	if err == nil && (state == store.Confirmed || state == store.CreditPending) && kind == "withdrawal" {
		err = v.st.Confirm(v.t.Context(), id, amount, v.now, nil)
	}
	if err != nil || !fresh {
		v.t.Fatal(err)
	}
	return "000001/" + stan
}

// pays n notes of a unit; odd more or fewer leave it than the device counted.
func (v *vault) pays(unit string, n, odd int) {
	v.t.Helper()
	txn := v.switched("withdrawal", int64(n)*v.value[unit], store.Confirmed)
	v.record(journal.HostIntent, txn, `{}`)
	v.record(journal.Intent, txn, fmt.Sprintf(`{"plan":{%q:%d}}`, unit, n))
	v.record(journal.Presented, txn, fmt.Sprintf(`{"moved":{"X-units":{%q:{"presented":%d}}},"paid":%d}`, unit, n, int64(n)*v.value[unit]))
	v.record(journal.Taken, txn, `{}`)
	v.record(journal.Commit, txn, fmt.Sprintf(`{"paid":%d}`, int64(n)*v.value[unit]))
	v.units[unit] -= n + odd
	v.book[unit] -= n
}

// exchanges counts the units that are named and leaves them as they are.
func (v *vault) exchanges(names ...string) {
	var units, lines []string
	for _, id := range names {
		units = append(units, fmt.Sprintf(`%q:{"value":%d,"count":%d}`, id, v.value[id], v.units[id]))
		lines = append(lines, fmt.Sprintf(`%q:{"booked":%d,"counted":%d}`, id, v.book[id], v.units[id]))
		v.book[id] = v.units[id]
	}
	v.record(journal.Counts, "", fmt.Sprintf(`{"units":{%s},"by":"olga","exchange":{%s}}`, strings.Join(units, ","), strings.Join(lines, ",")))
}

func (v *vault) empties(counted bool) {
	box := ""
	if counted {
		box = fmt.Sprintf(`,"box":{"booked":%d,"counted":%d}`, v.boxed, v.box)
	}
	v.record(journal.Counts, "", `{"units":null,"by":"olga","boxEmptied":true`+box+`}`)
	v.box, v.boxed = 0, 0
}

func TestWhatWasCountedIsComparedWithWhatMustBeThere(t *testing.T) {
	st, err := store.Open(context.Background(), store.Options{DSN: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))
	b := &recon.Books{Store: st, Products: product.Builtin(), Now: func() time.Time { return noon }}
	for i, c := range []struct {
		name string
		do   func(v *vault)
		want []string // class what ours theirs owner
	}{
		{"all agrees", func(v *vault) { v.pays("unit1", 3, 0); v.pays("unit2", 2, 0); v.exchanges("unit1", "unit2") }, nil},
		{"a note too few", func(v *vault) { v.pays("unit1", 3, 1); v.exchanges("unit1", "unit2") }, []string{"short unit1 9970000 9960000 branch"}},
		{"a note too many", func(v *vault) { v.pays("unit2", 3, -1); v.exchanges("unit1", "unit2") }, []string{"over unit2 4985000 4990000 branch"}},
		{"it is found once: the next count begins from what was found", func(v *vault) {
			v.pays("unit1", 3, 1)
			v.exchanges("unit1")
			v.pays("unit1", 3, 0)
			v.exchanges("unit1")
		}, []string{"short unit1 9970000 9960000 branch"}},
		{"notes that came back from the customer lie in the tray", func(v *vault) {
			txn := v.switched("withdrawal", 20_000, store.Confirmed)
			v.record(journal.Presented, txn, `{"moved":{"X-units":{"unit1":{"presented":2}}}}`)
			v.record(journal.Retracted, txn, `{"moved":{"X-units":{"unit1":{"retracted":2}}}}`)
			v.units["unit1"] -= 2
			v.book["unit1"] -= 2
			v.exchanges("unit1")
		}, nil},
		{"a test of the units took notes into the tray", func(v *vault) {
			v.pays("unit1", 3, 0)
			v.record(journal.Counts, "", `{"units":{"unit1":{"value":10000,"initial":1000,"count":996,"rejected":1}},"by":"CashDispenser.TestCashUnits"}`)
			v.units["unit1"]--
			v.book["unit1"]--
			v.exchanges("unit1")
		}, nil},
		{"two persons set the counts", func(v *vault) {
			v.record(journal.Counts, "", `{"units":{"unit1":{"value":10000,"count":990}},"by":"anna, olga"}`)
		}, []string{"short unit1 10000000 9900000 branch"}},
		{"a count of another terminal", func(v *vault) {
			v.pays("unit1", 3, 0)
			v.book["unit1"], v.units["unit1"] = 400, 400 // whose book it begins from
			v.exchanges("unit1")
		}, []string{"strange unit1 9970000 4000000 operator"}},
		{"units that this terminal never had", func(v *vault) {
			v.record(journal.Counts, "", `{"units":{"unit7":{"value":10000,"count":50}},"exchange":{"unit7":{"booked":51,"counted":50}}}`)
		}, []string{"strange unit7 0 500000 operator"}},
		{"notes of another value", func(v *vault) { v.value["unit1"] = 2000; v.exchanges("unit1") }, []string{"strange unit1 10000000 2000000 operator"}},
		{"the switch has booked less than left the unit", func(v *vault) {
			txn := v.switched("withdrawal", 20_000, store.Confirmed)
			v.record(journal.Presented, txn, `{"moved":{"X-units":{"unit1":{"presented":3}}}}`)
			v.units["unit1"] -= 3
			v.book["unit1"] -= 3
			v.exchanges("unit1")
		}, []string{"moved txn 20000 30000 clearing"}},
		{"the switch does not know who got it", func(v *vault) {
			v.record(journal.Presented, "000001/000077", `{"moved":{"X-units":{"unit1":{"presented":1}}}}`)
			v.units["unit1"]--
			v.book["unit1"]--
			v.exchanges("unit1")
		}, []string{"moved 000001/000077 - 10000 clearing"}},
		{"an end that nobody knows yet", func(v *vault) {
			txn := v.switched("withdrawal", 10_000, store.Intent)
			v.record(journal.Unclear, txn, `{"moved":{"X-units":{"unit1":{"presented":1}},"X-unknown":true}}`)
			v.units["unit1"]--
			v.book["unit1"]--
			v.exchanges("unit1")
		}, []string{"pending txn 10000 10000 operator"}},
		{"deposits into the box and the store", func(v *vault) {
			txn := v.switched("deposit", 0, store.Approved)
			v.record(journal.DepositClosed, txn, `{"taken":{"X-types":{"type100CNY1":{"currency":"CNY","X-value":10000,"credited":5,"cashbox":2,"recycled":3}}},"paid":50000}`)
			v.box, v.boxed, v.units["unit100CNY1"], v.book["unit100CNY1"] = 20_000, 20_000, 3, 3
			v.box -= 10_000 // one is missing
			v.empties(true)
			v.exchanges("unit100CNY1")
		}, []string{"moved txn 0 -50000 clearing", "short cash box 20000 10000 branch"}},
		{"a cash box that nobody has counted", func(v *vault) {
			txn := v.switched("deposit", 0, store.Intent)
			v.record(journal.DepositClosed, txn, `{"taken":{"X-types":{"type100CNY1":{"currency":"CNY","X-value":10000,"credited":2,"cashbox":2}}},"paid":20000}`)
			v.empties(false)
		}, []string{"notCounted cash box 20000 - branch", "pending txn 0 -20000 operator"}},
		{"no count for longer than a week", func(v *vault) { v.pays("unit1", 3, 0) }, []string{"notCounted since 2026-11-12 14970000 - branch"}},
		{"nothing has moved since", func(*vault) {}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := noon
			if i >= 15 {
				begin = noon.AddDate(0, 0, -10)
			}
			v := newVault(t, st, fmt.Sprintf("T%03d0001", i), begin)
			v.t = t
			c.do(v)
			run, diffs, err := b.Counts(t.Context(), "20261122")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			money := func(v bool, n int64) string {
				if !v {
					return "-"
				}
				return fmt.Sprint(n)
			}
			for _, d := range diffs {
				if d.Terminal == v.id {
					ref := d.Reference
					if d.Txn.Valid && strings.HasPrefix(ref, "R") {
						ref = "txn"
					}
					got = append(got, fmt.Sprintf("%s %s %s %s %s", d.Class, ref, money(d.Ours.Valid, d.Ours.Int64), money(d.Theirs.Valid, d.Theirs.Int64), d.Owner))
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if run.Matched == 0 || run.Book != "counts" {
				t.Errorf("%+v", run)
			}
			if err := st.SaveRun(t.Context(), run, diffs); err != nil {
				t.Error(err)
			}
		})
	}
	// They are settled as all differences are.
	open, err := st.Differences(t.Context(), "20261122", "", false, 100)
	if err != nil || len(open) != 15 {
		t.Fatal(len(open), err)
	}
}

// A day may be compared late, and again: what came after it is not its own.
func TestWhatMovedAfterTheDayMakesNoCountOverdue(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))
	b := &recon.Books{Store: st, Products: product.Builtin(), Now: func() time.Time { return noon }}
	idle, busy := newVault(t, st, "T0010001", noon.AddDate(0, 0, -10)), newVault(t, st, "T0020001", noon.AddDate(0, 0, -10))
	busy.pays("unit1", 3, 0)
	for _, v := range []*vault{idle, busy} {
		v.now = noon.AddDate(0, 0, 1)
		v.pays("unit1", 5, 0)
		v.exchanges("unit1")
	}
	_, diffs, err := b.Counts(t.Context(), "20261122")
	if err != nil || len(diffs) != 1 || diffs[0].Terminal != busy.id || diffs[0].Ours.Int64 != 14_970_000 {
		t.Errorf("%+v %v, want only what the second was to hold at the day's end", diffs, err)
	}
}

func TestARecordThatCannotBeReadStopsNoOtherTerminalsComparison(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))
	b := &recon.Books{Store: st, Products: product.Builtin(), Now: func() time.Time { return noon }}
	for i, data := range []string{`{"units":["unit1"]}`, `{"moved":"none"}`} {
		v := newVault(t, st, fmt.Sprintf("T%03d0001", i), noon)
		kind, txn := journal.Counts, ""
		if i == 1 {
			kind, txn = journal.Presented, "000001/000001"
		}
		v.record(kind, txn, data)
		v.exchanges("unit1")
	}
	well := newVault(t, st, "T9990001", noon)
	well.pays("unit1", 3, 1)
	well.exchanges("unit1")
	_, diffs, err := b.Counts(t.Context(), "20261122")
	var got []string
	for _, d := range diffs {
		got = append(got, d.Terminal+" "+d.Class)
	}
	if diff := cmp.Diff([]string{"T0000001 silent", "T0010001 silent", "T9990001 short"}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}

	// Nor of a transaction with what its terminal says of it.
	for i := range 2 {
		v := newVault(t, st, fmt.Sprintf("T90%d0001", i), noon)
		data := `{"paid":"much"}`
		if i == 1 {
			data = `{"paid":900}`
		}
		v.record(journal.HostIntent, "000001/000007", `{}`)
		v.record(journal.Commit, "000001/000007", data)
		x := &store.Txn{ID: store.NumberAt(noon) + int64(i), Idem: fmt.Sprint(i), Digest: []byte{1}, Terminal: fmt.Sprintf("T90%d0001", i), Batch: "000001", STAN: "000007", Host: "core", Kind: "withdrawal", Amount: 1000,
			State: store.Confirmed, Day: "20261122", Paid: sql.NullInt64{Int64: 1000, Valid: true}, Created: noon, Updated: noon}
		if fresh, err := st.Insert(t.Context(), x); !fresh || err != nil {
			t.Fatal(fresh, err)
		}
	}
	_, diffs, err = b.Terminals(t.Context(), "core", "20261122")
	got = nil
	for _, d := range diffs {
		got = append(got, d.Terminal+" "+d.Class)
	}
	if diff := cmp.Diff([]string{"T9000001 silent", "T9010001 amount"}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
