package trade_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/api/code"
	"zhigui/server/api/message"
	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
	"zhigui/terminal/api/journal"
)

// compare fetches the bank's book of a day and compares it.
func (r *rig) compare(b *recon.Books, format, day string, spoil ...string) (*store.Run, []*store.Difference) {
	r.t.Helper()
	file, err := r.bank.Book(format, day[4:], spoil...)
	if err != nil {
		r.t.Fatal(err)
	}
	d, err := recon.Format(format)
	if err != nil {
		r.t.Fatal(err)
	}
	rows, digest, err := recon.Read(bytes.NewReader(file), d, day)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, file)
	}
	run, diffs, err := b.Host(r.t.Context(), "core", day, digest, rows)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.st.SaveRun(r.t.Context(), run, diffs); err != nil {
		r.t.Fatal(err)
	}
	return run, diffs
}

func classes(diffs []*store.Difference) (out []string) {
	for _, d := range diffs {
		out = append(out, d.Class)
	}
	slices.Sort(out)
	return out
}

func TestFourBooksAgreeOrEachDifferenceHasAClassAndAnOwner(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	b := &recon.Books{Store: r.st, Products: product.Builtin(), Now: time.Now}
	day := r.host.Day(time.Now())
	record := func(q string, kind journal.Kind, paid int64) {
		t.Helper()
		last, err := r.st.LastRecord(t.Context(), x.id)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := json.Marshal(journal.Record{Seq: last.Seq + 1, Kind: kind, Txn: "000001/" + q, Data: json.RawMessage(fmt.Sprintf(`{"paid":%d}`, paid))})
		if err := r.st.AddRecords(t.Context(), x.id, []store.Record{{Seq: last.Seq + 1, Hash: fmt.Sprint(last.Seq), Body: body, Txn: "000001/" + q}}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	withdraw := func(amount, paid int64) string {
		t.Helper()
		q, a := x.withdraw(card1, amount)
		if a.String(39) != "00" {
			t.Fatal(a.Describe())
		}
		stan := q.String(11)
		record(stan, journal.HostIntent, 0)
		if paid > 0 {
			record(stan, journal.Commit, paid)
			if a := x.do(x.about("0220", q, paid), true); a.String(39) != "00" {
				t.Fatal(a.Describe())
			}
		} else {
			record(stan, journal.Reverse, 0)
			if a := x.do(x.about("0400", q, amount), true); a.String(39) != "00" {
				t.Fatal(a.Describe())
			}
		}
		return stan
	}
	for range 4 {
		withdraw(10_000, 10_000)
	}
	withdraw(20_000, 5_000) // paid in part
	withdraw(30_000, 0)     // taken back
	x.withdraw(card2, 900_000)
	r.bank.Arm(bankhost.Scenario{Kind: "lost", Count: 1})
	x.withdraw(card1, 7_700) // reversed by the switch: the bank never had it
	until(t, "every reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })

	for _, format := range []string{"core", "cups"} {
		run, diffs := r.compare(b, format, day)
		if len(diffs) != 0 || run.Matched != 6 || run.OurAmount != 45_000 || run.TheirAmount != 45_000 {
			t.Fatalf("%s: %+v %v", format, run, classes(diffs))
		}
	}
	run, diffs, err := b.Terminals(t.Context(), "core", day)
	if err != nil || len(diffs) != 0 || run.Matched != 5 || run.OurAmount != run.TheirAmount {
		t.Fatalf("%v %+v %v", err, run, classes(diffs))
	}

	// Books that differ on purpose.
	_, diffs = r.compare(b, "core", day, "missing", "amount", "twice", "unreversed", "extra")
	if diff := cmp.Diff([]string{"amount", "duplicate", "oursOnly", "state", "theirsOnly"}, classes(diffs)); diff != "" {
		t.Fatal(diff)
	}
	for _, d := range diffs {
		if d.Owner != "clearing" || d.Terminal != x.id || d.Reference == "" {
			t.Errorf("%+v", d)
		}
	}
	open, err := r.st.Differences(t.Context(), day, "", false, 100)
	if err != nil || len(open) != 5 {
		t.Fatal(len(open), err)
	}
	thrice := recon.Row{Reference: "X00000000001", Terminal: x.id, Amount: 100}
	if _, diffs, err = b.Host(t.Context(), "elsewhere", day, "", []recon.Row{thrice, thrice, thrice}); err != nil || len(diffs) != 3 || diffs[1].Key == diffs[2].Key {
		t.Errorf("one line three times: %d differences, %v", len(diffs), err)
	}
	// One is settled by two persons; a corrected book makes the others go.
	if done, err := r.st.SettleDifference(t.Context(), open[0].ID, "olga", "refunded", false, time.Now()); done || err != nil {
		t.Fatal(done, err)
	}
	if done, err := r.st.SettleDifference(t.Context(), open[0].ID, "olga", "refunded", false, time.Now()); done || err == nil {
		t.Error("one person settled it alone")
	}
	if done, err := r.st.SettleDifference(t.Context(), open[0].ID, "otto", "checked", false, time.Now()); !done || err != nil {
		t.Fatal(done, err)
	}
	run, _ = r.compare(b, "core", day)
	if n, err := r.st.EndAbsent(t.Context(), day, "core", run.Digest, "otto", time.Now()); n != 0 || err != nil { // a program compared: two persons
		t.Fatal(n, err)
	}
	if n, err := r.st.EndAbsent(t.Context(), day, "core", run.Digest, "olga", time.Now()); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	if open, err = r.st.Differences(t.Context(), day, "", false, 100); err != nil || len(open) != 0 {
		t.Fatal(len(open), err)
	}
	if all, err := r.st.Differences(t.Context(), day, "", true, 100); err != nil || len(all) != 5 || all[0].State != store.DiffSettled || all[1].State != store.DiffGone {
		t.Fatalf("%d %v %+v", len(all), err, all)
	}

	// The terminal's own journal: one that must be counted, one that says another sum, one that it never wrote.
	q, _ := x.withdraw(card1, 1_000)
	record(q.String(11), journal.HostIntent, 0)
	record(q.String(11), journal.Suspense, 0)
	q, _ = x.withdraw(card1, 2_000)
	record(q.String(11), journal.Commit, 1_500)
	x.do(x.about("0220", q, 2_000), true)
	x.withdraw(card1, 3_000)
	if _, diffs, err = b.Terminals(t.Context(), "core", day); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"amount", "silent", "uncounted"}, classes(diffs)); diff != "" {
		t.Error(diff)
	}
	totals, err := r.st.DayTotals(t.Context(), day, "")
	if err != nil || len(totals) < 4 || totals[0].Branch != "0001" || totals[0].Kind != "withdrawal" {
		t.Errorf("%v %+v", err, totals)
	}
}

func TestACutOverMovesWhatComesAfterItToTheNextDay(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	today := r.host.Day(time.Now())
	q1, _ := x.withdraw(card1, 10_000)
	tomorrow := time.Now().Add(24 * time.Hour).In(time.FixedZone("", 8*3600)).Format("20060102")
	if n := r.bank.CutOver(tomorrow[4:]); n != 1 {
		t.Fatal("nobody was told")
	}
	until(t, "the new day", func() bool { return r.host.Day(time.Now()) == tomorrow })
	q2, _ := x.withdraw(card1, 20_000)
	if s := r.eng.Hosts()[0].Link; s.LastError != "" {
		t.Errorf("a cut-over has cost a connection: %+v", s)
	}
	if a, b := r.txn(x, q1).Day, r.txn(x, q2).Day; a != today || b != tomorrow {
		t.Errorf("%s and %s, want %s and %s", a, b, today, tomorrow)
	}
	b := &recon.Books{Store: r.st, Products: product.Builtin(), Now: time.Now}
	for day, sum := range map[string]int64{today: 10_000, tomorrow: 20_000} {
		if run, diffs := r.compare(b, "core", day); run.OurAmount != sum || run.TheirAmount != sum || len(diffs) != 0 {
			t.Errorf("%s: %+v %v", day, run, classes(diffs))
		}
	}
	if d, err := r.st.Day(t.Context(), "core"); err != nil || d != tomorrow {
		t.Error(d, err)
	}
}

func TestAPaymentWhoseAnswerGotLostIsTakenBackTheSameDayAndRefundedLater(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	pay := func() *message.Message {
		t.Helper()
		q, a := x.service(product.Builtin().Named("purchase"), card1, 5_000, "")
		if a.String(39) != "00" || r.txn(x, q).State != store.Confirmed {
			t.Fatal(a.Describe())
		}
		return q
	}
	q := pay()
	for range 2 { // a repeat is a repeat
		if a := x.do(x.about("0400", q, 5_000), true); a.String(39) != "00" {
			t.Fatal(a.Describe())
		}
	}
	until(t, "the reversal", func() bool { return r.txn(x, q).State == store.Reversed })
	q = pay()
	tomorrow := time.Now().Add(24 * time.Hour).In(time.FixedZone("", 8*3600)).Format("20060102")
	r.bank.CutOver(tomorrow[4:])
	until(t, "the new day", func() bool { return r.host.Day(time.Now()) == tomorrow })
	for range 2 { // a repeat is a repeat
		if a := x.do(x.about("0400", q, 5_000), true); a.String(39) != "A1" || r.txn(x, q).State != store.Confirmed {
			t.Errorf("after the day's end: %s", a.String(39))
		}
	}
	diffs, err := r.st.Differences(t.Context(), "", "", false, 10)
	if err != nil || len(diffs) != 1 || diffs[0].Txn.Int64 != r.txn(x, q).ID || diffs[0].Owner != "clearing" || diffs[0].Ours.Int64 != 5_000 {
		t.Errorf("differences: %+v, %v", diffs, err)
	}
	alarms, err := r.st.Alarms(t.Context(), "", false, 10)
	if err != nil || len(alarms) != 1 || alarms[0].Code != code.ReversalStands || alarms[0].Terminal != "00000001" {
		t.Errorf("alarms: %+v, %v", alarms, err)
	}
	if got := 2_000_000 - r.balance(card1); got != 5_000 {
		t.Errorf("booked %d", got)
	}
}
